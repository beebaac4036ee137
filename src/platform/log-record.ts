import { readU16, readU32, writeU16, writeU32 } from "../cbor/big-endian.js";

/**
 * Records of an event log, in one form on every medium:
 *
 *   0  length of the bytes, u16, big-endian: 1 to 65,534; erased flash reads as 65,535
 *   2  CRC-32 of the bytes (IEEE 802.3, as in zip), u32, big-endian
 *   6  the bytes
 *
 * A record that was not written to its end, or that the medium has damaged, fails
 * its check and is skipped. No record is empty, so that zeros, with which a crash
 * may fill a file, are not records.
 */
export const RECORD_HEAD_BYTES = 6;
/** Longest record, without its head. */
export const RECORD_BYTES_MAX = 65534;

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

/** Encodes and finds records, with one buffer for both. */
export class LogRecords {
  /** Bytes of the longest record. */
  readonly recordBytesMax: number;
  /** Holds the record that `frame` encoded. Otherwise free for other uses. */
  readonly buffer: Uint8Array;
  /** The end of the last complete record that `scan` found, or the start of the scan. */
  wholeEnd = 0;
  /** The end of the last record that `scan` found, complete or not, or the start of the scan. */
  stoppedAt = 0;
  /** Damaged places that `scan` found since `clearDamage`. Several damaged records in a row may count as one. */
  damagedRecords = 0;
  /** Bytes of these places. */
  damagedBytes = 0;
  private readonly body: Uint8Array;
  private readonly table: Int32Array | undefined;
  private readonly faster: FasterCrc32 | undefined;

  /**
   * @param recordBytesMax 1 to 65,534 bytes; the buffer is up to 9 bytes longer
   * @throws Error when `recordBytesMax` is out of its range
   */
  constructor(recordBytesMax: number, faster?: FasterCrc32) {
    if (!(recordBytesMax >= 1 && recordBytesMax <= RECORD_BYTES_MAX)) {
      throw new Error(`recordBytesMax: ${recordBytesMax} is not from 1 to ${RECORD_BYTES_MAX}`);
    }
    this.recordBytesMax = recordBytesMax;
    this.buffer = new Uint8Array(recordBytes(recordBytesMax, 4));
    this.body = this.buffer.subarray(RECORD_HEAD_BYTES);
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
    const crc = this.crc32(bytes, length);
    const buffer = this.buffer;
    writeU16(buffer, 0, length);
    writeU32(buffer, 2, crc);
    for (let i = 0; i < length; i++) buffer[RECORD_HEAD_BYTES + i] = bytes[i];
    const size = recordBytes(length, step);
    for (let i = RECORD_HEAD_BYTES + length; i < size; i++) buffer[i] = 0xff;
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
   * Calls `each` for the intact records from `start` up to `end`, in their order, and sets `wholeEnd` and `stoppedAt`.
   * A record with one flipped bit in its length is read as if the bit were right. Behind other damage the next record
   * is looked for where the damaged one ends by its length, then at each multiple of `step` behind its beginning.
   *
   * The search checks at most one record of up to `recordBytesMax` bytes for each `step` of damaged bytes, and 18 more
   * for each damaged place. Random bytes pass a check with a probability of 2^-32.
   *
   * @param step records are padded to a multiple of it
   */
  scan(source: RecordSource, start: number, end: number, step: number, each: OnRecord | undefined): void {
    let at = start;
    this.wholeEnd = start;
    this.stoppedAt = start;
    while (at < end) {
      let length = this.check(source, at, end, step, 0);
      if (length === 0 && isBlank(source, at, end, this.buffer)) return;
      for (let flip = 1; length === 0 && flip <= 0x8000; flip *= 2) {
        length = this.checkFound(source, at, end, step, flip);
      }
      if (length === 0) {
        const next = this.findNext(source, at, end, step);
        this.noteDamage(source, at, next, end, step);
        at = next;
        continue;
      }
      at += recordBytes(length, step);
      this.wholeEnd = at;
      this.stoppedAt = at;
      if (each !== undefined) each(this.body, length);
    }
  }

  /** Whether an intact record begins at `at`. */
  isRecord(source: RecordSource, at: number, end: number, step: number): boolean {
    return this.check(source, at, end, step, 0) !== 0;
  }

  /**
   * Reads the record at `at` into `body`. Returns its length; 0: there is no intact one.
   *
   * @param flip a bit to flip in the record's length; 0 for none
   */
  private check(source: RecordSource, at: number, end: number, step: number, flip: number): number {
    const length = this.lengthAt(source, at, end) ^ flip;
    if (!this.fits(length, at, end, step)) return 0;
    const crc = readU32(this.buffer, 2) | 0;
    source.read(at + RECORD_HEAD_BYTES, this.body, length);
    return this.crc32(this.body, length) === crc ? length : 0;
  }

  /** As `check`, where a record is only supposed. Four erased bytes have an erased check, but are no record there. */
  private checkFound(source: RecordSource, at: number, end: number, step: number, flip: number): number {
    const length = this.check(source, at, end, step, flip);
    return length !== 0 && readU32(this.buffer, 2) === 0xffffffff ? 0 : length;
  }

  /** Reads the head at `at` into `buffer`. Returns the length in it; 0: there is no room for a head. */
  private lengthAt(source: RecordSource, at: number, end: number): number {
    if (end - at <= RECORD_HEAD_BYTES) return 0;
    source.read(at, this.buffer, RECORD_HEAD_BYTES);
    return readU16(this.buffer, 0);
  }

  /** Whether a record at `at` can have this length and end before `end`. */
  private fits(length: number, at: number, end: number, step: number): boolean {
    return length > 0 && length <= this.recordBytesMax && at + recordBytes(length, step) <= end;
  }

  /**
   * Where the next intact record begins behind the damaged one at `at`, or the damaged one ends if nothing follows;
   * `end`: nowhere.
   *
   * An event may contain bytes that have the form of a record. So the length of the damaged record comes first. A
   * record that seems torn is the last one, or its length is wrong: then intact records go on up to the end.
   */
  private findNext(source: RecordSource, at: number, end: number, step: number): number {
    const length = this.lengthAt(source, at, end);
    const isFit = this.fits(length, at, end, step);
    const behind = isFit ? at + recordBytes(length, step) : end;
    let isTorn = !isFit && length > 0 && length <= this.recordBytesMax;
    if (isFit) {
      if (behind === end || this.check(source, behind, end, step, 0) !== 0) return behind;
      isTorn = isBlank(source, behind, end, this.buffer);
      if (isTorn && !this.isFiller(source, at + RECORD_HEAD_BYTES + length - 1)) return behind;
    }
    for (let next = at + step; next < end; next += step) {
      if (this.checkFound(source, next, end, step, 0) === 0) continue;
      if (!isTorn || this.goesOn(source, next, end, step)) return next;
    }
    return isTorn ? behind : end;
  }

  /** Whether nothing but intact records lies from `at` to `end`, or to where nothing was written. */
  private goesOn(source: RecordSource, at: number, end: number, step: number): boolean {
    let next = at;
    for (let length = 1; length !== 0 && next < end;) {
      length = this.check(source, next, end, step, 0);
      if (length !== 0) next += recordBytes(length, step);
    }
    return isBlank(source, next, end, this.buffer);
  }

  /**
   * Counts the damaged bytes from `at` to `next`. A record that a power loss tore was never acknowledged and does not
   * count: it is not longer than the longest record, and its end is missing or zeros in a file, where it is the last
   * one, and erased on flash.
   */
  private noteDamage(source: RecordSource, at: number, next: number, end: number, step: number): void {
    const length = this.lengthAt(source, at, end);
    const isComplete = this.fits(length, at, end, step) && next === at + recordBytes(length, step);
    if (isComplete) this.stoppedAt = next;
    const isCutOff = end - at <= RECORD_HEAD_BYTES || at + recordBytes(length, step) > end;
    const isUnwritten = this.isFiller(source, isComplete ? at + RECORD_HEAD_BYTES + length - 1 : next - 1);
    const isErased = isUnwritten && this.buffer[0] === 0xff;
    const isTorn = step > 1 ? isErased && (isComplete || next === end) : next === end && (isCutOff || isUnwritten);
    if (isTorn && next - at <= recordBytes(this.recordBytesMax, step)) return;
    this.addDamage(next - at);
  }

  /** Whether the byte at `at` is zeros or erased, as where a record was not written. */
  private isFiller(source: RecordSource, at: number): boolean {
    source.read(at, this.buffer, 1);
    return this.buffer[0] === 0 || this.buffer[0] === 0xff;
  }
}

/** Whether the bytes from `at` to `end` are all zeros or all erased. `buffer` is overwritten. */
function isBlank(source: RecordSource, at: number, end: number, buffer: Uint8Array): boolean {
  let blank = -1;
  for (let from = at; from < end;) {
    const length = Math.min(buffer.length, end - from);
    source.read(from, buffer, length);
    if (blank < 0) blank = buffer[0];
    if (blank !== 0 && blank !== 0xff) return false;
    for (let i = 0; i < length; i++) if (buffer[i] !== blank) return false;
    from += length;
  }
  return true;
}

/** The length of a record of `length` bytes with its head, padded to a multiple of `step`. */
export function recordBytes(length: number, step: number): number {
  return Math.ceil((RECORD_HEAD_BYTES + length) / step) * step;
}

/** A table for four bits. One for eight bits would take 1,024 bytes; without a table CRC-32 is four times slower. */
function crc32Table(): Int32Array {
  const table = new Int32Array(16);
  for (let i = 0; i < 16; i++) {
    let crc = i;
    for (let bit = 0; bit < 4; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL);
    table[i] = crc;
  }
  return table;
}

const POLYNOMIAL = 0xedb88320;

function crc32Of(table: Int32Array, bytes: Uint8Array, length: number): number {
  let crc = -1;
  for (let i = 0; i < length; i++) {
    crc ^= bytes[i];
    crc = (crc >>> 4) ^ table[crc & 15];
    crc = (crc >>> 4) ^ table[crc & 15];
  }
  return ~crc;
}
