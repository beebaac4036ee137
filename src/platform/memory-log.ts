import { LogRecords, type OnRecord } from "./log-record.js";
import type { GossipLog } from "./types.js";

export interface MemoryLogOptions {
  /** Size of the log in bytes. Each record takes 6 bytes for its head. 65,536 by default. */
  bytesMax?: number;
  /** Longest record, 1 to 65,024 bytes; 4,096 by default. */
  recordBytesMax?: number;
  /**
   * For simulations of power losses: called with the number of bytes to be stored.
   * Returns how many of them are stored. If these are fewer, the write throws a
   * `PowerLossError`.
   */
  tear?: (length: number) => number;
}

/** Thrown by a `MemoryLog` when its option `tear` simulates a power loss. */
export class PowerLossError extends Error {}

/** An event log in memory, for tests and simulations. */
export class MemoryLog implements GossipLog {
  readonly recordBytesMax: number;
  private readonly bytesMax: number;
  private readonly records: LogRecords;
  private readonly tear: ((length: number) => number) | undefined;
  private stored: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  private end = 0;
  private isCut = true;

  /** @throws Error when `recordBytesMax` is out of its range */
  constructor(options: MemoryLogOptions = {}) {
    this.bytesMax = options.bytesMax ?? 65536;
    this.recordBytesMax = options.recordBytesMax ?? 4096;
    this.records = new LogRecords(this.recordBytesMax);
    this.tear = options.tear;
  }

  get damagedRecords(): number { return this.records.damagedRecords; }
  get damagedBytes(): number { return this.records.damagedBytes; }

  read(each: OnRecord): void {
    this.cut(each);
  }

  append(bytes: Uint8Array, length: number): boolean {
    if (!this.isCut) this.cut(undefined);
    const size = this.records.frame(bytes, length, 1);
    if (size > this.bytesMax - this.end) return false;
    this.isCut = false;
    this.store(size);
    this.isCut = true;
    return true;
  }

  rewrite(fill: (put: OnRecord) => void): void {
    if (!this.isCut) this.cut(undefined);
    const { stored, end } = this;
    this.stored = new Uint8Array(0);
    this.end = 0;
    try {
      fill((bytes, length) => {
        const size = this.records.frame(bytes, length, 1);
        if (size > this.bytesMax - this.end) throw tooMany(this.bytesMax);
        this.store(size);
      });
    } catch (error) {
      this.stored = stored;
      this.end = end;
      throw error;
    }
  }

  /** Appends the first `size` bytes of the buffer. */
  private store(size: number): void {
    const kept = this.tear === undefined ? size : Math.min(size, this.tear(size));
    if (this.stored.length < this.end + size) {
      const larger = new Uint8Array(Math.min(this.bytesMax, Math.max(2 * this.stored.length, this.end + size)));
      larger.set(this.stored.subarray(0, this.end));
      this.stored = larger;
    }
    this.stored.set(this.records.buffer.subarray(0, kept), this.end);
    this.end += kept;
    if (kept < size) throw new PowerLossError(`power was lost after ${kept} of ${size} bytes`);
  }

  /** Calls `each` for the records, and cuts off what follows the last intact one. */
  private cut(each: OnRecord | undefined): void {
    const source = {
      read: (at: number, into: Uint8Array, length: number) => into.set(this.stored.subarray(at, at + length)),
    };
    this.records.clearDamage();
    this.records.scan(source, 0, this.end, 1, each);
    this.end = this.records.wholeEnd;
    this.isCut = true;
  }
}

function tooMany(bytesMax: number): Error {
  return new Error(`rewrite: the records take more than ${bytesMax} bytes`);
}
