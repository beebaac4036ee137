import { FLAG_FOREIGN, FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN, LEFT } from "../table/states.js";

/*
 * Nodes that are in no pass of probes but may be there, or in reach, again.
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
  if (slot === OWN_SLOT || state === LEFT || rows.hasFlag(slot, FLAG_FOREIGN)) return false;
  if (!rows.trusts(rows.address(slot))) return false;
  return (state >= DOWN || rows.hasFlag(slot, FLAG_REMOTE)) && (!isFormer || rows.hasFlag(slot, FLAG_PROVEN));
}
