import { readU16, readU32 } from "./big-endian.js";
import { isShortestFloat } from "./float.js";
import { isUtf8 } from "./utf8.js";

/**
 * The checking half of the CBOR codec, whose rules are in cbor.ts: all that a
 * decoder could trip over is refused here, by reading only, before any value is
 * built.
 */

/**
 * Arrays and maps around and including the innermost one: `[[1]]` is 2. Each level
 * takes some 500 bytes of a board's stack, and anybody may send one.
 */
export const CBOR_DEPTH_MAX = 4;

export const INTEGER_MAX = 9007199254740991;
export const TWO_32 = 4294967296;

export const UNSIGNED = 0;
export const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const SIMPLE = 7;

export const FALSE = 20;
export const TRUE = 21;
export const NULL = 22;
export const UNDEFINED = 23;

/**
 * Whether the bytes from `start` up to but without `end` are exactly one item
 * as `encodeCbor` writes it. Allocates nothing and reads nothing outside.
 */
export function checkCbor(bytes: Uint8Array, start: number, end: number): boolean {
  if (start < 0 || end > bytes.length) return false;
  return cborEnd(bytes, start, end) === end;
}

/** Where the item at `start` ends, as `encodeCbor` writes it; -1 if it is not one of those or passes `end`. */
export function cborEnd(bytes: Uint8Array, start: number, end: number): number {
  return skipItem(bytes, start, end, 0);
}

/** The position after the item at `position`, or -1 if it is not one of ours or passes `end`. */
function skipItem(bytes: Uint8Array, position: number, end: number, depth: number): number {
  if (position >= end) return -1;
  const major = bytes[position] >> 5;
  if (major === SIMPLE) return skipSimple(bytes, position, end);
  const argument = readArgument(bytes, position, end);
  if (argument < 0) return -1;
  const next = headEnd(bytes, position);
  if (major === UNSIGNED) return next;
  if (major === NEGATIVE) return argument < INTEGER_MAX ? next : -1;
  // An element takes a byte at least, so this stops huge claims early.
  if (argument > end - next) return -1;
  if (major === BYTES) return next + argument;
  if (major === TEXT) return isUtf8(bytes, next, next + argument) ? next + argument : -1;
  if (depth >= CBOR_DEPTH_MAX) return -1;
  if (major === MAP) return skipEntries(bytes, next, end, depth + 1, argument);
  if (major !== ARRAY) return -1;
  let at = next;
  for (let i = 0; i < argument && at >= 0; i++) at = skipItem(bytes, at, end, depth + 1);
  return at;
}

function skipEntries(bytes: Uint8Array, position: number, end: number, depth: number, count: number): number {
  let at = position;
  let previous = -1;
  for (let i = 0; i < count && at >= 0; i++) {
    const key = at;
    at = key < end && bytes[key] >> 5 === TEXT ? skipItem(bytes, key, end, depth) : -1;
    if (at < 0 || isProto(bytes, key, at)) return -1;
    if (previous >= 0 && compareItems(bytes, key, at, previous) <= 0) return -1;
    previous = key;
    at = skipItem(bytes, at, end, depth);
  }
  return at;
}

/** Whether the text item from `start` to `end` is "__proto__". */
function isProto(bytes: Uint8Array, start: number, end: number): boolean {
  const name = "__proto__";
  if (end - start !== 1 + name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (bytes[start + 1 + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The argument of the head at `position`: a value or a length. -1 if the head
 * passes `end`, is not the shortest, has an indefinite or reserved length or an
 * argument above 2^53 - 1.
 */
export function readArgument(bytes: Uint8Array, position: number, end: number): number {
  const low5 = bytes[position] & 0x1f;
  if (low5 < 24) return low5;
  if (low5 > 27 || headEnd(bytes, position) > end) return -1;
  if (low5 === 24) return bytes[position + 1] < 24 ? -1 : bytes[position + 1];
  if (low5 === 25) {
    const argument = readU16(bytes, position + 1);
    return argument < 0x100 ? -1 : argument;
  }
  const first = readU32(bytes, position + 1);
  if (low5 === 26) return first < 0x10000 ? -1 : first;
  if (first === 0 || first > 0x1fffff) return -1;
  return first * TWO_32 + readU32(bytes, position + 5);
}

/** Where the head at `position` ends, if its low 5 bits are at most 27. */
export function headEnd(bytes: Uint8Array, position: number): number {
  const low5 = bytes[position] & 0x1f;
  return position + (low5 < 24 ? 1 : 1 + (1 << (low5 - 24)));
}

function skipSimple(bytes: Uint8Array, position: number, end: number): number {
  const low5 = bytes[position] & 0x1f;
  if (low5 >= FALSE && low5 <= UNDEFINED) return position + 1;
  if (low5 < 25 || low5 > 27) return -1;
  const next = headEnd(bytes, position);
  if (next > end) return -1;
  return isShortestFloat(bytes, position + 1, next - position - 1) ? next : -1;
}

/**
 * Bytewise order of the item from `start` to `end` and the one at `other`:
 * negative, 0 or positive. No item is the beginning of a longer one, so they
 * differ before the shorter ends.
 */
export function compareItems(bytes: Uint8Array, start: number, end: number, other: number): number {
  for (let i = start; i < end; i++) {
    const difference = bytes[i] - bytes[other + i - start];
    if (difference !== 0) return difference;
  }
  return 0;
}
