import { FLAG_FOREIGN, FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN, LEFT } from "../table/states.js";
import type { Seeds } from "./seeds.js";

/*
 * Nodes that are in no pass of probes but may be there, or in reach, again; and seeds that may lead to others.
 */

/** A network may be split if one row in so many is DOWN. */
const SPLIT_PART = 4;

/** Whether so many rows are DOWN that the network may be split. */
export function isManyDown(rows: Rows): boolean {
  let down = 0;
  for (let place = 0; place < rows.count; place++) {
    if (rows.state(rows.slotAt(place)) === DOWN) down++;
  }
  return down * SPLIT_PART >= rows.count;
}

/** How many there are. @param isFormer only those that answered once */
export function countLost(rows: Rows, isFormer: boolean): number {
  let lost = 0;
  for (let place = 0; place < rows.count; place++) {
    if (isLost(rows, rows.slotAt(place), isFormer)) lost++;
  }
  return lost;
}

/** The slot of the one at an index, 0 to `countLost` - 1. */
export function lostAt(rows: Rows, index: number, isFormer: boolean): number {
  let left = index;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (isLost(rows, slot, isFormer) && left-- === 0) return slot;
  }
  return OWN_SLOT;
}

function isLost(rows: Rows, slot: number, isFormer: boolean): boolean {
  const state = rows.state(slot);
  if (slot === OWN_SLOT || state === LEFT || rows.isAsleep(slot) || rows.hasFlag(slot, FLAG_FOREIGN)) return false;
  if (!rows.trusts(rows.address(slot))) return false;
  return (state >= DOWN || rows.hasFlag(slot, FLAG_REMOTE)) && (!isFormer || rows.hasFlag(slot, FLAG_PROVEN));
}

/** How many of the seeds that the user gave are addresses of live rows. */
export function countLiveSeeds(rows: Rows, seeds: Seeds): number {
  let live = 0;
  for (let i = 0; i < seeds.pinned; i++) if (isLiveAddress(rows, seeds.address(i), seeds.port(i))) live++;
  return live;
}

/** Whether a live row has this address and port. */
export function isLiveAddress(rows: Rows, address: number, port: number): boolean {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.address(slot) === address && rows.port(slot) === port && rows.state(slot) < DOWN) return true;
  }
  return false;
}
