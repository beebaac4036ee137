import { isUtf8 } from "../cbor/utf8.js";
import { JSON_FIRST_BYTE } from "../engine/wire/frame.js";
import { utf8Read } from "../cbor/utf8.js";
import { decimalText } from "./decimal.js";

/*
 * Checks JSON (RFC 8259) without building values, so that a later parse cannot
 * fail. Each function takes the bytes, where to begin and where to stop. It
 * returns the position after the element that it skipped; -1 if the element is
 * malformed or exceeds a bound.
 *
 * Bounds: objects and arrays nested 10 deep; numbers of at most 64 characters that
 * are finite as doubles; no member named "__proto__", which would change the
 * prototype of an object and crashes Espruino.
 *
 * Two faults of boards are no reason to refuse all rows of a datagram: bytes in a
 * text that are no UTF-8, and a backslash before any other character than those of
 * an escape. `isGoodText` finds both.
 */

/** Nested objects and arrays, those of the datagram and a row included. */
export const JSON_DEPTH_MAX = 10;
const NUMBER_CHARACTERS_MAX = 64;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const BRACE_OPEN = JSON_FIRST_BYTE;
export const BRACE_CLOSE = 0x7d;
export const SPACE = 0x20;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;

export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === SPACE || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09)) at++;
  return at;
}

/**
 * Skips any value. A loop, because a recursion would use up a board's stack.
 *
 * @param depth of the objects and arrays around the value
 */
export function skipValue(bytes: Uint8Array, start: number, end: number, depth: number): number {
  // A bit for each open object (1) or array (0), the innermost lowest, below a leading 1.
  let levels = 1;
  let room = JSON_DEPTH_MAX - depth;
  let at = start;
  for (;;) {
    const isObject = at < end && bytes[at] === BRACE_OPEN;
    if (isObject || (at < end && bytes[at] === BRACKET_OPEN)) {
      if (room-- === 0) return -1;
      levels = (levels << 1) | (isObject ? 1 : 0);
      at = skipSpace(bytes, at + 1, end);
      if (at >= end) return -1;
      if (bytes[at] !== closing(levels)) {
        if (isObject) at = skipName(bytes, at, end);
        if (at < 0) return -1;
        continue;
      }
    } else {
      at = skipScalar(bytes, at, end);
      if (at < 0 || levels === 1) return at;
      at = skipSpace(bytes, at, end);
    }
    while (at < end && bytes[at] === closing(levels)) {
      levels >>= 1;
      room++;
      if (levels === 1) return at + 1;
      at = skipSpace(bytes, at + 1, end);
    }
    if (at >= end || bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1, end);
    if ((levels & 1) === 1) at = skipName(bytes, at, end);
    if (at < 0) return -1;
  }
}

export function skipString(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || bytes[start] !== QUOTE) return -1;
  let at = start + 1;
  while (at < end && bytes[at] !== QUOTE) {
    if (bytes[at] < SPACE) return -1;
    if (bytes[at] !== BACKSLASH) {
      at++;
      continue;
    }
    if (at + 1 >= end || bytes[at + 1] < SPACE) return -1;
    at += 2;
  }
  return at < end ? at + 1 : -1;
}

/** Skips a member's name, its colon and the space around it. Returns the position of the value. */
export function skipName(bytes: Uint8Array, start: number, end: number): number {
  const nameEnd = skipString(bytes, start, end);
  if (nameEnd < 0 || isProto(bytes, start + 1, nameEnd - 1)) return -1;
  const at = skipSpace(bytes, nameEnd, end);
  return at < end && bytes[at] === COLON ? skipSpace(bytes, at + 1, end) : -1;
}

/** Whether all that was skipped from `start` to `end` is UTF-8, and its escapes are those of JSON. */
export function isGoodText(bytes: Uint8Array, start: number, end: number): boolean {
  if (!isUtf8(bytes, start, end)) return false;
  let at = start;
  while (at < end) {
    at = bytes[at] === BACKSLASH ? skipEscape(bytes, at, end) : at + 1;
    if (at < 0) return false;
  }
  return true;
}

/** The number in the characters from `start` up to but without `end`; NaN when they are not a number. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  return skipNumber(bytes, start, end) === end ? numberOf(bytes, start, end) : NaN;
}

/** Whether the bytes are exactly the characters of `text`, which must be ASCII. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  return end - start === text.length && skipWord(bytes, start, end, text) === end;
}

/** The bracket that closes the innermost level. */
function closing(levels: number): number {
  return (levels & 1) === 1 ? BRACE_CLOSE : BRACKET_CLOSE;
}

function skipScalar(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  switch (bytes[start]) {
    case QUOTE: return skipString(bytes, start, end);
    case 0x74: return skipWord(bytes, start, end, "true");
    case 0x66: return skipWord(bytes, start, end, "false");
    case 0x6e: return skipWord(bytes, start, end, "null");
    default: return skipNumber(bytes, start, end);
  }
}

function skipWord(bytes: Uint8Array, start: number, end: number, word: string): number {
  if (word.length > end - start) return -1;
  for (let i = 0; i < word.length; i++) {
    if (bytes[start + i] !== word.charCodeAt(i)) return -1;
  }
  return start + word.length;
}

function skipEscape(bytes: Uint8Array, start: number, end: number): number {
  if (start + 1 >= end) return -1;
  switch (bytes[start + 1]) {
    case QUOTE: case BACKSLASH: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74: return start + 2;
    case 0x75: return hexAt(bytes, start + 2, end) < 0 ? -1 : start + 6;
    default: return -1;
  }
}

/** The value of four hexadecimal digits; -1 when they are not digits. */
function hexAt(bytes: Uint8Array, start: number, end: number): number {
  if (start + 4 > end) return -1;
  let value = 0;
  for (let i = start; i < start + 4; i++) {
    const code = bytes[i];
    const small = code | 0x20;
    const digit = isDigit(code) ? code - ZERO : small >= 0x61 && small <= 0x66 ? small - 0x57 : -1;
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}

/**
 * The text of a value that `skipValue` skipped, for JSON.parse. Each number in it
 * is one that all engines read alike (`decimalText`).
 */
export function valueText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let copied = start;
  let at = start;
  while (at < end) {
    if (bytes[at] === QUOTE) at = skipString(bytes, at, end);
    else if (bytes[at] !== MINUS && !isDigit(bytes[at])) at++;
    else {
      const number = at;
      at = skipNumber(bytes, number, end);
      const given = numberText(bytes, number, at);
      const same = decimalText(given);
      if (same === given) continue;
      text += utf8Read(bytes, copied, number) + same;
      copied = at;
    }
  }
  return text + utf8Read(bytes, copied, end);
}

function skipNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  const digits = at;
  at = skipDigits(bytes, at, end);
  if (at === digits || (bytes[digits] === ZERO && at > digits + 1)) return -1;
  if (at < end && bytes[at] === 0x2e) {
    const fraction = at + 1;
    at = skipDigits(bytes, fraction, end);
    if (at === fraction) return -1;
  }
  const hasExponent = at < end && (bytes[at] | 0x20) === 0x65;
  if (hasExponent) {
    at++;
    if (at < end && (bytes[at] === MINUS || bytes[at] === 0x2b)) at++;
    const exponent = at;
    at = skipDigits(bytes, exponent, end);
    if (at === exponent) return -1;
  }
  if (at - start > NUMBER_CHARACTERS_MAX) return -1;
  return hasExponent && !isFinite(numberOf(bytes, start, at)) ? -1 : at;
}

function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(bytes[at])) at++;
  return at;
}

function numberOf(bytes: Uint8Array, start: number, end: number): number {
  return Number(decimalText(numberText(bytes, start, end)));
}

function numberText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** Whether the inside of a string is "__proto__", with any of its characters escaped. */
function isProto(bytes: Uint8Array, start: number, end: number): boolean {
  const name = "__proto__";
  let at = start;
  for (let i = 0; i < name.length; i++) {
    if (at >= end) return false;
    const escaped = bytes[at] === BACKSLASH && bytes[at + 1] === 0x75;
    const code = escaped ? hexAt(bytes, at + 2, end) : bytes[at];
    if (code !== name.charCodeAt(i)) return false;
    at += escaped ? 6 : 1;
  }
  return at === end;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39;
}
