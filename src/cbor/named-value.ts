import { cborEnd } from "./cbor-check.js";
import { isUtf8 } from "./utf8.js";

/**
 * What a node shares in its row (PROTOCOL 4.6): a value, or the node's label and a
 * value. This is a CBOR sequence (RFC 8742):
 *
 *   value          one item: the node has no label
 *   label value    two items: a text of 1 to 41 bytes, then the value
 *   label f7       the node has a label and shares no value
 *
 * No bytes at all: the node has no label and shares no value. A text alone is a value.
 * The label is the name, of 1 to 24 bytes, the version of 1 to 16 bytes behind the sign
 * 1f, or both. A node without a version pays nothing for it.
 */

/** The longest name of a node, in bytes of UTF-8. */
export const NODE_NAME_BYTES_MAX = 24;
/** The longest version of a node, in bytes of UTF-8. */
export const NODE_VERSION_BYTES_MAX = 16;
/** Stands between name and version: the unit separator of ASCII. */
export const VERSION_SIGN = 0x1f;
/** The longest label, with a head of two bytes. */
export const LABEL_BYTES_MAX = NODE_NAME_BYTES_MAX + NODE_VERSION_BYTES_MAX + 3;

const TEXT_OF_0 = 0x60;
const TEXT_OF_24 = 0x78;
const UNDEFINED_ITEM = 0xf7;
const DELETE = 0x7f;
/** In UTF-8, the lead byte of U+0080 to U+00BF; the control characters are those below U+00A0. */
const LEAD_OF_CONTROLS = 0xc2;
const CONTROLS_END = 0xa0;

/** Where the value begins in the bytes from `start` to `end`, exclusive: behind the label, or at `start`. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) return start;
  const head = bytes[start];
  let next = start;
  const length = bytes[start + 1];
  if (head === TEXT_OF_24 && length >= 24 && length <= LABEL_BYTES_MAX - 2) next = start + 2 + length;
  else if (head > TEXT_OF_0 && head < TEXT_OF_24) next = start + 1 + head - TEXT_OF_0;
  return next < end ? next : start;
}

/** Where the text of a label that begins at `start` begins. */
export function nameTextStart(bytes: Uint8Array, start: number): number {
  return start + (bytes[start] === TEXT_OF_24 ? 2 : 1);
}

/** Where the name ends in a label's text from `start` to `end`: at the sign before the version, or at `end`. */
export function nameTextEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== VERSION_SIGN) at++;
  return at;
}

/** Bytes of the value from `valueStart`, which `nameEnd` gave, to `end`: 0 if it is the sign for none. */
export function valueBytesOf(bytes: Uint8Array, start: number, valueStart: number, end: number): number {
  const isNone = valueStart > start && end - valueStart === 1 && bytes[valueStart] === UNDEFINED_ITEM;
  return isNone ? 0 : end - valueStart;
}

/**
 * Whether the bytes from `start` to `end`, exclusive, are exactly a value, or a label
 * and a value. Allocates nothing and reads no bytes outside this range.
 */
export function checkNamedValue(bytes: Uint8Array, start: number, end: number): boolean {
  const valueStart = nameEnd(bytes, start, end);
  if (valueStart > start && !isLabelText(bytes, nameTextStart(bytes, start), valueStart)) return false;
  return cborEnd(bytes, valueStart, end) === end;
}

function isLabelText(bytes: Uint8Array, start: number, end: number): boolean {
  const nameEnds = nameTextEnd(bytes, start, end);
  if (nameEnds - start > NODE_NAME_BYTES_MAX || !isNameText(bytes, start, nameEnds)) return false;
  if (nameEnds === end) return true;
  const versionBytes = end - nameEnds - 1;
  return versionBytes > 0 && versionBytes <= NODE_VERSION_BYTES_MAX && isNameText(bytes, nameEnds + 1, end);
}

/** Whether the bytes from `start` to `end` are UTF-8 without control characters, which would reach terminals. */
export function isNameText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x20 || bytes[i] === DELETE) return false;
    if (bytes[i] === LEAD_OF_CONTROLS && i + 1 < end && bytes[i + 1] < CONTROLS_END) return false;
  }
  return isUtf8(bytes, start, end);
}

/**
 * Whether the label at `start` has the same name as the label in `name` from `nameStart` to `nameEnds`. Versions may
 * differ. False if there is no name.
 */
export function isSameName(
  bytes: Uint8Array, start: number, end: number, name: Uint8Array, nameStart: number, nameEnds: number,
): boolean {
  const labelEnd = nameEnd(bytes, start, end);
  if (labelEnd === start || nameEnds === nameStart) return false;
  const from = nameTextStart(bytes, start);
  const nameFrom = nameTextStart(name, nameStart);
  const length = nameTextEnd(name, nameFrom, nameEnds) - nameFrom;
  if (length === 0 || nameTextEnd(bytes, from, labelEnd) - from !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== name[nameFrom + i]) return false;
  return true;
}

/** Writes that a node with a label shares no value. Returns the offset after it. */
export function writeNoValue(out: Uint8Array, offset: number): number {
  out[offset] = UNDEFINED_ITEM;
  return offset + 1;
}
