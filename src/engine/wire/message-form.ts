import { SECTION_HOP } from "./frame.js";

/** Bytes of a MESSAGE without its payload: try and hops, life, kind, receiver, sender, number. */
const HEAD_BYTES = 17;
const QUERY_BYTES = 4;
const AT_LEFT = 1;
const AT_KIND = 4;
const KIND_REPLY = 4;
const KIND_MAX = 6;
/** What a HOP says, and a check of the message. */
const HOP_BYTES = 3;
const HOP_MAX = 4;
/** A HOP for a node that sleeps: how many messages wait for it (PROTOCOL 11.6). */
export const WAITING_BYTES = 1;

/** Whether a MESSAGE or HOP, in the bytes from `at` to `end`, is well-formed and in a frame that may have it. */
export function isMessage(bytes: Uint8Array, at: number, end: number, section: number, isAnswer: boolean): boolean {
  const length = end - at;
  if (section === SECTION_HOP && length === WAITING_BYTES) return isAnswer;
  if (section === SECTION_HOP) return isAnswer && length === HOP_BYTES && bytes[at] <= HOP_MAX;
  if (isAnswer || length < HEAD_BYTES) return false;
  const kind = bytes[at + AT_KIND];
  const hasLife = bytes[at + AT_LEFT] > 0 || bytes[at + AT_LEFT + 1] > 0 || bytes[at + AT_LEFT + 2] > 0;
  return hasLife && kind <= KIND_MAX && (kind !== KIND_REPLY || length >= HEAD_BYTES + QUERY_BYTES);
}
