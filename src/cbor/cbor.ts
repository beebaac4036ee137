import { readU16, writeU32 } from "./big-endian.js";
import {
  ARRAY, BYTES, CBOR_DEPTH_MAX, FALSE, INTEGER_MAX, MAP, NEGATIVE, NULL, SIMPLE, TEXT, TRUE, TWO_32,
  UNDEFINED, UNSIGNED, checkCbor, compareItems, headEnd, readArgument,
} from "./cbor-check.js";
import { halfBits, halfValue } from "./float.js";
import { utf8Length, utf8OfByteString, utf8Read, utf8Write } from "./utf8.js";

/**
 * CBOR (RFC 8949) for application values. Each value has exactly one encoding.
 *
 * The encoding is core deterministic (section 4.2.1): shortest heads, shortest
 * floats, definite lengths, map keys in bytewise order of their encodings. Where
 * section 4.2.2 leaves a choice:
 *  - a number is encoded as an integer if it is integral and within ±(2^53 - 1),
 *    where integral doubles are exact, otherwise as a float; -0 is f98000;
 *  - every NaN is f97e00;
 *  - no tags (so no bignums), and no simple values except false, true, null and
 *    undefined;
 *  - map keys are unique texts and never "__proto__": assigning it changes an
 *    object's prototype, and on Espruino a value other than an object crashes the
 *    board.
 *
 *   initial byte   what follows
 *   00-1b          integer 0 to 2^53-1
 *   20-3b          integer -1 to -(2^53-1)
 *   40-5b          byte string
 *   60-7b          text string, UTF-8
 *   80-9b          array
 *   a0-bb          map
 *   f4 f5 f6 f7    false, true, null, undefined
 *   f9 fa fb       float of 2, 4, 8 bytes
 *   everything else is refused
 *
 * The decoder accepts only what the encoder writes, so encoding a decoded value
 * gives the same bytes. (Espruino reads -0, but integer arithmetic makes it 0.)
 */
export type CborValue =
  null | undefined | boolean | number | string | Uint8Array | CborValue[] | { [key: string]: CborValue };

export { CBOR_DEPTH_MAX, checkCbor };

// Failures of `encodeCbor`.
/** The value does not fit into the buffer. */
export const CBOR_TOO_LARGE = -1;
/** The value has a function, symbol, bigint, non-plain object, "__proto__" or duplicate key. */
export const CBOR_UNSUPPORTED = -2;
/** The value has more than CBOR_DEPTH_MAX levels, or contains itself. */
export const CBOR_TOO_DEEP = -3;

/**
 * Encodes `value` into `out` at `offset` (bytes, 0 to `out.length`).
 *
 * `value` may be anything. Of objects, the own enumerable string keys are encoded,
 * in any order. Holes in arrays become undefined. A surrogate without its partner
 * becomes U+FFFD; two keys that become equal by this are refused.
 *
 * @returns the offset after the item, or one of the negative codes above. After a
 * failure the bytes from `offset` on are undefined. Bytes before `offset` and after
 * the item are never changed
 * @throws only what a getter or proxy in `value` throws
 */
export function encodeCbor(value: unknown, out: Uint8Array, offset: number): number {
  return encodeItem(value, out, offset, 0);
}

/** @param depth number of arrays and maps around `value` */
function encodeItem(value: unknown, out: Uint8Array, offset: number, depth: number): number {
  switch (typeof value) {
    case "undefined": return encodeHead(SIMPLE, UNDEFINED, out, offset);
    case "boolean": return encodeHead(SIMPLE, value ? TRUE : FALSE, out, offset);
    case "number": return encodeNumber(value, out, offset);
    case "string": return encodeText(value, out, offset);
    case "object": break;
    default: return CBOR_UNSUPPORTED;
  }
  if (value === null) return encodeHead(SIMPLE, NULL, out, offset);
  if (value instanceof Uint8Array) return encodeBytes(value, out, offset);
  const isArray = Array.isArray(value);
  if (!isArray && !isPlain(value)) return CBOR_UNSUPPORTED;
  if (depth >= CBOR_DEPTH_MAX) return CBOR_TOO_DEEP;
  return isArray ?
    encodeArray(value as unknown[], out, offset, depth + 1) :
    encodeMap(value as Record<string, unknown>, out, offset, depth + 1);
}

/** Whether `value` is a plain object and not an instance of a class: a Date or Map would silently become `{}`. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  // The Object.prototype of another realm, such as a vm context.
  return Object.getPrototypeOf(prototype) === null;
}

/** The initial byte and its argument, 0 to 2^53 - 1, in the shortest form (section 3). */
function encodeHead(major: number, argument: number, out: Uint8Array, offset: number): number {
  const more = argument < 24 ? 0 : argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < TWO_32 ? 4 : 8;
  if (1 + more > out.length - offset) return CBOR_TOO_LARGE;
  const type = major << 5;
  let at = offset;
  switch (more) {
    case 0:
      out[at++] = type | argument;
      break;
    case 1:
      out[at++] = type | 24;
      out[at++] = argument;
      break;
    case 2:
      out[at++] = type | 25;
      out[at++] = argument >> 8;
      out[at++] = argument & 0xff;
      break;
    case 4:
      out[at++] = type | 26;
      writeU32(out, at, argument);
      at += 4;
      break;
    default: {
      const high = Math.floor(argument / TWO_32);
      out[at++] = type | 27;
      writeU32(out, at, high);
      writeU32(out, at + 4, argument - high * TWO_32);
      at += 8;
    }
  }
  return at;
}

function encodeNumber(value: number, out: Uint8Array, offset: number): number {
  const integral = value === Math.floor(value) && value >= -INTEGER_MAX && value <= INTEGER_MAX;
  const negativeZero = value === 0 && 1 / value < 0;
  if (!integral || negativeZero) return encodeFloat(value, out, offset);
  if (value < 0) return encodeHead(NEGATIVE, -1 - value, out, offset);
  return encodeHead(UNSIGNED, value, out, offset);
}

/** Encodes the shortest of half, single and double that is exact. */
function encodeFloat(value: number, out: Uint8Array, offset: number): number {
  const room = out.length - offset;
  const half = halfBits(value);
  if (half >= 0) {
    if (room < 3) return CBOR_TOO_LARGE;
    out[offset] = 0xf9;
    out[offset + 1] = half >> 8;
    out[offset + 2] = half & 0xff;
    return offset + 3;
  }
  if (room < 5) return CBOR_TOO_LARGE;
  const view = new DataView(out.buffer, out.byteOffset + offset + 1, room < 9 ? 4 : 8);
  view.setFloat32(0, value);
  if (view.getFloat32(0) === value) {
    out[offset] = 0xfa;
    return offset + 5;
  }
  if (room < 9) return CBOR_TOO_LARGE;
  out[offset] = 0xfb;
  view.setFloat64(0, value);
  return offset + 9;
}

function encodeBytes(value: Uint8Array, out: Uint8Array, offset: number): number {
  const at = encodeHead(BYTES, value.length, out, offset);
  if (at < 0) return at;
  if (value.length > out.length - at) return CBOR_TOO_LARGE;
  out.set(value, at);
  return at + value.length;
}

function encodeText(text: string, out: Uint8Array, offset: number): number {
  if (text.length > out.length - offset) return CBOR_TOO_LARGE;
  let length = utf8Length(text);
  const ascii = length === text.length;
  const ready = ascii ? null : utf8OfByteString(text);
  if (ready !== null) length = ready.length;
  const at = encodeHead(TEXT, length, out, offset);
  if (at < 0) return at;
  if (length > out.length - at) return CBOR_TOO_LARGE;
  if (ready === null) return utf8Write(text, out, at);
  out.set(ready, at);
  return at + length;
}

function encodeArray(items: unknown[], out: Uint8Array, offset: number, depth: number): number {
  const length = items.length;
  let at = encodeHead(ARRAY, length, out, offset);
  for (let i = 0; i < length && at >= 0; i++) at = encodeItem(items[i], out, at, depth);
  return at;
}

function encodeMap(map: Record<string, unknown>, out: Uint8Array, offset: number, depth: number): number {
  const keys = Object.keys(map);
  let at = encodeHead(MAP, keys.length, out, offset);
  if (at < 0) return at;
  const failure = sortKeys(keys, out, at);
  if (failure < 0) return failure;
  for (let i = 0; i < keys.length && at >= 0; i++) {
    at = encodeText(keys[i], out, at);
    if (at >= 0) at = encodeItem(map[keys[i]], out, at, depth);
  }
  return at;
}

/**
 * Sorts `keys` by their encodings (section 4.2.1). To compare them it writes the
 * encodings into `out` at `offset`, where the map overwrites them later. Keys that
 * do not fit would not fit with their values either. Returns 0 or a negative
 * failure code.
 */
function sortKeys(keys: string[], out: Uint8Array, offset: number): number {
  const starts: number[] = [];
  let end = offset;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === "__proto__") return CBOR_UNSUPPORTED;
    const start = end;
    end = encodeText(key, out, start);
    if (end < 0) return end;
    let order = 1;
    let at = i;
    while (at > 0) {
      order = compareItems(out, start, end, starts[at - 1]);
      if (order >= 0) break;
      keys[at] = keys[at - 1];
      starts[at] = starts[at - 1];
      at--;
    }
    if (order === 0) return CBOR_UNSUPPORTED;
    keys[at] = key;
    starts[at] = start;
  }
  return 0;
}

/** The result of `decodeCbor`. A failure has no `value`, because undefined is a valid one. */
export type CborResult = { ok: true; value: CborValue } | { ok: false };

/**
 * Decodes the item that fills the bytes from `start` to `end`, exclusive. `ok` is
 * the result of `checkCbor`; if it is false, nothing is built. The value shares no
 * memory with `bytes`. On Espruino text becomes a byte string of UTF-8.
 */
export function decodeCbor(bytes: Uint8Array, start: number, end: number): CborResult {
  if (!checkCbor(bytes, start, end)) return { ok: false };
  return { ok: true, value: new ItemReader(bytes, start).read() };
}

/** Builds the values of items that `checkCbor` accepted, so it cannot fail. */
class ItemReader {
  private bytes: Uint8Array;
  private position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  read(): CborValue {
    const at = this.position;
    const major = this.bytes[at] >> 5;
    this.position = headEnd(this.bytes, at);
    if (major === SIMPLE) return this.simple(at);
    const argument = readArgument(this.bytes, at, this.bytes.length);
    switch (major) {
      case UNSIGNED: return argument;
      case NEGATIVE: return -1 - argument;
      case BYTES: return this.byteString(argument);
      case TEXT: return this.text(argument);
      case ARRAY: return this.array(argument);
      default: return this.map(argument);
    }
  }

  private simple(at: number): CborValue {
    const bytes = this.bytes;
    switch (bytes[at] & 0x1f) {
      case FALSE: return false;
      case TRUE: return true;
      case NULL: return null;
      case UNDEFINED: return undefined;
      case 25: return halfValue(readU16(bytes, at + 1));
      case 26: return new DataView(bytes.buffer, bytes.byteOffset + at + 1, 4).getFloat32(0);
      default: return new DataView(bytes.buffer, bytes.byteOffset + at + 1, 8).getFloat64(0);
    }
  }

  private byteString(length: number): Uint8Array {
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(this.position, this.position + length));
    this.position += length;
    return copy;
  }

  private text(length: number): string {
    const start = this.position;
    this.position += length;
    return utf8Read(this.bytes, start, this.position);
  }

  private array(count: number): CborValue[] {
    const items: CborValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.read());
    return items;
  }

  private map(count: number): CborValue {
    const map: { [key: string]: CborValue } = {};
    for (let i = 0; i < count; i++) {
      const key = this.read() as string;
      map[key] = this.read();
    }
    return map;
  }
}
