import { FLAG_SENT_AS_UPDATE } from "./row-flags.js";
import { FLAGS, WORDS } from "./row-layout.js";

/*
 * Transmits left of a row: how many frames it still rides along on as an update.
 */

/** Added to the transmits of an urgent row. */
export const UPDATE_URGENT = 32;
/** With `transmitsLeft`: the row is in the frame that is being written, or the peer that is answered holds it. */
export const PEER_HOLDS = 128;
/** With more updates that are not urgent, frames leave them out: fingerprints show which of them a peer lacks. */
export const UPDATES_MAX = 8;
/** The highest `transmitsLeft` of a row. */
export const TRANSMITS_MAX = UPDATE_URGENT + 19;

const URGENT_SHIFT = 20;

/** The bit that stands for a number of transmits: 1 to 10 for plain rows, 13 to 31 for urgent ones. */
export function bitOf(transmits: number): number {
  return transmits > UPDATE_URGENT ? transmits - URGENT_SHIFT : transmits;
}

export function transmitsOf(bit: number): number {
  return bit > UPDATE_URGENT - URGENT_SHIFT ? bit + URGENT_SHIFT : bit;
}

/** What is left of a number, above 0 and perhaps with PEER_HOLDS, after one transmit. */
export function afterTransmit(transmits: number): number {
  const left = (transmits & ~PEER_HOLDS) - 1;
  return left === UPDATE_URGENT ? 0 : left;
}

/** The digits of a number of rows; 0 has none. @param bits of a digit */
export function digitsOf(rows: number, bits: number): number {
  let digits = 0;
  for (let rest = rows; rest > 0; rest >>>= bits) digits++;
  return digits;
}

/**
 * Subtracts a transmit from each row that is in the frame that was written or that the peer holds, or from all. Visits
 * the slots in which rows may have any: mostly few.
 *
 * @param words the rows' words
 * @param bytes the transmits of all rows are in the last `capacity`
 * @returns the bits of what rows have left then
 */
export function countTransmits(
  words: Uint32Array, bytes: Uint8Array, capacity: number, from: number, to: number, all: boolean,
): number {
  const start = bytes.length - capacity;
  let bits = 0;
  for (let slot = from; slot < to; slot++) {
    const byte = bytes[start + slot];
    if (byte === 0) continue;
    if (all || byte >= PEER_HOLDS) {
      words[slot * WORDS + FLAGS] &= ~FLAG_SENT_AS_UPDATE;
      bytes[start + slot] = afterTransmit(byte);
    }
    bits |= 1 << bitOf(bytes[start + slot]);
  }
  // Bit 0 is for rows that are no updates any more.
  return bits & ~1;
}

/** The number of rows that are updates. It visits all slots. */
export function countUpdates(rows: { readonly capacity: number; transmitsLeft(slot: number): number }): number {
  let count = 0;
  for (let slot = 0; slot < rows.capacity; slot++) if (rows.transmitsLeft(slot) > 0) count++;
  return count;
}
