import { NO_NAME, nameHash } from "./event.js";
import {
  ARENA_END, ARENA_LISTS, ARENA_START, BRANCH_OF, FREED_WORDS, GONE_COUNT, STATE_WORDS, UNNOTIFIED,
} from "./state-words.js";
import { OWN_SLOT } from "../table/rows.js";

/** The authors of the feeds, by slot: `Rows`. */
export interface Authors {
  id(slot: number): number;
}

/**
 * The memory of the feeds: one buffer of a fixed size. It has the words of `state-words.ts`, a table with
 * one feed for each slot of the rows and one more for a `Branch`, the scratch, an index by name, and the
 * arena, in which events lie one after another in the order of their arrival. This class knows places and
 * links only; `FeedStore` decides which events go in and out.
 *
 * The index has a list of records for each of a fixed number of hashes of topic and key.
 * `FeedStore` takes the records of log events and superseded ones out of it.
 *
 * A record is six words, then the event in canonical form, padded to words. The records of a
 * feed are linked in a circle, in the order of their sequence numbers, and the feed's table
 * entry refers to the last one. A freed record keeps its place in the circle, and is skipped,
 * until `compact` moves the others together.
 *
 * A record is named by its index into `words`; 0: none. The index is valid until the next
 * `gather` or `allocate`.
 */
export class Arena {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Number of feeds without the branch, whose slot this is. */
  readonly capacity: number;
  private readonly authors: Authors;

  /**
   * @param capacity number of feeds without the branch
   * @param scratchBytes bytes of the scratch, which is the caller's
   * @param feedBytes bytes of the arena, a multiple of 4
   */
  constructor(authors: Authors, capacity: number, scratchBytes: number, feedBytes: number) {
    this.authors = authors;
    this.capacity = capacity;
    const lists = STATE_WORDS + (capacity + 1) * FEED_WORDS + ((scratchBytes + 3) >>> 2);
    const start = lists + listsFor(feedBytes);
    const buffer = new ArrayBuffer((start + (feedBytes >>> 2)) * 4);
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.words[ARENA_LISTS] = lists;
    this.words[ARENA_START] = start;
    this.words[ARENA_END] = start;
    this.words[UNNOTIFIED] = start;
  }

  /** The id of a feed's author. A branch has the slot `capacity` and the author of its feed. */
  author(slot: number): number {
    return this.authors.id(slot === this.capacity ? Math.max(OWN_SLOT, this.words[BRANCH_OF] - 1) : slot);
  }

  /** Index of the first list of the index by name. Their number is a power of 2. The arena is behind them. */
  private get lists(): number { return this.words[ARENA_LISTS]; }
  /** Index of the first word of the arena. The arena ends where the buffer does. */
  private get start(): number { return this.words[ARENA_START]; }
  /** Index of the first free word. */
  private get end(): number { return this.words[ARENA_END]; }

  /** Index into `bytes` of the scratch. */
  scratchAt(): number { return (STATE_WORDS + (this.capacity + 1) * FEED_WORDS) * 4; }

  get(slot: number, column: number): number { return this.words[slot * FEED_WORDS + column]; }
  set(slot: number, column: number, value: number): void { this.words[slot * FEED_WORDS + column] = value; }

  /** Index into `bytes` of a record's event. */
  eventAt(record: number): number { return (record + HEAD_WORDS) << 2; }
  eventLength(record: number): number { return this.words[record + META] & LENGTH_MASK; }
  sequence(record: number): number { return this.words[record + NUMBER]; }
  /** The tip after a record's event, two words; zeros: the event arrived in a snapshot. */
  tipFirst(record: number): number { return this.words[record + FIRST]; }
  tipSecond(record: number): number { return this.words[record + SECOND]; }
  /** The slot of a record's feed. */
  owner(record: number): number { return this.words[record + META] >>> OWNER_SHIFT; }
  hasFlag(record: number, flag: number): boolean { return (this.words[record + META] & flag) !== 0; }
  setFlag(record: number, flag: number): void { this.words[record + META] |= flag; }
  clearFlag(record: number, flag: number): void { this.words[record + META] &= ~flag; }
  /** The application need not be notified of a record. */
  setNotified(record: number): void { this.setFlag(record, RECORD_NOTIFIED); }
  isFreed(record: number): boolean { return this.hasFlag(record, RECORD_FREED); }
  /** Whether a record is neither freed nor gone. */
  isHeld(record: number): boolean { return !this.hasFlag(record, RECORD_FREED | RECORD_GONE); }
  isUnnotified(record: number): boolean { return record >= this.words[UNNOTIFIED]; }

  /** Whether a record is the event of `length` bytes at `at` of `bytes`. */
  isEvent(record: number, at: number, length: number): boolean {
    const start = this.eventAt(record);
    if (this.eventLength(record) !== length) return false;
    for (let i = 0; i < length; i++) if (this.bytes[start + i] !== this.bytes[at + i]) return false;
    return true;
  }

  /** The first record with this hash of topic and key, or 0; any of the records may be freed. */
  firstNamed(hash: number): number { return this.words[this.listOf(hash)]; }
  /** The record after this one in its list, or 0. */
  nextNamed(record: number): number { return this.words[record + NAMED] & INDEX_MASK; }

  /** Puts a record with this hash of topic and key into the index. */
  addNamed(record: number, hash: number): void {
    const list = this.listOf(hash);
    this.words[record + NAMED] = (this.words[record + NAMED] & ~INDEX_MASK) | this.words[list];
    this.words[list] = record;
  }

  private listOf(hash: number): number { return this.lists + (hash & (this.start - this.lists - 1)); }

  /** Takes a record with this hash out of the index. */
  removeNamed(record: number, hash: number): void {
    const list = this.listOf(hash);
    const next = this.nextNamed(record);
    if (this.words[list] === record) {
      this.words[list] = next;
      return;
    }
    let before = this.words[list];
    while (before !== 0 && this.nextNamed(before) !== record) before = this.nextNamed(before);
    if (before !== 0) this.words[before + NAMED] = (this.words[before + NAMED] & ~INDEX_MASK) | next;
  }

  /** A number that `Upkeep` keeps with a record, 0 to 255; 0 at first. */
  upkeep(record: number): number { return this.words[record + NAMED] >>> UPKEEP_SHIFT; }
  setUpkeep(record: number, value: number): void {
    this.words[record + NAMED] = ((value << UPKEEP_SHIFT) | this.nextNamed(record)) >>> 0;
  }

  /** Gives a record another sequence number and tip. The circle of its feed must stay in order. */
  renumber(record: number, sequence: number, first: number, second: number): void {
    this.words[record + NUMBER] = sequence;
    this.words[record + FIRST] = first;
    this.words[record + SECOND] = second;
  }

  /** A feed's first record, or 0. */
  first(slot: number): number {
    const last = this.get(slot, LAST);
    return last === 0 ? 0 : this.passFreed(this.words[last + NEXT], last);
  }

  /** A feed's last record, or 0. */
  last(slot: number): number {
    let last = this.get(slot, LAST);
    if (last === 0 || !this.hasFlag(last, RECORD_FREED | RECORD_GONE)) return last;
    last = 0;
    for (let record = this.first(slot); record !== 0; record = this.next(record)) last = record;
    return last;
  }

  /** The record after this one in its feed, or 0. */
  next(record: number): number {
    const last = this.get(this.owner(record), LAST);
    return record === last ? 0 : this.passFreed(this.words[record + NEXT], last);
  }

  /** A feed's first record whose sequence number is `sequence` or more, or 0. */
  from(slot: number, sequence: number): number {
    const last = this.get(slot, LAST);
    // Most calls look for the last event, or for the one after it.
    if (last === 0 || this.sequence(last) < sequence) return 0;
    if (this.sequence(last) === sequence && !this.hasFlag(last, RECORD_FREED | RECORD_GONE)) return last;
    let record = this.words[last + NEXT];
    while (this.sequence(record) < sequence) record = this.words[record + NEXT];
    return this.passFreed(record, last);
  }

  /** The record of an event, or 0. */
  find(slot: number, sequence: number): number {
    const record = this.from(slot, sequence);
    return record !== 0 && this.sequence(record) === sequence ? record : 0;
  }

  /** The first record at `index` or behind it, freed or not; 0: there is none. */
  recordFrom(index: number): number {
    let record = this.start;
    while (record < this.end && record < index) record += this.wordsAt(record);
    return record < this.end ? record : 0;
  }

  /** The record that lies behind this one, freed or not; 0: there is none. */
  recordAfter(record: number): number {
    const next = record + this.wordsAt(record);
    return next < this.end ? next : 0;
  }

  /** Words that are free for records, once `compact` has run. */
  room(): number { return this.words.length - this.end + this.words[FREED_WORDS]; }
  /** Words of the arena. */
  size(): number { return this.words.length - this.start; }

  /**
   * Moves records together unless `words` words are free in one piece. The caller has made room. Returns whether
   * records have moved.
   */
  gather(words: number): boolean {
    const isShort = words > this.words.length - this.end;
    if (isShort) this.compact();
    return isShort;
  }

  /** Adds a record to a feed and returns it. The caller has made room, and writes the event. */
  allocate(slot: number, sequence: number, first: number, second: number, length: number): number {
    const words = recordWords(length);
    this.gather(words);
    const record = this.end;
    this.words[ARENA_END] += words;
    this.renumber(record, sequence, first, second);
    const isNotified = sequence <= this.get(slot, NOTIFIED);
    this.words[record + META] = (slot << OWNER_SHIFT) | (isNotified ? RECORD_NOTIFIED : 0) | length;
    this.words[record + NAMED] = 0;
    this.link(record);
    return record;
  }

  /** Frees a record. */
  protected release(record: number): void {
    if (this.isFreed(record)) return;
    if (this.hasFlag(record, RECORD_GONE)) this.words[GONE_COUNT]--;
    this.setFlag(record, RECORD_FREED);
    this.words[FREED_WORDS] += this.wordsAt(record);
  }

  /** Frees a value that ended without an event of its own, once the application has been notified of that. */
  protected releaseOnceNotified(record: number): void {
    if (this.isUnnotified(record)) {
      this.release(record);
    } else if (!this.hasFlag(record, RECORD_GONE)) {
      this.setFlag(record, RECORD_GONE);
      this.words[GONE_COUNT]++;
    }
  }

  /** Frees the records of a feed that have one of the flags; 0: all of them. */
  freeAll(slot: number, flags: number): void {
    const last = this.get(slot, LAST);
    if (last === 0) return;
    let record = last;
    do {
      if (flags === 0 || this.hasFlag(record, flags)) this.release(record);
      record = this.words[record + NEXT];
    } while (record !== last);
  }

  /** The next record of which the application has to be notified, or 0. Records with RECORD_GONE come first. */
  nextUnnotified(): number {
    const end = this.words[GONE_COUNT] > 0 ? this.words[UNNOTIFIED] : 0;
    for (let record = this.start; record < end; record += this.wordsAt(record)) {
      if (!this.hasFlag(record, RECORD_GONE) || this.hasFlag(record, RECORD_FREED)) continue;
      this.release(record);
      return record;
    }
    while (this.words[UNNOTIFIED] < this.end) {
      const record = this.words[UNNOTIFIED];
      this.words[UNNOTIFIED] += this.wordsAt(record);
      if (!this.hasFlag(record, RECORD_FREED | RECORD_NOTIFIED)) return record;
    }
    return 0;
  }

  /** Moves all records together in the order in which they lie, and links them again. */
  compact(): void {
    const words = this.words;
    for (let slot = 0; slot <= this.capacity; slot++) this.set(slot, LAST, 0);
    for (let list = this.lists; list < this.start; list++) words[list] = 0;
    let to = this.start;
    let unnotified = -1;
    for (let at = this.start; at < this.end;) {
      const next = at + this.wordsAt(at);
      if (at >= this.words[UNNOTIFIED] && unnotified < 0) unnotified = to;
      if (this.hasFlag(at, RECORD_FREED)) {
        at = next;
        continue;
      }
      const record = to;
      for (; at < next; at++, to++) words[to] = words[at];
      this.link(record);
      const hash = this.hasFlag(record, RECORD_SUPERSEDED) ? NO_NAME : nameHash(this.bytes, this.eventAt(record));
      if (hash !== NO_NAME) this.addNamed(record, hash);
    }
    this.words[UNNOTIFIED] = unnotified < 0 ? to : unnotified;
    this.words[ARENA_END] = to;
    this.words[FREED_WORDS] = 0;
  }

  /** Words that a record takes. */
  wordsAt(record: number): number { return recordWords(this.eventLength(record)); }

  /** Links a record into the circle of its feed, by its sequence number. */
  private link(record: number): void {
    const words = this.words;
    const slot = this.owner(record);
    const last = this.get(slot, LAST);
    if (last === 0) {
      words[record + NEXT] = record;
      this.set(slot, LAST, record);
      return;
    }
    const sequence = words[record + NUMBER];
    let before = last;
    if (sequence > words[last + NUMBER]) {
      this.set(slot, LAST, record);
    } else {
      // Rare: history arrives after the events that follow it.
      while (words[words[before + NEXT] + NUMBER] <= sequence && words[before + NEXT] !== last) {
        before = words[before + NEXT];
      }
    }
    words[record + NEXT] = words[before + NEXT];
    words[before + NEXT] = record;
  }

  /** The first record from `from` to `last` that is neither freed nor gone; or 0. */
  private passFreed(from: number, last: number): number {
    let record = from;
    while (this.hasFlag(record, RECORD_FREED | RECORD_GONE)) {
      if (record === last) return 0;
      record = this.words[record + NEXT];
    }
    return record;
  }
}

// Columns of a feed, behind the words of `state-words.ts`: so no access has to add where the feeds begin.
/** Generation, a uint32. */
export const GENERATION = STATE_WORDS + 0;
/** Sequence number of the last event that is held, or was. */
export const SEQUENCE = STATE_WORDS + 1;
/** Sequence number from which on all events are held (PROTOCOL 10.2). */
export const FLOOR = STATE_WORDS + 2;
/** The tip before the event at the floor, two words: zeros before the first event, and while a snapshot arrives. */
export const BASE_FIRST = STATE_WORDS + 3;
export const BASE_SECOND = STATE_WORDS + 4;
/** Greatest sequence number of an event that ended a value and is no longer held. */
export const LAST_REMOVAL = STATE_WORDS + 5;
/** Sequence number up to which the application was notified of events, or need not be. */
export const NOTIFIED = STATE_WORDS + 6;
/** How far the peer that is answered holds the feed, and what to do about it: see `FeedOutbox`. */
export const PEER_SEQUENCE = STATE_WORDS + 7;
export const NOTES = STATE_WORDS + 8;
/** The record with the greatest sequence number, or 0. */
const LAST = STATE_WORDS + 9;
const FEED_WORDS = 10;
/** Bytes of one feed. */
export const FEED_BYTES = FEED_WORDS * 4;

// Words of a record's head.
const NEXT = 0;
const NUMBER = 1;
const FIRST = 2;
const SECOND = 3;
const META = 4;
const NAMED = 5;
const HEAD_WORDS = 6;
/** Bytes that a record takes beside its event and padding. */
export const RECORD_HEAD_BYTES = HEAD_WORDS * 4;

// NAMED: the next record in its list of the index in bits 0 to 23, what `Upkeep` keeps in bits 24 to 31.
const INDEX_MASK = 0xffffff;
const UPKEEP_SHIFT = 24;
/** In what `Upkeep` keeps: how many of its passes found the record hidden or its author gone, up to this number. */
export const UPKEEP_COUNT = 7;
/** In what `Upkeep` keeps: the author ended the event of this copy in its own feed. */
export const UPKEEP_ENDED = 8;
/** In what `Upkeep` keeps: the removal that hides this value was copied because its author does not end it. */
export const UPKEEP_REPEATED = 16;

/** Lists of the index by name for an arena of so many bytes: one for 256 bytes, 8 to 65,536. */
export function listsFor(feedBytes: number): number {
  let lists = LISTS_MIN;
  while (lists < LISTS_MAX && lists * BYTES_PER_LIST < feedBytes) lists *= 2;
  return lists;
}

const LISTS_MIN = 8;
const LISTS_MAX = 65536;
const BYTES_PER_LIST = 256;

// META: the slot of the feed in bits 16 to 31, flags, the length of the event in bits 0 to 10.
const OWNER_SHIFT = 16;
const LENGTH_MASK = 0x7ff;
const RECORD_FREED = 0x800;
/** The value ended without an event of its own. The record only waits until the application is notified of that. */
export const RECORD_GONE = 0x1000;
/** A later event of the feed has the same topic and key. */
export const RECORD_SUPERSEDED = 0x2000;
/** The application need not be notified: it was notified of this event in an earlier record. */
export const RECORD_NOTIFIED = 0x4000;
/** The snapshot that is arriving does not have this value: it is gone once the snapshot is complete. */
export const RECORD_UNCERTAIN = 0x8000;

/** Words that a record of an event of `length` bytes takes. */
export function recordWords(length: number): number {
  return HEAD_WORDS + ((length + 3) >>> 2);
}
