import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "../..");

/** The part of a manifest of the Moddable SDK that this project uses. */
interface Manifest {
  include?: string | string[];
  modules?: Record<string, string | string[]>;
  preload?: string | string[];
  config?: Record<string, unknown>;
  error?: string;
  platforms?: Record<string, Manifest>;
}

/** What a manifest and those of the project that it includes come to, for one platform. */
export class Build {
  /** Modules of the project: specifier → file, from the root of the project on. */
  readonly modules = new Map<string, string>();
  /** Specifiers of modules of the SDK that are listed one by one. */
  readonly sdkModules = new Set<string>();
  /** Paths within the SDK, from its root on. */
  readonly sdkPaths = new Set<string>();
  readonly preload: string[] = [];
  readonly config: Record<string, unknown> = {};
  /** What is wrong with it. */
  readonly problems: string[] = [];
  private readonly platform: string;
  /** Manifests of the project that were included already: the SDK includes each once. */
  readonly #included = new Set<string>();

  /** @param file of the manifest, from the root of the project on */
  constructor(file: string, platform: string) {
    this.platform = platform;
    this.include(file);
  }

  private include(file: string): void {
    if (this.#included.has(file)) return;
    this.#included.add(file);
    if (file.startsWith("$")) {
      this.sdkPath(file);
    } else if (!existsSync(path.join(root, file))) {
      this.problems.push(`${file}: there is no such manifest`);
    } else {
      this.merge(JSON.parse(readFileSync(path.join(root, file), "utf8")) as Manifest, path.posix.dirname(file));
    }
  }

  private merge(manifest: Manifest, folder: string): void {
    for (const file of list(manifest.include)) {
      this.include(file.startsWith("$") ? file : path.posix.join(folder, file));
    }
    for (const [specifier, value] of Object.entries(manifest.modules ?? {})) {
      for (const source of list(value)) this.module(specifier, source, folder);
    }
    this.preload.push(...list(manifest.preload));
    Object.assign(this.config, manifest.config);
    if (manifest.error !== undefined) this.problems.push(manifest.error);
    const { platforms } = manifest;
    if (platforms === undefined) return;
    const own = platforms[this.platform] ?? platforms["..."];
    if (own !== undefined) this.merge(own, folder);
  }

  private module(specifier: string, source: string, folder: string): void {
    const name = specifier === "*" ? path.posix.basename(source) : specifier;
    if (source.startsWith("$")) {
      this.sdkPath(source);
      this.sdkModules.add(name);
    } else if (source.includes("*") || name.includes("*")) {
      this.problems.push(`${specifier}: ${source} is a wildcard`);
    } else {
      const stem = path.posix.join(folder, source);
      const file = existsSync(path.join(root, `${stem}.js`)) ? `${stem}.js` : `${stem}.ts`;
      // Native code of a module that has another name.
      if (!existsSync(path.join(root, file)) && existsSync(path.join(root, `${stem}.c`))) return;
      if (this.modules.has(name)) this.problems.push(`${name}: is listed twice`);
      if (!existsSync(path.join(root, file))) this.problems.push(`${name}: there is no ${file}`);
      this.modules.set(name, file);
    }
  }

  private sdkPath(source: string): void {
    const found = /^\$\(MODDABLE\)\/(.+)$/.exec(source);
    if (found === null) this.problems.push(`${source}: does not begin with $(MODDABLE)/`);
    else this.sdkPaths.add(found[1]);
  }
}

/** Whether the SDK in a folder has a path of a manifest, which may lack an extension or end in an asterisk. */
export function isInSdk(sdk: string, source: string): boolean {
  const { dir, base } = path.posix.parse(source);
  if (!existsSync(path.join(sdk, dir))) return false;
  const names = readdirSync(path.join(sdk, dir));
  return base === "*" || names.some((name) => name === base || path.parse(name).name === base);
}

function list(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
