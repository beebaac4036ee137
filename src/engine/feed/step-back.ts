import type { Clock } from "../clock.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { NOTIFIED, RECORD_NOTIFIED, recordWords } from "./arena.js";
import { adoptAuthorClock } from "./author-clocks.js";
import { COPY_BYTES, NO_NAME, isOwnForm, nameHash, ttlSecondsAt, writeCopy, writeStamp } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import { DAY_MS, type Hlc } from "./hlc.js";

/** A time passed. Whether that ends a round. Rounds are counted here, in a word. */
export function isRoundOver(words: Uint32Array, at: number, clock: Clock): boolean {
  if (!clock.isDue(words[at + DEADLINE])) return false;
  // Inputs may come a little before a round is over, so deadlines follow from each other.
  words[at + DEADLINE] += clock.roundIntervalMs;
  if (clock.isDue(words[at + DEADLINE])) words[at + DEADLINE] = clock.nowMs + clock.roundIntervalMs;
  return true;
}

/**
 * Once a round: a node without a clock takes the time on which others agree.
 * Returns whether the node has to step back (PROTOCOL 10.7): it knows the time, and its stamps were
 * more than a day ahead of it for 64 rounds. The stamps of its feed are never later than `hlc`.
 */
export function keepTime(words: Uint32Array, at: number, rows: Rows, hlc: Hlc, clock: Clock): boolean {
  adoptAuthorClock(words, at, rows, hlc);
  const isAhead = hlc.isFarAhead(clock.callerMs, hlc.ms);
  words[at + AHEAD_ROUNDS] = isAhead ? words[at + AHEAD_ROUNDS] + 1 : 0;
  return words[at + AHEAD_ROUNDS] > STEP_BACK_ROUNDS;
}

/**
 * Whether the own feed ends with a stamp that is more than a day ahead, or with an event that is not held any more.
 * Then a step back takes a new generation. Otherwise the clock alone steps back, by `stepClockBack`.
 */
export function isFeedAhead(feeds: FeedStore, hlc: Hlc, nowMs: number): boolean {
  if (feeds.sequence(OWN_SLOT) === 0) return false;
  const last = feeds.arena.find(OWN_SLOT, feeds.sequence(OWN_SLOT));
  return last === 0 || feeds.ms(last) - hlc.futureMs(nowMs) > DAY_MS;
}

/** Sets the clock back to physical time, but not to before the last event of the own feed. */
export function stepClockBack(feeds: FeedStore, hlc: Hlc, nowMs: number): void {
  const last = feeds.arena.last(OWN_SLOT);
  hlc.stepBack(nowMs, last === 0 ? 0 : feeds.ms(last), last === 0 ? 0 : feeds.counter(last));
}

/** Makes room for `stampAnew`: log events and others that do not count go first. Returns whether there is room. */
export function reserveAnew(feeds: FeedStore, hlc: Hlc, nowMs: number): boolean {
  const arena = feeds.arena;
  const futureMs = hlc.futureMs(nowMs);
  let words = 0;
  for (let record = arena.first(OWN_SLOT); record !== 0; record = arena.next(record)) {
    if (feeds.ms(record) <= futureMs || !isOwnForm(arena.bytes, arena.eventAt(record))) continue;
    words += recordWords(arena.eventLength(record) + COPY_BYTES) - arena.wordsAt(record);
  }
  return feeds.reserve(words);
}

/**
 * Gives all records of the own feed that are from the future new stamps, from physical time on, in their order. They
 * become copies of the node's own events: order and identity stay. Sets the clock back. `reserveAnew` has made room,
 * and `FeedStore.rechain` was called before and has to follow: sequence numbers are only in order then.
 */
export function stampAnew(feeds: FeedStore, hlc: Hlc, nowMs: number): void {
  const arena = feeds.arena;
  const futureMs = hlc.futureMs(nowMs);
  const notified = arena.get(OWN_SLOT, NOTIFIED);
  const end = feeds.sequence(OWN_SLOT);
  let keptMs = 0;
  let keptCounter = 0;
  let record = arena.first(OWN_SLOT);
  for (; record !== 0 && feeds.ms(record) <= futureMs; record = arena.next(record)) {
    keptMs = feeds.ms(record);
    keptCounter = feeds.counter(record);
  }
  hlc.stepBack(nowMs, keptMs, keptCounter);
  // A record that was stamped anew goes behind all others.
  for (let sequence = end + 1; record !== 0 && arena.sequence(record) <= end; sequence++) {
    const number = arena.sequence(record);
    const next = arena.next(record);
    const hasMoved = stampRecord(feeds, record, sequence, hlc, nowMs);
    record = hasMoved ? arena.from(OWN_SLOT, number + 1) : next;
  }
  arena.set(OWN_SLOT, NOTIFIED, notified);
}

/** Replaces a record by one with a new stamp and number. Returns whether other records have moved. */
function stampRecord(feeds: FeedStore, record: number, sequence: number, hlc: Hlc, nowMs: number): boolean {
  const arena = feeds.arena;
  const bytes = arena.bytes;
  const scratch = feeds.chain.eventAt;
  const start = arena.eventAt(record);
  const isNotified = arena.hasFlag(record, RECORD_NOTIFIED) || !arena.isUnnotified(record);
  let length = arena.eventLength(record);
  if (isOwnForm(bytes, start)) {
    length = writeCopy(bytes, scratch, bytes, start, length, feeds.author(OWN_SLOT), ttlSecondsAt(bytes, start));
  } else {
    feeds.copyToScratch(bytes, start, length);
  }
  hlc.now(nowMs);
  writeStamp(bytes, scratch, hlc.ms, hlc.counter);
  feeds.arena.free(record);
  const hasMoved = arena.gather(recordWords(length));
  arena.set(OWN_SLOT, NOTIFIED, isNotified ? sequence : 0);
  const anew = arena.allocate(OWN_SLOT, sequence, 0, 0, length);
  const at = arena.eventAt(anew);
  for (let i = 0; i < length; i++) bytes[at + i] = bytes[scratch + i];
  const hash = nameHash(bytes, at);
  if (hash !== NO_NAME) arena.addNamed(anew, hash);
  feeds.arena.added(anew);
  return hasMoved;
}

// Words of the table of `author-clocks.ts`.
/** Engine time of the next round. */
const DEADLINE = 14;
/** Rounds since which the stamps are more than a day ahead. */
const AHEAD_ROUNDS = 15;
/** A node steps back after this many rounds: its clock may be wrong now, and have been right before. */
const STEP_BACK_ROUNDS = 64;
