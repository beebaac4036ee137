import { writeU16, writeU32 } from "../../cbor/big-endian.js";

/**
 * Reads and writes bytes at a moving position. Neither class throws or touches a
 * byte outside its range. A read or write that does not fit sets `failed`, and
 * all later ones fail too.
 *
 * Integers are big-endian. A varint is a uint32 as LEB128 (7 bits a byte, least
 * significant first) in its shortest form. Other forms are refused, so that each
 * value has one encoding.
 */
class Cursor {
  bytes!: Uint8Array;
  position = 0;
  end = 0;
  failed = false;

  /** Starts again on other bytes, from `start` up to but without `end`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.failed = false;
  }

  /** Advances by `length` bytes if these are left. */
  protected advance(length: number): boolean {
    if (this.failed || length > this.end - this.position) {
      this.failed = true;
      return false;
    }
    this.position += length;
    return true;
  }
}

export class Reader extends Cursor {
  // Bytes and words are read most often. They check the end themselves: on XS a call costs as much as the rest.
  u8(): number {
    const at = this.position;
    if (this.failed || at >= this.end) {
      this.failed = true;
      return 0;
    }
    this.position = at + 1;
    return this.bytes[at];
  }

  u16(): number {
    const at = this.position;
    if (this.failed || this.end - at < 2) {
      this.failed = true;
      return 0;
    }
    this.position = at + 2;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  u32(): number {
    const at = this.position;
    if (this.failed || this.end - at < 4) {
      this.failed = true;
      return 0;
    }
    this.position = at + 4;
    const bytes = this.bytes;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  varint(): number {
    const at = this.position;
    if (!this.failed && at < this.end) {
      // Most take one byte.
      const byte = this.bytes[at];
      if (byte >= 0x80) return this.longVarint();
      this.position = at + 1;
      return byte;
    }
    this.failed = true;
    return 0;
  }

  private longVarint(): number {
    const bytes = this.bytes;
    const end = this.end;
    let at = this.position;
    let value = bytes[at++] & 0x7f;
    for (let shift = 7; shift <= 28 && at < end; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      // Padded, or over 32 bits.
      if (byte === 0 || (shift === 28 && byte > 0x0f)) break;
      this.position = at;
      return value >>> 0;
    }
    this.failed = true;
    return 0;
  }

  /** Skips `length` bytes and returns the index of the first. */
  skip(length: number): number {
    const start = this.position;
    this.advance(length);
    return start;
  }
}

export class Writer extends Cursor {
  /** Bytes that still fit. */
  room(): number {
    return this.end - this.position;
  }

  u8(value: number): void {
    const at = this.position;
    if (this.failed || at >= this.end) this.failed = true;
    else {
      this.bytes[at] = value;
      this.position = at + 1;
    }
  }

  u16(value: number): void {
    if (this.advance(2)) writeU16(this.bytes, this.position - 2, value);
  }

  u32(value: number): void {
    if (this.advance(4)) writeU32(this.bytes, this.position - 4, value);
  }

  varint(value: number): void {
    if (value >>> 0 < 0x80) {
      this.u8(value);
      return;
    }
    const length = varintBytes(value);
    if (this.advance(length)) writeVarint(this.bytes, this.position - length, value);
  }

  copy(from: Uint8Array, start: number, length: number): void {
    if (!this.advance(length)) return;
    const at = this.position - length;
    for (let i = 0; i < length; i++) this.bytes[at + i] = from[start + i];
  }

  /** Writes the u16 `value` at an earlier position, for a length that is known afterwards. */
  patchU16(at: number, value: number): void {
    writeU16(this.bytes, at, value);
  }
}

/** The bytes of `value`, a uint32, as a varint: 1 to 5. */
export function varintBytes(value: number): number {
  if (value >>> 7 === 0) return 1;
  let bytes = 2;
  for (let rest = value >>> 14; rest !== 0; rest >>>= 7) bytes++;
  return bytes;
}

/** Writes `value`, a uint32, as a varint at `at`; it takes `varintBytes(value)` bytes. Returns the index behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0;
  let to = at;
  for (; rest >= 0x80; rest >>>= 7) bytes[to++] = rest | 0x80;
  bytes[to] = rest;
  return to + 1;
}
