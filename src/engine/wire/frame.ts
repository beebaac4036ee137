/*
 * The compact frame, version 1. PROTOCOL.md, section 3, has the grammar.
 *
 * offset  bytes  field
 *      0      1  magic 0xc (high four bits) and version 1 (low four bits): never '{'
 *      1      1  flags (high five bits) and type (low three bits)
 *      2    0–1  with FLAG_NETWORK: octet of the hash of the network's name
 *      …      4  id of the sender
 *      …    1–5  revision of the sender, varint
 *      …    1–5  counter, varint: per start, strictly rising
 *      …    1–5  heartbeat of the sender, varint                    ← body starts
 *      …    0, 6 table hash: over the sender's rows; not in an ACK with FLAG_IN_SYNC
 *      …    1–5  ACK and DIFF: counter of the frame that is answered, varint
 *      …         sections: tag and length (2), content
 */
export const MAGIC_AND_VERSION = 0xc1;
/** `{`, the first byte of every ESPGossip datagram. No compact frame begins with it. */
export const JSON_FIRST_BYTE = 0x7b;

export const TYPE_SYN = 1;
/** Answers a SYN. */
export const TYPE_ACK = 2;
/** Answers an ACK or a DIFF, and carries what did not fit an ACK. */
export const TYPE_DIFF = 3;
/** The sender leaves. No node answers it. */
export const TYPE_LEAVE = 4;
/** On the wire, SYN, ACK and DIFF of a node that advertises its address have types that are higher by this. */
export const TYPE_ADVERTISED = 4;
/** The highest type on the wire. */
export const TYPE_MAX = 7;
export const TYPE_BITS = 7;

/** The network has a name: an octet of the name's hash follows. In all frames of the network, and only in them. */
export const FLAG_NETWORK = 0x08;
/** Not on the wire, where the type shows it: the sender advertises its address. */
export const FLAG_ADVERTISED = 0x100;
/** Not on the wire, where a section shows it: the frame has a message or answers one. */
export const FLAG_OF_MESSAGE = 0x200;

/** On a SYN to a broadcast address: about 4 of its receivers answer. */
export const FLAG_BROADCAST = 0x20;
/**
 * On an ACK: the hashes of its sender are those of the SYN, so it has none. The same bit as FLAG_BROADCAST, which is on
 * SYNs only.
 */
export const FLAG_IN_SYNC = 0x20;
/** The body is sealed; the head is its associated data. */
export const FLAG_SEALED = 0x10;
/**
 * On a sealed SYN whose receiver is not known: it is sealed for whoever gets it, and nothing in it is applied. The
 * same bit as FLAG_CHALLENGE, which is on ACKs only.
 */
export const FLAG_UNADDRESSED = 0x80;
/** On an ACK to a node that has not echoed a counter of this start yet: the receiver always answers. */
export const FLAG_CHALLENGE = 0x80;
/** On the last frame of a burst that was too short: the receiver may continue the exchange. */
export const FLAG_MORE = 0x40;

/** Ids of rows that the sender lacks or holds in an older form. */
export const SECTION_WANT = 1;
export const SECTION_ROWS = 2;
/** All rows that the sender holds in a range of order keys, without addresses and values. A frame may have several. */
export const SECTION_DIGEST = 3;
/** Fingerprints of all rows that the sender holds: one for each range of order keys. */
export const SECTION_RANGE_FINGERPRINTS = 4;
/** One byte for each row in certain ranges of order keys, for a receiver that holds rows of the same nodes. */
export const SECTION_ROW_FINGERPRINTS = 5;
/** Ids of nodes that did not answer the sender: a request to probe them. */
export const SECTION_PING_REQ = 6;
/** Ids of nodes that answered the sender after a ping request of the receiver. */
export const SECTION_INDIRECT_ACK = 7;
/** Snapshot chunks, as in feed/batches.ts. They stand before events, which may continue where they end. */
export const SECTION_SNAPSHOT = 8;
/** Batches of events, as in feed/batches.ts. */
export const SECTION_EVENTS = 9;
/** 4 bytes over the feeds that the sender holds: in frames that have no fingerprints over feeds. */
export const SECTION_FEEDS_HASH = 10;
/** Feeds of which the sender wants events before the first one it holds, as in feed/gaps.ts. */
export const SECTION_GAP = 11;
/** Batches of events before the first one that the receiver holds, as in feed/history.ts. */
export const SECTION_HISTORY = 12;
/**
 * The sender's `valueBytesMax`, `eventBytesMax` and `capacity`, until the receiver's are known (PROTOCOL 5.7). In an
 * answer without content: they are those of the answered frame.
 */
export const SECTION_LIMITS = 13;
/** In a SYN: a message for another node or for all nodes, as in engine/message/message.ts. */
export const SECTION_MESSAGE = 14;
/** In the ACK of such a SYN: what became of the message. */
export const SECTION_HOP = 15;
/** Frames that the sender sent to the receiver and received from it (PROTOCOL 5.8). Behind all sections before. */
export const SECTION_LINK_REPORT = 16;
/** In a SYN: a request for the time. In what answers it: the time (PROTOCOL 12). */
export const SECTION_TIME = 17;
/** In a DIFF: how many datagrams its sender takes at a time (PROTOCOL 5.4). One octet. */
export const SECTION_WINDOW = 18;
/** In an ACK: a sketch of the rows that its sender holds (PROTOCOL 5.3). The last section of a frame. */
export const SECTION_SKETCH = 19;

// How a row gives its address, in bits 3 and 4 of its head.
/** The source of the datagram. The row is the sender's own: the frame's head has id, revision and heartbeat. */
export const ADDRESS_OF_SOURCE = 0;
/** The last octet, in the /24 network and with the port of the section's first row with an address in full. */
export const ADDRESS_IN_BASE = 1;
/** Address and port. */
export const ADDRESS_IN_FULL = 2;
/** Address and port of a foreign node. */
export const ADDRESS_OF_FOREIGN = 3;
/** Bit 5 of a row's head; bits 0 to 2 are its state. */
export const ROW_HAS_VALUE = 0x20;
/** How far the sender holds the node's feed follows. Without it, the row shows nothing of the feed. */
export const ROW_HAS_FEED = 0x40;
/** The node shares a value that the sender of the row does not hold. Not with ROW_HAS_VALUE. */
export const ROW_LACKS_VALUE = 0x80;
/** In the first byte of fingerprints: they are over rows and feeds. In a state in DIGEST: a fingerprint follows. */
export const WITH_FEEDS = 0x80;

/** No node sends a longer datagram. */
export const DATAGRAM_BYTES_MOST = 1472;
/** Heartbeat and table hash at their shortest. */
export const BODY_BYTES_LEAST = 7;
/** Heartbeat and answered counter at their shortest: the body of an ACK with FLAG_IN_SYNC. */
export const IN_SYNC_BYTES_LEAST = 2;
/** The first word of the hash, then the low half of the second. */
export const TABLE_HASH_BYTES = 6;
/** From magic to table hash at its longest, with the answered counter, without a network's octet. */
export const PREAMBLE_BYTES_MAX = 32;
/** Tag and length, in the high and the low bits of two octets. */
export const SECTION_HEAD_BYTES = 2;
export const SECTION_TAG_SHIFT = 11;
export const SECTION_LENGTH_MASK = 0x7ff;
export const DIGEST_HEAD_BYTES = 8;
export const DIGEST_ENTRY_BYTES_MAX = 16;
export const WANT_BYTES = 4;
/** The base-2 logarithm of the number of ranges. */
export const RANGE_FINGERPRINTS_HEAD_BYTES = 1;
export const RANGE_FINGERPRINT_BYTES = 1;
/** The base-2 logarithm of the number of ranges. Some of them follow. */
export const ROW_FINGERPRINTS_HEAD_BYTES = 1;
/** Rows that a sketch can locate. */
export const ROWS_IN_SKETCH = 6;
/** Numbers of a sketch, two octets each. */
export const SKETCH_SYNDROMES = 2 * ROWS_IN_SKETCH;
/** The section SKETCH without its head: an octet of flags, and the numbers. */
export const SKETCH_BYTES = 1 + 2 * SKETCH_SYNDROMES;
/** At most 512 ranges. */
export const RANGES_LOG_MAX = 9;
/** A row at its longest, without its value and its feed. */
export const ROW_HEAD_BYTES_MAX = 23;
/** The greatest sequence number of an event. */
export const SEQUENCE_MAX = 0xfffffffe;
/** What a row shows of a feed, at its longest: sequence number, generation and part of the tip. */
export const ROW_FEED_BYTES_MAX = 12;
/** The section FEEDS_HASH with its head. */
export const FEEDS_HASH_BYTES = 6;
/** The section LIMITS with its head, at its longest, without a network's hash. */
export const LIMITS_BYTES_MAX = 9;
/** Bytes of a network's hash in LIMITS. */
export const NETWORK_HASH_BYTES = 4;
/** The network has no name. */
export const NO_NETWORK = -1;
/** The longest value that any node can hold. */
export const VALUE_BYTES_MOST = 255;
/** In a number with limits, `eventBytesMax` is above the bits of `valueBytesMax`. */
export const EVENT_LIMIT_SHIFT = 8;
/** In a number with limits, `capacity` is multiplied by this: it may be above 32 bits. */
export const CAPACITY_LIMIT = 0x80000;
/** The smallest and the largest `capacity`. */
export const CAPACITY_LEAST = 2;
export const CAPACITY_MOST = 65535;
/** The shortest and the longest `eventBytesMax` of nodes with feeds. */
export const EVENT_BYTES_LEAST = 32;
export const EVENT_BYTES_MOST = 2047;

/** The limits of a node as one number. @param eventBytesMax 0: it keeps no feeds */
export function limitsOf(valueBytesMax: number, eventBytesMax: number, capacity: number): number {
  return (valueBytesMax | (eventBytesMax << EVENT_LIMIT_SHIFT)) + capacity * CAPACITY_LIMIT;
}

/** The flags that a frame of a type may have. */
export function flagsOf(type: number): number {
  const all = FLAG_SEALED | FLAG_NETWORK | FLAG_ADVERTISED;
  if (type === TYPE_SYN) return FLAG_BROADCAST | FLAG_UNADDRESSED | all;
  if (type === TYPE_LEAVE) return all;
  return FLAG_MORE | all | (type === TYPE_ACK ? FLAG_CHALLENGE | FLAG_IN_SYNC : 0);
}

/** The two octets that begin a section. @param length bytes of its content, at most 2,047 */
export function sectionHead(tag: number, length: number): number {
  return (tag << SECTION_TAG_SHIFT) | length;
}

/** First order key of a range, of the 2^`log` ranges of equal width. */
export function rangeFrom(range: number, log: number): number {
  return log === 0 ? 0 : (range << (32 - log)) >>> 0;
}

/** Last order key of a range. */
export function rangeTo(range: number, log: number): number {
  return (rangeFrom(range, log) | (0xffffffff >>> log)) >>> 0;
}
