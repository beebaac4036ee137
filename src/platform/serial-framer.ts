import { readU32, writeU32 } from "../cbor/big-endian.js";
import { crc32Of, crc32Table } from "./crc32.js";

/*
 * Frames on a serial line, which has neither frames nor checksums of its own. A frame and its CRC-32, big-endian, are
 * encoded by Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999), which leaves no zero in them, and stand
 * between two zeros. So a receiver that lost its place finds the next frame at the next zero.
 */

const CRC_BYTES = 4;
/** Bytes without a zero that one code of COBS stands for. */
const BLOCK_BYTES = 254;
const FULL_CODE = 0xff;

/** Bytes that a frame takes on the line at most, with both zeros. */
export function serialBytes(frameBytes: number): number {
  const bytes = frameBytes + CRC_BYTES;
  return bytes + ((bytes / BLOCK_BYTES) >>> 0) + 3;
}

/** Encodes and decodes the frames of a line, each direction with one buffer. */
export class SerialFramer {
  readonly frameBytesMax: number;
  /** Holds what `encode` encoded. */
  readonly encoded: Uint8Array;
  /** Frames that arrived damaged, or longer than `frameBytesMax`. Noise between two frames counts as one. */
  damaged = 0;
  /** Frames that arrived intact. */
  intact = 0;
  private readonly plain: Uint8Array;
  private readonly arriving: Uint8Array;
  private readonly table = crc32Table();
  /** Bytes since the last zero; more than `arriving` holds if it is too long. */
  private count = 0;

  /** @param frameBytesMax longest frame: 1 to 1,500 bytes */
  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
    const bytes = serialBytes(frameBytesMax);
    this.encoded = new Uint8Array(bytes);
    this.arriving = new Uint8Array(bytes);
    this.plain = new Uint8Array(frameBytesMax + CRC_BYTES);
  }

  /** Encodes the first `length` bytes, 1 to `frameBytesMax`, into `encoded`. Returns how many bytes they take there. */
  encode(bytes: Uint8Array, length: number): number {
    const plain = this.plain;
    for (let i = 0; i < length; i++) plain[i] = bytes[i];
    writeU32(plain, length, crc32Of(this.table, bytes, length) >>> 0);
    const encoded = this.encoded;
    encoded[0] = 0;
    let codeAt = 1;
    let to = 2;
    for (let i = 0; i < length + CRC_BYTES; i++) {
      if (plain[i] !== 0) encoded[to++] = plain[i];
      const isFull = to - codeAt === FULL_CODE;
      if (plain[i] !== 0 && !isFull) continue;
      encoded[codeAt] = to - codeAt;
      codeAt = to++;
      // After a full block with a zero behind it, that zero gets a code of its own.
    }
    encoded[codeAt] = to - codeAt;
    encoded[to++] = 0;
    return to;
  }

  /**
   * Bytes of the line arrived.
   *
   * @param onFrame called with each intact frame: its bytes, which are valid only during the call, and their number.
   * It must not call `decode`
   */
  decode(bytes: Uint8Array, length: number, onFrame: (bytes: Uint8Array, length: number) => void): void {
    const arriving = this.arriving;
    for (let i = 0; i < length; i++) {
      const byte = bytes[i];
      if (byte !== 0) {
        if (this.count < arriving.length) arriving[this.count] = byte;
        if (this.count <= arriving.length) this.count++;
        continue;
      }
      const count = this.count;
      this.count = 0;
      if (count === 0) continue;
      const frameBytes = count > arriving.length ? DAMAGED : this.unstuff(count);
      if (frameBytes < 0) {
        this.damaged++;
      } else {
        this.intact++;
        onFrame(arriving, frameBytes);
      }
    }
  }

  /** Decodes the bytes of `arriving` in place. Returns the length of the frame; DAMAGED if it is not intact. */
  private unstuff(count: number): number {
    const bytes = this.arriving;
    let to = 0;
    for (let from = 0; from < count;) {
      const end = from + bytes[from];
      if (end > count) return DAMAGED;
      const isFull = bytes[from] === FULL_CODE;
      for (from++; from < end; from++) bytes[to++] = bytes[from];
      if (!isFull && from < count) bytes[to++] = 0;
    }
    const length = to - CRC_BYTES;
    if (length < 1 || length > this.frameBytesMax) return DAMAGED;
    return crc32Of(this.table, bytes, length) >>> 0 === readU32(bytes, length) ? length : DAMAGED;
  }
}

const DAMAGED = -1;
