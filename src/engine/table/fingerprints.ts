import type { Rows } from "./rows.js";
import { FLAGS, HEARTBEAT, ID, REVISION, STATE_BITS, STATE_SHIFT, WORDS } from "./row-layout.js";
import { ASLEEP, UP, isCounted } from "./states.js";

/*
 * Fingerprints, with which two nodes find the rows that differ. They leave out
 * tombstones. The sums borrow the words of `rows.tableHash`: another object would
 * take 64 bytes of a board's RAM.
 */

/**
 * 8 bits over the rows at places from `start` to below `end`, and their feeds if wanted; other bits for each `salt`.
 */
export function rangeFingerprint(rows: Rows, start: number, end: number, salt: number, withFeeds: boolean): number {
  return rangePrint(rows, start, end, salt, withFeeds) & 0xff;
}

/** As `rangeFingerprint`, 32 bits: an int32. */
export function rangePrint(rows: Rows, start: number, end: number, salt: number, withFeeds: boolean): number {
  const sum = rows.tableHash;
  const first = sum.first;
  const second = sum.second;
  // Reads the words itself: tens of rows are looked at for each that differs.
  const words = rows.words;
  const feeds = withFeeds ? rows.feedsHash : undefined;
  sum.clear();
  for (let place = start; place < end; place++) {
    const slot = rows.slotAt(place);
    const at = slot * WORDS;
    const state = (words[at + FLAGS] >>> STATE_SHIFT) & STATE_BITS;
    if (!isCounted(state)) continue;
    sum.mix(words[at + ID], words[at + REVISION], words[at + HEARTBEAT], state === ASLEEP ? UP : state, 1);
    if (feeds !== undefined) feeds.addTo(sum, slot);
  }
  return fold(rows, first, second, salt);
}

/** 8 bits over one feed, other bits for each `salt`; 0 when nothing of the feed is held. */
export function feedFingerprint(rows: Rows, slot: number, salt: number): number {
  const first = rows.tableHash.first;
  const second = rows.tableHash.second;
  rows.tableHash.clear();
  if (rows.feedsHash !== undefined) rows.feedsHash.addTo(rows.tableHash, slot);
  return fold(rows, first, second, salt) & 0xff;
}

/** 8 bits over the ids of the rows at places from `start` to below `end`. */
export function rosterFingerprint(rows: Rows, start: number, end: number): number {
  let sum = 0;
  for (let place = start; place < end; place++) {
    if (rows.isCountedAt(place)) sum = (sum + rows.orderKeyAt(place)) | 0;
  }
  return (sum ^ (sum >>> 16)) & 0xff;
}

/**
 * The place behind the rows of one of 2^`log` ranges, which begin at `start`. It visits these rows, as their
 * fingerprints do.
 */
export function rangeEnd(rows: Rows, start: number, range: number, log: number): number {
  const count = rows.count;
  let place = log === 0 ? count : start;
  while (place < count && rows.orderKeyAt(place) >>> (32 - log) <= range) place++;
  return place;
}

/** The number of rows but tombstones at places from `start` to below `end`. */
export function countBetween(rows: Rows, start: number, end: number): number {
  let count = 0;
  for (let place = start; place < end; place++) if (rows.isCountedAt(place)) count++;
  return count;
}

/** Folds the sum in `rows.tableHash` to an int32 and restores the words of the table hash. */
function fold(rows: Rows, first: number, second: number, salt: number): number {
  const sum = rows.tableHash;
  const rotation = salt & 31;
  const print = (sum.first + ((sum.second << rotation) | (sum.second >>> (31 - rotation) >>> 1))) | 0;
  sum.first = first;
  sum.second = second;
  return print;
}
