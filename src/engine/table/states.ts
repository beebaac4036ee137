/**
 * States of a row, in the order of ESPGossip: at equal revision and heartbeat
 * the higher number is the fresher one.
 */
export const UP = 0;
/**
 * A node that should hear it, or hear of it, does not, and asks all others: who hears it, passes that on, and the node
 * refutes it. The application is not notified of it. It shows a row that is UP in the same way while a probe is not
 * answered.
 */
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
/**
 * On the wire, and in the table's bits: the row is UP, and its node said that it sleeps until the row's deadline. It
 * belongs to the statement, as the value does. `Rows.state` shows UP, `Rows.isAsleep` the difference.
 */
export const ASLEEP = 6;
/** Longest time that a node may sleep: 20 days. */
export const SLEEP_SECONDS_MAX = 1728000;

/** Whether hashes and fingerprints include a row in this state: they leave out tombstones only. */
export function isCounted(state: number): boolean {
  return state !== REMOVE;
}
