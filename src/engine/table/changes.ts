import { FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE } from "./row-flags.js";
import { NODE_WORDS } from "./node-words.js";
import { FLAGS, WORDS } from "./row-layout.js";

/*
 * Marks of rows with changes to notify, in a large table: a bit for each slot. There changed rows lie far apart, and
 * visits to all rows between them would cost more than the changed rows.
 */

/** With up to so many rows, as on boards, there are no marks. */
export const UNMARKED_ROWS_MAX = 128;

/** Words that the marks take. @param capacity in rows */
export function changeWords(capacity: number): number {
  return capacity > UNMARKED_ROWS_MAX ? (capacity + 31) >>> 5 : 0;
}

/** @param words the rows' words */
export function markChange(words: Uint32Array, capacity: number, slot: number): void {
  words[NODE_WORDS + capacity * WORDS + (slot >>> 5)] |= 1 << (slot & 31);
}

/** The first slot from `from` on whose row has changes to notify; `end - 1` when there is none below `end`. */
export function nextChanged(words: Uint32Array, capacity: number, from: number, end: number): number {
  for (let slot = from; slot < end; slot++) {
    const at = NODE_WORDS + capacity * WORDS + (slot >>> 5);
    const bits = words[at] >>> (slot & 31);
    if (bits === 0) slot |= 31;
    else if ((bits & 1) !== 0) {
      if ((words[slot * WORDS + FLAGS] & (FLAG_NOTIFY_UPDATE | FLAG_NOTIFY_STATE)) !== 0) return slot;
      words[at] &= ~(1 << (slot & 31));
    }
  }
  return end - 1;
}
