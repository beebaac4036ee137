import {
  Arena, BASE_FIRST, BASE_SECOND, LAST_REMOVAL, FLOOR, GENERATION, NOTES, RECORD_UNCERTAIN, RECORD_GONE,
  RECORD_SUPERSEDED, SEQUENCE, SPARE, NOTIFIED, recordWords,
} from "./arena.js";
import type { Reader } from "../wire/cursor.js";
import { Chain, chainBytes } from "./chain.js";
import {
  EVENT_HEAD_BYTES, type EventData, canonicalBytes, hasTtl, kindOf, stampCounter, stampMs, topicLengthOf,
  writeCanonical,
} from "./event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";
import type { Digest } from "../../digest/digest.js";

/** Most events in one batch. */
export const BATCH_EVENTS_MAX = 16;

/** The authors of the feeds, by slot: `Rows`. */
export interface Authors {
  id(slot: number): number;
}

/**
 * The feeds (PROTOCOL 10.2): the events that this node holds of each author, in the slot of
 * the author's row.
 *
 * A feed is held without gaps from its floor to its sequence number. Below the floor only
 * its latest values are held: the snapshot. While a snapshot arrives from another node, the
 * feed is not *complete*: its tip is not known, and it accepts nothing but the rest of the
 * snapshot.
 *
 * The constructor allocates everything: `FEED_BYTES` for each feed, the scratch (the tips of
 * one batch and one event) and the arena. When the arena is full, the feed with the most
 * removable bytes loses its oldest events and its floor rises. Live values stay.
 */
export class FeedStore {
  readonly arena: Arena;
  /** Its `eventAt` is the scratch's place for one event, which `store`, `append` and `encode` write to. */
  readonly chain: Chain;
  /** Bytes of the longest event in canonical form; the same in all nodes of a network. */
  readonly eventBytesMax: number;
  /** How many feeds were dropped: a uint32 that wraps. */
  dropped = 0;
  /** The slot of the feed of which a branch is read, into the arena's slot `capacity`. */
  branchOf = 0;
  private readonly authors: Authors;

  /**
   * @param capacity number of feeds: as many as rows
   * @param feedBytes bytes of the arena
   * @param eventBytesMax bytes, 16 to 2,047
   */
  constructor(authors: Authors, capacity: number, feedBytes: number, eventBytesMax: number, digest: Digest) {
    this.authors = authors;
    this.eventBytesMax = eventBytesMax;
    this.arena = new Arena(capacity, TIPS_BYTES + chainBytes(eventBytesMax), feedBytes);
    this.chain = new Chain(digest, this.arena.bytes, this.arena.scratchAt() + TIPS_BYTES, eventBytesMax);
    for (let slot = 0; slot <= capacity; slot++) this.drop(slot);
  }

  generation(slot: number): number { return this.arena.get(slot, GENERATION); }
  /** Sequence number of the last event that is held, or was; 0: nothing is known of the feed. */
  sequence(slot: number): number { return this.arena.get(slot, SEQUENCE); }
  /** The tip after that event, two words; zeros: it is not known. */
  tipFirst(slot: number): number { return this.isComplete(slot) ? this.tipFirstAt(slot, this.sequence(slot)) : 0; }
  tipSecond(slot: number): number { return this.isComplete(slot) ? this.tipSecondAt(slot, this.sequence(slot)) : 0; }
  floor(slot: number): number { return this.arena.get(slot, FLOOR); }
  /** Greatest sequence number of an event that ended a value and is no longer held; 0: none. */
  lastRemoval(slot: number): number { return this.arena.get(slot, LAST_REMOVAL); }
  /** Index into the arena's words of the scratch for the tips of a batch, two words for each event. */
  tipsAt(): number { return this.arena.scratchAt() >>> 2; }
  author(slot: number): number { return this.authors.id(slot === this.arena.capacity ? this.branchOf : slot); }

  /** Whether no part of the feed's snapshot is missing (PROTOCOL 10.2). */
  isComplete(slot: number): boolean {
    const hasBase = this.arena.get(slot, BASE_FIRST) !== 0 || this.arena.get(slot, BASE_SECOND) !== 0;
    return hasBase || this.sequence(slot) === 0 || this.floor(slot) === 1;
  }

  /** Begins another generation of a feed and frees what is held of the one before. */
  begin(slot: number, generation: number): void {
    const arena = this.arena;
    arena.freeAll(slot, 0);
    arena.set(slot, GENERATION, generation);
    for (let column = SEQUENCE; column <= SPARE; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
  }

  /** Forgets a feed, because its row is forgotten. */
  drop(slot: number): void {
    this.begin(slot, 0);
    this.arena.set(slot, NOTES, 0);
    this.dropped = (this.dropped + 1) >>> 0;
  }

  /**
   * Makes room for records of `words` words in total. Returns false if that is not possible:
   * only live values and events that the application was not notified of are left then.
   */
  reserve(words: number): boolean {
    const arena = this.arena;
    if (words <= arena.room()) return true;
    // Free more than is needed, so that one compaction serves many events.
    const wanted = Math.max(words, arena.size() >>> ROOM_SHIFT);
    if (words > this.roomBesideValues()) return false;
    while (arena.room() < wanted && this.forgetOldest()) continue;
    return words <= arena.room();
  }

  /**
   * Appends an event of `length` bytes in canonical form, at `start` of `bytes`, to a complete
   * feed. The caller has reserved room for it. Returns false if the event cannot be held, as
   * `store` does.
   */
  append(slot: number, bytes: Uint8Array, start: number, length: number): boolean {
    const sequence = this.sequence(slot) + 1;
    this.copyToScratch(bytes, start, length);
    this.chain.begin(this.author(slot), this.generation(slot), this.tipFirst(slot), this.tipSecond(slot));
    this.chain.link(sequence, length);
    if (!this.store(slot, sequence, this.chain.first(), this.chain.second(), length)) return false;
    this.advance(slot, sequence);
    return true;
  }

  /** Frees the first record above the feed's sequence number that is no latest value. Returns false: there is none. */
  forgetAfter(slot: number): boolean {
    const arena = this.arena;
    let record = arena.from(slot, this.sequence(slot) + 1);
    while (record !== 0 && (this.isLive(record) || arena.isUnnotified(record))) record = arena.next(record);
    if (record !== 0) this.free(slot, record);
    return record !== 0;
  }

  /** Copies an event in canonical form to the scratch. */
  copyToScratch(bytes: Uint8Array, start: number, length: number): void {
    const to = this.arena.bytes;
    for (let i = 0; i < length; i++) to[this.chain.eventAt + i] = bytes[start + i];
  }

  /** Writes an event that was just parsed to the scratch. Returns its length; -1: it is too long. */
  encode(reader: Reader, event: EventData): number {
    const length = canonicalBytes(event);
    if (length > this.eventBytesMax) return -1;
    writeCanonical(this.arena.bytes, this.chain.eventAt, reader.bytes, event);
    return length;
  }

  /**
   * Stores the event of `length` bytes in the scratch, and marks the event that it supersedes.
   * The caller has reserved room. The tip after the event is `first`, `second`; zeros: it is
   * not known. Returns false for a new value if live values fill the arena: room for one event
   * stays free, so that values can always be changed.
   */
  store(slot: number, sequence: number, first: number, second: number, length: number): boolean {
    const arena = this.arena;
    const held = arena.find(slot, sequence);
    if (held !== 0) {
      // Left from before a snapshot, or from a snapshot.
      arena.renumber(held, sequence, first, second);
      arena.clearFlag(held, RECORD_UNCERTAIN);
      return true;
    }
    const words = recordWords(length);
    arena.gather(words);
    const at = this.chain.eventAt;
    if (!this.canHold(slot, arena.bytes, at, length)) return false;
    const other = this.withSameName(slot, arena.bytes, at);
    const isValue = kindOf(arena.bytes[at]) === KIND_SET;
    const record = arena.allocate(slot, sequence, first, second, length);
    for (let i = 0; i < length; i++) arena.bytes[arena.eventAt(record) + i] = arena.bytes[at + i];
    if (!isValue) this.addSpare(slot, words);
    if (other !== 0) this.supersede(slot, arena.sequence(other) < sequence ? other : record);
    return true;
  }

  /** Whether the event of `length` bytes at `at` of `bytes` is no new value, or live values leave room for it. */
  canHold(slot: number, bytes: Uint8Array, at: number, length: number): boolean {
    if (kindOf(bytes[at]) !== KIND_SET) return true;
    const other = this.withSameName(slot, bytes, at);
    if (other !== 0 && this.isLive(other)) return true;
    return recordWords(length) + recordWords(this.eventBytesMax) <= this.roomBesideValues();
  }

  /** The feed is held up to `sequence` now. */
  advance(slot: number, sequence: number): void {
    const arena = this.arena;
    arena.set(slot, SEQUENCE, sequence);
    if (arena.get(slot, NOTIFIED) < sequence) arena.set(slot, NOTIFIED, sequence);
  }

  /**
   * Begins a new generation of the node's own feed with all that is held of it, in the same
   * order and with the same stamps (PROTOCOL 10.6). Superseded events are left behind. Removals
   * are not: a removal may hide a value that another author set before.
   */
  rechain(slot: number, generation: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (arena.hasFlag(record, RECORD_SUPERSEDED)) this.free(slot, record);
    }
    arena.freeAll(slot, RECORD_GONE);
    // Sequence numbers fall, so no record may keep an old one.
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

  /** The whole feed has to arrive again. Records stay, so that `store` finds events that are held already. */
  startOver(slot: number): void {
    const arena = this.arena;
    for (let column = SEQUENCE; column <= LAST_REMOVAL; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
  }

  /** A snapshot begins to arrive: frees all records but the latest values. */
  enterSnapshot(slot: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (!this.isLive(record)) this.free(slot, record);
    }
  }

  /**
   * Sequence number at which the values that are held up to `sequence` are the latest ones.
   * While a snapshot arrives, possibly in chunks of several nodes, this is the least base of
   * these chunks; the column of the floor has it.
   */
  asOf(slot: number): number {
    if (this.sequence(slot) === 0) return 0xffffffff;
    return this.isComplete(slot) ? this.sequence(slot) : this.floor(slot) - 1;
  }

  /** The snapshot has arrived up to `sequence`. */
  advanceSnapshot(slot: number, sequence: number, asOf: number): void {
    this.advance(slot, sequence);
    this.arena.set(slot, FLOOR, asOf + 1);
    this.arena.set(slot, BASE_FIRST, 0);
    this.arena.set(slot, BASE_SECOND, 0);
  }

  /** The snapshot has no values with sequence numbers above `after` and below `before`. */
  markUncertain(slot: number, after: number, before: number): void {
    const arena = this.arena;
    let record = arena.from(slot, after + 1);
    for (; record !== 0 && arena.sequence(record) < before; record = arena.next(record)) {
      arena.setFlag(record, RECORD_UNCERTAIN);
    }
  }

  /** The snapshot is complete, and the feed too: it goes on after `base`. */
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

  /** Forgets the values below the floors whose time to live ended before `physicalMs`, milliseconds since 1970. */
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

  /** Whether the time to live of a record's value is over at `physicalMs`. */
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

  /** Milliseconds since 1970 of a record's stamp. */
  ms(record: number): number { return stampMs(this.arena.bytes, this.arena.eventAt(record)); }
  /** Counter of a record's stamp. */
  counter(record: number): number { return stampCounter(this.arena.bytes, this.arena.eventAt(record)); }

  /** Whether a record is the latest value of its topic and key; its time to live may be over. */
  isLive(record: number): boolean {
    return this.kind(record) === KIND_SET && !this.arena.hasFlag(record, RECORD_SUPERSEDED);
  }

  kind(record: number): number {
    return kindOf(this.arena.bytes[this.arena.eventAt(record)]);
  }

  /** First word of the tip after an event, from the event below the floor on. The feed is complete. */
  tipFirstAt(slot: number, sequence: number): number {
    if (sequence < this.floor(slot)) return this.arena.get(slot, BASE_FIRST);
    return this.arena.tipFirst(this.arena.find(slot, sequence));
  }

  /** Second word of that tip. */
  tipSecondAt(slot: number, sequence: number): number {
    if (sequence < this.floor(slot)) return this.arena.get(slot, BASE_SECOND);
    return this.arena.tipSecond(this.arena.find(slot, sequence));
  }

  /** Extends the chain by the event of a record. */
  link(record: number, sequence: number): void {
    const length = this.arena.eventLength(record);
    this.copyToScratch(this.arena.bytes, this.arena.eventAt(record), length);
    this.chain.link(sequence, length);
  }

  /** Raises the floor of the feed with the most removable words. Returns false if no event can go. */
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

  /** The record at the floor; 0 if the floor must not rise past it. */
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
    // A peer that holds the removed value must learn of the removal, even if this node no longer holds it.
    if (this.kind(record) === KIND_REMOVE && !arena.hasFlag(record, RECORD_SUPERSEDED)) this.removeValue(slot, record);
    else this.free(slot, record);
  }

  /** Lowers the floor to `sequence`, before which the tip is `first`, `second`. The caller then stores the events. */
  lowerFloor(slot: number, sequence: number, first: number, second: number): void {
    const arena = this.arena;
    arena.set(slot, FLOOR, sequence);
    arena.set(slot, BASE_FIRST, first);
    arena.set(slot, BASE_SECOND, second);
    // A removal that is no longer held is below the floor.
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

  /** Words that are free or can be freed: all but those of the latest values. */
  private roomBesideValues(): number {
    let words = this.arena.room();
    for (let slot = 0; slot < this.arena.capacity; slot++) words += this.arena.get(slot, SPARE);
    return words;
  }

  /** The record of a feed with the topic and key of the event at `at`, if it is not superseded; or 0. */
  withSameName(slot: number, bytes: Uint8Array, at: number): number {
    const arena = this.arena;
    if (kindOf(bytes[at]) === KIND_LOG) return 0;
    let record = arena.first(slot);
    while (record !== 0 && (arena.hasFlag(record, RECORD_SUPERSEDED) || !this.hasName(record, bytes, at))) {
      record = arena.next(record);
    }
    return record;
  }

  /** Whether a record has the topic and key of the event at `at`, which has a key. */
  private hasName(record: number, bytes: Uint8Array, at: number): boolean {
    const held = this.arena.bytes;
    const other = this.arena.eventAt(record);
    const topicLength = topicLengthOf(bytes[at]);
    if (kindOf(held[other]) === KIND_LOG || topicLength !== topicLengthOf(held[other])) return false;
    // The comparison includes the length of the key, which lies between topic and key.
    const end = EVENT_HEAD_BYTES + topicLength + 1 + bytes[at + EVENT_HEAD_BYTES + topicLength];
    for (let i = EVENT_HEAD_BYTES; i < end; i++) {
      if (bytes[at + i] !== held[other + i]) return false;
    }
    return true;
  }

  /** A later event superseded this one. Below the floor it is of no use any more. */
  private supersede(slot: number, record: number): void {
    const arena = this.arena;
    if (arena.sequence(record) < this.floor(slot) || !this.isComplete(slot)) {
      this.free(slot, record);
    } else {
      if (this.isLive(record)) this.addSpare(slot, arena.wordsAt(record));
      arena.setFlag(record, RECORD_SUPERSEDED);
    }
  }
}

/** The tips of a batch's events, two words each, at the start of the scratch. */
const TIPS_BYTES = BATCH_EVENTS_MAX * 8;
/** Right shift for an eighth of the arena. */
const ROOM_SHIFT = 3;
