import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The files of a revision in a temporary folder, with what it depends on. */
export interface Checkout {
  /** The whole hash of the commit. */
  readonly commit: string;
  readonly folder: string;
  /** Removes the folder. */
  remove(): void;
}

/**
 * Writes the files of a revision into a temporary folder and installs its dependencies: this tree's where both have the
 * same package-lock.json, otherwise by `npm ci`. Its sources run as they are, so nothing is built.
 *
 * @throws Error when there is no such revision, or npm fails
 */
export function checkOut(revision: string): Checkout {
  const commit = commitOf(revision);
  const folder = mkdtempSync(path.join(tmpdir(), "chisme-against-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const archive = path.join(folder, "files.tar");
    git("archive", "--format=tar", `--output=${archive}`, commit);
    execFileSync("tar", ["-xf", archive, "-C", folder]);
    rmSync(archive);
    install(folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { commit, folder, remove };
}

function commitOf(revision: string): string {
  try {
    return git("rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`).trim();
  } catch {
    throw new Error(`${revision} is not a revision of this repository`);
  }
}

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: ROOT, encoding: "utf8" });
}

function install(folder: string): void {
  const modules = path.join(ROOT, "node_modules");
  if (existsSync(modules) && lockOf(folder) === lockOf(ROOT)) {
    symlinkSync(modules, path.join(folder, "node_modules"));
    return;
  }
  copyFileSync(path.join(ROOT, ".npmrc"), path.join(folder, ".npmrc"));
  const args = ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

function lockOf(folder: string): string {
  return readFileSync(path.join(folder, "package-lock.json"), "utf8");
}
