/*
 * The compact frame, version 1. PROTOCOL.md is its grammar.
 *
 * offset  bytes  field
 *      0      1  magic 0xc (high four bits) and version 1 (low four bits): never '{'
 *      1      1  flags (high four bits) and type (low four bits)
 *      2      4  id of the sender
 *      6    1–5  revision of the sender, varint
 *      …    1–5  counter, varint: per start, strictly rising
 *      …    1–5  heartbeat of the sender, varint                    ← body starts
 *      …      8  root over the sender's rows
 *      …    1–5  ACK and DIFF: counter of the frame that is answered, varint
 *      …         sections: tag (1), length (2), content
 */
export const MAGIC_AND_VERSION = 0xc1;

export const TYPE_SYN = 1;
/** Answers a SYN. */
export const TYPE_ACK = 2;
/** Carries what an ACK or a DIFF asked for, and what did not fit an ACK. */
export const TYPE_DIFF = 3;
/** A node says goodbye. Nobody answers it. */
export const TYPE_LEAVE = 4;

/** Set on a SYN that went to a broadcast address, so that not everybody answers it. */
export const FLAG_BROADCAST = 0x20;
/** The body is sealed; the head is its associated data. */
export const FLAG_SEALED = 0x10;
/** Set on an ACK to a node that has not echoed a counter of this start yet: it answers in any case. */
export const FLAG_CHALLENGE = 0x80;
/** Set on the last frame of a burst that was too short for all there is to say: the receiver may go on. */
export const FLAG_MORE = 0x40;

/** Ids of rows that the sender lacks or holds in an older form. */
export const SECTION_WANT = 1;
export const SECTION_ROWS = 2;
/** All rows that the sender holds in a range of keys, without their values. A frame may have several. */
export const SECTION_DIGEST = 3;
/** Fingerprints of all rows that the sender holds, by ranges of keys of equal width. */
export const SECTION_RANGE_FINGERPRINTS = 4;
/** One byte for each row in certain ranges of keys, for a receiver that knows the same nodes. */
export const SECTION_ROW_FINGERPRINTS = 5;
/** Ids of nodes that the sender does not hear: would the receiver ask them? */
export const SECTION_PING_REQ = 6;
/** Ids of nodes that the sender heard after it was asked to probe them. */
export const SECTION_INDIRECT_ACK = 7;
/** Parts of snapshots, as in feed/runs.ts. They stand before events, which may go on where they end. */
export const SECTION_SNAPSHOT = 8;
/** Runs of events, as in feed/runs.ts. */
export const SECTION_EVENTS = 9;
/** 4 bytes over the feeds that the sender holds: in frames of nodes with feeds that have no fingerprints of them. */
export const SECTION_FEEDS_HASH = 10;
/** Feeds of which the sender wants what is before that which it holds, as in feed/gaps.ts. */
export const SECTION_GAP = 11;
/** Runs of events that come before what the receiver holds, as in feed/history.ts. */
export const SECTION_HISTORY = 12;

/** How a row gives its address, in bits 3 and 4 of its head. */
export const ADDRESS_OF_SOURCE = 0;
export const ADDRESS_IN_BASE = 1;
export const ADDRESS_IN_FULL = 2;
/** In full, of a node that does not speak this protocol. */
export const ADDRESS_OF_FOREIGN = 3;
/** Bit 5 of a row's head; bits 0 to 2 are its state, bit 7 is reserved. */
export const ROW_HAS_VALUE = 0x20;
/** What the sender holds of the node's feed follows. Without it, the row says nothing of that. */
export const ROW_HAS_FEED = 0x40;
export const ROW_RESERVED = 0x80;
/** In the first byte of BUCKETS and FLAT: fingerprints are of rows and feeds. In a state in DIGEST: one follows. */
export const WITH_FEEDS = 0x80;

/** From magic to root at its longest, with the answered counter. */
export const PREAMBLE_BYTES_MAX = 34;
export const SECTION_HEAD_BYTES = 3;
/** The /24 network and the port that rows in the section refer to. */
export const ROWS_HEAD_BYTES = 5;
export const DIGEST_HEAD_BYTES = 8;
export const DIGEST_ENTRY_BYTES_MAX = 16;
export const WANT_BYTES = 4;
/** The base-2 logarithm of the number of buckets. */
export const RANGE_FINGERPRINTS_HEAD_BYTES = 1;
export const RANGE_FINGERPRINT_BYTES = 1;
/** The base-2 logarithm of the number of ranges of which some follow. */
export const ROW_FINGERPRINTS_HEAD_BYTES = 1;
/** At most 512 buckets. */
export const RANGES_LOG_MAX = 9;
/** A row at its longest, without the bytes of its value and without its feed. */
export const ROW_HEAD_BYTES_MAX = 23;
/** No event has a greater number. */
export const SEQUENCE_MAX = 0xfffffffe;
/** What a row says of a feed, at its longest: sequence number, generation and part of the tip. */
export const ROW_FEED_BYTES_MAX = 12;
/** The section, with its head. */
export const FEEDS_HASH_BYTES = 7;

/** First key of a bucket, of 2^`log` that there are. */
export function rangeFrom(bucket: number, log: number): number {
  return log === 0 ? 0 : (bucket << (32 - log)) >>> 0;
}

/** Last key of a bucket. */
export function rangeTo(bucket: number, log: number): number {
  return (rangeFrom(bucket, log) | (0xffffffff >>> log)) >>> 0;
}
