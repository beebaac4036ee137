/*
 * Transmits left of a row: how many frames it still rides along on as an update.
 */

/** Added to the transmits of an urgent row. */
export const UPDATE_URGENT = 32;
/** With `transmitsLeft`: the row is in the frame that is being written, or the peer that is answered holds it. */
export const PEER_HOLDS = 128;
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

/** The number of rows that are updates. It visits all slots. */
export function countUpdates(rows: { readonly capacity: number; transmitsLeft(slot: number): number }): number {
  let count = 0;
  for (let slot = 0; slot < rows.capacity; slot++) if (rows.transmitsLeft(slot) > 0) count++;
  return count;
}
