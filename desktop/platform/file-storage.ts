import * as files from "node:fs";
import { join } from "node:path";
import { failure } from "../../src/errors.js";
import type { GossipStorage } from "../../src/platform/types.js";
import { FileLog, type FileLogOptions, replaceFile } from "./file-log.js";
import { FolderLock } from "./folder-lock.js";
import { readIfThere } from "./read-if-there.js";

export interface FileStorageOptions extends FileLogOptions {
  /** Largest size of the file `feeds` in bytes, more than twice `events.bytes` of the keeper; 67,108,864 by default. */
  feedsBytesMax?: number;
}

/**
 * Keeps the revision in the file `revision` of a folder, which is made if it is
 * missing, and events in the file `events`. A keeper has the feeds of all other
 * authors in the file `feeds`. A new revision is written beside the
 * old one, synced and renamed over it, so that a crash leaves either of the two.
 *
 * The storage locks the folder when the revision is read or written: at the start
 * of a node, before the node reads its log. `close`, which `Gossip.close` calls,
 * or the end of the process releases the lock. Each node needs a folder and a
 * `FileStorage` of its own.
 */
export class FileStorage implements GossipStorage {
  readonly log: FileLog;
  readonly feeds: FileLog;
  private readonly path: string;
  private readonly lock: FolderLock;

  /**
   * Makes the folder. It does not lock the folder.
   *
   * @param options of the log `events`; `files` is of both logs
   * @throws what the file system throws
   */
  constructor(folder: string, options: FileStorageOptions = {}) {
    files.mkdirSync(folder, { recursive: true });
    this.path = join(folder, "revision");
    const { feedsBytesMax = FEEDS_BYTES_MAX, ...ofLog } = options;
    this.log = new FileLog(join(folder, "events"), ofLog);
    this.feeds = new FileLog(join(folder, "feeds"), {
      bytesMax: feedsBytesMax, ...ofLog.files !== undefined && { files: ofLog.files },
    });
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

  /** Closes the logs and releases the folder. A later start locks the folder again. */
  close(): void {
    this.log.close();
    this.feeds.close();
    this.lock.release();
  }
}

/** More than twice the largest event buffer. */
const FEEDS_BYTES_MAX = 67108864;
