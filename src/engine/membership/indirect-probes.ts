import type { Clock } from "../clock.js";
import type { Outbox } from "../reconcile/outbox.js";
import type { Rows } from "../table/rows.js";

/*
 * The peers that sent this node a ping request (SWIM's indirect probe), in words from `start` on. When the
 * probed node sends a frame, each of these peers gets an indirect ack. It answers
 * the peer's frame, so that nobody can replay it.
 */

/** Ping requests that a node works on at one time. */
const INDIRECT_PROBES_MAX = 4;
const ID = 0;
/** Id of the peer; that of the probed node itself when the entry is free. */
const PEER = 1;
/** Counter of the peer's frame with the ping request. */
const COUNTER = 2;
const DEADLINE = 3;
const WORDS = 4;
/** Behind the entries: the latest deadline of any, and the entry that is filled next. */
const LATEST = INDIRECT_PROBES_MAX * WORDS;
const NEXT = LATEST + 1;
export const INDIRECT_PROBE_WORDS = NEXT + 1;

/** Adds the ping request of a peer. When all entries are occupied, it replaces the oldest. */
export function addIndirectProbe(
  words: Uint32Array, start: number, id: number, peer: number, counter: number, deadline: number,
): void {
  const at = start + words[start + NEXT] * WORDS;
  words[start + NEXT] = (words[start + NEXT] + 1) % INDIRECT_PROBES_MAX;
  words[at + ID] = id;
  words[at + PEER] = peer;
  words[at + COUNTER] = counter;
  words[at + DEADLINE] = deadline;
  words[start + LATEST] = deadline;
}

/** Whether a peer may wait for an indirect ack. */
export function hasIndirectProbe(words: Uint32Array, start: number, nowMs: number): boolean {
  return ((nowMs - words[start + LATEST]) | 0) < 0;
}

/** A frame of a node arrived: sends an indirect ack to each peer that requested a probe of this node. */
export function answerIndirectProbes(
  words: Uint32Array, start: number, id: number, rows: Rows, clock: Clock, outbox: Outbox,
): void {
  for (let at = start; at < start + LATEST; at += WORDS) {
    if (words[at + ID] !== id || words[at + PEER] === id) continue;
    // The last place in the outbox is for an answer.
    if (outbox.intentsLeft() < 2) return;
    const slot = rows.find(words[at + PEER]);
    const isInTime = slot >= 0 && !clock.isDue(words[at + DEADLINE]);
    if (isInTime) outbox.addIndirectAck(id, slot, words[at + COUNTER]);
    words[at + PEER] = id;
  }
}
