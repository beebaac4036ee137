import { SECTION_WANT } from "../wire/frame.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { WANTS_AT, WANT_COUNT, WANT_NEXT } from "../table/node-words.js";

/*
 * The ids that this node wants from the peer that is answered, in words of the node.
 */

/** Adds an id. Returns whether there was room: for `most` ids. */
export function addWant(words: Uint32Array, most: number, id: number): boolean {
  const count = words[WANT_COUNT];
  if (count === most) return false;
  words[words[WANTS_AT] + count] = id;
  words[WANT_COUNT] = count + 1;
  return true;
}

/** Writes those that are not sent yet, as many as fit. Returns whether all did. */
export function writeWants(words: Uint32Array, writer: FrameWriter): boolean {
  const count = words[WANT_COUNT];
  let next = words[WANT_NEXT];
  if (next < count && writer.beginIds(SECTION_WANT)) {
    while (next < count && writer.writeId(words[words[WANTS_AT] + next])) next++;
    words[WANT_NEXT] = next;
    writer.endSection();
  }
  return next === count;
}
