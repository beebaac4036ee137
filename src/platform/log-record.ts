import { readU32, writeU32 } from "../cbor/big-endian.js";
import { crc32Of, crc32Table } from "./crc32.js";

/*
 * Records of an event log, in one form on every medium:
 *
 *   0  a zero: here a record begins. No other byte of a record is zero
 *   1  length of the bytes, 1 to 65,024, as two digits of base 255, each plus 1
 *   3  CRC-32 of the bytes (IEEE 802.3, as in zip), u32, big-endian, and the bytes, in blocks of up to 253. Before
 *      each block stands its mask, 1 to 255; each byte of the block is XORed with the mask. The mask is a number that
 *      is not in the block, so the block gets no zero. A block does not end with 0xff, either
 *
 * So damage cannot hide where the next record begins, bytes within a record are never taken for a record, and nothing
 * that is written later completes a record that a power loss tore.
 *
 * A mark is a record of 0 bytes, without CRC-32. It stands behind a torn record that could not be cut off.
 */
const HEAD_BYTES = 3;
const CRC_BYTES = 4;
const BLOCK_BYTES = 253;
const DIGITS = 255;
/** Longest record, without its head. */
export const RECORD_BYTES_MAX = 65024;

/** The bytes from which records are read. */
export interface RecordSource {
  /** Reads `length` bytes at `at` into the beginning of `into`. */
  read(at: number, into: Uint8Array, length: number): void;
}

/** Called with the bytes of a record, valid during the call, and their number. */
export type OnRecord = (bytes: Uint8Array, length: number) => void;

/** For platforms with a CRC-32 that is faster than JavaScript. */
export interface FasterCrc32 {
  /** The CRC-32 of the first `length` bytes, as a signed or unsigned integer of 32 bits. */
  crc32?(bytes: Uint8Array, length: number): number;
}

/** `check` found no intact record. */
const NONE = -1;

/** Encodes and finds records, with one buffer for both. */
export class LogRecords {
  /** Bytes of the longest record. */
  readonly recordBytesMax: number;
  /** Holds the record that `frame` encoded. Otherwise free for other uses. */
  readonly buffer: Uint8Array;
  /** The end of the last intact record that `scan` found, or the start of the scan. */
  wholeEnd = 0;
  /** The end of the last byte that was written, as far as `scan` can see that: `wholeEnd` or more. */
  writtenEnd = 0;
  /** Damaged places that `scan` found since `clearDamage`. Several damaged records in a row count as one. */
  damagedRecords = 0;
  /** Bytes of these places. */
  damagedBytes = 0;
  private readonly body: Uint8Array;
  private readonly table: Int32Array | undefined;
  private readonly faster: FasterCrc32 | undefined;

  /**
   * @param recordBytesMax 1 to 65,024 bytes; the buffer is longer by 11 bytes and one for each 253 bytes
   * @throws Error when `recordBytesMax` is out of its range
   */
  constructor(recordBytesMax: number, faster?: FasterCrc32) {
    if (!(recordBytesMax >= 1 && recordBytesMax <= RECORD_BYTES_MAX)) {
      throw new Error(`recordBytesMax: ${recordBytesMax} is not from 1 to ${RECORD_BYTES_MAX}`);
    }
    this.recordBytesMax = recordBytesMax;
    this.buffer = new Uint8Array(recordBytes(recordBytesMax, 4));
    this.body = this.buffer.subarray(CRC_BYTES);
    this.faster = faster;
    this.table = faster === undefined || faster.crc32 === undefined ? crc32Table() : undefined;
  }

  /** CRC-32 of the first `length` bytes, as int32. */
  crc32(bytes: Uint8Array, length: number): number {
    if (this.table !== undefined) return crc32Of(this.table, bytes, length);
    const faster = this.faster as Required<FasterCrc32>;
    return faster.crc32(bytes, length) | 0;
  }

  /**
   * Encodes a record of `length` bytes in `buffer`, padded with 0xff to a multiple
   * of `step`. Returns its length with head and padding.
   *
   * @throws Error when `length` is not from 1 to `recordBytesMax`
   */
  frame(bytes: Uint8Array, length: number, step: number): number {
    if (!(length >= 1 && length <= this.recordBytesMax)) {
      throw new Error(`length: ${length} is not a record's length from 1 to ${this.recordBytesMax}`);
    }
    const buffer = this.buffer;
    const crc = this.crc32(bytes, length);
    const end = HEAD_BYTES + maskedBytes(CRC_BYTES + length);
    const start = end - length - CRC_BYTES;
    writeU32(buffer, start, crc);
    for (let i = 0; i < length; i++) buffer[start + CRC_BYTES + i] = bytes[i];
    writeHead(buffer, length);
    mask(buffer, start, end);
    const size = recordBytes(length, step);
    for (let i = end; i < size; i++) buffer[i] = 0xff;
    return size;
  }

  /** Encodes a mark in `into`. Returns its length, padded with 0xff to a multiple of `step`. */
  frameMark(into: Uint8Array, step: number): number {
    writeHead(into, 0);
    const size = roundUp(HEAD_BYTES, step);
    for (let i = HEAD_BYTES; i < size; i++) into[i] = 0xff;
    return size;
  }

  clearDamage(): void {
    this.damagedRecords = 0;
    this.damagedBytes = 0;
  }

  /** Counts a damaged place that `scan` did not see. */
  addDamage(bytes: number): void {
    this.damagedRecords++;
    this.damagedBytes += bytes;
  }

  /**
   * Calls `each` for the intact records from `start` up to `end`, in their order. Sets `wholeEnd` and `writtenEnd`, and
   * adds to the damage. Behind damage it looks at each zero for a record, so it reads each byte once, and for each
   * zero among damaged bytes up to the bytes of one record. Random bytes pass the check with a probability of 2^-32.
   *
   * @param step records are padded to a multiple of it: 1 in files, 4 on flash
   */
  scan(source: RecordSource, start: number, end: number, step: number, each: OnRecord | undefined): void {
    this.wholeEnd = start;
    // The last zero behind the last intact record: a mark says that what begins there is torn.
    let torn = start;
    for (let at = start; at < end;) {
      const length = this.check(source, at, end, step, at === this.wholeEnd);
      if (length === NONE) {
        torn = at;
        at = this.nextZero(source, at + step, end, step);
        continue;
      }
      const damagedEnd = length === 0 ? torn : at;
      if (damagedEnd > this.wholeEnd) this.addDamage(damagedEnd - this.wholeEnd);
      at += length === 0 ? roundUp(HEAD_BYTES, step) : recordBytes(length, step);
      this.wholeEnd = at;
      torn = at;
      if (length !== 0 && each !== undefined) each(this.body, length);
    }
    this.writtenEnd = this.lastWritten(source, end, step);
    if (this.isTailDamaged(source, end, step)) this.addDamage(this.writtenEnd - this.wholeEnd);
  }

  /**
   * Decodes the record at `at` into `body`. Returns its length, 0 for a mark, or NONE. A record behind an intact one
   * may begin with a zero of which a bit was flipped.
   */
  private check(source: RecordSource, at: number, end: number, step: number, isBehindRecord: boolean): number {
    const length = this.lengthAt(source, at, end, step);
    const first = this.buffer[0];
    if (length === NONE || (first !== 0 && !(isBehindRecord && length > 0 && (first & (first - 1)) === 0))) return NONE;
    if (length === 0) return 0;
    const masked = maskedBytes(CRC_BYTES + length);
    source.read(at + HEAD_BYTES, this.buffer, masked);
    if (!unmask(this.buffer, masked)) return NONE;
    return this.crc32(this.body, length) === (readU32(this.buffer, 0) | 0) ? length : NONE;
  }

  /** Reads the head at `at` into `buffer`. Returns its length, or NONE if there is none or the record passes `end`. */
  private lengthAt(source: RecordSource, at: number, end: number, step: number): number {
    if (end - at < HEAD_BYTES) return NONE;
    source.read(at, this.buffer, HEAD_BYTES);
    const high = this.buffer[1];
    const low = this.buffer[2];
    const length = (high - 1) * DIGITS + low - 1;
    if (high === 0 || low === 0 || length > this.recordBytesMax) return NONE;
    return length === 0 || at + recordBytes(length, step) <= end ? length : NONE;
  }

  /** Where the next zero is from `from` on, in steps; `end` or more: nowhere. */
  private nextZero(source: RecordSource, from: number, end: number, step: number): number {
    const buffer = this.buffer;
    for (let at = from; at < end;) {
      const length = Math.min(buffer.length, end - at);
      source.read(at, buffer, length);
      for (let i = 0; i < length; i += step) if (buffer[i] === 0) return at + i;
      at += length;
    }
    return end;
  }

  /** The end of the last byte behind `wholeEnd` that is not erased, and in a file not zero; `wholeEnd`: none is. */
  private lastWritten(source: RecordSource, end: number, step: number): number {
    const buffer = this.buffer;
    let last = this.wholeEnd;
    for (let at = this.wholeEnd; at < end;) {
      const length = Math.min(buffer.length, end - at);
      source.read(at, buffer, length);
      for (let i = 0; i < length; i++) if (buffer[i] !== 0xff && (step > 1 || buffer[i] !== 0)) last = at + i + 1;
      at += length;
    }
    return last;
  }

  /**
   * Whether what follows the last intact record is damaged. A record that a power loss tore was never acknowledged and
   * does not count: its end is missing, or zeros in a file, or erased on flash.
   */
  private isTailDamaged(source: RecordSource, end: number, step: number): boolean {
    const at = this.wholeEnd;
    if (this.writtenEnd - at > recordBytes(this.recordBytesMax, step)) return true;
    const length = this.lengthAt(source, at, end, step);
    return length > 0 && this.writtenEnd >= at + HEAD_BYTES + maskedBytes(CRC_BYTES + length);
  }
}

/** The length of a record of `length` bytes with its head, padded to a multiple of `step`. */
export function recordBytes(length: number, step: number): number {
  return roundUp(HEAD_BYTES + maskedBytes(CRC_BYTES + length), step);
}

/** At most so many bytes more than those in them do some records take, padded to a multiple of `step`. */
export function recordsExtraBytes(records: number, bytes: number, step: number): number {
  return records * (HEAD_BYTES + CRC_BYTES + 1 + step) + Math.ceil(bytes / BLOCK_BYTES);
}

function roundUp(length: number, step: number): number {
  return Math.ceil(length / step) * step;
}

/** Bytes of blocks with their masks. */
function maskedBytes(length: number): number {
  return length + Math.ceil(length / BLOCK_BYTES);
}

function writeHead(into: Uint8Array, length: number): void {
  into[0] = 0;
  into[1] = Math.floor(length / DIGITS) + 1;
  into[2] = length % DIGITS + 1;
}

/** Masks the bytes from `start` to `end` and moves them forward, to the end of the head. */
function mask(buffer: Uint8Array, start: number, end: number): void {
  let to = HEAD_BYTES;
  for (let from = start; from < end;) {
    const until = Math.min(from + BLOCK_BYTES, end);
    const number = maskFor(buffer, from, until);
    buffer[to++] = number;
    while (from < until) buffer[to++] = buffer[from++] ^ number;
  }
}

/** A number from 1 to 255 that none of up to 253 bytes is, and with which the last one does not become 0xff. */
function maskFor(bytes: Uint8Array, from: number, until: number): number {
  const bad = bytes[until - 1] ^ 0xff;
  let number = 0xff;
  for (let i = from; i < until; i++) {
    if (bytes[i] !== number && number !== bad) continue;
    number--;
    i = from - 1;
  }
  return number;
}

/** Removes the masks of `length` bytes. Returns false where a byte is zero: no record has one. */
function unmask(buffer: Uint8Array, length: number): boolean {
  let to = 0;
  for (let from = 0; from < length;) {
    const until = Math.min(from + BLOCK_BYTES + 1, length);
    const number = buffer[from++];
    if (number === 0) return false;
    while (from < until) {
      const byte = buffer[from++];
      if (byte === 0) return false;
      buffer[to++] = byte ^ number;
    }
  }
  return true;
}
