import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs a command of `node_modules`, without a shell, so that paths with spaces work on every system.
 *
 * @param {string} packageName
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<void>} rejects when the command fails
 */
export function run(packageName, command, ...args) {
  const folder = path.join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const child = spawn(process.execPath, [path.join(folder, bin[command]), ...args], { cwd: root, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${[command, ...args].join(" ")}: ended with status ${status}`));
    });
  });
}

/**
 * Runs the compiler, or only checks types where the configuration says `noEmit`. It is version 7 of TypeScript, which
 * needs a sixth of the time of version 6. Version 6 stays for what calls a compiler as a library: ESLint, TypeDoc,
 * the bundles for Espruino.
 *
 * @param {string} config file of the configuration, from the root on
 * @param {string[]} options
 */
export function compile(config, ...options) {
  return run("typescript-7", "tsc", "--project", config, ...options);
}

/**
 * Waits until all have ended, also if one fails, so that no process is left behind.
 *
 * @param {Promise<void>[]} works
 * @throws Error of the first that failed
 */
export async function all(...works) {
  for (const { reason } of await Promise.allSettled(works)) if (reason !== undefined) throw reason;
}
