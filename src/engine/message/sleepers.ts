import type { Clock } from "../clock.js";
import type { Rows } from "../table/rows.js";
import { OWN_SLOT } from "../table/rows.js";
import { KIND_RECEIPT, KIND_REPLY, KIND_SEND, OPEN, SENDING } from "./message.js";
import type { MessageStore } from "./message-store.js";

/** PROTOCOL 11.6: whether messages of a kind wait for a receiver that sleeps. */
export function isStorable(kind: number): boolean {
  return kind === KIND_SEND || kind === KIND_RECEIPT || kind === KIND_REPLY;
}

/** Whether a message of a kind may wait for its receiver, which sleeps now. @param to its id */
export function isForSleeper(rows: Rows, kind: number, to: number): boolean {
  const slot = isStorable(kind) ? rows.find(to) : -1;
  return slot > OWN_SLOT && rows.isAsleep(slot);
}

/** Until the word of a node that sleeps is over, and a round, in ms; 0: it is awake. @param slot of its row, or -1 */
export function sleepMs(rows: Rows, clock: Clock, slot: number): number {
  if (slot <= OWN_SLOT || !rows.isAsleep(slot)) return 0;
  return Math.max(0, (rows.deadline(slot) - clock.nowMs) | 0);
}

/**
 * Whether one more message may wait for nodes that sleep: own ones and those of others take half of the places each,
 * at most, and together three quarters, so that other messages have room.
 */
export function mayWait(store: MessageStore, rows: Rows, isOwn: boolean): boolean {
  let waiting = 0;
  let all = 0;
  for (let place = 0; place < store.count; place++) {
    const isUnderWay = store.has(place, SENDING | OPEN);
    if (!isUnderWay || !isForSleeper(rows, store.kind(place), store.to(place))) continue;
    all++;
    if ((store.cameFrom(place) === OWN_SLOT) === isOwn) waiting++;
  }
  return waiting < store.count >>> 1 && all < store.count - (store.count >>> 2);
}
