import { OWN_SLOT, type Rows } from "../table/rows.js";
import {
  BASE_FIRST, BASE_SECOND, FLOOR, LAST_REMOVAL, NOTIFIED, RECORD_UNCERTAIN, SEQUENCE,
} from "./arena.js";
import type { FeedStore } from "./feed-store.js";

/** A record that stays. */
interface Kept {
  sequence: number;
  tipFirst: number;
  tipSecond: number;
  event: Uint8Array;
}

/**
 * Has a node give up what it holds of another author's feed beyond an event, as that author was revoked there (PROTOCOL
 * 10.11). Otherwise it would offer that to others for ever, in vain. It may have taken it in before it heard of the
 * revocation.
 *
 * @param last sequence number of that event, in `generation`; 0: nothing stays
 * @returns whether anything changed
 */
export function truncateFeed(feeds: FeedStore, rows: Rows, slot: number, generation: number, last: number): boolean {
  if (slot <= OWN_SLOT || feeds.sequence(slot) === 0) return false;
  const held = feeds.generation(slot);
  const isSame = held === generation;
  // An older generation stays until the one of the revocation arrives.
  if (isSame ? feeds.sequence(slot) <= last : held < generation) return false;
  rows.subtractFromFeedsHash(slot);
  if (isSame && last > 0 && isTipHeld(feeds, slot, last)) truncate(feeds, slot, last);
  else feeds.drop(slot);
  rows.addToFeedsHash(slot);
  return true;
}

function isTipHeld(feeds: FeedStore, slot: number, sequence: number): boolean {
  if (!feeds.isComplete(slot)) return false;
  return feeds.floor(slot) === sequence + 1
    || (feeds.floor(slot) <= sequence && feeds.arena.find(slot, sequence) !== 0);
}

/** Lets a feed end at an event that is held, or at its floor. Values that later events superseded count again. */
function truncate(feeds: FeedStore, slot: number, sequence: number): void {
  const arena = feeds.arena;
  const floor = arena.get(slot, FLOOR);
  const baseFirst = arena.get(slot, BASE_FIRST);
  const baseSecond = arena.get(slot, BASE_SECOND);
  const lastRemoval = Math.min(arena.get(slot, LAST_REMOVAL), sequence);
  const isCut = feeds.isCut(slot);
  const kept: Kept[] = [];
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const isLeft = !arena.isHeld(record) || arena.hasFlag(record, RECORD_UNCERTAIN);
    if (isLeft || arena.sequence(record) > sequence) continue;
    const event = new Uint8Array(arena.eventLength(record));
    for (let i = 0; i < event.length; i++) event[i] = arena.bytes[arena.eventAt(record) + i];
    kept.push({
      sequence: arena.sequence(record), tipFirst: arena.tipFirst(record), tipSecond: arena.tipSecond(record), event,
    });
  }
  feeds.begin(slot, feeds.generation(slot));
  arena.compact();
  arena.set(slot, SEQUENCE, sequence);
  arena.set(slot, FLOOR, floor);
  arena.set(slot, BASE_FIRST, baseFirst);
  arena.set(slot, BASE_SECOND, baseSecond);
  arena.set(slot, LAST_REMOVAL, lastRemoval);
  // The application was notified of them.
  arena.set(slot, NOTIFIED, sequence);
  if (isCut) feeds.cut(slot);
  for (let i = 0; i < kept.length; i++) {
    const one = kept[i];
    feeds.copyToScratch(one.event, 0, one.event.length);
    feeds.put(slot, one.sequence, one.tipFirst, one.tipSecond, one.event.length);
  }
}
