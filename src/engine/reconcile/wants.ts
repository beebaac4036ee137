import { SECTION_WANT } from "../wire/frame.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { WANTS, WANT_COUNT, WANT_NEXT } from "./outbox-words.js";

/*
 * The ids that this node wants from the peer that is answered, in the words of an outbox from `start` on.
 */

/** Adds an id. Returns whether there was room: for `most` ids. */
export function addWant(words: Uint32Array, start: number, most: number, id: number): boolean {
  const count = words[start + WANT_COUNT];
  if (count === most) return false;
  words[start + WANTS + count] = id;
  words[start + WANT_COUNT] = count + 1;
  return true;
}

/** Writes those that are not sent yet, as many as fit. Returns whether all did. */
export function writeWants(words: Uint32Array, start: number, writer: FrameWriter): boolean {
  const count = words[start + WANT_COUNT];
  let next = words[start + WANT_NEXT];
  if (next < count && writer.beginIds(SECTION_WANT)) {
    while (next < count && writer.writeId(words[start + WANTS + next])) next++;
    words[start + WANT_NEXT] = next;
    writer.endSection();
  }
  return next === count;
}
