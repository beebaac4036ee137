// Whether a build is up to date: a hash of the sources and of what the build wrote, beside it.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** The folders that a build writes. */
export const outputs = ["dist", "desktop/dist"];
const stampFile = path.join(root, "build/sources.sha256");
/** Folders and files that decide what the build writes. */
const inputs = ["src", "desktop", "types", "rollup-plugins", "scripts", "rollup.config.js", "package.json",
  "package-lock.json", ...readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name))];

/** The files below a folder, or the file itself; from the root on, in a fixed order. */
function filesOf(name) {
  const entries = readdirSync(path.join(root, path.dirname(name)), { withFileTypes: true });
  const entry = entries.find((one) => one.name === path.basename(name));
  if (entry === undefined || ["dist", "node_modules"].includes(entry.name)) return [];
  if (!entry.isDirectory()) return [name];
  return readdirSync(path.join(root, name)).sort().flatMap((inner) => filesOf(path.posix.join(name, inner)));
}

function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(path.join(root, file))).update("\0");
  return hash.digest("hex");
}

/** The hash of all sources and of all that an earlier build wrote. */
function stamp() {
  return hashOf([...inputs, ...outputs].flatMap((name) => outputs.includes(name) ? outputFiles(name) : filesOf(name)));
}

function outputFiles(folder) {
  try {
    return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .sort();
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function lastStamp() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether no source and no built file changed since the last build. */
export function isBuilt() {
  return lastStamp() === stamp();
}

/** Notes that a build ended. */
export function noteBuild() {
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp());
}
