import { readU32 } from "../cbor/big-endian.js";
import { Writer } from "../engine/wire/cursor.js";
import { BASE_FIRST, BASE_SECOND } from "../engine/feed/arena.js";
import { COPY_BYTES, EVENT_HEAD_BYTES, type EncodedEvent } from "../engine/feed/event.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { OWN_SLOT } from "../engine/table/rows.js";
import { failure, invalid } from "../errors.js";
import type { GossipLog } from "../platform/types.js";

/*
 * The records of a log, with numbers in network byte order:
 *
 *   event  1, generation (4), sequence number (4), the event in canonical form (PROTOCOL 10.1)
 *   base   2, generation (4), sequence number (4), tip (8), last removal (4): the records up to that sequence number
 *          are the values that were live there; the events after it follow
 */
const EVENT = 1;
const BASE = 2;
const FULL = "storage: the log has no room for another event";
const EVENT_RECORD_HEAD = 9;
const BASE_RECORD_BYTES = 21;

/** Keeps the node's own feed in its storage. */
export class EventLog {
  private readonly feed: FeedProtocol;
  private readonly log: GossipLog;
  private readonly writer = new Writer();
  private readonly record: Uint8Array;
  /** How far the log holds the feed. */
  private generation = 0;
  private sequence = 0;
  /** Whether the records do not follow each other, so that none may be appended. */
  private hasHole = false;
  /** What was damaged at the start, for people; undefined if nothing was. */
  damage: string | undefined;

  /** @throws Error if the log's records are too short for events */
  constructor(feed: FeedProtocol, log: GossipLog) {
    const bytes = EVENT_RECORD_HEAD + feed.feeds.eventBytesMax + COPY_BYTES;
    if (log.recordBytesMax < bytes) {
      throw invalid("", "storage", `its log has records of ${log.recordBytesMax} bytes; events take ${bytes}`, true);
    }
    this.feed = feed;
    this.log = log;
    this.record = new Uint8Array(bytes > BASE_RECORD_BYTES ? bytes : BASE_RECORD_BYTES);
  }

  /** Restores the feed. `notify` makes room in the arena. */
  restore(notify: () => void): void {
    const own = this.feed.own;
    let damaged = 0;
    this.log.read((bytes, length) => {
      damaged = this.noteDamage(damaged);
      if (length === BASE_RECORD_BYTES && bytes[0] === BASE) {
        const generation = readU32(bytes, 1);
        const sequence = readU32(bytes, 5);
        own.restoreBase(generation, sequence, readU32(bytes, 9), readU32(bytes, 13), readU32(bytes, 17));
      } else if (length > EVENT_RECORD_HEAD + EVENT_HEAD_BYTES && bytes[0] === EVENT) {
        this.restoreEvent(bytes, length, notify);
      }
    });
    damaged = this.noteDamage(damaged);
    own.endRestore();
    this.hasHole = own.hasHole;
    if (damaged > 0 || own.hasHole) this.describeDamage(damaged);
    this.generation = this.feed.feeds.generation(OWN_SLOT);
    this.sequence = this.feed.feeds.sequence(OWN_SLOT);
  }

  /**
   * Appends the next event of the feed, which was stamped and is not yet published.
   *
   * @throws Error if the log has no room, and what the log throws
   */
  append(event: EncodedEvent): void {
    this.catchUp();
    const feeds = this.feed.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT) + 1;
    const bytes = this.frame(generation, sequence, event.bytes, 0, event.length);
    if (!this.log.append(this.record, bytes)) {
      this.rewrite();
      this.frame(generation, sequence, event.bytes, 0, event.length);
      if (!this.log.append(this.record, bytes)) throw failure("ERR_NO_ROOM", FULL);
    }
    this.generation = generation;
    this.sequence = sequence;
  }

  /** Whether the feed holds something that the log does not and that may go there. */
  isBehind(): boolean {
    const feeds = this.feed.feeds;
    const sequence = feeds.sequence(OWN_SLOT);
    if (feeds.generation(OWN_SLOT) === this.generation && sequence === this.sequence) return false;
    return sequence !== 0 && this.feed.own.isToStore();
  }

  /** Stores what the feed holds and the log does not: what peers gave back, or another generation. */
  catchUp(): void {
    const feeds = this.feed.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT);
    if (!this.isBehind()) return;
    const goesOn = !this.hasHole && generation === this.generation && sequence > this.sequence
      && this.sequence + 1 >= feeds.floor(OWN_SLOT);
    if (!goesOn || !this.appendFrom(this.sequence + 1)) this.rewrite();
    this.hasHole = false;
    this.generation = generation;
    this.sequence = sequence;
  }

  /** Damage lies before the record that was read last if the log counts more of it than before. Returns the count. */
  private noteDamage(before: number): number {
    const damaged = this.log.damagedRecords ?? 0;
    if (damaged > before) this.feed.own.noteDamage();
    return damaged;
  }

  private describeDamage(damaged: number): void {
    const arena = this.feed.feeds.arena;
    let kept = 0;
    let record = arena.from(OWN_SLOT, this.feed.feeds.sequence(OWN_SLOT) + 1);
    for (; record !== 0; record = arena.next(record)) kept++;
    const bytes = this.log.damagedBytes ?? 0;
    this.damage = `the event log is damaged: records: ${damaged}, bytes: ${bytes}, events kept behind a hole: ${kept}`;
  }

  private restoreEvent(bytes: Uint8Array, length: number, notify: () => void): void {
    const own = this.feed.own;
    const generation = readU32(bytes, 1);
    const sequence = readU32(bytes, 5);
    const eventLength = length - EVENT_RECORD_HEAD;
    if (own.restore(generation, sequence, bytes, EVENT_RECORD_HEAD, eventLength)) return;
    notify();
    own.restore(generation, sequence, bytes, EVENT_RECORD_HEAD, eventLength);
  }

  /** Appends the events from a sequence number on. Returns false if the log is full. */
  private appendFrom(from: number): boolean {
    const arena = this.feed.feeds.arena;
    for (let record = arena.from(OWN_SLOT, from); record !== 0; record = arena.next(record)) {
      if (!this.log.append(this.record, this.frameHeld(record))) return false;
    }
    return true;
  }

  /** Replaces all records with what the node holds of the feed. */
  private rewrite(): void {
    const feeds = this.feed.feeds;
    const arena = feeds.arena;
    this.log.rewrite((put) => {
      const base = feeds.floor(OWN_SLOT) - 1;
      if (base > 0) put(this.record, this.frameBase(base));
      for (let record = arena.first(OWN_SLOT); record !== 0; record = arena.next(record)) {
        if (arena.sequence(record) > base || feeds.isLive(record)) put(this.record, this.frameHeld(record));
      }
    });
  }

  /** Writes the record of an event that the feed holds. Returns its bytes. */
  private frameHeld(record: number): number {
    const feeds = this.feed.feeds;
    const arena = feeds.arena;
    return this.frame(
      feeds.generation(OWN_SLOT), arena.sequence(record), arena.bytes, arena.eventAt(record), arena.eventLength(record),
    );
  }

  /** Writes the record of an event. Returns its bytes. */
  private frame(generation: number, sequence: number, bytes: Uint8Array, start: number, length: number): number {
    const writer = this.writer;
    writer.reset(this.record, 0, this.record.length);
    writer.u8(EVENT);
    writer.u32(generation);
    writer.u32(sequence);
    writer.copy(bytes, start, length);
    return writer.position;
  }

  /** Writes the base record. Returns its bytes. */
  private frameBase(base: number): number {
    const feeds = this.feed.feeds;
    const writer = this.writer;
    writer.reset(this.record, 0, this.record.length);
    writer.u8(BASE);
    writer.u32(feeds.generation(OWN_SLOT));
    writer.u32(base);
    writer.u32(feeds.arena.get(OWN_SLOT, BASE_FIRST));
    writer.u32(feeds.arena.get(OWN_SLOT, BASE_SECOND));
    writer.u32(feeds.lastRemoval(OWN_SLOT));
    return writer.position;
  }
}
