/**
 * States of a row, in the order of ESPGossip: at equal revision and heartbeat
 * the higher number is the fresher one.
 */
export const UP = 0;
/** A SYN went out and is not answered yet. Known to this node only, never on the wire. */
export const ASKED = 1;
export const SUSPECT = 2;
export const DOWN = 3;
/** A tombstone: kept for a while so that the row does not come back, then forgotten. */
export const REMOVE = 4;
/** The node said goodbye: a tombstone too, but its owner's own word. */
export const LEFT = 5;
