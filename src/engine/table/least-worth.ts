import type { Rows } from "./rows.js";
import { DOWN } from "./states.js";

/** The slot of the row that a full table gives up first: a tombstone, else a row that is DOWN; -1: it has neither. */
export function leastWorth(rows: Rows): number {
  let victim = -1;
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (rows.state(slot) < DOWN) continue;
    if (victim < 0 || rows.state(slot) > rows.state(victim)) victim = slot;
  }
  return victim;
}
