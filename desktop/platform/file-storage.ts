import * as files from "node:fs";
import { join } from "node:path";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { failure } from "../../src/errors.js";
import type { GossipStorage } from "../../src/platform/types.js";
import { FileLog, type FileLogOptions, replaceFile } from "./file-log.js";
import { FolderLock } from "./folder-lock.js";
import { readIfThere } from "./read-if-there.js";

export interface FileStorageOptions extends FileLogOptions {
  /**
   * Largest size of the files `feeds` and `signed-feeds` in bytes, more than twice `events.bytes` of the keeper;
   * 67,108,864 by default.
   */
  feedsBytesMax?: number;
}

/**
 * Keeps the revision in the file `revision` of a folder, which is made if it is
 * missing, the id in `id`, the last peers in `peers`, and events in `events`. A keeper
 * has the feeds of all other authors in the file `feeds`, or in `signed-feeds` if it
 * verifies them. A new revision or id is written beside the old one, synced and renamed
 * over it, so that a crash leaves either of the two.
 *
 * The storage locks the folder when the revision is read or written: at the start
 * of a node, before the node reads its log. `close`, which `Gossip.close` calls,
 * or the end of the process releases the lock. Each node needs a folder and a
 * `FileStorage` of its own.
 */
export class FileStorage implements GossipStorage {
  readonly log: FileLog;
  readonly feeds: FileLog;
  readonly signedFeeds: FileLog;
  private readonly folder: string;
  private readonly lock: FolderLock;

  /**
   * Makes the folder. It does not lock the folder.
   *
   * @param options of the log `events`; `files` is of all logs
   * @throws what the file system throws
   */
  constructor(folder: string, options: FileStorageOptions = {}) {
    files.mkdirSync(folder, { recursive: true });
    this.folder = folder;
    const { feedsBytesMax = FEEDS_BYTES_MAX, ...ofLog } = options;
    this.log = new FileLog(join(folder, "events"), ofLog);
    const ofFeeds = { bytesMax: feedsBytesMax, ...ofLog.files !== undefined && { files: ofLog.files } };
    this.feeds = new FileLog(join(folder, "feeds"), ofFeeds);
    this.signedFeeds = new FileLog(join(folder, "signed-feeds"), ofFeeds);
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
    return this.readNumber("revision");
  }

  /**
   * Locks the folder and writes the revision.
   *
   * @throws Error ERR_STORAGE when another process or another `FileStorage` has the folder; and what the file system
   * throws. The file then holds the old revision or the new one
   */
  writeRevision(revision: number): void {
    this.writeNumber("revision", revision);
  }

  /**
   * Reads the id, without the lock.
   *
   * @throws Error ERR_STORAGE when the file holds something else; and what the file system throws
   */
  readId(): number | undefined {
    return this.readNumber("id");
  }

  /** Locks the folder and writes the id. @throws as `writeRevision` */
  writeId(id: number): void {
    this.writeNumber("id", id);
  }

  /** Reads the addresses of the last peers, without the lock. Lines that are no addresses do not count. */
  readPeers(): Uint8Array | undefined {
    const text = readIfThere(join(this.folder, "peers"));
    if (text === undefined) return undefined;
    const peers = text.split("\n").flatMap((line) => {
      const [, host, port] = /^([\d.]{7,15}):(\d{1,5})$/.exec(line) ?? [];
      const address = host === undefined ? -1 : parseAddress(host);
      return address < 0 || Number(port) > 65535 ? [] : [{ address, port: Number(port) }];
    });
    const bytes = Buffer.alloc(peers.length * 6);
    for (const [i, { address, port }] of peers.entries()) {
      bytes.writeUInt32BE(address, i * 6);
      bytes.writeUInt16BE(port, i * 6 + 4);
    }
    return bytes;
  }

  /** Locks the folder and writes the addresses of the last peers, one a line. @throws as `writeRevision` */
  writePeers(bytes: Uint8Array, length: number): void {
    const peers = Buffer.from(bytes.buffer, bytes.byteOffset, length);
    let text = "";
    for (let at = 0; at + 6 <= length; at += 6) {
      text += `${formatAddress(peers.readUInt32BE(at))}:${peers.readUInt16BE(at + 4)}\n`;
    }
    this.lock.acquire();
    replaceFile(files, join(this.folder, "peers"), (file) => files.writeSync(file, text));
  }

  /** Closes the logs and releases the folder. A later start locks the folder again. */
  close(): void {
    this.log.close();
    this.feeds.close();
    this.signedFeeds.close();
    this.lock.release();
  }

  private readNumber(name: string): number | undefined {
    const path = join(this.folder, name);
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (!/^\d+\n$/.test(text) || number > 0xffffffff) {
      const what = name === "id" ? "an id" : "a revision";
      throw failure("ERR_STORAGE", `${path} does not hold ${what} from 0 to 4294967295`);
    }
    return number;
  }

  private writeNumber(name: string, number: number): void {
    this.lock.acquire();
    replaceFile(files, join(this.folder, name), (file) => files.writeSync(file, `${number}\n`));
  }
}

/** More than twice the largest event buffer. */
const FEEDS_BYTES_MAX = 67108864;
