/*
 * Where a row's fields lie in the typed arrays of `Rows`.
 */

// Columns of a row: uint32, then uint16, then uint8.
export const ID = 0;
export const ADDRESS = 1;
export const REVISION = 2;
export const HEARTBEAT = 3;
export const DEADLINE = 4;
export const WORDS = 5;

export const PORT = 0;
/** Lists for `listed`: the pass over the peers, and the rows for the peer that is answered. */
export const LIST_PROBE_ORDER = 1;
export const LIST_TO_SEND = 2;
/** Slot of the node that the freshest statement came from. */
export const VIA = 3;
export const ROW_HALVES = 4;
/** With the list of slots in the order of keys. */
export const HALVES = ROW_HALVES + 1;

/** The state in the low three bits, then flags from 0x10000 on. */
export const STATE = 0;
export const STATE_BITS = 7;
export const FLAGS = 1;
export const VALUE_LENGTH = 2;
/** Flags from 0x100 to 0x800; in the high four bits, the SYNs that were answered since the last round. */
export const MORE_FLAGS = 3;
export const ANSWERS_SHIFT = 4;
export const ANSWERS = 0xf0;
export const BYTES = 4;
/** Bytes of `transmitsLeft`. */
export const TRANSMITS_BYTES = 1;

/** Bytes of one row without its value. */
export const ROW_BYTES = WORDS * 4 + HALVES * 2 + BYTES + TRANSMITS_BYTES;

export function flagAt(slot: number, flag: number): number {
  return slot * BYTES + (flag < 0x100 ? FLAGS : flag < 0x10000 ? MORE_FLAGS : STATE);
}

export function flagBit(flag: number): number {
  return flag < 0x100 ? flag : flag < 0x10000 ? flag >>> 8 : flag >>> 16;
}
