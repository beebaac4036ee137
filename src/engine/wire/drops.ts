import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_OLD_GENERATION,
} from "../feed/feed-drops.js";

/**
 * Why a datagram, or a row in one, was refused. The numbers are stable: they
 * index the drop counters and are listed in PROTOCOL.md.
 */
export const DROP_NONE = 0;
/** First byte is not of a chisme frame. */
export const DROP_MAGIC = 1;
/** A chisme frame of another version. */
export const DROP_VERSION = 2;
/** Unknown type, or a flag that this version does not know. */
export const DROP_TYPE = 3;
/** Ends in the middle of a field, or bytes are left where none belong. */
export const DROP_LENGTH = 4;
/** A section out of order, or its content is malformed. */
export const DROP_SECTION = 5;
/** A row with a state, address or head byte that does not exist. */
export const DROP_ROW = 6;
/** A value that is not one item of deterministic CBOR. */
export const DROP_VALUE = 7;
/** The node's own datagram came back, as a broadcast does. */
export const DROP_ECHO = 8;
/** Another device speaks under this node's id. */
export const DROP_ID_CONFLICT = 9;
/** From an earlier start of its sender. Its rows are not believed. */
export const DROP_STALE = 10;
/** A row was refused: the table is full of live rows. The rest was taken in. */
export const DROP_TABLE_FULL = 11;
/** A row was refused: its value is longer than `valueBytesMax`. The rest was taken in. */
export const DROP_VALUE_TOO_LARGE = 12;
/** Answers a frame that this node has not sent since it started. */
export const DROP_UNASKED = 13;
/** Not sealed, where this node has a key, or sealed where it has none. */
export const DROP_UNSEALED = 14;
/** Sealed with another key, or changed on the way. */
export const DROP_SEAL = 15;
/** Sealed, but it came before. */
export const DROP_REPLAY = 16;
/** Sealed, but it may have come before: its sender was asked to echo a number of this start. */
export const DROP_UNPROVEN = 17;
/** How many numbers are in use, 0 and those of feed/feed-drops.ts included. */
export const DROP_REASONS = 24;

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
    default: return "none";
  }
}
