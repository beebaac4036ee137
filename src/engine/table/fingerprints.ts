import type { Rows } from "./rows.js";
import { isCounted } from "./states.js";

/*
 * Fingerprints, with which two nodes find the rows that differ. They leave out
 * tombstones. The sums borrow the words of `rows.tableHash`: another object would
 * take 64 bytes of a board's RAM.
 */

/** 8 bits over the rows with order keys from `from` to `to`, and their feeds if wanted; other bits for each `salt`. */
export function rangeFingerprint(rows: Rows, from: number, to: number, salt: number, withFeeds: boolean): number {
  const first = rows.tableHash.first;
  const second = rows.tableHash.second;
  rows.tableHash.clear();
  const start = rows.placeOf(from);
  const end = placeBehind(rows, to);
  for (let place = start; place < end; place++) addRow(rows, rows.slotAt(place), withFeeds);
  return fold(rows, first, second, salt) & 0xff;
}

/** 8 bits over one row, and its feed if wanted; other bits for each `salt`. */
export function rowFingerprint(rows: Rows, slot: number, salt: number, withFeeds: boolean): number {
  return rowPrint(rows, slot, salt, withFeeds) & 0xff;
}

/** As `rowFingerprint`, 32 bits: an int32. */
export function rowPrint(rows: Rows, slot: number, salt: number, withFeeds: boolean): number {
  const first = rows.tableHash.first;
  const second = rows.tableHash.second;
  rows.tableHash.clear();
  addRow(rows, slot, withFeeds);
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

/** 8 bits over the ids of the rows with order keys from `from` to `to`. */
export function rosterFingerprint(rows: Rows, from: number, to: number): number {
  let sum = 0;
  const start = rows.placeOf(from);
  const end = placeBehind(rows, to);
  for (let place = start; place < end; place++) {
    if (rows.isCountedAt(place)) sum = (sum + rows.orderKeyAt(place)) | 0;
  }
  return (sum ^ (sum >>> 16)) & 0xff;
}

/** The number of rows with order keys from `from` to `to`. */
export function countBetween(rows: Rows, from: number, to: number): number {
  let count = 0;
  const start = rows.placeOf(from);
  const end = placeBehind(rows, to);
  for (let place = start; place < end; place++) if (rows.isCountedAt(place)) count++;
  return count;
}

/** The place behind all rows with order keys up to `to`: one search is cheaper than the key of each row. */
export function placeBehind(rows: Rows, to: number): number {
  return to === KEY_MAX ? rows.count : rows.placeOf(to + 1);
}

const KEY_MAX = 0xffffffff;

function addRow(rows: Rows, slot: number, withFeeds: boolean): void {
  const state = rows.state(slot);
  if (!isCounted(state)) return;
  rows.tableHash.add(rows.id(slot), rows.revision(slot), rows.heartbeat(slot), state);
  if (withFeeds && rows.feedsHash !== undefined) rows.feedsHash.addTo(rows.tableHash, slot);
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
