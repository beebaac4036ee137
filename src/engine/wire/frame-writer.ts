import { writeU16, writeU32 } from "../../cbor/big-endian.js";
import { Writer, varintBytes, writeVarint } from "./cursor.js";
import {
  countBetween, feedFingerprint, rangeEnd, rangeFingerprint, rosterFingerprint,
} from "../table/fingerprints.js";
import {
  ADDRESS_IN_BASE, ADDRESS_IN_FULL, ADDRESS_OF_FOREIGN, ADDRESS_OF_SOURCE, DIGEST_HEAD_BYTES, FEEDS_HASH_BYTES,
  FLAG_ADVERTISED, FLAG_IN_SYNC, FLAG_MORE, FLAG_NETWORK, MAGIC_AND_VERSION, NETWORK_HASH_BYTES, NO_NETWORK,
  ROW_FINGERPRINTS_HEAD_BYTES, ROW_HAS_FEED, ROW_HAS_VALUE, ROW_LACKS_VALUE, SECTION_DIGEST,
  SECTION_FEEDS_HASH, SECTION_HEAD_BYTES, SECTION_LIMITS, SECTION_RANGE_FINGERPRINTS, SECTION_ROWS,
  SECTION_ROW_FINGERPRINTS, SECTION_SKETCH, SECTION_TAG_SHIFT, SKETCH_BYTES, SKETCH_SYNDROMES, TABLE_HASH_BYTES,
  TYPE_ACK, TYPE_ADVERTISED, TYPE_DIFF,
  TYPE_LEAVE, TYPE_SYN, WANT_BYTES, WITH_FEEDS, rangeFrom, sectionHead,
} from "./frame.js";
import { FLAG_ADDRESS_GIVEN, FLAG_FOREIGN, OWN_SLOT, type Rows } from "../table/rows.js";
import { FLAG_AWAITS_VALUE, FLAG_CONFIRMED } from "../table/row-flags.js";
import { rowCheck } from "../table/row-check.js";
import {
  ADDRESS, FLAGS, HEARTBEAT, ID, LENGTH_SHIFT, REVISION, STATE_BITS, STATE_SHIFT, WORDS,
} from "../table/row-layout.js";
import { backSeconds } from "../table/back-seconds.js";
import { valuesHash } from "../table/values-hash.js";
import { AWAKE } from "../table/row-data.js";
import { ASLEEP } from "../table/states.js";

/** The claim on the author's feed in a row. */
export interface FeedColumns {
  /** Whether the row of a slot has a claim in this frame. */
  hasClaim(slot: number): boolean;
  /** Bytes that `writeRow` writes. */
  rowBytes(slot: number): number;
  writeRow(writer: Writer, slot: number): void;
}

/**
 * Writes one frame into a caller's buffer. For an entry that does not fit, the
 * method writes nothing and returns false. A section without entries is removed.
 */
export class FrameWriter extends Writer {
  /** Bytes of the head, which is never sealed. */
  headLength = 0;
  /** Undefined in a node without feeds. */
  declare feeds: FeedColumns | undefined;
  /** Whether fingerprints are over rows and feeds: the receiver has feeds, too. */
  withFeeds = false;
  /** Type of this frame. */
  type = 0;
  /** Whether this frame has no feeds hash: it has fingerprints over rows and feeds, or FLAG_IN_SYNC. */
  private isHashless = false;
  /** Of this frame. */
  counter = 0;
  private sectionStart = 0;
  /** The /24 network and the port of the section's first row with an address in full; port 0: there is none yet. */
  private base = 0;
  private basePort = 0;

  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  constructor() {
    super();
  }

  /** Bytes written. */
  length(): number {
    return this.position;
  }

  /**
   * Begins a frame of at most `limit` bytes, which is longer than any head.
   *
   * @param inReplyTo counter of the answered frame, in ACK and DIFF
   * @param network with FLAG_NETWORK, the hash of the network's name
   */
  begin(
    out: Uint8Array, limit: number, type: number, flags: number, rows: Rows, counter: number, inReplyTo: number,
    network?: number,
  ): void {
    this.bytes = out;
    this.failed = false;
    // Reserves room for `writeFeedsHash`.
    this.end = this.feeds === undefined ? limit : limit - FEEDS_HASH_BYTES;
    this.type = type;
    this.counter = counter;
    out[0] = MAGIC_AND_VERSION;
    const isAdvertised = (flags & FLAG_ADVERTISED) !== 0 && type !== TYPE_LEAVE;
    out[1] = isAdvertised ? (flags & ~FLAG_ADVERTISED) | (type + TYPE_ADVERTISED) : flags | type;
    let at = 2;
    if ((flags & FLAG_NETWORK) !== 0) out[at++] = network ?? 0;
    // The own row is the first.
    const own = rows.words;
    const revision = own[REVISION];
    const heartbeat = own[HEARTBEAT];
    writeU32(out, at, own[ID]);
    at += 4;
    if (revision < 0x80) out[at++] = revision;
    else at = writeVarint(out, at, revision);
    at = writeVarint(out, at, counter);
    this.headLength = at;
    if (heartbeat < 0x80) out[at++] = heartbeat;
    else at = writeVarint(out, at, heartbeat);
    this.isHashless = type === TYPE_ACK && (flags & FLAG_IN_SYNC) !== 0;
    if (!this.isHashless) {
      const isWaking = type === TYPE_SYN && rows.isAsleep(OWN_SLOT);
      const hash = rows.tableHash;
      writeU32(out, at, isWaking ? valuesHash(rows, false) : hash.first);
      writeU16(out, at + 4, isWaking ? valuesHash(rows, true) : hash.second);
      at += TABLE_HASH_BYTES;
    }
    this.position = type === TYPE_ACK || type === TYPE_DIFF ? writeVarint(out, at, inReplyTo) : at;
  }

  /**
   * Writes the feeds hash of a node with feeds, unless the frame has fingerprints
   * over rows and feeds, or FLAG_IN_SYNC. Returns whether it did.
   */
  writeFeedsHash(rows: Rows): boolean {
    this.end += FEEDS_HASH_BYTES;
    if (rows.feedsHash === undefined || this.isHashless) return false;
    this.u16(sectionHead(SECTION_FEEDS_HASH, FEEDS_HASH_BYTES - SECTION_HEAD_BYTES));
    this.u32(rows.feedsHash.word());
    return true;
  }

  /** Keeps room of so many bytes for `writeLimits`, after `begin`. */
  reserve(bytes: number): void {
    this.end -= bytes;
  }

  /**
   * Writes the limits of this node, behind all other sections, if there is room.
   *
   * @param eventBytesMax 0: it keeps no feeds
   * @param network hash of the network's name; NO_NETWORK: it has none
   */
  writeLimits(valueBytesMax: number, eventBytesMax: number, capacity: number, network: number): void {
    const hashBytes = network === NO_NETWORK ? 0 : NETWORK_HASH_BYTES;
    const limitsBytes = varintBytes(valueBytesMax) + varintBytes(eventBytesMax) + varintBytes(capacity) + hashBytes;
    if (this.end - this.position < SECTION_HEAD_BYTES + limitsBytes) return;
    const bytes = this.bytes;
    let at = this.position;
    writeU16(bytes, at, sectionHead(SECTION_LIMITS, limitsBytes));
    at = writeVarint(bytes, writeVarint(bytes, at + SECTION_HEAD_BYTES, valueBytesMax), eventBytesMax);
    at = writeVarint(bytes, at, capacity);
    if (hashBytes > 0) writeU32(bytes, at, network);
    this.position = at + hashBytes;
  }

  /** Sets FLAG_MORE. */
  markMore(): void {
    this.bytes[1] |= FLAG_MORE;
  }

  /** Starts a section of ids: WANT, PING_REQ or INDIRECT_ACK. */
  beginIds(section: number): boolean {
    return this.beginSection(section, 0);
  }

  writeId(id: number): boolean {
    if (this.room() < WANT_BYTES) return false;
    this.u32(id);
    return true;
  }

  beginRows(): boolean {
    // No row has port 0.
    this.basePort = 0;
    return this.beginSection(SECTION_ROWS, 0);
  }

  /** @param isUpdate whether the receiver mostly holds the row's address and revision: a check stands for them */
  writeRow(rows: Rows, slot: number, isUpdate: boolean): boolean {
    // Full datagrams have tens of rows. So this reads the table's words itself, and knows that the row fits before it
    // writes the first byte.
    const words = rows.words;
    const row = slot * WORDS;
    const word = words[row + FLAGS];
    const address = words[row + ADDRESS];
    const port = rows.port(slot);
    const isInBase = slot !== OWN_SLOT && (word & FLAG_FOREIGN) === 0 && port === this.basePort
      && (address & 0xffffff00) >>> 0 === this.base;
    // A row of which others hold no statement yet has all.
    const isChecked = isUpdate && this.basePort === 0 && slot !== OWN_SLOT
      && (word & (FLAG_CONFIRMED | FLAG_FOREIGN)) === FLAG_CONFIRMED;
    const form = isInBase || isChecked ? ADDRESS_IN_BASE : slot !== OWN_SLOT || (word & FLAG_ADDRESS_GIVEN) !== 0
      ? (word & FLAG_FOREIGN) !== 0 ? ADDRESS_OF_FOREIGN : ADDRESS_IN_FULL : ADDRESS_OF_SOURCE;
    const length = word >>> LENGTH_SHIFT;
    const lacksValue = length > rows.valueBytesMax || (word & FLAG_AWAITS_VALUE) !== 0;
    const valueLength = lacksValue ? 0 : length;
    const addressBytes = form === ADDRESS_IN_BASE ? 1 : form >= ADDRESS_IN_FULL ? 6 : 0;
    const valueBytes = valueLength === 0 ? 0 : valueLength < 0x80 ? 1 + valueLength : 2 + valueLength;
    const state = (word >>> STATE_SHIFT) & STATE_BITS;
    const back = state === ASLEEP ? backSeconds(rows, slot) : AWAKE;
    const revision = words[row + REVISION];
    const heartbeat = words[row + HEARTBEAT];
    // Of the own row the frame's head has id, revision and heartbeat.
    const statementBytes = form === ADDRESS_OF_SOURCE ? 1
      : 5 + addressBytes + (isChecked ? 0 : revision < 0x80 ? 1 : varintBytes(revision))
        + (heartbeat < 0x80 ? 1 : varintBytes(heartbeat));
    const backBytes = back === AWAKE ? 0 : varintBytes(back);
    const feeds = this.feeds !== undefined && this.feeds.hasClaim(slot) ? this.feeds : undefined;
    const feedBytes = feeds === undefined ? 0 : feeds.rowBytes(slot);
    let at = this.position;
    if (this.end - at < statementBytes + backBytes + feedBytes + valueBytes) return false;
    const valueFlag = lacksValue ? ROW_LACKS_VALUE : valueLength === 0 ? 0 : ROW_HAS_VALUE;
    const bytes = this.bytes;
    bytes[at] = state | (form << 3) | valueFlag | (feeds === undefined ? 0 : ROW_HAS_FEED);
    if (form === ADDRESS_OF_SOURCE) at++;
    else {
      writeU32(bytes, at + 1, words[row + ID]);
      at += 5 + addressBytes;
      if (addressBytes === 1) {
        bytes[at - 1] = isChecked ? rowCheck(address, port, revision, heartbeat) : address;
      } else {
        writeU32(bytes, at - 6, address);
        writeU16(bytes, at - 2, port);
        if (form === ADDRESS_IN_FULL && this.basePort === 0) {
          this.base = (address & 0xffffff00) >>> 0;
          this.basePort = port;
        }
      }
      // Most take one byte, for which a call would cost more than the rest.
      if (revision >= 0x80 && !isChecked) at = writeVarint(bytes, at, revision);
      else if (!isChecked) bytes[at++] = revision;
      if (heartbeat < 0x80) bytes[at++] = heartbeat;
      else at = writeVarint(bytes, at, heartbeat);
    }
    if (back !== AWAKE) at = writeVarint(bytes, at, back);
    if (feeds !== undefined) {
      this.position = at;
      feeds.writeRow(this, slot);
      at = this.position;
    }
    if (valueLength > 0) {
      if (valueLength < 0x80) bytes[at++] = valueLength;
      else at = writeVarint(bytes, at, valueLength);
      const start = slot * rows.valueBytesMax - at;
      const end = at + valueLength;
      for (const values = rows.valueBytes(); at < end; at++) bytes[at] = values[start + at];
    }
    this.position = at;
    return true;
  }

  /** Starts a DIGEST of all rows with order keys from `from` on. */
  beginDigest(from: number): boolean {
    if (!this.beginSection(SECTION_DIGEST, DIGEST_HEAD_BYTES)) return false;
    this.position = this.contentStart();
    this.u32(from);
    this.u32(from);
    return true;
  }

  writeDigestEntry(rows: Rows, slot: number): boolean {
    if (this.room() < digestEntryBytes(rows, slot) + (this.withFeeds ? 1 : 0)) return false;
    this.u32(rows.id(slot));
    this.u8(rows.state(slot) | (this.withFeeds ? WITH_FEEDS : 0));
    this.varint(rows.revision(slot));
    this.varint(rows.heartbeat(slot));
    if (this.withFeeds) this.u8(feedFingerprint(rows, slot, this.counter));
    return true;
  }

  /** Ends a DIGEST that is complete up to and including the order key `to`. */
  endDigest(to: number): void {
    this.patchU16(this.contentStart() + 4, to >>> 16);
    this.patchU16(this.contentStart() + 6, to);
    this.closeSection();
  }

  /** Writes the fingerprints of 2^`log` ranges, salted with the frame's counter. They must fit. */
  writeRangeFingerprints(rows: Rows, log: number, counter: number): void {
    this.beginSection(SECTION_RANGE_FINGERPRINTS, 0);
    this.u8(log | (this.withFeeds ? WITH_FEEDS : 0));
    if (this.withFeeds) this.isHashless = true;
    let start = 0;
    for (let range = 0; range < 1 << log; range++) {
      const end = rangeEnd(rows, start, range, log);
      this.u8(rangeFingerprint(rows, start, end, counter, this.withFeeds));
      start = end;
    }
    this.closeSection();
  }

  /** Starts row fingerprints of some of 2^`log` ranges. */
  beginRowFingerprints(log: number): boolean {
    if (!this.beginSection(SECTION_ROW_FINGERPRINTS, ROW_FINGERPRINTS_HEAD_BYTES)) return false;
    this.bytes[this.contentStart()] = log | (this.withFeeds ? WITH_FEEDS : 0);
    return true;
  }

  /** Writes one byte for each row in a range, salted with the frame's counter. */
  writeRowFingerprints(rows: Rows, range: number, log: number, counter: number): boolean {
    const start = rows.placeOf(rangeFrom(range, log));
    const end = rangeEnd(rows, start, range, log);
    const count = countBetween(rows, start, end);
    if (this.room() < rowFingerprintsBytes(range, count)) return false;
    if (this.withFeeds) this.isHashless = true;
    this.varint(range);
    this.varint(count);
    this.u8(rosterFingerprint(rows, start, end));
    for (let place = start; place < end; place++) {
      if (rows.isCountedAt(place)) this.u8(rangeFingerprint(rows, place, place + 1, counter, this.withFeeds));
    }
    return true;
  }

  /** Writes a sketch, whose numbers stand in words from `start` on. There is room. */
  writeSketch(words: Uint32Array, start: number): void {
    this.u16(sectionHead(SECTION_SKETCH, SKETCH_BYTES));
    this.u8(this.withFeeds ? WITH_FEEDS : 0);
    for (let i = 0; i < SKETCH_SYNDROMES; i++) this.u16(words[start + i]);
  }

  /** Starts a section of batches or snapshot chunks. */
  beginEvents(section: number): boolean {
    return this.beginSection(section, 0);
  }

  /** Ends a section of ids, rows or events. */
  endSection(): void {
    this.endIfEmpty(0);
  }

  endRowFingerprints(): void {
    this.endIfEmpty(ROW_FINGERPRINTS_HEAD_BYTES);
  }

  private endIfEmpty(headBytes: number): void {
    if (this.position === this.contentStart() + headBytes) this.position = this.sectionStart;
    else this.closeSection();
  }

  private beginSection(tag: number, headBytes: number): boolean {
    const at = this.position;
    if (this.end - at < SECTION_HEAD_BYTES + headBytes) return false;
    this.sectionStart = at;
    // Its length is known when it ends.
    this.bytes[at] = tag << (SECTION_TAG_SHIFT - 8);
    this.position = at + SECTION_HEAD_BYTES + headBytes;
    return true;
  }

  private contentStart(): number {
    return this.sectionStart + SECTION_HEAD_BYTES;
  }

  private closeSection(): void {
    const bytes = this.bytes;
    const at = this.sectionStart;
    const length = this.position - at - SECTION_HEAD_BYTES;
    bytes[at] |= length >>> 8;
    bytes[at + 1] = length;
  }
}

/** Bytes of the row fingerprints of a range with `count` rows. */
export function rowFingerprintsBytes(range: number, count: number): number {
  return varintBytes(range) + varintBytes(count) + 1 + count;
}

/** Bytes of a row in a DIGEST. */
export function digestEntryBytes(rows: Rows, slot: number): number {
  return 5 + varintBytes(rows.revision(slot)) + varintBytes(rows.heartbeat(slot));
}
