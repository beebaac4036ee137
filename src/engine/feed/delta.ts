import { BYTES, SIMPLE, TEXT, headEnd, readArgument } from "../../cbor/cbor-check.js";
import type { Reader, Writer } from "../wire/cursor.js";
import type { EventData } from "./event.js";

/*
 * Deltas (PROTOCOL 10.3): an event as the difference from a *reference*, an event before it in the same section that
 * is written in full. Head, topic, key, time to live and the structure of the payload are those of the reference. What
 * differs follows in the order of the payload:
 *
 * - each number, boolean and null, as its item of CBOR;
 * - the content of each byte string, which has the length of that in the reference;
 * - each decimal number of a text, as a varint; the rest of the text is that of the reference, but for the patch.
 *
 * A delta may have one patch: some bytes of one text of the reference give way to others.
 *
 * The reference lies in the datagram, so a reader needs no memory but that of the event. A writer needs none either.
 */

/** Longest event in canonical form that is written as a delta, in bytes. The scratch of each node has room for it. */
export const DELTA_BYTES_MAX = 142;
/** In place of a patch: the event and the reference are not alike. */
export const UNLIKE = -1;
/** In place of a patch: no patch is needed. */
export const NO_PATCH = 0;

/** Digits of a decimal number. A longer run of digits is several numbers. */
const DIGITS_MAX = 9;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** Head of a text of 24 to 255 bytes; the length follows. Shorter ones have it in their head, behind TEXT_HEAD. */
const LONG_TEXT_HEAD = 0x78;
const TEXT_HEAD = 0x60;
const SHORT_TEXT_MAX = 23;

/**
 * Reads what differs from `reference`, which was parsed from the reader's bytes, and writes the body of the event.
 * Returns the index behind it; -1: the delta is malformed.
 *
 * @param out where the body goes, from `at` up to but without `end`
 */
export function readDelta(
  reader: Reader, reference: EventData, hasPatch: boolean, out: Uint8Array, at: number, end: number,
): number {
  const bytes = reader.bytes;
  const patch = hasPatch ? reference.payloadStart + reader.varint() : reader.end;
  const patchEnd = hasPatch ? patch + reader.varint() : patch;
  let isPatched = !hasPatch;
  let to = copy(bytes, reference.bodyStart, reference.payloadStart, out, at, end);
  for (let from = reference.payloadStart; from < reference.end && to >= 0;) {
    const major = bytes[from] >> 5;
    const next = headEnd(bytes, from);
    const itemEnd = flatEnd(bytes, from, reference.end);
    if (isNumber(major)) {
      const item = reader.position;
      if (item >= reader.end || !isNumber(bytes[item] >> 5)) return -1;
      to = copyNext(reader, headEnd(bytes, item) - item, out, to, end);
    } else if (major === TEXT) {
      if (patch >= next && patchEnd <= itemEnd) isPatched = true;
      to = readText(reader, from, next, itemEnd, out, to, end, patch, patchEnd);
    } else {
      to = copy(bytes, from, next, out, to, end);
      if (to >= 0) to = copyNext(reader, itemEnd - next, out, to, end);
    }
    from = itemEnd;
  }
  return reader.failed || !isPatched ? -1 : to;
}

/** Writes a text with the numbers and the patch that follow in the reader. Returns the index behind it, or -1. */
function readText(
  reader: Reader, head: number, start: number, textEnd: number, out: Uint8Array, to: number, end: number,
  patch: number, patchEnd: number,
): number {
  const headBytes = start - head;
  let at = to + headBytes;
  if (at > end) return -1;
  if (patch >= start && patchEnd <= textEnd) {
    at = readPart(reader, start, patch, out, at, end);
    if (at >= 0) at = copyNext(reader, reader.varint(), out, at, end);
    if (at >= 0) at = readPart(reader, patchEnd, textEnd, out, at, end);
  } else {
    at = readPart(reader, start, textEnd, out, at, end);
  }
  const length = at - to - headBytes;
  // A text has a head of as many bytes as in the reference. -1 is too short for any.
  if (headBytes > 2 || length < 0 || length > SHORT_TEXT_MAX !== headBytes > 1) return -1;
  out[to] = headBytes === 1 ? TEXT_HEAD | length : LONG_TEXT_HEAD;
  if (headBytes > 1) out[to + 1] = length;
  return at;
}

/** Writes a part of a text of the reference with other numbers. Returns the index behind it, or -1. */
function readPart(reader: Reader, start: number, partEnd: number, out: Uint8Array, to: number, end: number): number {
  const bytes = reader.bytes;
  let at = to;
  for (let from = start; from < partEnd;) {
    const byte = bytes[from];
    // Most bytes are no digits. On XS a call costs more than all that is done with one.
    if (byte < DIGIT_0 || byte > DIGIT_9) {
      if (at >= end) return -1;
      out[at++] = byte;
      from++;
      continue;
    }
    const run = digits(bytes, from, partEnd);
    const value = reader.varint();
    const length = numberBytes(value, byte === DIGIT_0 ? run : 1);
    if (length > end - at) return -1;
    writeNumber(out, at, length, value);
    at += length;
    from += run;
  }
  return at;
}

/**
 * Compares an event that was parsed with the reference whose body is at `reference` of `others`. Returns the patch
 * that its delta needs, or NO_PATCH or UNLIKE. The heads of the two are alike.
 *
 * A patch is four numbers of a byte each, the lowest first: where it starts and ends in the payload of the reference,
 * and in that of the event.
 */
export function findPatch(event: EventData, others: Uint8Array, reference: number, othersEnd: number): number {
  const bytes = event.bytes;
  const base = event.payloadStart;
  if (!isSame(bytes, event.bodyStart, base, others, reference)) return UNLIKE;
  const otherBase = reference + base - event.bodyStart;
  let patch = NO_PATCH;
  let from = otherBase;
  for (let at = base; at < event.end;) {
    const major = bytes[at] >> 5;
    const next = headEnd(bytes, at);
    const itemEnd = flatEnd(bytes, at, event.end);
    const otherNext = headEnd(others, from);
    const otherEnd = flatEnd(others, from, othersEnd);
    if (isNumber(major) ? !isNumber(others[from] >> 5) : major !== others[from] >> 5) return UNLIKE;
    if (major === TEXT) {
      const found = compareTexts(bytes, next, itemEnd, base, others, otherNext, otherEnd, otherBase);
      const hasRoom = found === NO_PATCH || (patch === NO_PATCH && otherEnd - otherBase < PATCH_END);
      if (next - at !== otherNext - from || !hasRoom) return UNLIKE;
      if (found !== NO_PATCH) patch = found;
    } else if (!isNumber(major) && !isSame(bytes, at, next, others, from)) {
      return UNLIKE;
    }
    at = itemEnd;
    from = otherEnd;
  }
  return patch;
}

/** Bytes that a patch puts into the event. */
export function patchBytes(patch: number): number {
  return patchByte(patch, EVENT_END) - patchByte(patch, EVENT_START);
}

/** Compares two texts. The bases are the starts of the two payloads. Returns the patch, or NO_PATCH. */
function compareTexts(
  bytes: Uint8Array, start: number, end: number, base: number,
  others: Uint8Array, otherStart: number, otherEnd: number, otherBase: number,
): number {
  let at = start;
  let from = otherStart;
  let first = -1;
  let patch = NO_PATCH;
  let otherFirst = 0;
  while (at < end || from < otherEnd) {
    if (at < end && from < otherEnd) {
      const byte = others[from];
      if (byte < DIGIT_0 || byte > DIGIT_9) {
        if (byte === bytes[at]) {
          at++;
          from++;
          continue;
        }
      } else {
        const run = digits(others, from, otherEnd);
        const own = digits(bytes, at, end);
        if (own > 0 && numberBytes(number(bytes, at, own), byte === DIGIT_0 ? run : 1) === own) {
          at += own;
          from += run;
          continue;
        }
      }
    }
    // After a second difference all the rest differs.
    const isSecond = first >= 0;
    if (!isSecond) {
      first = at;
      otherFirst = from;
    }
    at = isSecond ? end : wordEnd(bytes, at, end);
    from = isSecond ? otherEnd : wordEnd(others, from, otherEnd);
    patch = otherFirst - otherBase + (from - otherBase) * OTHER_END + (first - base) * EVENT_START
      + (at - base) * EVENT_END;
  }
  return patch;
}

/**
 * Writes what differs from the reference whose body is at `reference` of the writer's bytes to an event that was
 * parsed. It may not fit.
 *
 * @param patch from `findPatch`, not UNLIKE
 */
export function writeDelta(writer: Writer, event: EventData, reference: number, patch: number): void {
  const bytes = event.bytes;
  const others = writer.bytes;
  const othersEnd = writer.position;
  const otherBase = reference + event.payloadStart - event.bodyStart;
  const patchStart = patch === NO_PATCH ? othersEnd : otherBase + patchByte(patch, 1);
  const patchEnd = patch === NO_PATCH ? othersEnd : otherBase + patchByte(patch, OTHER_END);
  if (patch !== NO_PATCH) {
    writer.varint(patchStart - otherBase);
    writer.varint(patchEnd - patchStart);
  }
  let from = otherBase;
  for (let at = event.payloadStart; at < event.end && !writer.failed;) {
    const major = bytes[at] >> 5;
    const next = headEnd(bytes, at);
    const itemEnd = flatEnd(bytes, at, event.end);
    const otherNext = headEnd(others, from);
    const otherEnd = flatEnd(others, from, othersEnd);
    if (isNumber(major)) {
      writer.copy(bytes, at, itemEnd - at);
    } else if (major !== TEXT) {
      writer.copy(bytes, next, itemEnd - next);
    } else if (patchStart >= otherNext && patchEnd <= otherEnd) {
      const length = patchBytes(patch);
      const literal = event.payloadStart + patchByte(patch, EVENT_START);
      writePart(writer, bytes, next, itemEnd, otherNext, patchStart);
      writer.varint(length);
      writer.copy(bytes, literal, length);
      writePart(writer, bytes, literal + length, itemEnd, patchEnd, otherEnd);
    } else {
      writePart(writer, bytes, next, itemEnd, otherNext, otherEnd);
    }
    at = itemEnd;
    from = otherEnd;
  }
}

/** Writes the numbers of a part of a text that is like the part from `from` to `partEnd` of the reference. */
function writePart(
  writer: Writer, bytes: Uint8Array, start: number, end: number, from: number, partEnd: number,
): void {
  const others = writer.bytes;
  let at = start;
  for (let other = from; other < partEnd;) {
    const byte = others[other];
    if (byte < DIGIT_0 || byte > DIGIT_9) {
      at++;
      other++;
      continue;
    }
    const own = digits(bytes, at, end);
    writer.varint(number(bytes, at, own));
    at += own;
    other += digits(others, other, partEnd);
  }
}

/** In a payload, bytes that a patch can reach. */
const PATCH_END = 256;
// Factors of the numbers of a patch.
const OTHER_END = 0x100;
const EVENT_START = 0x10000;
const EVENT_END = 0x1000000;

function patchByte(patch: number, factor: number): number {
  return Math.floor(patch / factor) & 0xff;
}

/** Whether an item of this major type is a number, a boolean or null. */
function isNumber(major: number): boolean {
  return major < BYTES || major === SIMPLE;
}

/** The end of an item without the elements of an array or a map; beyond `end` if it is cut off. */
function flatEnd(bytes: Uint8Array, at: number, end: number): number {
  const major = bytes[at] >> 5;
  if (major !== BYTES && major !== TEXT) return headEnd(bytes, at);
  return headEnd(bytes, at) + readArgument(bytes, at, end);
}

/** Length of the run of digits at `at`, at most DIGITS_MAX. */
function digits(bytes: Uint8Array, at: number, end: number): number {
  let run = 0;
  while (run < DIGITS_MAX && at + run < end && isDigit(bytes[at + run])) run++;
  return run;
}

function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

/** Where the letters and digits at `at` end. */
function wordEnd(bytes: Uint8Array, at: number, end: number): number {
  let to = at;
  // Upper case, lower case, and what is not ASCII.
  while (to < end && (isDigit(bytes[to]) || ((bytes[to] | 0x20) >= 0x61 && (bytes[to] | 0x20) <= 0x7a)
    || bytes[to] >= 0x80)) to++;
  return to;
}

/** The number of `run` digits at `at`. */
function number(bytes: Uint8Array, at: number, run: number): number {
  let value = 0;
  for (let i = at; i < at + run; i++) value = value * 10 + bytes[i] - DIGIT_0;
  return value;
}

/** Digits of a number. @param least as many as in the reference, if that begins with a zero; else 1 */
function numberBytes(value: number, least: number): number {
  let length = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) length++;
  return Math.max(length, least);
}

function writeNumber(out: Uint8Array, at: number, length: number, value: number): void {
  let rest = value;
  for (let i = at + length - 1; i >= at; i--) {
    out[i] = DIGIT_0 + rest % 10;
    rest = Math.floor(rest / 10);
  }
}

function isSame(bytes: Uint8Array, start: number, end: number, others: Uint8Array, other: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== others[other + i - start]) return false;
  return true;
}

/** Copies the next bytes of the reader. Returns the index behind them; -1: they are not there, or do not fit. */
function copyNext(reader: Reader, length: number, out: Uint8Array, at: number, outEnd: number): number {
  const start = reader.skip(length);
  return reader.failed ? -1 : copy(reader.bytes, start, start + length, out, at, outEnd);
}

/** Copies bytes. Returns the index behind them; -1: they do not fit. */
function copy(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number, outEnd: number): number {
  const length = end - start;
  if (length > outEnd - at) return -1;
  for (let i = 0; i < length; i++) out[at + i] = bytes[start + i];
  return at + length;
}
