/*
 * Where a row's fields lie in the typed arrays of `Rows`.
 */

// Columns of a row: uint32, then uint16. Of the rest, its value and one byte.
export const ID = 0;
export const ADDRESS = 1;
export const REVISION = 2;
export const HEARTBEAT = 3;
export const DEADLINE = 4;
/** The flags at their own bits, and what is between them: see below. One word, so that a flag is one access. */
export const FLAGS = 5;
export const WORDS = 6;

// Words of the table, behind those of its rows, and before the marks of `changes.ts`. The first is `Rows.grownMs`.
export const COUNTED = 1;
export const TABLE_WORDS = 2;

export const PORT = 0;
/** Slot of the node that the freshest statement came from. */
export const VIA = 1;
export const ROW_HALVES = 2;
/**
 * Lists for `listed`, behind the rows, one after the other: the pass over the peers, and the rows for the peer that is
 * answered. The latter are mostly few. Then the most of that list is never written, and takes no RAM on desktops.
 */
export const LIST_PROBE_ORDER = 3;
export const LIST_TO_SEND = 4;
/** With the list of slots in the order of keys. */
export const HALVES = ROW_HALVES + 3;

// In FLAGS, between flags: the SYNs that were answered since the last round, the state, the length of the value.
export const ANSWERS_SHIFT = 12;
export const ANSWERS = 0xf000;
export const STATE_SHIFT = 16;
export const STATE_BITS = 7;
export const STATE_MASK = STATE_BITS << STATE_SHIFT;
export const LENGTH_SHIFT = 24;
/** Bytes of `transmitsLeft`. */
export const TRANSMITS_BYTES = 1;

/** Bytes of one row without its value. */
export const ROW_BYTES = WORDS * 4 + HALVES * 2 + TRANSMITS_BYTES;
