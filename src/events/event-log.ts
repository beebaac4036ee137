import { Writer } from "../engine/wire/cursor.js";
import { BASE_FIRST, BASE_SECOND } from "../engine/feed/arena.js";
import { EVENT_HEAD_BYTES } from "../engine/feed/event.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { OWN_SLOT } from "../engine/table/rows.js";
import { failure, invalid } from "../errors.js";
import type { GossipLog } from "../platform/types.js";

/*
 * The records of a log:
 *
 *   event  1, generation (4), sequence number (4), the event in canonical form
 *   base   2, generation (4), sequence number (4), tip (8), erased (4): what follows up to that number are the
 *          values that were alive there; then events go on
 */
const EVENT = 1;
const BASE = 2;
const FULL = "storage: the log has no room for another event";
const EVENT_RECORD_HEAD = 9;
const BASE_RECORD_BYTES = 21;

/** The node's own feed in its storage. */
export class EventLog {
  private readonly feed: FeedProtocol;
  private readonly log: GossipLog;
  private readonly writer = new Writer();
  private readonly record: Uint8Array;
  /** How far the log has the feed. */
  private generation = 0;
  private sequence = 0;

  /** @throws Error when the log's records are too short for events */
  constructor(feed: FeedProtocol, log: GossipLog) {
    const bytes = EVENT_RECORD_HEAD + feed.feeds.eventBytesMax;
    if (log.recordBytesMax < bytes) {
      throw invalid("", "storage", `its log has records of ${log.recordBytesMax} bytes; events take ${bytes}`, true);
    }
    this.feed = feed;
    this.log = log;
    this.record = new Uint8Array(bytes > BASE_RECORD_BYTES ? bytes : BASE_RECORD_BYTES);
  }

  /** Reads all of it. `tell` makes room in the arena. */
  restore(tell: () => void): void {
    const own = this.feed.own;
    this.log.read((bytes, length) => {
      if (length === BASE_RECORD_BYTES && bytes[0] === BASE) {
        own.restoreBase(word(bytes, 1), word(bytes, 5), word(bytes, 9), word(bytes, 13), word(bytes, 17));
      } else if (length > EVENT_RECORD_HEAD + EVENT_HEAD_BYTES && bytes[0] === EVENT) {
        this.restoreEvent(bytes, length, tell);
      }
    });
    own.endRestore();
    this.generation = this.feed.feeds.generation(OWN_SLOT);
    this.sequence = this.feed.feeds.sequence(OWN_SLOT);
  }

  /** Appends the event that was drafted, of `length` bytes. */
  appendPrepared(length: number): void {
    this.catchUp();
    const feeds = this.feed.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT) + 1;
    const bytes = this.frame(generation, sequence, feeds.chain.bytes, feeds.chain.eventAt, length);
    if (!this.log.append(this.record, bytes)) {
      this.rewrite();
      this.frame(generation, sequence, feeds.chain.bytes, feeds.chain.eventAt, length);
      if (!this.log.append(this.record, bytes)) throw failure("ERR_NO_ROOM", FULL);
    }
    this.generation = generation;
    this.sequence = sequence;
  }

  /** Stores what the feed has and the log has not: what peers knew of it, or another generation. */
  catchUp(): void {
    const feeds = this.feed.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT);
    if (generation === this.generation && sequence === this.sequence) return;
    if (sequence === 0 || !this.feed.own.isToStore()) return;
    const goesOn = generation === this.generation && sequence > this.sequence
      && this.sequence + 1 >= feeds.floor(OWN_SLOT);
    if (!goesOn || !this.appendFrom(this.sequence + 1)) this.rewrite();
    this.generation = generation;
    this.sequence = sequence;
  }

  private restoreEvent(bytes: Uint8Array, length: number, tell: () => void): void {
    const own = this.feed.own;
    const generation = word(bytes, 1);
    const sequence = word(bytes, 5);
    const eventLength = length - EVENT_RECORD_HEAD;
    if (own.restore(generation, sequence, bytes, EVENT_RECORD_HEAD, eventLength)) return;
    tell();
    own.restore(generation, sequence, bytes, EVENT_RECORD_HEAD, eventLength);
  }

  /** Appends events from a number on. Returns false when the log is full. */
  private appendFrom(from: number): boolean {
    const arena = this.feed.feeds.arena;
    for (let record = arena.from(OWN_SLOT, from); record !== 0; record = arena.next(record)) {
      if (!this.log.append(this.record, this.frameHeld(record))) return false;
    }
    return true;
  }

  /** Puts what is held of the feed in place of all there is. */
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

  private frameHeld(record: number): number {
    const feeds = this.feed.feeds;
    const arena = feeds.arena;
    return this.frame(
      feeds.generation(OWN_SLOT), arena.sequence(record), arena.bytes, arena.eventAt(record), arena.eventLength(record),
    );
  }

  private frame(generation: number, sequence: number, bytes: Uint8Array, start: number, length: number): number {
    const writer = this.writer;
    writer.reset(this.record, 0, this.record.length);
    writer.u8(EVENT);
    writer.u32(generation);
    writer.u32(sequence);
    writer.copy(bytes, start, length);
    return writer.position;
  }

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

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
