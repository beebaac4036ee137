import {
  FLAG_IN_SYNC, SECTION_LENGTH_MASK, SECTION_MESSAGE, SECTION_TAG_SHIFT, TABLE_HASH_BYTES, TYPE_ACK, TYPE_BITS,
  TYPE_DIFF,
} from "../../src/engine/wire/frame.js";

/** Where the section MESSAGE or HOP of a frame that is not sealed begins; -1: it has none. */
export function messageSection(bytes: Uint8Array, length: number): number {
  let at = 6;
  const skipVarint = (): void => {
    while (bytes[at] >= 0x80) at++;
    at++;
  };
  for (let i = 0; i < 3; i++) skipVarint();
  const type = bytes[1] & TYPE_BITS;
  const hasHash = type !== TYPE_ACK || (bytes[1] & FLAG_IN_SYNC) === 0;
  if (hasHash) at += TABLE_HASH_BYTES;
  if (type === TYPE_ACK || type === TYPE_DIFF) skipVarint();
  const head = (): number => (bytes[at] << 8) | bytes[at + 1];
  while (at < length && head() >>> SECTION_TAG_SHIFT < SECTION_MESSAGE) at += 2 + (head() & SECTION_LENGTH_MASK);
  return at < length ? at : -1;
}

/** Whether a frame that is not sealed has a section MESSAGE or HOP. */
export function isOfMessage(bytes: Uint8Array, length: number): boolean {
  return messageSection(bytes, length) >= 0;
}
