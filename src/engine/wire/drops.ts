/**
 * Why a datagram, or a row or batch in it, was refused. The numbers are stable:
 * they index the drop counters, and PROTOCOL.md 3.3, 8.1 and 10.4 list them.
 */
export const DROP_NONE = 0;
/** The first byte is not of a chisme frame. */
export const DROP_MAGIC = 1;
/** A chisme frame of another version. */
export const DROP_VERSION = 2;
/** The type or a flag is unknown, or the flags do not fit the type. */
export const DROP_TYPE = 3;
/**
 * The datagram ends in the middle of a field, has a varint before its sections that is not in shortest form, is longer
 * than 1,472 bytes, or is sealed and too short for a body.
 */
export const DROP_LENGTH = 4;
/** A section is out of order or malformed. */
export const DROP_SECTION = 5;
/** A row has an impossible state, address or head byte, or the datagram comes from an impossible address. */
export const DROP_ROW = 6;
/** A value is not one item of deterministic CBOR, or is nested deeper than 4. */
export const DROP_VALUE = 7;
/** The node's own datagram came back, as broadcasts do. */
export const DROP_ECHO = 8;
/** Another device uses this node's id. */
export const DROP_ID_CONFLICT = 9;
/** The revision is below the one held for the sender. */
export const DROP_STALE = 10;
/** A row was refused because the table is full of live rows. The rest was applied. */
export const DROP_TABLE_FULL = 11;
/** The value of a row is longer than `valueBytesMax`. The row was applied without it; in ESPGossip it was refused. */
export const DROP_VALUE_TOO_LARGE = 12;
/** An answer to none of the node's last 1,024 frames of this start; if sealed, to none of the last 5 to 10 s. */
export const DROP_UNASKED = 13;
/** Not sealed although this node has a key, or sealed although it has none. */
export const DROP_UNSEALED = 14;
/** Sealed with another key or for another receiver, or changed on the way. */
export const DROP_SEAL = 15;
/** Sealed, but it arrived before. */
export const DROP_REPLAY = 16;
/** Sealed, but it may have arrived before, or is for whoever gets it: its sender got a challenge. */
export const DROP_UNPROVEN = 17;
/** An event, batch or snapshot chunk is malformed, too long, or has a stamp that does not rise. */
export const DROP_EVENT = 18;
/** A batch does not chain to the events that are held: changed on the way, or two events have one number. */
export const DROP_FORK = 19;
/** A batch begins beyond the events that are held. The node requests it again. */
export const DROP_GAP = 20;
/** Nothing in a batch is new. */
export const DROP_DUPLICATE = 21;
/** A batch is of a generation that a later one superseded. */
export const DROP_OLD_GENERATION = 22;
/** The event buffer is full of values that are alive. */
export const DROP_ARENA_FULL = 23;
/** Of a network with another name, or perhaps so: its sender has not shown its network's whole hash yet. */
export const DROP_NETWORK = 24;
/** A row went to boards with a slash in place of each backslash, which they cannot repeat. */
export const DROP_BACKSLASH = 25;
/** It comes from an address outside of the subnets that the node trusts. */
export const DROP_UNTRUSTED = 26;
/**
 * A batch has no signature that vouches for its new events, under the key that is accepted for its author; or it is a
 * snapshot chunk, and this node verifies signatures.
 */
export const DROP_SIGNATURE = 27;
/** The number of reasons, DROP_NONE included. */
export const DROP_REASONS = 28;

/** The name under which `stats` shows a reason. */
export function dropReasonName(reason: number): string {
  switch (reason) {
    case DROP_MAGIC: return "magic";
    case DROP_VERSION: return "version";
    case DROP_TYPE: return "type";
    case DROP_LENGTH: return "length";
    case DROP_SECTION: return "section";
    case DROP_ROW: return "row";
    case DROP_VALUE: return "value";
    case DROP_ECHO: return "echo";
    case DROP_ID_CONFLICT: return "idConflict";
    case DROP_STALE: return "stale";
    case DROP_TABLE_FULL: return "tableFull";
    case DROP_VALUE_TOO_LARGE: return "valueTooLarge";
    case DROP_UNASKED: return "unasked";
    case DROP_UNSEALED: return "unsealed";
    case DROP_SEAL: return "seal";
    case DROP_REPLAY: return "replay";
    case DROP_UNPROVEN: return "unproven";
    case DROP_EVENT: return "event";
    case DROP_FORK: return "fork";
    case DROP_GAP: return "gap";
    case DROP_DUPLICATE: return "duplicate";
    case DROP_OLD_GENERATION: return "oldGeneration";
    case DROP_ARENA_FULL: return "arenaFull";
    case DROP_NETWORK: return "network";
    case DROP_BACKSLASH: return "backslash";
    case DROP_UNTRUSTED: return "untrusted";
    case DROP_SIGNATURE: return "signature";
    default: return "none";
  }
}
