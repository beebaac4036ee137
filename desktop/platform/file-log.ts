import * as nodeFiles from "node:fs";
import { dirname } from "node:path";
import { LogRecords, type OnRecord, type RecordSource } from "../../src/platform/log-record.js";
import type { GossipLog } from "../../src/platform/types.js";

/** The functions of `node:fs` that the log uses. */
export type Files = Pick<
  typeof nodeFiles,
  "closeSync" | "fsyncSync" | "ftruncateSync" | "openSync" | "readFileSync" | "renameSync" | "writeSync"
>;

export interface FileLogOptions {
  /** Largest size of the file in bytes; 16,777,216 by default. */
  bytesMax?: number;
  /** Longest record, 1 to 65,024 bytes; 4,096 by default. */
  recordBytesMax?: number;
  /** Replaces `node:fs`, for tests. */
  files?: Files;
}

/**
 * An event log in a file, which the first write creates. `append` returns when the
 * record is synced. `rewrite` writes a second file, syncs it and renames it over
 * the first.
 *
 * The file begins with the line "chisme log 2"; records follow. What follows the
 * last intact record, such as a record that a crash left incomplete, is cut off. A
 * damaged first line is written again.
 */
export class FileLog implements GossipLog {
  readonly recordBytesMax: number;
  private readonly path: string;
  private readonly bytesMax: number;
  private readonly files: Files;
  private readonly records: LogRecords;
  /** The open file; undefined until its first use and after each failure. */
  private file: number | undefined;
  /** Offset of the next record in the file. */
  private end = 0;

  /** @throws Error when `recordBytesMax` is out of its range */
  constructor(path: string, options: FileLogOptions = {}) {
    this.path = path;
    this.bytesMax = options.bytesMax ?? 16777216;
    this.recordBytesMax = options.recordBytesMax ?? 4096;
    this.files = options.files ?? nodeFiles;
    this.records = new LogRecords(this.recordBytesMax);
  }

  get damagedRecords(): number { return this.records.damagedRecords; }
  get damagedBytes(): number { return this.records.damagedBytes; }

  /** @throws Error when the file cannot be read or is not a log */
  read(each: OnRecord): void {
    this.close();
    this.open(each);
  }

  append(bytes: Uint8Array, length: number): boolean {
    const file = this.file ?? this.openOrMake();
    const size = this.records.frame(bytes, length, 1);
    if (size > this.bytesMax - this.end) return false;
    this.guard(() => {
      try {
        writeAll(this.files, file, this.records.buffer, size, this.end);
        this.files.fsyncSync(file);
      } catch (error) {
        // Cut the record off: the system may discard data that it failed to sync, and sync successfully later.
        this.files.ftruncateSync(file, this.end);
        throw error;
      }
    });
    this.end += size;
    return true;
  }

  rewrite(fill: (put: OnRecord) => void): void {
    this.close();
    replaceFile(this.files, this.path, (file) => {
      const header = Buffer.from(FILE_HEADER);
      writeAll(this.files, file, header, header.length, 0);
      let end = header.length;
      fill((bytes, length) => {
        const size = this.records.frame(bytes, length, 1);
        if (size > this.bytesMax - end) throw new Error(`rewrite: the records take more than ${this.bytesMax} bytes`);
        writeAll(this.files, file, this.records.buffer, size, end);
        end += size;
      });
    });
  }

  /** Closes the file. The log opens it again at its next use. */
  close(): void {
    if (this.file === undefined) return;
    const file = this.file;
    this.file = undefined;
    this.files.closeSync(file);
  }

  private openOrMake(): number {
    if (this.open(undefined)) return this.file as unknown as number;
    this.rewrite(() => undefined);
    this.open(undefined);
    return this.file as unknown as number;
  }

  /** Opens the file, calls `each` for its records and cuts off what follows the last. Returns false: there is none. */
  private open(each: OnRecord | undefined): boolean {
    let file: number;
    try {
      file = this.files.openSync(this.path, "r+");
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    this.file = file;
    this.guard(() => {
      const all = this.files.readFileSync(file);
      const source = {
        read: (at: number, into: Uint8Array, length: number) => into.set(all.subarray(at, at + length)),
      };
      this.records.clearDamage();
      if (all.toString("latin1", 0, FILE_HEADER.length) !== FILE_HEADER) this.repairHeader(file, all, source);
      this.records.scan(source, FILE_HEADER.length, all.length, 1, each);
      this.end = this.records.wholeEnd;
      if (this.end >= all.length) return;
      this.files.ftruncateSync(file, this.end);
      this.files.fsyncSync(file);
    });
    return true;
  }

  /** Writes the header again if this file is a log: records follow, or it holds no more than a header or zeros. */
  private repairHeader(file: number, all: Buffer, source: RecordSource): void {
    const header = Buffer.from(FILE_HEADER);
    this.records.scan(source, header.length, all.length, 1, undefined);
    this.records.clearDamage();
    const wrong = all.filter((byte, i) => byte !== header[i]).length;
    if (this.records.wholeEnd === header.length && wrong > WRONG_BYTES_MAX && !all.every((byte) => byte === 0)) {
      throw new Error(`${this.path} is not the log of a node: it does not begin with ${JSON.stringify(FILE_HEADER)}`);
    }
    writeAll(this.files, file, header, header.length, 0);
    this.files.fsyncSync(file);
    this.records.addDamage(header.length);
  }

  /** After a failure the content of the file is unknown. It is closed, so that the next use reads it again. */
  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

/**
 * Replaces or creates the file at `path`. A power loss leaves the old file or the
 * new one. Returns when the new file is safe.
 *
 * @param mode of the file, reduced by the umask of the process
 */
export function replaceFile(files: Files, path: string, write: (file: number) => void, mode = 0o666): void {
  const file = files.openSync(`${path}.new`, "w", mode);
  try {
    write(file);
    files.fsyncSync(file);
  } finally {
    files.closeSync(file);
  }
  files.renameSync(`${path}.new`, path);
  // Windows cannot sync a folder.
  if (process.platform === "win32") return;
  const folder = files.openSync(dirname(path), "r");
  try {
    files.fsyncSync(folder);
  } finally {
    files.closeSync(folder);
  }
}

/** Whether an error of Node.js means that the file does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** The first line of the file. */
export const FILE_HEADER = "chisme log 2\n";
/** A file without records may have so many bytes that are not of the header. */
const WRONG_BYTES_MAX = 2;

/** @param position in the file; null: where it is */
export function writeAll(
  files: Pick<Files, "writeSync">, file: number, bytes: Uint8Array, length: number, position: number | null,
): void {
  for (let done = 0; done < length;) {
    done += files.writeSync(file, bytes, done, length - done, position === null ? null : position + done);
  }
}
