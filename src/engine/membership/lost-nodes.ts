import { FLAG_ANY_LOST } from "../table/row-flags.js";
import { FLAG_FOREIGN, FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN, LEFT } from "../table/states.js";
import type { Seeds } from "./seeds.js";

/*
 * Nodes that are in no pass of probes but may be there, or in reach, again; and seeds that may lead to others. Where
 * the order does not matter, rows are visited in that of slots, so that a processor with a cache reads ahead: until all
 * rows were there, so that free slots behind them cost nothing.
 */

/** A network may be split if one row in so many is DOWN. */
const SPLIT_PART = 4;

/** Whether so many rows are DOWN that the network may be split. */
export function isManyDown(rows: Rows): boolean {
  let down = 0;
  if (!rows.hasFlag(OWN_SLOT, FLAG_ANY_LOST)) return false;
  let left = rows.count;
  for (let slot = 0; left > 0 && slot < rows.capacity; slot++) {
    if (!rows.isHeld(slot)) continue;
    left--;
    if (rows.state(slot) === DOWN) down++;
  }
  return down * SPLIT_PART >= rows.count;
}

/** How many there are. @param isFormer only those that answered once */
export function countLost(rows: Rows, isFormer: boolean): number {
  let lost = 0;
  if (!rows.hasFlag(OWN_SLOT, FLAG_ANY_LOST)) return 0;
  let left = rows.count;
  for (let slot = 0; left > 0 && slot < rows.capacity; slot++) {
    if (!rows.isHeld(slot)) continue;
    left--;
    if (isLost(rows, slot, isFormer)) lost++;
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
  // First what is true of few rows.
  if (state < DOWN && !rows.hasFlag(slot, FLAG_REMOTE)) return false;
  if (slot === OWN_SLOT || state === LEFT || rows.isAsleep(slot) || rows.hasFlag(slot, FLAG_FOREIGN)) return false;
  return rows.trusts(rows.address(slot)) && (!isFormer || rows.hasFlag(slot, FLAG_PROVEN));
}

/** How many of the seeds that the user gave are addresses of live rows. */
export function countLiveSeeds(rows: Rows, seeds: Seeds): number {
  let live = 0;
  for (let i = 0; i < seeds.pinned; i++) if (isLiveSeed(rows, seeds, i)) live++;
  return live;
}

/** Whether a live row has the address and port of a seed. Mostly it is the row that had it before. */
export function isLiveSeed(rows: Rows, seeds: Seeds, index: number): boolean {
  const address = seeds.address(index);
  const port = seeds.port(index);
  const former = seeds.slot(index);
  if (former < rows.capacity && isLiveAt(rows, former, address, port)) return true;
  let left = rows.count;
  for (let slot = 0; left > 0 && slot < rows.capacity; slot++) {
    if (rows.isHeld(slot)) left--;
    if (!isLiveAt(rows, slot, address, port)) continue;
    seeds.setSlot(index, slot);
    return true;
  }
  return false;
}

function isLiveAt(rows: Rows, slot: number, address: number, port: number): boolean {
  return rows.address(slot) === address && rows.port(slot) === port && rows.state(slot) < DOWN && rows.isHeld(slot);
}
