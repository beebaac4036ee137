import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildPage } from "./build-page.mjs";
import { compile } from "./processes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const desktop = path.join(root, "desktop");
const output = path.join(desktop, "dist");
const commandFile = path.join(output, "cli/main.js");

/** Each file of the library that is a public entry of the package `chisme`: `dist/cbor/cbor.js` → `chisme/cbor`. */
const publicEntries = new Map();
const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
for (const [entry, target] of Object.entries(exports)) {
  if (!entry.includes("*") && target.default !== undefined) {
    publicEntries.set(path.posix.normalize(target.default), path.posix.join("chisme", entry));
  }
}

/**
 * Builds the package `chisme-cli`, with its page, into `desktop/dist`. The sources import the library by its path,
 * `../../src/…`. The package imports it from the package `chisme`, so that a program never holds two copies of one
 * class or type.
 *
 * @throws Error when the compiler reports a fault
 */
export async function buildDesktop() {
  const scratch = path.join(root, "build", `desktop-${process.pid}`);
  try {
    await compile("desktop/tsconfig.build.json", "--outDir", scratch);
    // The compiler lays files out from the root of the project on: desktop/cli/main.js, src/….
    const emitted = path.join(scratch, "desktop");
    for (const file of readdirSync(emitted, { recursive: true, encoding: "utf8" })) {
      if (!/\.(js|map|ts)$/.test(file)) continue; // a folder
      const text = readFileSync(path.join(emitted, file), "utf8");
      const target = path.join(output, file);
      mkdirSync(path.dirname(target), { recursive: true });
      const result = file.endsWith(".map")
        ? mapFrom(text, path.join(emitted, file), target)
        : importPackage(text, path.join(desktop, file));
      writeFileSync(target, result);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  buildPage(path.join(output, "page"));
  // npm sets the executable bit when it installs a package, but not in a clone.
  chmodSync(commandFile, 0o755);
}

/** Replaces paths into the library by specifiers of its package. */
function importPackage(text, source) {
  return text.replace(/(from |import\(|import )"(\.[^"]*)"/g, (all, before, specifier) => {
    const inLibrary = path.relative(path.join(root, "src"), path.resolve(path.dirname(source), specifier));
    if (inLibrary.startsWith("..")) return all;
    const file = inLibrary.split(path.sep).join("/");
    return `${before}"${publicEntries.get(`dist/${file}`) ?? `chisme/internal/${file}`}"`;
  });
}

/** A source map names its sources from its own folder on, and the file was moved. */
function mapFrom(text, from, to) {
  const map = JSON.parse(text);
  map.sources = map.sources.map((source) => {
    const file = path.resolve(path.dirname(from), source);
    return path.relative(path.dirname(to), file).split(path.sep).join("/");
  });
  return JSON.stringify(map);
}
