import { orderKey } from "./hash.js";
import { ID, WORDS } from "./row-layout.js";

const ORDER_KEY_MAX = 0xffffffff;
const ORDER_KEY_SHIFT = 17;
/** Interpolations after which a search halves. With 1,000 rows 4 are enough, against 10 halvings. */
const GUESSES_MAX = 6;

/** In tables of boards the first guess is mostly less than so many places off. */
const NEAR_PLACES = 8;
const SMALL_TABLE = 128;

/**
 * The place of the row of a node, or the one where it would be. In a small table it looks at the ids near the first
 * guess: on XS an id costs a fifth of an order key.
 */
export function seekId(words: Uint32Array, slots: Uint16Array, count: number, id: number): number {
  const key = orderKey(id);
  if (count > 0 && count <= SMALL_TABLE) {
    let place = ((key >>> ORDER_KEY_SHIFT) * count) >>> (32 - ORDER_KEY_SHIFT);
    const found = words[slots[place] * WORDS + ID];
    if (found === id) return place;
    const step = orderKey(found) < key ? 1 : -1;
    place += step;
    for (let left = NEAR_PLACES; left > 0 && place >= 0 && place < count; left--) {
      if (words[slots[place] * WORDS + ID] === id) return place;
      place += step;
    }
  }
  return seekPlace(words, slots, count, key);
}

/**
 * The place of the first of `count` rows whose order key is not below `key`; `count` when there is none. Order keys are
 * spread evenly, so 4 interpolations find most. After 6 it halves the rest, which bounds the search for ids that an
 * attacker chose.
 *
 * @param words the rows' words, by slot
 * @param slots the rows' slots, in the order of their keys
 */
export function seekPlace(words: Uint32Array, slots: Uint16Array, count: number, key: number): number {
  let low = 0;
  let high = count;
  // Without their low bits, so that products stay below 2^31.
  const sought = key >>> ORDER_KEY_SHIFT;
  let lowKey = 0;
  let highKey = ORDER_KEY_MAX >>> ORDER_KEY_SHIFT;
  for (let guesses = GUESSES_MAX; low < high; guesses--) {
    const middle = guesses > 0
      ? low + (((sought - lowKey) * (high - low) / (highKey - lowKey + 1)) | 0)
      : (low + high) >>> 1;
    const found = orderKey(words[slots[middle] * WORDS + ID]);
    if (found === key) return middle;
    if (found < key) {
      low = middle + 1;
      lowKey = found >>> ORDER_KEY_SHIFT;
    } else {
      high = middle;
      highKey = found >>> ORDER_KEY_SHIFT;
    }
  }
  return low;
}
