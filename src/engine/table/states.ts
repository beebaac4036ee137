/**
 * States of a row, in the order of ESPGossip: at equal revision and heartbeat
 * the higher number is the fresher one.
 */
export const UP = 0;
/** A SYN went out and is not answered yet. Known to this node only, never on the wire. */
export const PROBED = 1;
export const SUSPECT = 2;
export const DOWN = 3;
/** A tombstone: kept for a while so that the row does not come back, then forgotten. */
export const REMOVE = 4;
/**
 * The node said goodbye. Its row is kept and told as if it were DOWN, so that
 * what it has said still reaches those who come later; then it is a tombstone.
 */
export const LEFT = 5;

/** Whether a row in this state counts: all but tombstones do. */
export function isCounted(state: number): boolean {
  return state !== REMOVE;
}
