import { checkNamedValue } from "../../cbor/named-value.js";
import { readU16, readU32 } from "../../cbor/big-endian.js";
import { isHost } from "./address.js";
import { Reader } from "./cursor.js";
import {
  DROP_LENGTH, DROP_MAGIC, DROP_NETWORK, DROP_NONE, DROP_ROW, DROP_SECTION, DROP_TYPE, DROP_VALUE, DROP_VERSION,
} from "./drops.js";
import {
  ADDRESS_IN_BASE, ADDRESS_IN_FULL, ADDRESS_OF_FOREIGN, ADDRESS_OF_SOURCE, CAPACITY_LEAST, CAPACITY_LIMIT,
  CAPACITY_MOST, EVENT_BYTES_LEAST, EVENT_BYTES_MOST, EVENT_LIMIT_SHIFT, FLAG_ADVERTISED, FLAG_IN_SYNC, FLAG_NETWORK,
  FLAG_OF_MESSAGE, FLAG_SEALED, FLAG_UNADDRESSED, MAGIC_AND_VERSION, NO_NETWORK, ROW_HAS_FEED, ROW_HAS_VALUE,
  ROW_LACKS_VALUE, SECTION_DIGEST, SECTION_FEEDS_HASH, SECTION_HEAD_BYTES, SECTION_HISTORY, SECTION_HOP,
  SECTION_LENGTH_MASK, SECTION_LIMITS, SECTION_MESSAGE, SECTION_RANGE_FINGERPRINTS, SECTION_ROWS,
  SECTION_ROW_FINGERPRINTS, SECTION_SKETCH, SECTION_SNAPSHOT, SECTION_TAG_SHIFT, SEQUENCE_MAX, TABLE_HASH_BYTES,
  TYPE_ACK, TYPE_ADVERTISED, TYPE_BITS, TYPE_DIFF, TYPE_LEAVE, TYPE_SYN, VALUE_BYTES_MOST, WANT_BYTES, WITH_FEEDS,
  flagsOf, limitsOf,
} from "./frame.js";
import { WAITING_BYTES, isMessage } from "./message-form.js";
import { orderKey } from "../table/hash.js";
import { checkRangeFingerprints, checkRowFingerprints } from "./summary-checks.js";
import { AWAKE, CHECKED, type RowData, type FeedClaim } from "../table/row-data.js";
import { ASLEEP, LEFT, SLEEP_SECONDS_MAX, UP } from "../table/states.js";

/** Reads events, and what rows show of feeds. Feeds implement it. */
export interface EventReader {
  /** The claim in the row, or the fingerprint in the DIGEST entry, that was read last. */
  readonly claim: FeedClaim;
  /** Checks that a section of events, or about them, is well-formed. Returns a drop reason. */
  check(frame: FrameReader): number;
  /** Whether the sender of the frame that is handled sent events of the feed in a slot in vain. */
  isVain(slot: number): boolean;
}

/** The frame shows no feeds: its sender has none. */
export const NO_FEEDS = -1;
/** The frame has fingerprints over feeds, which nodes send where feeds differ. */
export const UNLIKE = -2;
/** The frame does not show its sender's limits. */
export const NO_LIMITS = -1;
/** The limits of the answer's sender are those that the answered frame had. */
export const SAME_LIMITS = -2;

/** Head, id and heartbeat of a row. The sender's own row may be its head alone. */
const ROW_BYTES_LEAST = 6;

/** Reads one frame. `parse` checks the whole frame, so later reads cannot fail. */
export class FrameReader extends Reader {
  type = 0;
  flags = 0;
  id = 0;
  revision = 0;
  counter = 0;
  heartbeat = 0;
  tableHashFirst = 0;
  /** The low half of the second word; NO_HASH: `isAckInSync`. */
  tableHashSecond = 0;
  inReplyTo = 0;
  /**
   * The sender's feeds hash, a uint32. NO_FEEDS: it has no feeds, or `isAckInSync`. UNLIKE: the frame has fingerprints
   * instead.
   */
  feedsHash = NO_FEEDS;
  /** The sender's limits, which methods take apart. NO_LIMITS: the frame has no LIMITS. Or SAME_LIMITS. */
  limits = NO_LIMITS;
  /** Hash of the name of this node's network, a uint32; NO_NETWORK: it has none. Frames of others are refused. */
  network = NO_NETWORK;
  /** Undefined in a node without feeds, which skips events. */
  declare events: EventReader | undefined;

  /** Tag of the section that `nextSection` advanced to. */
  section = 0;
  /** Of a DIGEST: it lists all rows of its sender with order keys in this range. */
  digestFrom = 0;
  digestTo = 0;
  /** Of range and row fingerprints: `rangesLog`, and WITH_FEEDS. */
  private ranges = 0;

  /** Bytes of the head, which is never sealed. */
  headLength = 0;
  private sectionsStart = 0;
  private frameEnd = 0;
  /** Network and port of the section's first row with an address in full; port 0: none yet. And OWN_ROW_READ. */
  private base = 0;
  private basePort = 0;

  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  constructor() {
    super();
  }

  /** Reads the head. Returns a drop reason, DROP_NONE when the head is good. */
  parseHead(bytes: Uint8Array, length: number): number {
    this.bytes = bytes;
    this.end = length;
    this.failed = false;
    if (length === 0) return DROP_LENGTH;
    const first = bytes[0];
    if (first !== MAGIC_AND_VERSION) return first >> 4 === MAGIC_AND_VERSION >> 4 ? DROP_VERSION : DROP_MAGIC;
    if (length === 1) return DROP_LENGTH;
    let type = bytes[1] & TYPE_BITS;
    let flags = bytes[1] & ~TYPE_BITS;
    if (type > TYPE_LEAVE) {
      type -= TYPE_ADVERTISED;
      flags |= FLAG_ADVERTISED;
    }
    this.type = type;
    this.flags = flags;
    if (type < TYPE_SYN || (flags & ~flagsOf(type)) !== 0) return DROP_TYPE;
    if (type === TYPE_SYN && (flags & (FLAG_UNADDRESSED | FLAG_SEALED)) === FLAG_UNADDRESSED) return DROP_TYPE;
    let at = 2;
    let octet = NO_NETWORK;
    if ((flags & FLAG_NETWORK) !== 0) {
      if (length === at) return DROP_LENGTH;
      octet = bytes[at++];
    }
    if (octet !== (this.network === NO_NETWORK ? NO_NETWORK : this.network & 0xff)) return DROP_NETWORK;
    if (length - at < 4) return DROP_LENGTH;
    this.id = readU32(bytes, at);
    this.position = at + 4;
    this.revision = this.varint();
    this.counter = this.varint();
    this.headLength = this.position;
    this.frameEnd = length;
    return this.failed ? DROP_LENGTH : DROP_NONE;
  }

  /** Decodes and checks the whole body, which ends at `length`, after `parseHead`. Returns a drop reason. */
  parseBody(length: number, row: RowData): number {
    this.position = this.headLength;
    this.end = length;
    this.heartbeat = this.varint();
    if (this.isAckInSync()) this.tableHashSecond = NO_HASH;
    else {
      const at = this.position;
      if (this.failed || length - at < TABLE_HASH_BYTES) return DROP_LENGTH;
      const bytes = this.bytes;
      this.tableHashFirst = readU32(bytes, at);
      this.tableHashSecond = readU16(bytes, at + 4);
      this.position = at + TABLE_HASH_BYTES;
    }
    this.inReplyTo = this.type === TYPE_ACK || this.type === TYPE_DIFF ? this.varint() : 0;
    if (this.failed) return DROP_LENGTH;
    this.sectionsStart = this.position;
    this.frameEnd = length;
    this.feedsHash = NO_FEEDS;
    this.limits = NO_LIMITS;
    return this.position === length ? DROP_NONE : this.checkSections(row);
  }

  /** Decodes and checks a frame that is not sealed. Returns a drop reason, DROP_NONE when the frame is good. */
  parse(bytes: Uint8Array, length: number, row: RowData): number {
    const reason = this.parseHead(bytes, length);
    return reason === DROP_NONE ? this.parseBody(length, row) : reason;
  }

  /** With LIMITS, the sender's `valueBytesMax`. */
  valueBytesMax(): number { return this.limits & VALUE_BYTES_MOST; }
  /** With LIMITS, the sender's `eventBytesMax`; 0: it keeps no feeds. */
  eventBytesMax(): number { return (this.limits >>> EVENT_LIMIT_SHIFT) & EVENT_BYTES_MOST; }
  /** With LIMITS, the sender's `capacity`. */
  capacity(): number { return Math.floor(this.limits / CAPACITY_LIMIT); }

  /** Of range fingerprints: 2^rangesLog of them follow. Of row fingerprints: some of so many ranges follow. */
  rangesLog(): number { return this.ranges & ~WITH_FEEDS; }
  /** Of range and row fingerprints: they are over rows and feeds. */
  isOverFeeds(): boolean { return this.ranges >= WITH_FEEDS; }

  /** Whether the sender's network has a name. */
  isNamed(): boolean { return (this.flags & FLAG_NETWORK) !== 0; }

  /** Whether the frame answers another: an ACK or a DIFF. */
  isAnswer(): boolean { return this.type === TYPE_ACK || this.type === TYPE_DIFF; }

  /** Whether the frame is an ACK whose sender has the hashes of the SYN. The frame has none. */
  isAckInSync(): boolean {
    return this.type === TYPE_ACK && (this.flags & FLAG_IN_SYNC) !== 0;
  }

  /** Whether the frame is a SYN that is sealed for whoever gets it. */
  isUnaddressed(): boolean {
    return this.type === TYPE_SYN && (this.flags & FLAG_UNADDRESSED) !== 0;
  }

  /** Whether the current section shows what rows its sender holds, or lacks. */
  isOfRows(): boolean {
    return this.section <= SECTION_ROW_FINGERPRINTS || this.section === SECTION_SKETCH;
  }

  /** Whether the current section has events or is about them. */
  isOfEvents(): boolean {
    return this.section >= SECTION_SNAPSHOT && this.section <= SECTION_HISTORY && this.section !== SECTION_FEEDS_HASH;
  }

  /** Whether it has more than a head. */
  hasSections(): boolean { return this.frameEnd > this.sectionsStart; }

  /** Goes back to before the first section. */
  rewind(): void {
    this.position = this.sectionsStart;
    this.end = this.sectionsStart;
    this.failed = false;
    this.section = 0;
  }

  /** Advances to the next section. Skips what is left of the current one. */
  nextSection(): boolean {
    const at = this.end;
    const frameEnd = this.frameEnd;
    this.position = at;
    this.end = frameEnd;
    this.failed = false;
    if (at === frameEnd) return false;
    const bytes = this.bytes;
    const start = at + SECTION_HEAD_BYTES;
    const head = start <= frameEnd ? (bytes[at] << 8) | bytes[at + 1] : 0;
    const end = start + (head & SECTION_LENGTH_MASK);
    if (end > frameEnd) {
      this.failed = true;
      return false;
    }
    this.position = start;
    this.end = end;
    this.section = head >>> SECTION_TAG_SHIFT;
    if (this.section === SECTION_ROWS) {
      this.base = 0;
      this.basePort = 0;
    } else if (this.section === SECTION_DIGEST) {
      this.digestFrom = this.u32();
      this.digestTo = this.u32();
    } else if (this.section === SECTION_RANGE_FINGERPRINTS || this.section === SECTION_ROW_FINGERPRINTS) {
      this.ranges = this.u8();
    }
    return true;
  }

  /** Whether the current section has another entry. */
  more(): boolean {
    return !this.failed && this.position < this.end;
  }

  /** The next id of a WANT, PING_REQ or INDIRECT_ACK section. */
  readId(): number {
    return this.u32();
  }

  /** The next fingerprint of a range or of a row. */
  readFingerprint(): number {
    return this.u8();
  }

  /** The next entry of a DIGEST: id, state, revision, heartbeat and perhaps a fingerprint of the feed. */
  readDigestEntry(row: RowData): void {
    row.id = this.u32();
    const state = this.u8();
    row.state = state & ~WITH_FEEDS;
    row.revision = this.varint();
    row.heartbeat = this.varint();
    this.noteClaim(state >= WITH_FEEDS, 0, 0, state >= WITH_FEEDS ? this.u8() : 0);
  }

  /** The next row of a ROWS section, if `more`. Its address is 0 if the row does not have it: see `RowData.port`. */
  readRow(row: RowData): void {
    // Datagrams have tens of rows, and each is read twice: what all rows have is read without calls.
    const bytes = this.bytes;
    let at = this.position;
    const end = this.end;
    const head = bytes[at];
    const form = (head >> 3) & 3;
    row.isForeign = form === ADDRESS_OF_FOREIGN;
    let isGood: boolean;
    if (form === ADDRESS_OF_SOURCE) {
      // Once in a section: it may have one byte, and a datagram of such rows would take a board seconds.
      isGood = (this.base & OWN_ROW_READ) === 0;
      this.base |= OWN_ROW_READ;
      row.id = this.id;
      row.address = 0;
      row.port = 0;
      row.revision = this.revision;
      row.heartbeat = this.heartbeat;
      this.position = at + 1;
    } else {
      const addressBytes = form === ADDRESS_IN_BASE ? 1 : 6;
      if (end - at < ROW_BYTES_LEAST + addressBytes) {
        this.failed = true;
        return;
      }
      row.id = readU32(bytes, at + 1);
      at += 5;
      let address: number;
      let port = this.basePort;
      const isChecked = addressBytes === 1 && port === 0;
      if (isChecked) {
        address = 0;
        port = CHECKED | bytes[at];
      } else if (addressBytes === 1) {
        address = ((this.base & NETWORK_MASK) | bytes[at]) >>> 0;
      } else {
        address = readU32(bytes, at);
        port = readU16(bytes, at + 4);
        if (form === ADDRESS_IN_FULL && this.basePort === 0) {
          this.base = (this.base & OWN_ROW_READ) | (address & NETWORK_MASK);
          this.basePort = port;
        }
      }
      this.position = at + addressBytes;
      isGood = isChecked || (isHost(address) && port !== 0);
      row.address = address;
      row.port = port;
      row.revision = isChecked ? 0 : this.varint();
      row.heartbeat = this.varint();
    }
    let state = head & 7;
    const isAsleep = state === ASLEEP && form !== ADDRESS_OF_FOREIGN;
    const backSeconds = isAsleep ? this.varint() : AWAKE;
    if (isAsleep) state = UP;
    const sequence = (head & ROW_HAS_FEED) === 0 ? 0 : this.varint();
    const generation = sequence > 0 ? this.varint() : 0;
    const tip = sequence > 0 ? this.u16() : 0;
    if (this.events !== undefined) this.noteClaim((head & ROW_HAS_FEED) !== 0, sequence, generation, tip);
    const hasValue = (head & ROW_HAS_VALUE) !== 0;
    const lacksValue = (head & ROW_LACKS_VALUE) !== 0;
    const valueLength = hasValue ? this.varint() : 0;
    row.backSeconds = backSeconds;
    row.lacksValue = lacksValue;
    row.valueLength = valueLength;
    row.valueStart = valueLength > 0 ? this.skip(valueLength) : this.position;
    const headGood = state <= LEFT && backSeconds <= SLEEP_SECONDS_MAX && sequence <= SEQUENCE_MAX;
    // A node holds its own value.
    const valueGood = lacksValue ? !hasValue && row.id !== this.id
      : !hasValue || (valueLength > 0 && valueLength <= VALUE_BYTES_MOST);
    row.state = isGood && headGood && valueGood ? state : BAD_ROW;
  }

  private noteClaim(isPresent: boolean, sequence: number, generation: number, tip: number): void {
    if (this.events === undefined) return;
    const claim = this.events.claim;
    claim.isPresent = isPresent;
    claim.sequence = sequence;
    claim.generation = generation;
    claim.tip = tip;
  }

  private checkSections(row: RowData): number {
    let lastTag = 0;
    let lastTo = -1;
    this.rewind();
    while (this.nextSection()) {
      // Ranges ascend, so that a frame cannot list one row many times.
      const again = this.section === lastTag && lastTag === SECTION_DIGEST && this.digestFrom > lastTo;
      if (this.section <= lastTag && !again) return DROP_SECTION;
      lastTag = this.section;
      lastTo = this.digestTo;
      const reason = this.checkSection(row);
      if (reason !== DROP_NONE) return reason;
    }
    return this.failed ? DROP_LENGTH : DROP_NONE;
  }

  private checkSection(row: RowData): number {
    if (this.section === SECTION_ROWS) return this.checkRows(row);
    if (this.section === SECTION_MESSAGE || this.section === SECTION_HOP) return this.checkMessage();
    if (this.section > SECTION_LIMITS) return DROP_NONE;
    if (this.failed) return DROP_SECTION;
    const isPrints = this.section === SECTION_RANGE_FINGERPRINTS || this.section === SECTION_ROW_FINGERPRINTS;
    if (isPrints && this.isOverFeeds()) this.feedsHash = UNLIKE;
    if (this.section === SECTION_FEEDS_HASH) return this.checkFeedsHash();
    if (this.section === SECTION_LIMITS) return this.checkLimits();
    if (this.section >= SECTION_SNAPSHOT) return this.checkEvents();
    if (this.section === SECTION_RANGE_FINGERPRINTS) return checkRangeFingerprints(this, this.rangesLog());
    if (this.section === SECTION_DIGEST) return this.checkDigest(row);
    if (this.section === SECTION_ROW_FINGERPRINTS) return checkRowFingerprints(this, this.rangesLog());
    // The others are ids.
    return (this.end - this.position) % WANT_BYTES === 0 ? DROP_NONE : DROP_SECTION;
  }

  private checkRows(row: RowData): number {
    while (this.more()) {
      const reason = this.checkRow(row);
      if (reason !== DROP_NONE) return reason;
    }
    return this.failed ? DROP_SECTION : DROP_NONE;
  }

  private checkFeedsHash(): number {
    if (this.end - this.position !== 4) return DROP_SECTION;
    this.feedsHash = this.u32();
    return DROP_NONE;
  }

  private checkLimits(): number {
    if (this.isAnswer() && !this.more()) {
      this.limits = SAME_LIMITS;
      return DROP_NONE;
    }
    const valueBytesMax = this.varint();
    const eventBytesMax = this.varint();
    const isEventGood = eventBytesMax === 0
      || (eventBytesMax >= EVENT_BYTES_LEAST && eventBytesMax <= EVENT_BYTES_MOST);
    const capacity = this.varint();
    const isCapacityGood = capacity >= CAPACITY_LEAST && capacity <= CAPACITY_MOST;
    const network = this.isNamed() ? this.u32() : NO_NETWORK;
    if (this.failed || this.more() || valueBytesMax > VALUE_BYTES_MOST) return DROP_SECTION;
    if (!isEventGood || !isCapacityGood) return DROP_SECTION;
    // PROTOCOL 3.4: the names of one network in 256 have the same octet.
    if (network !== this.network) return DROP_NETWORK;
    this.limits = limitsOf(valueBytesMax, eventBytesMax, capacity);
    return DROP_NONE;
  }

  /** PROTOCOL 11: checks the form, also in a node without messages. */
  private checkMessage(): number {
    if (this.failed || this.type === TYPE_LEAVE) return DROP_SECTION;
    if (this.end - this.position !== WAITING_BYTES) this.flags |= FLAG_OF_MESSAGE;
    return isMessage(this.bytes, this.position, this.end, this.section, this.isAnswer()) ? DROP_NONE : DROP_SECTION;
  }

  /** Checks the form only. Whether events chain is checked against the feed that is held. */
  private checkEvents(): number {
    return this.events === undefined ? DROP_NONE : this.events.check(this);
  }

  private checkDigest(row: RowData): number {
    let lastKey = -1;
    if (this.digestFrom > this.digestTo) return DROP_SECTION;
    while (this.more()) {
      this.readDigestEntry(row);
      const key = orderKey(row.id);
      const inOrder = key > lastKey && key >= this.digestFrom && key <= this.digestTo;
      if (!inOrder || row.state > LEFT) return DROP_SECTION;
      lastKey = key;
    }
    return this.failed ? DROP_SECTION : DROP_NONE;
  }

  private checkRow(row: RowData): number {
    this.readRow(row);
    if (this.failed) return DROP_SECTION;
    if (row.state === BAD_ROW) return DROP_ROW;
    if (row.valueLength === 0) return DROP_NONE;
    const good = checkNamedValue(this.bytes, row.valueStart, row.valueStart + row.valueLength);
    return good ? DROP_NONE : DROP_VALUE;
  }
}

const BAD_ROW = 255;
/** No half of a word. */
const NO_HASH = -1;
/** In `base`, beside the network: the section had the sender's own row. */
const OWN_ROW_READ = 1;
const NETWORK_MASK = 0xffffff00;
