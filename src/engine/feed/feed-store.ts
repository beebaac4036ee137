import {
  type Authors, BASE_FIRST, BASE_SECOND, LAST_REMOVAL, FLOOR, GENERATION, NOTES,
  RECORD_UNCERTAIN, SEQUENCE, NOTIFIED, UPKEEP_ENDED, recordWords,
} from "./arena.js";
import { Chain, chainBytes } from "./chain.js";
import { DELTA_BYTES_MAX } from "./delta.js";
import {
  COPY_BYTES, EVENT_HEAD_BYTES, type EventData, canonicalBytes, isCopyAt, isMergeAt, kindAt, nameHash,
  originAuthorAt, stampCounter, stampMs, writeCanonical, writeStamp,
} from "./event.js";
import type { FeedSigning } from "./feed-signing.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "./kinds.js";
import { compareOrder, firstLog, firstNamed, nextNamed, originAuthor, originalLog, recordKind } from "./names.js";
import { Room } from "./room.js";
import { DROPPED_FEEDS } from "./state-words.js";
import { OWN_SLOT } from "../table/rows.js";
import type { Digest } from "../../digest/digest.js";

/**
 * In NOTES, for as long as the generation lasts: the node passed over an event of the feed that is longer than
 * `eventBytesMax`. What it holds of the feed is no whole snapshot, so it sends none.
 */
export const NOTE_CUT = 1 << 26;
/** Most events in one batch. */
export const BATCH_EVENTS_MAX = 16;

/**
 * The feeds (PROTOCOL 10.2): the events that this node holds of each author, in the slot of
 * the author's row.
 *
 * A feed is held without gaps from its floor to its sequence number. Below the floor only
 * its live records are held: the snapshot. While a snapshot arrives from another node, the
 * feed is not *complete*: its tip is not known, and it accepts nothing but the rest of the
 * snapshot.
 *
 * In each feed the latest set or removal of a slot counts: of a topic, a key and an original
 * author. In merge topics removals have slots of their own.
 *
 * The constructor allocates everything: the words of `state-words.ts`, `FEED_BYTES` for each feed, the
 * scratch for one event, the index by name and the arena. The arena, a `Room`, decides what goes when it
 * is full.
 */
export class FeedStore {
  readonly arena: Room;
  /** Its `eventAt` is the scratch's place for one event, which `store`, `append` and `encode` write to. */
  readonly chain: Chain;
  /** Bytes of the longest event in canonical form; a copy may have COPY_BYTES more. */
  readonly eventBytesMax: number;
  /** Signs and verifies runs of events; undefined in a node that does neither. */
  declare readonly signing: FeedSigning | undefined;

  /**
   * @param capacity number of feeds: as many as rows
   * @param feedBytes bytes of the arena
   * @param eventBytesMax bytes, 16 to 2,047
   */
  constructor(
    authors: Authors, capacity: number, feedBytes: number, eventBytesMax: number, digest: Digest,
    signing?: FeedSigning,
  ) {
    // What is missing is not set: on XS an undefined property takes 16 bytes.
    if (signing !== undefined) this.signing = signing;
    this.eventBytesMax = eventBytesMax;
    const bytesMax = Math.max(eventBytesMax + COPY_BYTES, DELTA_BYTES_MAX);
    this.arena = new Room(authors, capacity, chainBytes(bytesMax), feedBytes);
    this.chain = new Chain(digest, this.arena.bytes, this.arena.scratchAt());
    for (let slot = 0; slot <= capacity; slot++) this.drop(slot);
  }

  /** How many feeds were dropped: a uint32 that wraps. */
  get dropped(): number { return this.state(DROPPED_FEEDS); }
  generation(slot: number): number { return this.arena.get(slot, GENERATION); }
  /** Sequence number of the last event that is held, or was; 0: nothing is known of the feed. */
  sequence(slot: number): number { return this.arena.get(slot, SEQUENCE); }
  /** The tip after that event, two words; zeros: it is not known. */
  tipFirst(slot: number): number { return this.isComplete(slot) ? this.tipFirstAt(slot, this.sequence(slot)) : 0; }
  tipSecond(slot: number): number { return this.isComplete(slot) ? this.tipSecondAt(slot, this.sequence(slot)) : 0; }
  floor(slot: number): number { return this.arena.get(slot, FLOOR); }
  /** Greatest sequence number of an event that ended a value and is no longer held; 0: none. */
  lastRemoval(slot: number): number { return this.arena.get(slot, LAST_REMOVAL); }
  /** A number of `state-words.ts`, a uint32. */
  state(word: number): number { return this.arena.words[word]; }
  setState(word: number, value: number): void { this.arena.words[word] = value; }
  /** Index into the arena's bytes for `writeStamp` and the like of two of these words: a stamp follows one byte. */
  stampAt(word: number): number { return word * 4 - 1; }
  author(slot: number): number { return this.arena.author(slot); }

  /** Whether no part of the feed's snapshot is missing (PROTOCOL 10.2). */
  isComplete(slot: number): boolean { return this.arena.isComplete(slot); }
  /** Whether a record is the latest set or removal of its slot; its time to live may be over. */
  isLive(record: number): boolean { return this.arena.isLive(record); }
  /** Makes room for records of `words` words in total. Returns false if that is not possible: see `Room`. */
  reserve(words: number): boolean { return this.arena.reserve(words); }

  /** Begins another generation of a feed and frees what is held of the one before. */
  begin(slot: number, generation: number): void {
    const arena = this.arena;
    this.arena.freeFeed(slot);
    arena.set(slot, GENERATION, generation);
    for (let column = SEQUENCE; column <= NOTIFIED; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
    arena.set(slot, NOTES, arena.get(slot, NOTES) & ~NOTE_CUT);
  }

  /** Whether this node passed over an event of the feed that is too long for it. */
  isCut(slot: number): boolean { return (this.arena.get(slot, NOTES) & NOTE_CUT) !== 0; }
  /** An event of the feed is too long for this node, which goes on without it. */
  cut(slot: number): void { this.arena.set(slot, NOTES, this.arena.get(slot, NOTES) | NOTE_CUT); }

  /** Forgets a feed, because its row is forgotten. */
  drop(slot: number): void {
    this.begin(slot, 0);
    this.arena.set(slot, NOTES, 0);
    this.setState(DROPPED_FEEDS, this.dropped + 1);
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
    if (record !== 0) this.arena.free(record);
    return record !== 0;
  }

  /** Copies an event in canonical form to the scratch. */
  copyToScratch(bytes: Uint8Array, start: number, length: number): void {
    const to = this.arena.bytes;
    for (let i = 0; i < length; i++) to[this.chain.eventAt + i] = bytes[start + i];
  }

  /** Writes an event that was just parsed to the scratch. Returns its length; -1: it is too long. */
  encode(event: EventData): number {
    const length = this.lengthOf(event);
    if (length >= 0) writeCanonical(this.arena.bytes, this.chain.eventAt, event);
    return length;
  }

  /** Bytes of an event that was just parsed, in canonical form; -1: it is too long. */
  lengthOf(event: EventData): number {
    const length = canonicalBytes(event);
    return length > this.eventBytesMax + (event.isCopy ? COPY_BYTES : 0) ? -1 : length;
  }

  /** As `encode`, and goes on in the chain behind the event, also if it is too long. */
  encodeAndLink(event: EventData, sequence: number): number {
    const length = this.encode(event);
    if (length >= 0) {
      this.chain.link(sequence, length);
    } else {
      const at = this.chain.eventAt;
      this.arena.bytes[at] = event.head;
      writeStamp(this.arena.bytes, at, event.ms, event.counter);
      const bodyBytes = event.end - event.bodyStart;
      this.chain.linkParts(sequence, EVENT_HEAD_BYTES, event.bytes, event.bodyStart, bodyBytes);
    }
    return length;
  }

  /**
   * Goes on behind the next event of a complete feed, which is too long. What is before it is
   * held as if the event had been dropped for room. Returns false, and does nothing, while
   * the application was not notified of an event before it.
   */
  passOver(slot: number, sequence: number, first: number, second: number): boolean {
    if (!this.arena.raiseFloorToEnd(slot)) return false;
    this.goOnBehind(slot, sequence, first, second);
    return true;
  }

  /** Nothing is held up to an event, with the tip `first`, `second` after it, and the feed is cut there. */
  goOnBehind(slot: number, sequence: number, first: number, second: number): void {
    const arena = this.arena;
    this.advance(slot, sequence);
    arena.set(slot, BASE_FIRST, first);
    arena.set(slot, BASE_SECOND, second);
    arena.set(slot, FLOOR, sequence + 1);
    this.cut(slot);
  }

  /**
   * Stores the event of `length` bytes in the scratch, and marks what it supersedes. The caller
   * has reserved room. The tip after the event is `first`, `second`; zeros: it is not known.
   * Returns false for a new value if live records fill the arena: room for one event stays
   * free, so that values can always be changed.
   */
  store(slot: number, sequence: number, first: number, second: number, length: number): boolean {
    const arena = this.arena;
    const held = arena.find(slot, sequence);
    if (held !== 0 && arena.isEvent(held, this.chain.eventAt, length)) {
      // Left from before a snapshot, or from a snapshot.
      arena.renumber(held, sequence, first, second);
      arena.clearFlag(held, RECORD_UNCERTAIN);
      return true;
    }
    if (held !== 0) {
      // What was held had no proof, such as an event behind a hole in a keeper's log.
      this.arena.freeOnceNotified(held);
    }
    if (!this.canHold(slot, arena.bytes, this.chain.eventAt, length)) return false;
    this.put(slot, sequence, first, second, length);
    return true;
  }

  /** Stores as `store` does, under a number that is not held. There is room for it in any case. */
  put(slot: number, sequence: number, first: number, second: number, length: number): void {
    const arena = this.arena;
    const at = this.chain.eventAt;
    const record = arena.allocate(slot, sequence, first, second, length);
    for (let i = 0; i < length; i++) arena.bytes[arena.eventAt(record) + i] = arena.bytes[at + i];
    this.arena.added(record);
    if (recordKind(this.arena, record) !== KIND_LOG) this.settleName(slot, record);
    else this.settleLog(record);
  }

  /** Whether the event of `length` bytes at `at` of `bytes` is no new value, or live records leave room for it. */
  canHold(slot: number, bytes: Uint8Array, at: number, length: number): boolean {
    // A new value leaves room for one event, so that values can always be changed.
    const words = recordWords(length) + recordWords(this.eventBytesMax + COPY_BYTES);
    if (kindAt(bytes, at) !== KIND_SET || this.arena.hasRoomBesideLive(words)) return true;
    const author = originAuthorAt(bytes, at, this.author(slot));
    for (let other = firstNamed(this.arena, bytes, at); other !== 0; other = nextNamed(this.arena, other, bytes, at)) {
      const isSameSlot = this.arena.owner(other) === slot && originAuthor(this.arena, other) === author;
      if (isSameSlot && recordKind(this.arena, other) === KIND_SET) return true;
    }
    return false;
  }

  /** The application was or will be notified of a log event that another feed holds, too. Copies go into the index. */
  private settleLog(record: number): void {
    const arena = this.arena;
    const isCopy = isCopyAt(arena.bytes, arena.eventAt(record));
    if (firstLog(arena, record) !== 0 || (isCopy && originalLog(arena, record) !== 0)) arena.setNotified(record);
    if (isCopy) arena.addNamed(record, nameHash(arena.bytes, arena.eventAt(record)));
  }

  /** Puts a new record into the index, and finds what it supersedes or is superseded by in its feed. */
  private settleName(slot: number, record: number): void {
    const arena = this.arena;
    const bytes = arena.bytes;
    const at = arena.eventAt(record);
    const author = originAuthor(this.arena, record);
    let isSuperseded = false;
    for (let other = firstNamed(this.arena, bytes, at); other !== 0;) {
      const next = nextNamed(this.arena, other, bytes, at);
      if (originAuthor(this.arena, other) === author) {
        if (this.isKnown(record, other, author)) arena.setNotified(record);
        if (arena.owner(other) !== slot) this.noteElsewhere(record, other);
        else if (this.supersedes(record, other)) this.arena.supersede(slot, other);
        else if (this.supersedes(other, record)) isSuperseded = true;
      }
      other = next;
    }
    arena.addNamed(record, nameHash(bytes, at));
    if (isSuperseded) this.arena.supersede(slot, record);
  }

  /** Whether `one` supersedes `other`, which is about the same name and author in the same feed. */
  private supersedes(one: number, other: number): boolean {
    const order = compareOrder(this.arena, one, other);
    const kind = recordKind(this.arena, one);
    // Peers may no longer hold an end, so it says nothing about what follows it.
    const isOnlyOverEarlier = order === 0 || kind === KIND_END;
    if (order < 0 || (isOnlyOverEarlier && this.arena.sequence(one) < this.arena.sequence(other))) return false;
    const otherKind = recordKind(this.arena, other);
    if (!isMergeAt(this.arena.bytes, this.arena.eventAt(one)) || kind === otherKind) return true;
    // In a merge topic a removal stands beside values. The end of a removal has its stamp.
    if (otherKind === KIND_REMOVE) return kind === KIND_END && order === 0;
    return kind !== KIND_REMOVE;
  }

  /** Whether the application was or will be notified of a record's event, or of a later one that its author holds. */
  private isKnown(record: number, other: number, author: number): boolean {
    const order = compareOrder(this.arena, record, other);
    const kind = recordKind(this.arena, other);
    const isSameKind = kind === recordKind(this.arena, record);
    // The end of a copy says less than the end of the event: views need the latter, too.
    if (recordKind(this.arena, record) === KIND_END) return false;
    if (order >= 0) return order === 0 && isSameKind;
    // In a merge topic a removal is no later event than a value.
    const isSameSlot = isSameKind || !isMergeAt(this.arena.bytes, this.arena.eventAt(record));
    return isSameSlot && kind !== KIND_END && this.author(this.arena.owner(other)) === author;
  }

  /** Another feed holds a record about the same name and author. */
  private noteElsewhere(record: number, other: number): void {
    const arena = this.arena;
    const order = compareOrder(this.arena, record, other);
    const isEnd = recordKind(this.arena, record) === KIND_END;
    if (!isEnd || order < 0 || arena.owner(other) !== OWN_SLOT || isCopyAt(arena.bytes, arena.eventAt(record))) return;
    // The end may make room for others before `Upkeep` comes to the copy.
    arena.setUpkeep(other, arena.upkeep(other) | UPKEEP_ENDED);
  }

  /** The feed is held up to `sequence` now. */
  advance(slot: number, sequence: number): void {
    const arena = this.arena;
    arena.set(slot, SEQUENCE, sequence);
    if (arena.get(slot, NOTIFIED) < sequence) arena.set(slot, NOTIFIED, sequence);
  }

  /** The whole feed has to arrive again. Records stay, so that `store` finds events that are held already. */
  startOver(slot: number): void {
    const arena = this.arena;
    for (let column = SEQUENCE; column <= LAST_REMOVAL; column++) arena.set(slot, column, 0);
    arena.set(slot, FLOOR, 1);
  }

  /** A snapshot begins to arrive: frees all records but the live ones. */
  enterSnapshot(slot: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (!this.isLive(record)) this.arena.free(record);
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
      if (arena.hasFlag(record, RECORD_UNCERTAIN)) this.arena.freeOnceNotified(record);
    }
  }

  /** Milliseconds since 1970 of a record's stamp. */
  ms(record: number): number { return stampMs(this.arena.bytes, this.arena.eventAt(record)); }
  /** Counter of a record's stamp. */
  counter(record: number): number { return stampCounter(this.arena.bytes, this.arena.eventAt(record)); }

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

  /** Lowers the floor to `sequence`, before which the tip is `first`, `second`. The caller then stores the events. */
  lowerFloor(slot: number, sequence: number, first: number, second: number): void {
    const arena = this.arena;
    arena.set(slot, FLOOR, sequence);
    arena.set(slot, BASE_FIRST, first);
    arena.set(slot, BASE_SECOND, second);
    // A removal that is no longer held is below the floor.
    if (arena.get(slot, LAST_REMOVAL) >= sequence) arena.set(slot, LAST_REMOVAL, sequence - 1);
  }
}
