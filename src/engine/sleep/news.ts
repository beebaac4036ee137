import type { Outbox } from "../reconcile/outbox.js";
import { orderKey } from "../table/hash.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { ASLEEP, PROBED, UP, isCounted } from "../table/states.js";
import { type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";

/*
 * What a node that wakes up for a moment asks: did anything change that an application sees? The heartbeats of all
 * nodes went on while it slept, so the table hash never is the same. Its SYN has the hash of the values instead.
 */

/** PROTOCOL 6.8: the first or second word of the hash over ids, revisions, states and values of all rows but tombstones. */
export function valuesHash(rows: Rows, isSecond: boolean): number {
  // Borrows the words of the table hash, as fingerprints do.
  const sum = rows.tableHash;
  const first = sum.first;
  const second = sum.second;
  sum.clear();
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    const state = rows.state(slot);
    const shown = rows.isAsleep(slot) ? ASLEEP : state === PROBED ? UP : state;
    if (isCounted(state)) sum.add(rows.id(slot), rows.revision(slot), valueHash(rows, slot), shown);
  }
  const word = isSecond ? sum.second : sum.first;
  sum.first = first;
  sum.second = second;
  return word;
}

/** As `networkHash`, of name and value. */
function valueHash(rows: Rows, slot: number): number {
  const bytes = rows.valueBytes();
  const start = rows.valueStart(slot);
  const length = rows.valueLength(slot);
  let value = length;
  for (let i = 0; i < length; i++) value = orderKey((value ^ bytes[start + i]) >>> 0);
  return value;
}

/**
 * PROTOCOL 6.8: whether a SYN that was applied is of a node that sleeps. If so, the answer gets all rows if any value
 * or feed differs, and no rows if none does. The updates are for nodes that pass them on.
 */
export function answerWaking(rows: Rows, outbox: Outbox, frame: FrameReader): boolean {
  const sender = rows.find(frame.id);
  if (sender < 0 || !rows.isAsleep(sender)) return false;
  if (rows.revision(sender) !== frame.revision || rows.heartbeat(sender) !== frame.heartbeat) return false;
  outbox.withholdUpdates();
  const feeds = rows.feedsHash;
  const hasFeeds = feeds === undefined || frame.feedsHash === NO_FEEDS || feeds.word() === frame.feedsHash;
  const isSame = valuesHash(rows, false) === (frame.tableHashFirst | 0)
    && valuesHash(rows, true) === (frame.tableHashSecond | 0);
  if (hasFeeds && isSame) return true;
  outbox.send(OWN_SLOT);
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== sender && isCounted(rows.state(slot))) outbox.send(slot);
  }
  return true;
}
