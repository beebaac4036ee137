import * as files from "node:fs";
import { join } from "node:path";
import { failure } from "../../src/errors.js";
import type { GossipStorage } from "../../src/platform/types.js";
import { FileLog, type FileLogOptions, isMissing, replaceFile } from "./file-log.js";

/**
 * Keeps the revision in the file `revision` of a folder, which is made if it is
 * missing, and events in the file `events`. A new revision is written beside the
 * old one, synced and renamed over it, so that a crash leaves either of the two.
 */
export class FileStorage implements GossipStorage {
  readonly log: FileLog;
  private readonly path: string;

  /**
   * @param options of the log
   * @throws what the file system throws
   */
  constructor(folder: string, options?: FileLogOptions) {
    files.mkdirSync(folder, { recursive: true });
    this.path = join(folder, "revision");
    this.log = new FileLog(join(folder, "events"), options);
  }

  /** @throws Error ERR_STORAGE when the file holds something else, and what the file system throws */
  readRevision(): number | undefined {
    const text = readIfThere(this.path);
    if (text === undefined) return undefined;
    const revision = Number(text);
    if (!/^\d+\n$/.test(text) || revision > 0xffffffff) {
      throw failure("ERR_STORAGE", `${this.path} does not hold a revision from 0 to 4294967295`);
    }
    return revision;
  }

  /** @throws what the file system throws; the file then holds the old revision or the new one */
  writeRevision(revision: number): void {
    replaceFile(files, this.path, (file) => files.writeSync(file, `${revision}\n`));
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return files.readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
