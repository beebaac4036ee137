import * as files from "node:fs";
import { join } from "node:path";
import { failure } from "../../src/errors.js";
import type { GossipStorage } from "../../src/platform/types.js";
import { FileLog, type FileLogOptions, replaceFile } from "./file-log.js";
import { FolderLock } from "./folder-lock.js";
import { readIfThere } from "./read-if-there.js";

/**
 * Keeps the revision in the file `revision` of a folder, which is made if it is
 * missing, and events in the file `events`. A new revision is written beside the
 * old one, synced and renamed over it, so that a crash leaves either of the two.
 *
 * The storage locks the folder when the revision is read or written: at the start
 * of a node, before the node reads its log. `close`, which `Gossip.close` calls,
 * or the end of the process releases the lock. Each node needs a folder and a
 * `FileStorage` of its own.
 */
export class FileStorage implements GossipStorage {
  readonly log: FileLog;
  private readonly path: string;
  private readonly lock: FolderLock;

  /**
   * Makes the folder. It does not lock the folder.
   *
   * @param options of the log
   * @throws what the file system throws
   */
  constructor(folder: string, options?: FileLogOptions) {
    files.mkdirSync(folder, { recursive: true });
    this.path = join(folder, "revision");
    this.log = new FileLog(join(folder, "events"), options);
    this.lock = new FolderLock(folder);
  }

  /**
   * Locks the folder and reads the revision.
   *
   * @throws Error ERR_STORAGE when another process or another `FileStorage` has the folder, or the file holds something
   * else; and what the file system throws
   */
  readRevision(): number | undefined {
    this.lock.acquire();
    const text = readIfThere(this.path);
    if (text === undefined) return undefined;
    const revision = Number(text);
    if (!/^\d+\n$/.test(text) || revision > 0xffffffff) {
      throw failure("ERR_STORAGE", `${this.path} does not hold a revision from 0 to 4294967295`);
    }
    return revision;
  }

  /**
   * Locks the folder and writes the revision.
   *
   * @throws Error ERR_STORAGE when another process or another `FileStorage` has the folder; and what the file system
   * throws. The file then holds the old revision or the new one
   */
  writeRevision(revision: number): void {
    this.lock.acquire();
    replaceFile(files, this.path, (file) => files.writeSync(file, `${revision}\n`));
  }

  /** Closes the log and releases the folder. A later start locks the folder again. */
  close(): void {
    this.log.close();
    this.lock.release();
  }
}
