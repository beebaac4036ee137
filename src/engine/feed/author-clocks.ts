import type { Rows } from "../table/rows.js";
import { DOWN } from "../table/states.js";
import { type Hlc, isPlausible } from "./hlc.js";
import { CLOCK_LATE, CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "./kinds.js";

/*
 * The clocks of other authors, from which a node without a clock takes the time (PROTOCOL 10.7).
 *
 * The table has 4 authors, in the words that the caller gives. An entry is the author's id and the
 * author's clock less `Hlc.upMs`. An event that is new shows what its author's clock reads. An
 * event that others held before shows only the least possible time; bit 31 of `HIGH` says so.
 * Entries of new events stand first, the newest first. The others follow, the latest time first.
 *
 * word   0   3   6   9   entries: id, high and low word of the difference in milliseconds; high word 0: free
 * word  12               id of the only author whose clock counts, 0: none
 * word  13               rounds since it has been the only one
 * word  14               engine time of the next round       } of `step-back.ts`
 * word  15               rounds since stamps are far ahead    }
 */

/** Words that this table and `step-back.ts` take. */
export const TIME_WORDS = 16;

/** The author of slot `slot` has published an event whose record has the stamp `ms`. `isNew`: it was made just now. */
export function noteAuthorClock(
  words: Uint32Array, at: number, rows: Rows, slot: number, hlc: Hlc, ms: number, isNew: boolean,
): void {
  // PROTOCOL 10.7: odd milliseconds were not read from a clock.
  if (hlc.source === CLOCK_OWN || ms % 2 !== 0 || !isPlausible(ms) || !isLive(rows, slot)) return;
  const offset = ms - hlc.upMs;
  const author = rows.id(slot);
  let place = at;
  while (!isNew && place < at + ENTRY_END && isBefore(words, place, offset)) {
    // What is new of this author counts more.
    if (words[place + ID] === author) return;
    place += ENTRY_WORDS;
  }
  if (place === at + ENTRY_END) return;
  removeAuthor(words, at, author);
  for (let i = at + ENTRY_END - 1; i >= place + ENTRY_WORDS; i--) words[i] = words[i - ENTRY_WORDS];
  const high = Math.floor(offset / TWO_32);
  words[place + ID] = author;
  words[place + HIGH] = isNew ? high : high | OLD;
  words[place + LOW] = offset - high * TWO_32;
}

/** Once a round: takes the time on which authors agree. Steps in both directions. */
export function adoptAuthorClock(words: Uint32Array, at: number, rows: Rows, hlc: Hlc): void {
  if (hlc.source === CLOCK_OWN) return;
  const live = liveEntries(words, at, rows);
  const isOld = (live & OLD_ENTRIES) !== 0;
  let place = 0;
  if (!isOld) place = largestGroup(words, at, live);
  else if (hlc.source !== CLOCK_PEER) place = earliest(words, at, live);
  const isSingle = isOld || (live & (live - 1)) === 0;
  const leader = place !== 0 && isSingle ? words[place + ID] : 0;
  if (words[at + LEADER] !== leader) {
    words[at + LEADER] = leader;
    words[at + LEADER_ROUNDS] = 0;
  }
  if (leader !== 0 && words[at + LEADER_ROUNDS] < SINGLE_ROUNDS) words[at + LEADER_ROUNDS]++;
  else if (place !== 0) step(hlc, offsetAt(words, place), isOld ? CLOCK_LATE : CLOCK_PEER);
}

const ID = 0;
const HIGH = 1;
const LOW = 2;
const ENTRY_WORDS = 3;
const ENTRY_END = 12;
const LEADER = 12;
const LEADER_ROUNDS = 13;
/** Bit of `HIGH`: the event was held by others before. */
const OLD = 0x80000000;
const TWO_32 = 4294967296;
/** Bit of `liveEntries`: there are only entries of old events. */
const OLD_ENTRIES = 0x10;
/** A node takes the time of a single author after this many rounds. */
const SINGLE_ROUNDS = 64;
/** Milliseconds: clocks that differ by no more agree. */
const HOUR_MS = 3600000;

function isLive(rows: Rows, slot: number): boolean {
  return slot >= 0 && rows.state(slot) < DOWN;
}

function offsetAt(words: Uint32Array, place: number): number {
  return (words[place + HIGH] & ~OLD) * TWO_32 + words[place + LOW];
}

/** Whether an entry stands before one of an old event with the difference `offset`. */
function isBefore(words: Uint32Array, place: number, offset: number): boolean {
  const high = words[place + HIGH];
  return high !== 0 && (high < OLD || offsetAt(words, place) >= offset);
}

function removeAuthor(words: Uint32Array, at: number, author: number): void {
  let to = at;
  for (let from = at; from < at + ENTRY_END; from += ENTRY_WORDS) {
    if (words[from + HIGH] !== 0 && words[from + ID] === author) continue;
    for (let i = 0; i < ENTRY_WORDS; i++) words[to + i] = words[from + i];
    to += ENTRY_WORDS;
  }
  for (; to < at + ENTRY_END; to++) words[to] = 0;
}

/** The entries of live authors, one bit each: those of new events, or if there are none those of old events. */
function liveEntries(words: Uint32Array, at: number, rows: Rows): number {
  let recent = 0;
  let old = 0;
  for (let i = 0; i * ENTRY_WORDS < ENTRY_END; i++) {
    const place = at + i * ENTRY_WORDS;
    if (words[place + HIGH] === 0 || !isLive(rows, rows.find(words[place + ID]))) continue;
    if (words[place + HIGH] < OLD) recent |= 1 << i;
    else old |= 1 << i;
  }
  return recent !== 0 || old === 0 ? recent : old | OLD_ENTRIES;
}

/**
 * The latest entry of the largest group of at least two that agree; of two equal groups, of the earlier. A single
 * entry if it is the only one. 0: there is none. Delays only make a clock look late, so the latest of a group counts.
 */
function largestGroup(words: Uint32Array, at: number, live: number): number {
  let best = 0;
  let most = (live & (live - 1)) === 0 ? 0 : 1;
  for (let i = 0; i * ENTRY_WORDS < ENTRY_END; i++) {
    if ((live & (1 << i)) === 0) continue;
    const offset = offsetAt(words, at + i * ENTRY_WORDS);
    let latest = at + i * ENTRY_WORDS;
    let count = 0;
    for (let j = 0; j * ENTRY_WORDS < ENTRY_END; j++) {
      const place = at + j * ENTRY_WORDS;
      if ((live & (1 << j)) === 0 || Math.abs(offsetAt(words, place) - offset) > HOUR_MS) continue;
      count++;
      if (offsetAt(words, place) > offsetAt(words, latest)) latest = place;
    }
    if (count < most || (count === most && (best === 0 || offsetAt(words, best) <= offsetAt(words, latest)))) continue;
    most = count;
    best = latest;
  }
  return best;
}

/** The entry with the earliest time. */
function earliest(words: Uint32Array, at: number, live: number): number {
  let best = 0;
  for (let i = 0; i * ENTRY_WORDS < ENTRY_END; i++) {
    const place = at + i * ENTRY_WORDS;
    if ((live & (1 << i)) === 0) continue;
    if (best === 0 || offsetAt(words, place) < offsetAt(words, best)) best = place;
  }
  return best;
}

function step(hlc: Hlc, offset: number, source: number): void {
  const difference = offset - hlc.offsetMs;
  // A small step goes forward only: delays make a clock look late.
  const isSmall = difference <= 0 && difference >= -HOUR_MS;
  if (hlc.source === CLOCK_NONE || source > hlc.source || !isSmall) hlc.adopt(offset, source);
}
