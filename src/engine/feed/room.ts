import {
  Arena, type Authors, BASE_FIRST, BASE_SECOND, FLOOR, LAST_REMOVAL, RECORD_SUPERSEDED, SEQUENCE,
} from "./arena.js";
import { nameHash } from "./event.js";
import { KIND_END, KIND_REMOVE, KIND_SET } from "./kinds.js";
import { compareOrder, endMsOf, hidesAny, recordKind } from "./names.js";
import { REMOVALS_FORGOTTEN, SPARE_WORDS } from "./state-words.js";

/**
 * An arena that decides which records stay, and makes room for new ones (PROTOCOL 10.2).
 *
 * A record is *live* if it is a set or a removal and no later event of its feed is about the
 * same slot. When the arena is full, these go, in this order:
 *
 * 1. the oldest records of the feed with most bytes that are not live: the floor of the feed rises;
 * 2. live records whose time to live is over;
 * 3. removals that hide nothing that is held, the oldest first.
 *
 * Values never go. A removal that went can no longer hide an older value that arrives later,
 * so such removals are counted.
 */
export class Room extends Arena {
  /** Physical time in milliseconds since 1970, for times to live; 0: not known. */
  physicalMs = 0;

  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  /** @param capacity number of feeds @param scratchBytes as for `Arena` @param feedBytes likewise */
  constructor(authors: Authors, capacity: number, scratchBytes: number, feedBytes: number) {
    super(authors, capacity, scratchBytes, feedBytes);
  }

  /** How many removals were dropped for want of room: a uint32 that wraps. */
  get removalsForgotten(): number { return this.words[REMOVALS_FORGOTTEN]; }
  /** Words of all records that are not live. */
  get spareWords(): number { return this.words[SPARE_WORDS]; }

  /** Whether no part of the feed's snapshot is missing (PROTOCOL 10.2). */
  isComplete(slot: number): boolean {
    const hasBase = this.get(slot, BASE_FIRST) !== 0 || this.get(slot, BASE_SECOND) !== 0;
    return hasBase || this.get(slot, SEQUENCE) === 0 || this.get(slot, FLOOR) === 1;
  }

  /** Whether a record is the latest set or removal of its slot; its time to live may be over. */
  isLive(record: number): boolean {
    const kind = recordKind(this, record);
    return (kind === KIND_SET || kind === KIND_REMOVE) && !this.hasFlag(record, RECORD_SUPERSEDED);
  }

  /**
   * Makes room for records of `words` words in total. Returns false if that is not possible:
   * only values, removals that are needed, and events that the application was not notified of
   * are left then.
   */
  reserve(words: number): boolean {
    if (words <= this.room()) return true;
    // Free more than is needed, so that one compaction serves many events.
    const wanted = Math.max(words, this.size() >>> ROOM_SHIFT);
    if (words > this.roomBesideLive()) this.expire(this.physicalMs);
    if (words > this.roomBesideLive() && words > this.roomBesideLive() + this.idleWords()) return false;
    while (this.room() < wanted && this.forgetOldest(wanted)) continue;
    while (this.room() < words && this.forgetRemoval()) continue;
    return words <= this.room();
  }

  /** Whether records of `words` words in total have room beside those that are live. */
  hasRoomBesideLive(words: number): boolean {
    const room = this.roomBesideLive();
    return words <= room || words <= room + this.idleWords();
  }

  /** A record was added to its feed. */
  added(record: number): void {
    if (!this.isLive(record)) this.words[SPARE_WORDS] += this.wordsAt(record);
  }

  /** Frees a record. */
  free(record: number): void {
    if (!this.isLive(record)) this.words[SPARE_WORDS] -= this.wordsAt(record);
    this.release(record);
  }

  /** Frees a record that goes without an event, once the application has been notified of that. */
  freeOnceNotified(record: number): void {
    if (!this.isLive(record) && this.isHeld(record)) this.words[SPARE_WORDS] -= this.wordsAt(record);
    this.releaseOnceNotified(record);
  }

  /** Frees all records of a feed. */
  freeFeed(slot: number): void {
    for (let record = this.first(slot); record !== 0; record = this.next(record)) this.free(record);
    this.freeAll(slot, 0);
  }

  /** Frees a record that ended something, or whose value ended, without an event that peers can get. */
  removeValue(slot: number, record: number): void {
    if (this.get(slot, LAST_REMOVAL) < this.sequence(record)) this.set(slot, LAST_REMOVAL, this.sequence(record));
    this.free(record);
  }

  /** A later event of the same slot superseded this one. Below the floor it is of no use any more. */
  supersede(slot: number, record: number): void {
    if (this.sequence(record) < this.get(slot, FLOOR) || !this.isComplete(slot)) {
      this.free(record);
      return;
    }
    if (this.isLive(record)) this.words[SPARE_WORDS] += this.wordsAt(record);
    if (!this.hasFlag(record, RECORD_SUPERSEDED)) {
      this.removeNamed(record, nameHash(this.bytes, this.eventAt(record)));
    }
    this.setFlag(record, RECORD_SUPERSEDED);
  }

  /** Drops live records whose time to live ended before `physicalMs`, milliseconds since 1970. */
  expire(physicalMs: number): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      const floor = this.get(slot, FLOOR);
      let record = this.isComplete(slot) ? this.first(slot) : 0;
      while (record !== 0) {
        if (this.isLive(record) && endMsOf(this, record) <= physicalMs) {
          if (this.sequence(record) < floor) this.removeValue(slot, record);
          else this.supersede(slot, record);
        }
        record = this.next(record);
      }
    }
  }

  /** Words that are free or can be freed: all but those of live records. */
  private roomBesideLive(): number { return this.room() + this.spareWords; }

  /** Words of the removals that hide nothing that is held. */
  private idleWords(): number {
    let words = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      for (let record = this.first(slot); record !== 0; record = this.next(record)) {
        if (this.isIdle(slot, record)) words += this.wordsAt(record);
      }
    }
    return words;
  }

  private isIdle(slot: number, record: number): boolean {
    return recordKind(this, record) === KIND_REMOVE && this.isLive(record) && this.isComplete(slot)
      && !this.isUnnotified(record) && !hidesAny(this, record);
  }

  /** Drops the oldest removal that hides nothing. Returns false if there is none that can go. */
  private forgetRemoval(): boolean {
    let oldest = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      for (let record = this.first(slot); record !== 0; record = this.next(record)) {
        if (!this.isIdle(slot, record)) continue;
        if (oldest === 0 || compareOrder(this, record, oldest) < 0) oldest = record;
      }
    }
    if (oldest === 0) return false;
    const slot = this.owner(oldest);
    const sequence = this.sequence(oldest);
    while (this.get(slot, FLOOR) <= sequence && this.floorRecord(slot) !== 0) this.raiseFloor(slot);
    if (this.get(slot, FLOOR) <= sequence) return false;
    this.removeValue(slot, oldest);
    this.words[REMOVALS_FORGOTTEN]++;
    return true;
  }

  /**
   * Raises the floor of the feed with the most words that are not live, by an eighth of its records, until `wanted`
   * words are free. Returns false if no event can go.
   */
  private forgetOldest(wanted: number): boolean {
    let most = 0;
    let victim = -1;
    for (let slot = 0; slot < this.capacity; slot++) {
      const spare = this.floorRecord(slot) === 0 ? 0 : this.spareOf(slot);
      if (spare <= most) continue;
      most = spare;
      victim = slot;
    }
    if (victim < 0) return false;
    const passed = (this.get(victim, SEQUENCE) - this.get(victim, FLOOR)) >>> FLOOR_SHIFT;
    for (let i = 0; i <= passed && this.room() < wanted && this.floorRecord(victim) !== 0; i++) {
      this.raiseFloor(victim);
    }
    return true;
  }

  /** Words of a feed's records that are not live. */
  private spareOf(slot: number): number {
    let words = 0;
    for (let record = this.first(slot); record !== 0; record = this.next(record)) {
      if (!this.isLive(record)) words += this.wordsAt(record);
    }
    return words;
  }

  /** Raises the floor of a feed behind all of its events. Returns false if one of them must not go yet. */
  raiseFloorToEnd(slot: number): boolean {
    while (this.get(slot, FLOOR) <= this.get(slot, SEQUENCE)) {
      if (this.floorRecord(slot) === 0) return false;
      this.raiseFloor(slot);
    }
    return true;
  }

  /** The record at the floor; 0 if the floor must not rise past it. */
  private floorRecord(slot: number): number {
    const floor = this.get(slot, FLOOR);
    if (floor > this.get(slot, SEQUENCE) || !this.isComplete(slot)) return 0;
    const record = this.find(slot, floor);
    return record !== 0 && this.isUnnotified(record) ? 0 : record;
  }

  private raiseFloor(slot: number): void {
    const floor = this.get(slot, FLOOR);
    const record = this.find(slot, floor);
    this.set(slot, BASE_FIRST, this.tipFirst(record));
    this.set(slot, BASE_SECOND, this.tipSecond(record));
    this.set(slot, FLOOR, floor + 1);
    if (this.isLive(record)) return;
    // A peer that holds the ended value must learn of the end, even if this node no longer holds it.
    const isEnd = recordKind(this, record) === KIND_END && !this.hasFlag(record, RECORD_SUPERSEDED);
    if (isEnd) this.removeValue(slot, record);
    else this.free(record);
  }
}

/** Right shift for an eighth of the this. */
const ROOM_SHIFT = 3;
/** Right shift for an eighth of a feed's records. */
const FLOOR_SHIFT = 3;
