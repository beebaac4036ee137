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
  /** Where `scan` stopped: behind the last record, or at a torn one. */
  stoppedAt = 0;
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

  /**
   * Calls `each` for the complete records from `start` up to `end`, in their order,
   * and sets `wholeEnd` and `stoppedAt`. A record that fails its check is skipped by
   * the length in its head.
   *
   * @param step records are padded to a multiple of it
   */
  scan(source: RecordSource, start: number, end: number, step: number, each: OnRecord | undefined): void {
    const buffer = this.buffer;
    const body = this.body;
    let at = start;
    this.wholeEnd = start;
    while (end - at > RECORD_HEAD_BYTES) {
      source.read(at, buffer, RECORD_HEAD_BYTES);
      const length = readU16(buffer, 0);
      const next = at + recordBytes(length, step);
      if (length === 0 || length > this.recordBytesMax || next > end) break;
      const crc = readU32(buffer, 2) | 0;
      source.read(at + RECORD_HEAD_BYTES, body, length);
      at = next;
      if (this.crc32(body, length) !== crc) continue;
      this.wholeEnd = at;
      if (each !== undefined) each(body, length);
    }
    this.stoppedAt = at;
  }
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
