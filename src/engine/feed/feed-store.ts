import {
  Arena, BASE_FIRST, BASE_SECOND, LAST_REMOVAL, FLOOR, GENERATION, NOTES, RECORD_UNCERTAIN, RECORD_GONE,
  RECORD_SUPERSEDED, SEQUENCE, SPARE, NOTIFIED, recordWords,
} from "./arena.js";
import { type Reader, Writer } from "../wire/cursor.js";
import { Chain, chainBytes } from "./chain.js";
import { EVENT_HEAD_BYTES, type EventData, hasTtl, kindOf, topicLengthOf, writeCanonical } from "./event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";
import type { Digest } from "../../digest/sha256.js";

/** Most events in one run. */
export const BATCH_EVENTS_MAX = 16;

/** Who the author of a feed is: `Rows` knows. */
export interface Authors {
  id(slot: number): number;
}

/**
 * The feeds: of each author, in the slot of its row, the events that are held.
 *
 * A feed is held without gaps from its floor to its sequence number. Below the
 * floor there are only its latest values, at sequence numbers far apart: the
 * snapshot. While the snapshot of another node comes in, a feed is not *whole*:
 * its tip is not known, and it takes in nothing but the rest of that.
 *
 * All is allocated in the constructor: `FEED_BYTES` a feed, room for one event and
 * the tips of one run, and the arena. When that is full, the oldest events go, of
 * the author that holds most: its floor rises. Values that are alive stay.
 */
export class FeedStore {
  readonly arena: Arena;
  readonly chain: Chain;
  /** Longest event, in canonical form; the same in all nodes of a network. */
  readonly eventBytesMax: number;
  /** How often a feed was dropped: a uint32 that wraps. */
  dropped = 0;
  private readonly authors: Authors;
  private readonly writer = new Writer();

  /**
   * @param capacity feeds: as many as there are rows
   * @param feedBytes bytes of the arena
   * @param eventBytesMax bytes, 16 to 2,047
   */
  constructor(authors: Authors, capacity: number, feedBytes: number, eventBytesMax: number, digest: Digest) {
    this.authors = authors;
    this.eventBytesMax = eventBytesMax;
    this.arena = new Arena(capacity, TIPS_BYTES + chainBytes(eventBytesMax), feedBytes);
    this.chain = new Chain(digest, this.arena.bytes, this.arena.scratchAt() + TIPS_BYTES, eventBytesMax);
    for (let slot = 0; slot < capacity; slot++) this.drop(slot);
  }

  generation(slot: number): number { return this.arena.get(slot, GENERATION); }
  /** Sequence number up to which all is held, or was; 0 when nothing is known. */
  sequence(slot: number): number { return this.arena.get(slot, SEQUENCE); }
  /** The tip after that event, two words; zeros when it is not known. */
  tipFirst(slot: number): number { return this.isComplete(slot) ? this.tipFirstAt(slot, this.sequence(slot)) : 0; }
  tipSecond(slot: number): number { return this.isComplete(slot) ? this.tipSecondAt(slot, this.sequence(slot)) : 0; }
  floor(slot: number): number { return this.arena.get(slot, FLOOR); }
  /** Greatest sequence number of an event that ended a value, and that is not held any more. */
  lastRemoval(slot: number): number { return this.arena.get(slot, LAST_REMOVAL); }
  /** Index into the arena's words: room for the tips of a run, two words each. */
  tipsAt(): number { return this.arena.scratchAt() >>> 2; }
  author(slot: number): number { return this.authors.id(slot); }

  /** Whether a feed has no snapshot on its way in. */
  isComplete(slot: number): boolean {
    const hasBase = this.arena.get(slot, BASE_FIRST) !== 0 || this.arena.get(slot, BASE_SECOND) !== 0;
    return hasBase || this.sequence(slot) === 0 || this.floor(slot) === 1;
  }

  /** Begins another generation of a feed; nothing of the one before is held any more. */
  begin(slot: number, generation: number): void {
    const arena = this.arena;
    arena.freeAll(slot, 0);
    arena.set(slot, GENERATION, generation);
    for (let column = SEQUENCE; column <= SPARE; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
  }

  /** Forgets a feed, as its row is forgotten. */
  drop(slot: number): void {
    this.begin(slot, 0);
    this.arena.set(slot, NOTES, 0);
    this.dropped = (this.dropped + 1) >>> 0;
  }

  /**
   * Makes room for records of so many words together. Returns false where that
   * can't be: what is left then are values that are alive, and events that the
   * application was not told of.
   */
  reserve(words: number): boolean {
    const arena = this.arena;
    if (words <= arena.room()) return true;
    // More than is needed, so that records are moved together once for many events.
    const wanted = Math.max(words, arena.size() >>> ROOM_SHIFT);
    if (words > this.roomBesideValues()) return false;
    while (arena.room() < wanted && this.forgetOldest()) continue;
    return words <= arena.room();
  }

  /**
   * Adds the event of `length` bytes that stands at `chain.eventAt` to a feed, which
   * is whole. Its room was reserved before it was written there. Returns false when
   * it can't be held, as `store` does.
   */
  append(slot: number, length: number): boolean {
    const sequence = this.sequence(slot) + 1;
    this.chain.begin(this.author(slot), this.generation(slot), this.tipFirst(slot), this.tipSecond(slot));
    this.chain.link(sequence, length);
    if (!this.store(slot, sequence, this.chain.first(), this.chain.second(), length)) return false;
    this.advance(slot, sequence);
    return true;
  }

  /** A writer for one event at `chain.eventAt`, in canonical form. Its position tells the event's end. */
  draft(): Writer {
    const start = this.chain.eventAt;
    this.writer.reset(this.chain.bytes, start, start + this.eventBytesMax);
    return this.writer;
  }

  /** Writes an event that was just read to `chain.eventAt`. Returns its length; -1 if it is too long. */
  draftOf(reader: Reader, event: EventData): number {
    const writer = this.draft();
    writeCanonical(writer, reader.bytes, event);
    return writer.failed ? -1 : writer.position - this.chain.eventAt;
  }

  /**
   * Holds the event of `length` bytes at `chain.eventAt`, whose room was reserved,
   * and notes what it supersedes. The tip after it is `first`, `second`, zeros if
   * that is not known. Returns false for one more value where values fill the
   * arena: room for one event is left, so that they can always be changed.
   */
  store(slot: number, sequence: number, first: number, second: number, length: number): boolean {
    const arena = this.arena;
    const held = arena.find(slot, sequence);
    if (held !== 0) {
      // Left from before a snapshot, or from one.
      arena.renumber(held, sequence, first, second);
      arena.clearFlag(held, RECORD_UNCERTAIN);
      return true;
    }
    const words = recordWords(length);
    arena.gather(words);
    if (!this.canHold(slot, length)) return false;
    const other = this.withSameName(slot, this.chain.eventAt);
    const isValue = kindOf(arena.bytes[this.chain.eventAt]) === KIND_SET;
    const record = arena.allocate(slot, sequence, first, second, length);
    this.move(this.chain.eventAt, arena.eventAt(record), length);
    if (!isValue) this.addSpare(slot, words);
    if (other !== 0) this.supersede(slot, arena.sequence(other) < sequence ? other : record);
    return true;
  }

  /** Whether the event of `length` bytes at `chain.eventAt` is not one more value where values fill the arena. */
  canHold(slot: number, length: number): boolean {
    if (kindOf(this.arena.bytes[this.chain.eventAt]) !== KIND_SET) return true;
    const other = this.withSameName(slot, this.chain.eventAt);
    if (other !== 0 && this.isLive(other)) return true;
    return recordWords(length) + recordWords(this.eventBytesMax) <= this.roomBesideValues();
  }

  /** All is held up to `sequence`. */
  advance(slot: number, sequence: number): void {
    const arena = this.arena;
    arena.set(slot, SEQUENCE, sequence);
    if (arena.get(slot, NOTIFIED) < sequence) arena.set(slot, NOTIFIED, sequence);
  }

  /**
   * Begins a new generation of the node's own feed with all that is held of it, in
   * the same order and with the same stamps. What was superseded is left behind. A
   * removal is not: it may hide what another author set before.
   */
  rechain(slot: number, generation: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (arena.hasFlag(record, RECORD_SUPERSEDED)) this.free(slot, record);
    }
    arena.freeAll(slot, RECORD_GONE);
    // Numbers fall, so none of the old ones may be left in between.
    arena.compact();
    for (let column = SEQUENCE; column <= NOTIFIED; column++) arena.set(slot, column, 0);
    arena.set(slot, GENERATION, generation);
    arena.set(slot, FLOOR, 1);
    this.chain.begin(this.author(slot), generation, 0, 0);
    let sequence = 0;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      this.link(record, ++sequence);
      arena.renumber(record, sequence, this.chain.first(), this.chain.second());
    }
    if (sequence > 0) this.advance(slot, sequence);
  }

  /** All of the feed has to come in anew. What is held stays, to be told from what is new. */
  startOver(slot: number): void {
    const arena = this.arena;
    for (let column = SEQUENCE; column <= LAST_REMOVAL; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
  }

  /** A snapshot begins to come in: of what is held only the latest values are of use. */
  enterSnapshot(slot: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (!this.isLive(record)) this.free(slot, record);
    }
  }

  /**
   * Sequence number for which the values that are held up to `sequence` are the
   * latest ones. While a snapshot comes in, parts of which may be of several
   * nodes, it is the least of those at which they end; it stands in for the floor.
   */
  asOf(slot: number): number {
    if (this.sequence(slot) === 0) return 0xffffffff;
    return this.isComplete(slot) ? this.sequence(slot) : this.floor(slot) - 1;
  }

  /** A snapshot came in up to `sequence`. */
  advanceSnapshot(slot: number, sequence: number, asOf: number): void {
    this.advance(slot, sequence);
    this.arena.set(slot, FLOOR, asOf + 1);
    this.arena.set(slot, BASE_FIRST, 0);
    this.arena.set(slot, BASE_SECOND, 0);
  }

  /** Values with numbers above `after` and below `before` are not in the snapshot. */
  markUncertain(slot: number, after: number, before: number): void {
    const arena = this.arena;
    let record = arena.from(slot, after + 1);
    for (; record !== 0 && arena.sequence(record) < before; record = arena.next(record)) {
      arena.setFlag(record, RECORD_UNCERTAIN);
    }
  }

  /** A snapshot is complete; the feed goes on after `base`. */
  endSnapshot(slot: number, base: number, first: number, second: number, lastRemoval: number): void {
    const arena = this.arena;
    this.advance(slot, base);
    arena.set(slot, BASE_FIRST, first);
    arena.set(slot, BASE_SECOND, second);
    arena.set(slot, FLOOR, base + 1);
    if (arena.get(slot, LAST_REMOVAL) < lastRemoval) arena.set(slot, LAST_REMOVAL, lastRemoval);
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (arena.sequence(record) > base) break;
      if (arena.hasFlag(record, RECORD_UNCERTAIN)) arena.freeOnceNotified(record);
    }
  }

  /** Forgets the values below the floors that ended before `physicalMs`, milliseconds since 1970. */
  expire(physicalMs: number): void {
    for (let slot = 0; slot < this.arena.capacity; slot++) {
      const floor = this.floor(slot);
      let record = this.isComplete(slot) ? this.arena.first(slot) : 0;
      while (record !== 0 && this.arena.sequence(record) < floor) {
        if (this.isExpired(record, physicalMs)) this.removeValue(slot, record);
        record = this.arena.next(record);
      }
    }
  }

  /** Whether the value of a record has outlived the time that its author gave it. */
  isExpired(record: number, physicalMs: number): boolean {
    const arena = this.arena;
    const bytes = arena.bytes;
    const start = arena.eventAt(record);
    if (!hasTtl(bytes[start])) return false;
    let at = start + EVENT_HEAD_BYTES + topicLengthOf(bytes[start]);
    at += 1 + bytes[at];
    let ttlSeconds = 0;
    for (let factor = 1; ; factor *= 128) {
      ttlSeconds += (bytes[at] & 0x7f) * factor;
      if (bytes[at++] < 0x80) break;
    }
    return this.ms(record) + ttlSeconds * 1000 <= physicalMs;
  }

  /** A record's stamp: milliseconds since 1970. */
  ms(record: number): number {
    const start = this.arena.eventAt(record);
    let ms = 0;
    for (let i = start + 1; i < start + 7; i++) ms = ms * 256 + this.arena.bytes[i];
    return ms;
  }

  /** A record's stamp: the counter. */
  counter(record: number): number {
    const start = this.arena.eventAt(record);
    return (this.arena.bytes[start + 7] << 8) | this.arena.bytes[start + 8];
  }

  /** Whether a record has the latest value of its topic and key, however old. */
  isLive(record: number): boolean {
    return this.kind(record) === KIND_SET && !this.arena.hasFlag(record, RECORD_SUPERSEDED);
  }

  kind(record: number): number {
    return kindOf(this.arena.bytes[this.arena.eventAt(record)]);
  }

  /** First word of the tip after an event, from the one below the floor on. The feed is whole. */
  tipFirstAt(slot: number, sequence: number): number {
    if (sequence < this.floor(slot)) return this.arena.get(slot, BASE_FIRST);
    return this.arena.tipFirst(this.arena.find(slot, sequence));
  }

  /** Second word of that tip. */
  tipSecondAt(slot: number, sequence: number): number {
    if (sequence < this.floor(slot)) return this.arena.get(slot, BASE_SECOND);
    return this.arena.tipSecond(this.arena.find(slot, sequence));
  }

  /** Goes on with the chain by the event of a record. */
  link(record: number, sequence: number): void {
    const length = this.arena.eventLength(record);
    this.move(this.arena.eventAt(record), this.chain.eventAt, length);
    this.chain.link(sequence, length);
  }

  /** Raises the floor of the feed that takes most room. Returns false when nothing can go. */
  private forgetOldest(): boolean {
    let most = 0;
    let victim = -1;
    for (let slot = 0; slot < this.arena.capacity; slot++) {
      const spare = this.arena.get(slot, SPARE);
      if (spare <= most || this.floorRecord(slot) === 0) continue;
      most = spare;
      victim = slot;
    }
    if (victim >= 0) this.raiseFloor(victim);
    return victim >= 0;
  }

  /** The record at the floor, if that may rise past it; or 0. */
  private floorRecord(slot: number): number {
    const floor = this.floor(slot);
    if (floor > this.sequence(slot) || !this.isComplete(slot)) return 0;
    const record = this.arena.find(slot, floor);
    return record !== 0 && this.arena.isUnnotified(record) ? 0 : record;
  }

  private raiseFloor(slot: number): void {
    const arena = this.arena;
    const floor = this.floor(slot);
    const record = arena.find(slot, floor);
    arena.set(slot, BASE_FIRST, arena.tipFirst(record));
    arena.set(slot, BASE_SECOND, arena.tipSecond(record));
    arena.set(slot, FLOOR, floor + 1);
    if (this.isLive(record)) return;
    // Who holds what a removal ended must hear of that, even when the removal is not held any more.
    if (this.kind(record) === KIND_REMOVE && !arena.hasFlag(record, RECORD_SUPERSEDED)) this.removeValue(slot, record);
    else this.free(slot, record);
  }

  /** All is held from a lower number on, before which the tip is `first`, `second`: who calls this stores it then. */
  lowerFloor(slot: number, sequence: number, first: number, second: number): void {
    const arena = this.arena;
    arena.set(slot, FLOOR, sequence);
    arena.set(slot, BASE_FIRST, first);
    arena.set(slot, BASE_SECOND, second);
    // What ended a value, and is not held, is below the floor.
    if (arena.get(slot, LAST_REMOVAL) >= sequence) arena.set(slot, LAST_REMOVAL, sequence - 1);
  }

  private removeValue(slot: number, record: number): void {
    const arena = this.arena;
    if (arena.get(slot, LAST_REMOVAL) < arena.sequence(record)) arena.set(slot, LAST_REMOVAL, arena.sequence(record));
    this.free(slot, record);
  }

  private free(slot: number, record: number): void {
    if (!this.isLive(record)) this.addSpare(slot, -this.arena.wordsAt(record));
    this.arena.free(record);
  }

  private addSpare(slot: number, words: number): void {
    this.arena.set(slot, SPARE, this.arena.get(slot, SPARE) + words);
  }

  /** Words that are free or could be: all but those of the latest values. */
  private roomBesideValues(): number {
    let words = this.arena.room();
    for (let slot = 0; slot < this.arena.capacity; slot++) words += this.arena.get(slot, SPARE);
    return words;
  }

  /** The record of a feed that has the topic and key of the event at `at`, and is not superseded; or 0. */
  private withSameName(slot: number, at: number): number {
    const arena = this.arena;
    if (kindOf(arena.bytes[at]) === KIND_LOG) return 0;
    let record = arena.first(slot);
    while (record !== 0 && (arena.hasFlag(record, RECORD_SUPERSEDED) || !this.hasName(record, at))) {
      record = arena.next(record);
    }
    return record;
  }

  /** Whether a record has the topic and key of the event at `at`, which has a key. */
  private hasName(record: number, at: number): boolean {
    const bytes = this.arena.bytes;
    const other = this.arena.eventAt(record);
    const topicLength = topicLengthOf(bytes[at]);
    if (kindOf(bytes[other]) === KIND_LOG || topicLength !== topicLengthOf(bytes[other])) return false;
    // The length of the key stands between topic and key.
    const end = EVENT_HEAD_BYTES + topicLength + 1 + bytes[at + EVENT_HEAD_BYTES + topicLength];
    for (let i = EVENT_HEAD_BYTES; i < end; i++) {
      if (bytes[at + i] !== bytes[other + i]) return false;
    }
    return true;
  }

  /** An event was superseded by a later one. Below the floor it is of no use then. */
  private supersede(slot: number, record: number): void {
    const arena = this.arena;
    if (arena.sequence(record) < this.floor(slot) || !this.isComplete(slot)) {
      this.free(slot, record);
    } else {
      if (this.isLive(record)) this.addSpare(slot, arena.wordsAt(record));
      arena.setFlag(record, RECORD_SUPERSEDED);
    }
  }

  private move(from: number, to: number, length: number): void {
    const bytes = this.arena.bytes;
    for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i];
  }
}

/** Tips of the events of a run, two words each, at the start of the arena's scratch. */
const TIPS_BYTES = BATCH_EVENTS_MAX * 8;
/** An eighth of the arena. */
const ROOM_SHIFT = 3;
