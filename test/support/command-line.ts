import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = path.join(root, "desktop/cli/main.ts");
/** Inside the repository, so that the bundle finds the installed packages. */
const builds = path.join(root, "build/command-line");

/**
 * The program `chisme` for `node`: its sources as one bundle. A process that compiles each source by itself takes four
 * times as long to start, and the tests start hundreds. Each process that runs tests has a bundle of its own.
 */
export const main = bundle();

function bundle(): string {
  const folder = path.join(builds, String(process.pid));
  mkdirSync(builds, { recursive: true });
  for (const name of readdirSync(builds)) {
    if (!isRunning(Number(name))) rmSync(path.join(builds, name), { recursive: true, force: true });
  }
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  buildSync({
    entryPoints: [source], outdir: folder, outExtension: { ".js": ".mjs" }, bundle: true, splitting: true,
    format: "esm", platform: "node", target: "node20", packages: "external", sourcemap: "linked", logLevel: "error",
    tsconfig: path.join(root, "tsconfig.json"),
    // The sources look for other files from their own place on.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(source).href) },
  });
  return path.join(folder, "main.mjs");
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
