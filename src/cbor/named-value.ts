import { cborEnd } from "./cbor-check.js";
import { isUtf8 } from "./utf8.js";

/**
 * What a node shares in its row (PROTOCOL 4.6): a value, or the node's name and a
 * value. This is a CBOR sequence (RFC 8742):
 *
 *   value         one item: the node has no name
 *   name value    two items: a text of 1 to 24 bytes, then the value
 *   name f7       the node has a name and shares no value
 *
 * No bytes at all: the node has no name and shares no value. A text alone is a value.
 */

/** The longest name of a node, in bytes of UTF-8. */
export const NODE_NAME_BYTES_MAX = 24;

const TEXT_OF_0 = 0x60;
const TEXT_OF_24 = 0x78;
const UNDEFINED_ITEM = 0xf7;
const DELETE = 0x7f;
/** In UTF-8, the lead byte of U+0080 to U+00BF; the control characters are those below U+00A0. */
const LEAD_OF_CONTROLS = 0xc2;
const CONTROLS_END = 0xa0;

/** Where the value begins in the bytes from `start` to `end`, exclusive: behind the name, or at `start`. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) return start;
  const head = bytes[start];
  let next = start;
  if (head === TEXT_OF_24 && bytes[start + 1] === NODE_NAME_BYTES_MAX) next = start + 2 + NODE_NAME_BYTES_MAX;
  else if (head > TEXT_OF_0 && head < TEXT_OF_24) next = start + 1 + head - TEXT_OF_0;
  return next < end ? next : start;
}

/** Where the text of a name that begins at `start` begins. */
export function nameTextStart(bytes: Uint8Array, start: number): number {
  return start + (bytes[start] === TEXT_OF_24 ? 2 : 1);
}

/** Bytes of the value from `valueStart`, which `nameEnd` gave, to `end`: 0 if it is the sign behind a name for none. */
export function valueBytesOf(bytes: Uint8Array, start: number, valueStart: number, end: number): number {
  const isNone = valueStart > start && end - valueStart === 1 && bytes[valueStart] === UNDEFINED_ITEM;
  return isNone ? 0 : end - valueStart;
}

/**
 * Whether the bytes from `start` to `end`, exclusive, are exactly a value, or a name
 * and a value. Allocates nothing and reads no bytes outside this range.
 */
export function checkNamedValue(bytes: Uint8Array, start: number, end: number): boolean {
  const valueStart = nameEnd(bytes, start, end);
  if (valueStart > start && !isNameText(bytes, nameTextStart(bytes, start), valueStart)) return false;
  return cborEnd(bytes, valueStart, end) === end;
}

/** Whether the bytes from `start` to `end` are UTF-8 without control characters, which would reach terminals. */
export function isNameText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x20 || bytes[i] === DELETE) return false;
    if (bytes[i] === LEAD_OF_CONTROLS && i + 1 < end && bytes[i + 1] < CONTROLS_END) return false;
  }
  return isUtf8(bytes, start, end);
}

/** Whether a name and value at `start` begin with the encoded name at `name`, which ends at `nameEnds` there. */
export function isSameName(
  bytes: Uint8Array, start: number, end: number, name: Uint8Array, nameStart: number, nameEnds: number,
): boolean {
  const length = nameEnds - nameStart;
  if (length === 0 || nameEnd(bytes, start, end) - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== name[nameStart + i]) return false;
  return true;
}

/** Writes that a node with a name shares no value. Returns the offset after it. */
export function writeNoValue(out: Uint8Array, offset: number): number {
  out[offset] = UNDEFINED_ITEM;
  return offset + 1;
}
