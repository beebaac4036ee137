import { COUNTER_MAX } from "./hlc.js";
import {
  EVENT_HEAD_BYTES, compareStamps, compareTimes, isCopyAt, isMergeAt, kindAt, orderAt, originAuthorAt, stampCounter,
  stampMs, writeStamp,
} from "./event.js";
import { GENERATION, LAST_REMOVAL, NOTIFIED, RECORD_GONE, RECORD_NOTIFIED, SEQUENCE } from "./arena.js";
import type { FeedStore } from "./feed-store.js";
import { firstNamed, nextNamed, orderCounterOf, orderMsOf, originAuthor, recordKind } from "./names.js";
import { KIND_END, KIND_LOG, KIND_REMOVE } from "./kinds.js";
import { JOINED_ENDS, JOINED_ENDS_MAX, JOINED_END_WORDS } from "./state-words.js";

/**
 * Whether a feed holds the event of `length` bytes in canonical form at `at` of the arena.
 *
 * Two lives of a node that lost its storage can give one stamp to two events. `join` then raises one of them, so
 * an event whose stamp is taken may also be held under a later one.
 */
export function holdsEvent(feeds: FeedStore, slot: number, at: number, length: number): boolean {
  const arena = feeds.arena;
  const last = arena.last(slot);
  if (last === 0) return false;
  if (compareStamps(arena.bytes, arena.eventAt(last), arena.bytes, at) < 0) return holdsLog(feeds, slot, at);
  let record = arena.first(slot);
  while (record !== 0 && compareStamps(arena.bytes, arena.eventAt(record), arena.bytes, at) < 0) {
    record = arena.next(record);
  }
  if (record === 0 || compareStamps(arena.bytes, arena.eventAt(record), arena.bytes, at) !== 0) {
    return holdsLog(feeds, slot, at);
  }
  while (record !== 0 && !hasBody(feeds, record, at, length)) record = arena.next(record);
  return record !== 0;
}

/** Whether the event at `at` of the arena is a log event that a feed holds under another stamp, after a step back. */
function holdsLog(feeds: FeedStore, slot: number, at: number): boolean {
  const arena = feeds.arena;
  const bytes = arena.bytes;
  if (kindAt(bytes, at) !== KIND_LOG) return false;
  const order = orderAt(bytes, at, 0);
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const start = arena.eventAt(record);
    const isRestamped = isCopyAt(bytes, start) || isCopyAt(bytes, at);
    if (!isRestamped || recordKind(arena, record) !== KIND_LOG) continue;
    if (compareStamps(bytes, orderAt(bytes, start, 0), bytes, order) === 0) return true;
  }
  return false;
}

/** Whether a feed has a later event of the slot of the event of `length` bytes at `at` of the arena, or its end. */
export function isOutdated(feeds: FeedStore, slot: number, at: number, length: number): boolean {
  const arena = feeds.arena;
  const bytes = arena.bytes;
  const kind = kindAt(bytes, at);
  if (kind === KIND_LOG) return false;
  const author = originAuthorAt(bytes, at, feeds.author(slot));
  const order = orderAt(bytes, at, length);
  const isMerge = isMergeAt(bytes, at);
  for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
    if (arena.owner(other) !== slot || originAuthor(arena, other) !== author) continue;
    const later = compareTimes(
      orderMsOf(arena, other), orderCounterOf(arena, other), stampMs(bytes, order), stampCounter(bytes, order),
    );
    const otherKind = recordKind(arena, other);
    // In a merge topic removals have a slot of their own. Its end has the removal's stamp.
    const isSameSlot = !isMerge || (kind === KIND_REMOVE) === (otherKind === KIND_REMOVE)
      || (later === 0 && kind === KIND_REMOVE && otherKind === KIND_END);
    if (isSameSlot && (later > 0 || (later === 0 && (kind !== KIND_END || otherKind === KIND_END)))) return true;
  }
  return false;
}

/** Whether a record is the event at `at` of the arena, perhaps with another stamp. */
function hasBody(feeds: FeedStore, record: number, at: number, length: number): boolean {
  const bytes = feeds.arena.bytes;
  const start = feeds.arena.eventAt(record);
  if (feeds.arena.eventLength(record) !== length || bytes[start] !== bytes[at]) return false;
  for (let i = EVENT_HEAD_BYTES; i < length; i++) if (bytes[start + i] !== bytes[at + i]) return false;
  return true;
}

/**
 * Moves the events of the branch into a feed, by their stamps. `FeedStore.rechain` has to follow: sequence numbers are
 * only in order then, and there are no tips.
 */
export function join(feeds: FeedStore, slot: number, branch: number): void {
  const arena = feeds.arena;
  arena.freeAll(slot, RECORD_GONE);
  arena.freeAll(branch, RECORD_GONE);
  // Sequence numbers change, so no record that was freed may keep one.
  arena.compact();
  numberByStamp(feeds, slot, branch);
  // The application is notified of them: it was not, as long as they were in the branch.
  arena.set(slot, NOTIFIED, 0);
  for (let record = arena.first(branch); record !== 0; record = arena.first(branch)) {
    const length = arena.eventLength(record);
    const sequence = arena.sequence(record);
    feeds.copyToScratch(arena.bytes, arena.eventAt(record), length);
    // There is room for it once it is free here.
    feeds.arena.free(record);
    feeds.put(slot, sequence, 0, 0, length);
  }
}

/**
 * Numbers the records of both feeds in the order of their stamps, which then rise strictly. Of two with one stamp that
 * of the branch keeps it: it may be in other branches, too, which would have it twice under another stamp.
 */
function numberByStamp(feeds: FeedStore, slot: number, branch: number): void {
  const arena = feeds.arena;
  const bytes = arena.bytes;
  let sequence = 0;
  let ms = -1;
  let counter = 0;
  let held = arena.first(slot);
  let added = arena.first(branch);
  while (held !== 0 || added !== 0) {
    const isHeld = added === 0
      || (held !== 0 && compareStamps(bytes, arena.eventAt(held), bytes, arena.eventAt(added)) < 0);
    const record = isHeld ? held : added;
    if (isHeld) held = arena.next(held);
    else added = arena.next(added);
    const at = arena.eventAt(record);
    const isLater = stampMs(bytes, at) > ms || (stampMs(bytes, at) === ms && stampCounter(bytes, at) > counter);
    if (isLater) {
      ms = stampMs(bytes, at);
      counter = stampCounter(bytes, at);
    } else {
      ms = counter === COUNTER_MAX ? ms + 1 : ms;
      counter = counter === COUNTER_MAX ? 0 : counter + 1;
      writeStamp(bytes, at, ms, counter);
    }
    arena.renumber(record, ++sequence, 0, 0);
  }
}

/**
 * Puts the branch in the place of a feed, which is not in the feeds hash. The application is notified of the events
 * that the feed did not have.
 */
export function replace(feeds: FeedStore, slot: number, branch: number): void {
  const arena = feeds.arena;
  for (let record = arena.first(branch); record !== 0; record = arena.next(record)) {
    if (!holdsEvent(feeds, slot, arena.eventAt(record), arena.eventLength(record))) {
      arena.clearFlag(record, RECORD_NOTIFIED);
    }
  }
  feeds.begin(slot, feeds.generation(branch));
  if (feeds.isCut(branch)) feeds.cut(slot);
  for (let column = GENERATION; column <= LAST_REMOVAL; column++) arena.set(slot, column, arena.get(branch, column));
  for (let record = arena.first(branch); record !== 0; record = arena.first(branch)) {
    const sequence = arena.sequence(record);
    const tipFirst = arena.tipFirst(record);
    const tipSecond = arena.tipSecond(record);
    const length = arena.eventLength(record);
    arena.set(slot, NOTIFIED, arena.hasFlag(record, RECORD_NOTIFIED) ? sequence : 0);
    feeds.copyToScratch(arena.bytes, arena.eventAt(record), length);
    feeds.arena.free(record);
    feeds.put(slot, sequence, tipFirst, tipSecond, length);
  }
  arena.set(slot, NOTIFIED, arena.get(slot, SEQUENCE));
}

// The node remembers the last ends of branches of the own feed that are part of the feed now: a peer that holds one of
// them may get the present generation.

/** Remembers an end in the place of the oldest one. */
export function addJoinedEnd(feeds: FeedStore, generation: number, sequence: number, tip: number): void {
  if (sequence === 0 || tip === 0 || hasJoinedEnd(feeds, generation, sequence, tip)) return;
  for (let i = JOINED_ENDS + JOINED_ENDS_MAX * JOINED_END_WORDS - 1; i >= JOINED_ENDS + JOINED_END_WORDS; i--) {
    feeds.setState(i, feeds.state(i - JOINED_END_WORDS));
  }
  feeds.setState(JOINED_ENDS, generation);
  feeds.setState(JOINED_ENDS + 1, sequence);
  feeds.setState(JOINED_ENDS + 2, tip);
}

/** Whether an end is remembered. */
export function hasJoinedEnd(feeds: FeedStore, generation: number, sequence: number, tip: number): boolean {
  for (let i = 0; i < JOINED_ENDS_MAX; i++) {
    const at = JOINED_ENDS + i * JOINED_END_WORDS;
    if (feeds.state(at) !== generation || feeds.state(at + 1) !== sequence) continue;
    if (feeds.state(at + 2) === tip && tip !== 0) return true;
  }
  return false;
}
