import { type Arena, RECORD_GONE } from "./arena.js";
import {
  hasSameName, isMergeAt, kindAt, nameHash, orderAt, originAuthorAt, stampCounter, stampMs, ttlSecondsAt,
} from "./event.js";
import { KIND_END, KIND_REMOVE } from "./kinds.js";

/** The authors of the feeds, by slot. */
export interface Authors {
  id(slot: number): number;
}

/**
 * What is held about one name, a topic with a key, in all feeds, and what hides what
 * (PROTOCOL 10.1).
 *
 * The order of two events is that of their original stamps, then of their original
 * authors. In most topics the latest set or removal of a name hides all older events of
 * it, of all authors. In a merge topic only a removal hides events of other authors.
 */
export class Names {
  private readonly arena: Arena;
  private readonly authors: Authors;

  constructor(arena: Arena, authors: Authors) {
    this.arena = arena;
    this.authors = authors;
  }

  /** The first record with the topic and key of the event at `at` of `bytes`, which is no log event; or 0. */
  first(bytes: Uint8Array, at: number): number {
    return this.skip(this.arena.firstNamed(nameHash(bytes, at)), bytes, at);
  }

  /** The record after this one with the topic and key of the event at `at` of `bytes`; or 0. */
  next(record: number, bytes: Uint8Array, at: number): number {
    return this.skip(this.arena.nextNamed(record), bytes, at);
  }

  private skip(from: number, bytes: Uint8Array, at: number): number {
    const arena = this.arena;
    let record = from;
    while (record !== 0 && (arena.isFreed(record) || arena.hasFlag(record, RECORD_GONE)
      || !hasSameName(arena.bytes, arena.eventAt(record), bytes, at))) {
      record = arena.nextNamed(record);
    }
    return record;
  }

  kind(record: number): number { return kindAt(this.arena.bytes, this.arena.eventAt(record)); }

  /** Id of the author of a record's original event. */
  author(record: number): number {
    const arena = this.arena;
    return originAuthorAt(arena.bytes, arena.eventAt(record), this.authors.id(arena.owner(record)));
  }

  /** The order of two records: negative if `one` is the older, 0 if both are about the same event. */
  compare(one: number, other: number): number {
    const bytes = this.arena.bytes;
    const first = this.orderOf(one);
    const second = this.orderOf(other);
    const ms = stampMs(bytes, first) - stampMs(bytes, second);
    if (ms !== 0) return ms;
    const counter = stampCounter(bytes, first) - stampCounter(bytes, second);
    return counter === 0 ? this.author(one) - this.author(other) : counter;
  }

  /** Milliseconds since 1970 of the stamp that decides a record's order. */
  orderMs(record: number): number { return stampMs(this.arena.bytes, this.orderOf(record)); }
  /** Counter of that stamp. */
  orderCounter(record: number): number { return stampCounter(this.arena.bytes, this.orderOf(record)); }

  /** When a record's time to live ends, in milliseconds since 1970; Infinity for never. */
  endMs(record: number): number {
    const start = this.arena.eventAt(record);
    const seconds = ttlSecondsAt(this.arena.bytes, start);
    return seconds === 0 ? Infinity : stampMs(this.arena.bytes, start) + seconds * 1000;
  }

  /** The latest record with the topic and key of the event at `at` of `bytes`; or 0. */
  latest(bytes: Uint8Array, at: number): number {
    let latest = 0;
    for (let record = this.first(bytes, at); record !== 0; record = this.next(record, bytes, at)) {
      if (latest === 0 || this.compare(record, latest) > 0) latest = record;
    }
    return latest;
  }

  /** The latest record that hides another one for as long as that one counts; or 0. */
  hiderOf(record: number): number {
    const bytes = this.arena.bytes;
    const at = this.arena.eventAt(record);
    const onlyRemovals = isMergeAt(bytes, at);
    const endMs = this.endMs(record);
    let best = 0;
    for (let other = this.first(bytes, at); other !== 0; other = this.next(other, bytes, at)) {
      const kind = this.kind(other);
      if (kind === KIND_END || (onlyRemovals && kind !== KIND_REMOVE) || this.compare(other, record) <= 0) continue;
      if (this.endMs(other) >= endMs && (best === 0 || this.compare(other, best) > 0)) best = other;
    }
    return best;
  }

  /** Whether a removal hides a record that is held. */
  hidesAny(removal: number): boolean {
    const bytes = this.arena.bytes;
    const at = this.arena.eventAt(removal);
    for (let other = this.first(bytes, at); other !== 0; other = this.next(other, bytes, at)) {
      if (this.kind(other) !== KIND_END && this.compare(other, removal) < 0) return true;
    }
    return false;
  }

  private orderOf(record: number): number {
    return orderAt(this.arena.bytes, this.arena.eventAt(record), this.arena.eventLength(record));
  }
}
