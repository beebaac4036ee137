import { FLAG_MORE, SECTION_HEAD_BYTES, SECTION_WINDOW, TYPE_DIFF, sectionHead } from "../wire/frame.js";
import type { Writer } from "../wire/cursor.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { BURST_MOST, WINDOW, WINDOW_COUNTER } from "../table/node-words.js";
import { BURST_MAX } from "./outbox-words.js";

/*
 * PROTOCOL 5.4: whoever gets a burst that was too short shows in its DIFF how many datagrams it takes at a time: first
 * four times as many as all nodes take, then four times as many each time the end of a burst arrives. Where datagrams
 * are lost, the exchange ends; the next one begins with short bursts.
 */

/** The base-2 logarithm of the growth. */
const GROWTH_LOG = 2;
/** Bytes of the section. */
export const WINDOW_BYTES = SECTION_HEAD_BYTES + 1;

/** Datagrams that the answer to a frame of a proven peer may have. */
export function datagramsFor(words: Uint32Array, frame: FrameReader): number {
  const most = words[BURST_MOST];
  const shown = frame.type === TYPE_DIFF ? shownWindow(frame) : 0;
  return shown <= BURST_MAX ? BURST_MAX : shown < most ? shown : most;
}

function shownWindow(frame: FrameReader): number {
  let shown = 0;
  frame.rewind();
  while (frame.nextSection()) if (frame.section === SECTION_WINDOW && frame.more()) shown = frame.u8();
  return shown;
}

/** Sets the window that the answer to a frame shows. Returns whether it shows one: if the burst was too short. */
export function openWindow(words: Uint32Array, frame: FrameReader): boolean {
  if ((frame.flags & FLAG_MORE) === 0) return false;
  const goesOn = words[WINDOW] > 0 && frame.inReplyTo === words[WINDOW_COUNTER];
  const window = (goesOn ? words[WINDOW] : BURST_MAX) << GROWTH_LOG;
  const most = words[BURST_MOST];
  words[WINDOW] = window < most ? window : most;
  return true;
}

/** Writes the window behind all other sections. There is room. @param counter of the frame */
export function writeWindow(words: Uint32Array, writer: Writer, counter: number): void {
  words[WINDOW_COUNTER] = counter;
  writer.u16(sectionHead(SECTION_WINDOW, 1));
  writer.u8(words[WINDOW]);
}
