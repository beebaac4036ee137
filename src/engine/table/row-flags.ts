/*
 * Bits of a row's flags.
 */

/** The application has not been notified of a fresher statement yet. */
export const FLAG_NOTIFY_UPDATE = 1;
/** The application has not been notified of the row's state yet. */
export const FLAG_NOTIFY_STATE = 2;
/** A probe of the node is not answered yet. */
export const FLAG_PROBED = 4;
/** The row goes to the peer that is answered. */
export const FLAG_TO_SEND = 8;
/** The row rides along on the frame that is being written. */
export const FLAG_SENT_AS_UPDATE = 16;
/** Of the table: the slot holds a row. */
export const FLAG_HELD = 32;
/** The suspicion has lasted long enough, and the last probe before DOWN was sent. */
export const FLAG_LAST_PROBE = 64;
/** The node does not use the compact dialect, so it is never probed. */
export const FLAG_FOREIGN = 128;
/** The address is proven: it answered a frame of this node. */
export const FLAG_PROVEN = 0x100;
/** `ReplayGuard` has a window for the node's counters. */
export const FLAG_WINDOW = 0x200;
/**
 * The node shares a value that no peer has sent to this one. The value that is held, if any, is of an earlier
 * statement.
 */
export const FLAG_AWAITS_VALUE = 0x400;
/** The node's limits are known for this start of it, and were compared with this node's. */
export const FLAG_LIMITS = 0x800;
/** Of the own row: peers have the limits of this node, so it shows them only where a peer shows its own. */
export const FLAG_ALIKE = 0x800;
/** Of the own row, which has no last probes: the user gave its address, and no peer's row changes it. */
export const FLAG_ADDRESS_GIVEN = 64;
/** In a table of the ESPGossip dialect, which has no last probes: this node makes the row's statements. */
export const FLAG_VOUCHED = 64;

// Of the link to a node. Without FLAG_NEIGHBOUR and FLAG_REMOTE it is not known yet. Both go when the address changes.
/** The node answered a frame of this node, and no later probe of it failed: the link works in both directions. */
export const FLAG_NEIGHBOUR = 0x80000;
/** A probe of the node failed: at most others hear it. */
export const FLAG_REMOTE = 0x100000;
/** A frame of the node arrived since its last probe began: it reaches this node. */
export const FLAG_HEARD = 0x200000;
/**
 * Of the own row, which no frame comes from: others may be out of reach, DOWN or gone. Without it none is, and no round
 * has to visit all rows. `Rows.setRemote` and `Suspicion` set it, a round that finds none clears it.
 */
export const FLAG_ANY_LOST = 0x200000;
/** A peer heard the node since its last probe began, or vouches for it. */
export const FLAG_WITNESSED = 0x400000;
/** Of the own row, for which no peer vouches: the address is another one than in the last statement. */
export const FLAG_MOVED = 0x400000;
/** The node made a statement since its row is held. A row that arrived by mistake, as of a damaged id, never has it. */
export const FLAG_CONFIRMED = 0x800000;
