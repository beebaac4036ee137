import { DOWN } from "./states.js";

/** The part of a table that is looked at. */
interface StateTable {
  readonly count: number;
  slotAt(place: number): number;
  state(slot: number): number;
}

/** The slot of the row that a full table gives up first: a tombstone, else a row that is DOWN; -1: it has neither. */
export function leastWorth(rows: StateTable): number {
  let victim = -1;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.state(slot) < DOWN) continue;
    if (victim < 0 || rows.state(slot) > rows.state(victim)) victim = slot;
  }
  return victim;
}
