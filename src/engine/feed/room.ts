import {
  type Arena, BASE_FIRST, BASE_SECOND, FLOOR, LAST_REMOVAL, RECORD_SUPERSEDED, SEQUENCE,
} from "./arena.js";
import { nameHash } from "./event.js";
import { KIND_END, KIND_REMOVE, KIND_SET } from "./kinds.js";
import { compareOrder, endMsOf, hidesAny, recordKind } from "./names.js";

/**
 * Decides which records stay, and makes room for new ones (PROTOCOL 10.2).
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
export class Room {
  /** How many removals were dropped for want of room: a uint32 that wraps. */
  removalsForgotten = 0;
  /** Physical time in milliseconds since 1970, for times to live; 0: not known. */
  physicalMs = 0;
  /** Words of all records that are not live. */
  spareWords = 0;
  private readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Whether no part of the feed's snapshot is missing (PROTOCOL 10.2). */
  isComplete(slot: number): boolean {
    const arena = this.arena;
    const hasBase = arena.get(slot, BASE_FIRST) !== 0 || arena.get(slot, BASE_SECOND) !== 0;
    return hasBase || arena.get(slot, SEQUENCE) === 0 || arena.get(slot, FLOOR) === 1;
  }

  /** Whether a record is the latest set or removal of its slot; its time to live may be over. */
  isLive(record: number): boolean {
    const kind = recordKind(this.arena, record);
    return (kind === KIND_SET || kind === KIND_REMOVE) && !this.arena.hasFlag(record, RECORD_SUPERSEDED);
  }

  /**
   * Makes room for records of `words` words in total. Returns false if that is not possible:
   * only values, removals that are needed, and events that the application was not notified of
   * are left then.
   */
  reserve(words: number): boolean {
    const arena = this.arena;
    if (words <= arena.room()) return true;
    // Free more than is needed, so that one compaction serves many events.
    const wanted = Math.max(words, arena.size() >>> ROOM_SHIFT);
    if (words > this.roomBesideLive()) this.expire(this.physicalMs);
    if (words > this.roomBesideLive() && words > this.roomBesideLive() + this.idleWords()) return false;
    while (arena.room() < wanted && this.forgetOldest(wanted)) continue;
    while (arena.room() < words && this.forgetRemoval()) continue;
    return words <= arena.room();
  }

  /** Whether records of `words` words in total have room beside those that are live. */
  hasRoomBesideLive(words: number): boolean {
    const room = this.roomBesideLive();
    return words <= room || words <= room + this.idleWords();
  }

  /** A record was added to its feed. */
  added(record: number): void {
    if (!this.isLive(record)) this.spareWords += this.arena.wordsAt(record);
  }

  /** Frees a record. */
  free(record: number): void {
    if (!this.isLive(record)) this.spareWords -= this.arena.wordsAt(record);
    this.arena.free(record);
  }

  /** Frees a record that goes without an event, once the application has been notified of that. */
  freeOnceNotified(record: number): void {
    if (!this.isLive(record) && this.arena.isHeld(record)) this.spareWords -= this.arena.wordsAt(record);
    this.arena.freeOnceNotified(record);
  }

  /** Frees all records of a feed. */
  freeFeed(slot: number): void {
    const arena = this.arena;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) this.free(record);
    arena.freeAll(slot, 0);
  }

  /** Frees a record that ended something, or whose value ended, without an event that peers can get. */
  removeValue(slot: number, record: number): void {
    const arena = this.arena;
    if (arena.get(slot, LAST_REMOVAL) < arena.sequence(record)) arena.set(slot, LAST_REMOVAL, arena.sequence(record));
    this.free(record);
  }

  /** A later event of the same slot superseded this one. Below the floor it is of no use any more. */
  supersede(slot: number, record: number): void {
    const arena = this.arena;
    if (arena.sequence(record) < arena.get(slot, FLOOR) || !this.isComplete(slot)) {
      this.free(record);
      return;
    }
    if (this.isLive(record)) this.spareWords += arena.wordsAt(record);
    if (!arena.hasFlag(record, RECORD_SUPERSEDED)) {
      arena.removeNamed(record, nameHash(arena.bytes, arena.eventAt(record)));
    }
    arena.setFlag(record, RECORD_SUPERSEDED);
  }

  /** Drops live records whose time to live ended before `physicalMs`, milliseconds since 1970. */
  expire(physicalMs: number): void {
    for (let slot = 0; slot < this.arena.capacity; slot++) {
      const floor = this.arena.get(slot, FLOOR);
      let record = this.isComplete(slot) ? this.arena.first(slot) : 0;
      while (record !== 0) {
        if (this.isLive(record) && endMsOf(this.arena, record) <= physicalMs) {
          if (this.arena.sequence(record) < floor) this.removeValue(slot, record);
          else this.supersede(slot, record);
        }
        record = this.arena.next(record);
      }
    }
  }

  /** Words that are free or can be freed: all but those of live records. */
  private roomBesideLive(): number { return this.arena.room() + this.spareWords; }

  /** Words of the removals that hide nothing that is held. */
  private idleWords(): number {
    const arena = this.arena;
    let words = 0;
    for (let slot = 0; slot < arena.capacity; slot++) {
      for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
        if (this.isIdle(slot, record)) words += arena.wordsAt(record);
      }
    }
    return words;
  }

  private isIdle(slot: number, record: number): boolean {
    return recordKind(this.arena, record) === KIND_REMOVE && this.isLive(record) && this.isComplete(slot)
      && !this.arena.isUnnotified(record) && !hidesAny(this.arena, record);
  }

  /** Drops the oldest removal that hides nothing. Returns false if there is none that can go. */
  private forgetRemoval(): boolean {
    const arena = this.arena;
    let oldest = 0;
    for (let slot = 0; slot < arena.capacity; slot++) {
      for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
        if (!this.isIdle(slot, record)) continue;
        if (oldest === 0 || compareOrder(arena, record, oldest) < 0) oldest = record;
      }
    }
    if (oldest === 0) return false;
    const slot = arena.owner(oldest);
    const sequence = arena.sequence(oldest);
    while (arena.get(slot, FLOOR) <= sequence && this.floorRecord(slot) !== 0) this.raiseFloor(slot);
    if (arena.get(slot, FLOOR) <= sequence) return false;
    this.removeValue(slot, oldest);
    this.removalsForgotten = (this.removalsForgotten + 1) >>> 0;
    return true;
  }

  /**
   * Raises the floor of the feed with the most words that are not live, by an eighth of its records, until `wanted`
   * words are free. Returns false if no event can go.
   */
  private forgetOldest(wanted: number): boolean {
    let most = 0;
    let victim = -1;
    for (let slot = 0; slot < this.arena.capacity; slot++) {
      const spare = this.floorRecord(slot) === 0 ? 0 : this.spareOf(slot);
      if (spare <= most) continue;
      most = spare;
      victim = slot;
    }
    if (victim < 0) return false;
    const passed = (this.arena.get(victim, SEQUENCE) - this.arena.get(victim, FLOOR)) >>> FLOOR_SHIFT;
    for (let i = 0; i <= passed && this.arena.room() < wanted && this.floorRecord(victim) !== 0; i++) {
      this.raiseFloor(victim);
    }
    return true;
  }

  /** Words of a feed's records that are not live. */
  private spareOf(slot: number): number {
    const arena = this.arena;
    let words = 0;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      if (!this.isLive(record)) words += arena.wordsAt(record);
    }
    return words;
  }

  /** Raises the floor of a feed behind all of its events. Returns false if one of them must not go yet. */
  raiseFloorToEnd(slot: number): boolean {
    while (this.arena.get(slot, FLOOR) <= this.arena.get(slot, SEQUENCE)) {
      if (this.floorRecord(slot) === 0) return false;
      this.raiseFloor(slot);
    }
    return true;
  }

  /** The record at the floor; 0 if the floor must not rise past it. */
  private floorRecord(slot: number): number {
    const arena = this.arena;
    const floor = arena.get(slot, FLOOR);
    if (floor > arena.get(slot, SEQUENCE) || !this.isComplete(slot)) return 0;
    const record = arena.find(slot, floor);
    return record !== 0 && arena.isUnnotified(record) ? 0 : record;
  }

  private raiseFloor(slot: number): void {
    const arena = this.arena;
    const floor = arena.get(slot, FLOOR);
    const record = arena.find(slot, floor);
    arena.set(slot, BASE_FIRST, arena.tipFirst(record));
    arena.set(slot, BASE_SECOND, arena.tipSecond(record));
    arena.set(slot, FLOOR, floor + 1);
    if (this.isLive(record)) return;
    // A peer that holds the ended value must learn of the end, even if this node no longer holds it.
    const isEnd = recordKind(this.arena, record) === KIND_END && !arena.hasFlag(record, RECORD_SUPERSEDED);
    if (isEnd) this.removeValue(slot, record);
    else this.free(record);
  }
}

/** Right shift for an eighth of the arena. */
const ROOM_SHIFT = 3;
/** Right shift for an eighth of a feed's records. */
const FLOOR_SHIFT = 3;
