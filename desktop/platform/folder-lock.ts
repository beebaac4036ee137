import * as files from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type ChismeError, failure } from "../../src/errors.js";
import { readIfThere } from "./read-if-there.js";

/** The part of fs-native-extensions that the lock uses. */
interface NativeFiles {
  /** Returns false when another open file holds the lock. */
  tryLock(file: number): boolean;
}

/**
 * Keeps a folder for one object of one process. It is a lock of the operating
 * system on the file `lock` in the folder, so it ends with the process, however
 * the process ends. The file `lock.pid` has the process id, for the error of
 * other processes.
 *
 * The file `lock` stays in the folder: if it were deleted, two processes could
 * lock two files of that name.
 */
export class FolderLock {
  private readonly folder: string;
  /** The open file `lock`; undefined while this object does not hold the lock. */
  private file: number | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Takes the lock, if this object does not hold it.
   *
   * @throws Error ERR_STORAGE when another object or process holds the lock, or the file system has no locks; and what
   * the file system throws
   */
  acquire(): void {
    if (this.file !== undefined) return;
    // Windows locks only a file that is open for reading or for writing anywhere, which "a" alone is not.
    const file = files.openSync(join(this.folder, "lock"), "a+");
    try {
      this.lock(file);
      files.writeFileSync(this.pidPath(), `${process.pid}\n`);
    } catch (error) {
      files.closeSync(file);
      throw error;
    }
    this.file = file;
  }

  /** Gives the lock back, if this object holds it. */
  release(): void {
    if (this.file === undefined) return;
    const file = this.file;
    this.file = undefined;
    files.rmSync(this.pidPath(), { force: true });
    files.closeSync(file);
  }

  private lock(file: number): void {
    const native = loadNative();
    if (native === undefined) {
      process.emitWarning(`${this.folder} is not locked: fs-native-extensions has no binary for this system. `
        + "Start no second node on this folder", { code: "CHISME_NO_LOCK" });
      return;
    }
    if (!tryLock(native, file, this.folder)) {
      throw failure("ERR_STORAGE", `${this.folder} is in use by ${this.holder()}`);
    }
  }

  private holder(): string {
    const pid = readIfThere(this.pidPath());
    // The holder writes the file after it has the lock.
    return pid !== undefined && /^\d+\n$/.test(pid) ? `process ${pid.trimEnd()}` : "a process that starts or ends";
  }

  private pidPath(): string {
    return join(this.folder, "lock.pid");
  }
}

function tryLock(native: NativeFiles, file: number, folder: string): boolean {
  try {
    return native.tryLock(file);
  } catch (error) {
    // Windows reports a lock that is held as EBUSY.
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
    const refused: ChismeError = failure("ERR_STORAGE", `${folder} cannot be locked: ${(error as Error).message}`);
    refused.cause = error;
    throw refused;
  }
}

/** Undefined on systems without a binary. An `import` would fail there before any node is made. */
function loadNative(): NativeFiles | undefined {
  const require = createRequire(import.meta.url);
  try {
    return require("fs-native-extensions") as NativeFiles;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ADDON_NOT_FOUND" || code === "CANNOT_LOAD") return undefined;
    throw error;
  }
}
