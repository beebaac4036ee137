import { OWN_SLOT } from "../table/rows.js";
import { compareStamps, compareTimes, stampCounter, stampMs, writeStamp } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { holdsEvent, isOutdated } from "./join.js";
import { BIRTH, BIRTH_FLOOR, DROPPED } from "./state-words.js";

/*
 * Which events of a branch of the own feed are stored: those that the feed lacks. It lacks no event that it has
 * superseded, and none that the node itself has published since its start and dropped to make room. The first of
 * these is called the birth.
 */

/** An event is about to be published, with a stamp. Only the first one counts. */
export function noteBirth(feeds: FeedStore, ms: number, counter: number): void {
  if (birthMs(feeds) !== Infinity) return;
  writeStamp(feeds.arena.bytes, feeds.stampAt(BIRTH), ms, counter);
  feeds.setState(BIRTH_FLOOR, feeds.floor(OWN_SLOT));
}

/** Record stamps have stepped back: what was published before does not count as published since the start. */
export function forgetBirth(feeds: FeedStore): void {
  writeStamp(feeds.arena.bytes, feeds.stampAt(BIRTH), 0, 0);
  // A stamp from the future would take in all that is published until then.
  writeStamp(feeds.arena.bytes, feeds.stampAt(DROPPED), 0, 0);
}

/** Milliseconds of the stamp of the first event that was published since the start; Infinity: there is none. */
export function birthMs(feeds: FeedStore): number {
  const ms = stampMs(feeds.arena.bytes, feeds.stampAt(BIRTH));
  // No event gets a stamp of 0.
  return ms === 0 ? Infinity : ms;
}

/** The own feed is about to begin a generation, whose floor is 1. */
export function beforeGeneration(feeds: FeedStore, hlc: Hlc): void {
  noteDropped(feeds, hlc);
  feeds.setState(BIRTH_FLOOR, 1);
}

/** Whether the event of `length` bytes in the scratch is to be stored. */
export function isWanted(feeds: FeedStore, hlc: Hlc, length: number): boolean {
  const at = feeds.chain.eventAt;
  return !holdsEvent(feeds, OWN_SLOT, at, length) && !wasDropped(feeds, hlc, at)
    && !isOutdated(feeds, OWN_SLOT, at, length);
}

/**
 * Whether the stamp at `at` of the arena, of an event that is not held, is that of an event that was published since
 * the start and dropped. A node without a time of day that starts with an older log can stamp events between those of
 * the life that the log lacks. So a stamp behind the birth alone says nothing.
 */
export function wasDropped(feeds: FeedStore, hlc: Hlc, at: number): boolean {
  noteDropped(feeds, hlc);
  const bytes = feeds.arena.bytes;
  return birthMs(feeds) !== Infinity && compareStamps(bytes, at, bytes, feeds.stampAt(BIRTH)) >= 0
    && compareStamps(bytes, at, bytes, feeds.stampAt(DROPPED)) < 0;
}

function noteDropped(feeds: FeedStore, hlc: Hlc): void {
  const floor = feeds.floor(OWN_SLOT);
  if (birthMs(feeds) === Infinity || floor <= feeds.state(BIRTH_FLOOR) || !feeds.isComplete(OWN_SLOT)) return;
  const record = feeds.arena.from(OWN_SLOT, floor);
  const ms = record === 0 ? hlc.ms : feeds.ms(record);
  const counter = record === 0 ? hlc.counter : feeds.counter(record);
  const bytes = feeds.arena.bytes;
  const dropped = feeds.stampAt(DROPPED);
  if (compareTimes(ms, counter, stampMs(bytes, dropped), stampCounter(bytes, dropped)) <= 0) return;
  writeStamp(bytes, dropped, ms, counter);
}
