/**
 * States of a row, in the order of ESPGossip: at equal revision and heartbeat
 * the higher number is the fresher one.
 */
export const UP = 0;
/** A probe is not answered yet. Local to this node, never on the wire. */
export const PROBED = 1;
export const SUSPECT = 2;
export const DOWN = 3;
/** A tombstone: kept for `removeAfterMs` so that peers do not bring the row back, then removed. */
export const REMOVE = 4;
/**
 * The node announced that it leaves. Its row is kept and sent as if it were DOWN,
 * so that its events reach nodes that join later. Then it becomes a tombstone.
 */
export const LEFT = 5;

/** Whether hashes and fingerprints include a row in this state: they leave out tombstones only. */
export function isCounted(state: number): boolean {
  return state !== REMOVE;
}
