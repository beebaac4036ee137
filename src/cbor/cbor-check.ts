import { readU16, readU32 } from "./big-endian.js";
import { isShortestFloat } from "./float.js";
import { isUtf8 } from "./utf8.js";

/**
 * The checking half of the CBOR codec; cbor.ts states the rules. The check reads
 * an item once and refuses all malformed input before any value is built.
 */

/**
 * The deepest nesting of arrays and maps: `[[1]]` has 2 levels. Each level takes
 * about 500 bytes of a board's stack, and any sender may nest values.
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
 * Whether the bytes from `start` to `end`, exclusive, are exactly one item as
 * `encodeCbor` writes it. Allocates nothing and reads no bytes outside this range.
 */
export function checkCbor(bytes: Uint8Array, start: number, end: number): boolean {
  if (start < 0 || end > bytes.length) return false;
  return cborEnd(bytes, start, end) === end;
}

/** The end of the item at `start`; -1 if `encodeCbor` would not write this item or it passes `end`. */
export function cborEnd(bytes: Uint8Array, start: number, end: number): number {
  return skipItem(bytes, start, end, 0);
}

/** The end of the item at `position`; -1 if `encodeCbor` would not write this item or it passes `end`. */
function skipItem(bytes: Uint8Array, position: number, end: number, depth: number): number {
  if (position >= end) return -1;
  const major = bytes[position] >> 5;
  if (major === SIMPLE) return skipSimple(bytes, position, end);
  const argument = readArgument(bytes, position, end);
  if (argument < 0) return -1;
  const next = headEnd(bytes, position);
  if (major === UNSIGNED) return next;
  if (major === NEGATIVE) return argument < INTEGER_MAX ? next : -1;
  // An element takes at least one byte, so this refuses too large counts early.
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
export function isProto(bytes: Uint8Array, start: number, end: number): boolean {
  const name = "__proto__";
  if (end - start !== 1 + name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (bytes[start + 1 + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The argument of the head at `position`: a value or a length. -1 if the head
 * passes `end`, is not in shortest form, has an indefinite or reserved length, or
 * has an argument above 2^53 - 1.
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

/** The end of the head at `position`, whose low 5 bits must be at most 27. */
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
 * Compares the item from `start` to `end` bytewise with the one at `other`: negative,
 * 0 or positive. No item is a prefix of a longer one, so two different items differ
 * before the shorter one ends.
 */
export function compareItems(bytes: Uint8Array, start: number, end: number, other: number): number {
  for (let i = start; i < end; i++) {
    const difference = bytes[i] - bytes[other + i - start];
    if (difference !== 0) return difference;
  }
  return 0;
}
