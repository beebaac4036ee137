import { orderKey } from "./hash.js";
import type { Rows } from "./rows.js";
import { ASLEEP, PROBED, UP, isCounted } from "./states.js";

/**
 * PROTOCOL 6.8: the hash over ids, revisions, states and values of all rows but tombstones. Heartbeats go on while a
 * node sleeps, so the table hash never is the same at its waking.
 *
 * @param isSecond whether the second word is wanted, or the first
 */
export function valuesHash(rows: Rows, isSecond: boolean): number {
  // Borrows the words of the table hash, as fingerprints do.
  const sum = rows.tableHash;
  const first = sum.first;
  const second = sum.second;
  sum.clear();
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    const state = rows.state(slot);
    const shown = rows.isAsleep(slot) ? ASLEEP : state === PROBED ? UP : state;
    if (isCounted(state)) sum.add(rows.id(slot), rows.revision(slot), valueHash(rows, slot), shown);
  }
  const word = isSecond ? sum.second : sum.first;
  sum.first = first;
  sum.second = second;
  return word;
}

/** As `networkHash`, of name and value. */
function valueHash(rows: Rows, slot: number): number {
  const bytes = rows.valueBytes();
  const start = rows.valueStart(slot);
  const length = rows.valueLength(slot);
  let value = length;
  for (let i = 0; i < length; i++) value = orderKey((value ^ bytes[start + i]) >>> 0);
  return value;
}
