import { readU32 } from "../cbor/big-endian.js";
import { Writer } from "../engine/wire/cursor.js";
import { BASE_FIRST, BASE_SECOND } from "../engine/feed/arena.js";
import {
  COPY_BYTES, EVENT_HEAD_BYTES, type EncodedEvent, isCopyAt, stampCounter, stampMs, ttlSecondsAt, writeCopy, writeStamp,
} from "../engine/feed/event.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { isSignatureAt } from "../engine/feed/feed-signing.js";
import { rechain } from "../engine/feed/rechain.js";
import { HAS_HOLE } from "../engine/feed/state-words.js";
import { OWN_SLOT } from "../engine/table/rows.js";
import { failure, invalid } from "../errors.js";
import type { GossipLog } from "../platform/types.js";
import { Retry } from "../retry.js";
import { WriteBudget } from "./write-budget.js";

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
const NO_ROOM_FOR_COPIES =
  "start: the event buffer (events.bytes) has no room for copies of the events in the storage, of 14 bytes more each";
const EVENT_RECORD_HEAD = 9;
/** A copy of another author's event has so many bytes more than `eventBytesMax`. */
const BASE_RECORD_BYTES = 21;

/** Keeps the node's own feed in its storage. */
export class EventLog {
  private readonly feed: FeedProtocol;
  private readonly log: GossipLog;
  private readonly writer = new Writer();
  private readonly record: Uint8Array;
  /** Of the writes that peers cause. */
  private readonly budget: WriteBudget;
  /** Set while writes fail that nobody waits for. */
  private retry: Retry | undefined;
  /** How far the log holds the feed. */
  private generation = 0;
  private sequence = 0;
  /** Whether records are damaged or missing, so that the log has to be written anew before the next event. */
  private isDamaged = false;
  /** Whether events were missing between others at the start. */
  private hadHole = false;
  /** The number of events that were missing at the start, at most; 0 after the application was told what came back. */
  private missing = 0;
  /** While events of another author are restored: its id. */
  private formerId: number | undefined;
  /** The number of events that were held after the start, and of those that this node has published since then. */
  private known = 0;
  /** What the application is to be told. */
  private news: string | undefined;

  /** @throws Error if the log's records are too short for events */
  constructor(feed: FeedProtocol, log: GossipLog) {
    const bytes = EVENT_RECORD_HEAD + feed.feeds.eventBytesMax + COPY_BYTES;
    if (log.recordBytesMax < bytes) {
      throw invalid("", "storage", `its log has records of ${log.recordBytesMax} bytes; events take ${bytes}`, true);
    }
    this.feed = feed;
    this.log = log;
    this.budget = new WriteBudget(feed.clock);
    this.record = new Uint8Array(bytes);
  }

  /**
   * Restores the feed. `notify` makes room in the arena.
   *
   * @param formerId author of the events, if it is not this node. They become copies in a feed of the generation
   * `revision`, in the log, too: all of them or none
   */
  restore(notify: () => void, formerId: number | undefined, revision: number): void {
    this.formerId = formerId;
    this.read(notify);
    this.formerId = undefined;
    if (formerId === undefined || this.held() === 0) return;
    const feeds = this.feed.feeds;
    const rows = this.feed.rows;
    rows.subtractFromFeedsHash(OWN_SLOT);
    feeds.setState(HAS_HOLE, 0);
    if (feeds.signing !== undefined) feeds.signing.reserve(feeds, OWN_SLOT, OWN_SLOT);
    rechain(feeds, OWN_SLOT, revision);
    rows.addToFeedsHash(OWN_SLOT);
    this.rewrite();
    this.isDamaged = false;
    this.missing = 0;
    this.generation = revision;
    this.sequence = feeds.sequence(OWN_SLOT);
  }

  private read(notify: () => void): void {
    const own = this.feed;
    let damaged = 0;
    let last = 0;
    let base = 0;
    this.log.read((bytes, length) => {
      const isBase = length === BASE_RECORD_BYTES && bytes[0] === BASE;
      if (!isBase && !(length > EVENT_RECORD_HEAD + EVENT_HEAD_BYTES && bytes[0] === EVENT)) return;
      const places = this.noteDamage(damaged);
      const sequence = readU32(bytes, 5);
      if (isBase) {
        base = sequence;
        own.restoreBase(readU32(bytes, 1), base, readU32(bytes, 9), readU32(bytes, 13), readU32(bytes, 17));
      } else {
        // Between values that were live, numbers are missing anyway.
        if (sequence <= base) this.missing += places - damaged;
        else if (sequence > Math.max(last, base) + 1) this.missing += sequence - Math.max(last, base) - 1;
        last = sequence;
        this.restoreEvent(bytes, length, notify);
      }
      damaged = places;
    });
    const places = this.noteDamage(damaged);
    this.missing += places - damaged;
    own.endRestore();
    this.hadHole = own.hasHole;
    this.isDamaged = places > 0 || own.hasHole;
    this.known = this.held();
    this.generation = this.feed.feeds.generation(OWN_SLOT);
    this.sequence = this.feed.feeds.sequence(OWN_SLOT);
    if (this.isDamaged) {
      this.news = `the event log is damaged: places: ${places}, bytes: ${this.log.damagedBytes ?? 0}, ` +
        `events missing: up to ${this.missing}, events kept: ${this.known}`;
    }
  }

  /**
   * Appends the next event of the feed, which was stamped and is not yet published.
   *
   * @throws Error if the log has no room, and what the log throws
   */
  append(event: EncodedEvent): void {
    if (this.isBehind()) this.catchUp();
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
    this.known++;
  }

  /**
   * After each input: stores what the feed holds and the log does not, such as what peers gave back, as far as the
   * budget allows that. After a failure it tries again later.
   *
   * @returns what the application is to be told: the first failure, the success after failures, damage and its repair
   */
  store(): Error | undefined {
    if (this.isBehind()) {
      const nowMs = this.feed.clock.nowMs;
      const retry = this.retry;
      const mayWrite = this.budget.isLeft() || this.lacksSignature();
      if (!mayWrite || (retry !== undefined && !retry.isDue(nowMs))) return undefined;
      this.budget.take();
      try {
        this.catchUp();
      } catch (error) {
        if (retry === undefined) this.retry = new Retry(nowMs);
        else retry.postpone(nowMs);
        return retry === undefined ? error as Error : undefined;
      }
    }
    if (this.retry !== undefined) {
      this.retry = undefined;
      return failure("storage", "the node's own feed is stored again after failures");
    }
    const news = this.news;
    this.news = undefined;
    return news === undefined ? undefined : failure("storage", news);
  }

  /** Whether the feed holds something that the log does not and that may go there, or the log has to be repaired. */
  private isBehind(): boolean {
    const feeds = this.feed.feeds;
    const sequence = feeds.sequence(OWN_SLOT);
    const isSame = feeds.generation(OWN_SLOT) === this.generation && sequence === this.sequence;
    return (!isSame || this.isDamaged) && sequence !== 0 && this.feed.isToStore();
  }

  /** Whether all that the log lacks is the signature of the event that it got last. */
  private lacksSignature(): boolean {
    const feeds = this.feed.feeds;
    const sequence = feeds.sequence(OWN_SLOT);
    const isNext = feeds.generation(OWN_SLOT) === this.generation && sequence === this.sequence + 1;
    const record = isNext && !this.isDamaged ? feeds.arena.find(OWN_SLOT, sequence) : 0;
    return record !== 0 && isSignatureAt(feeds.arena.bytes, feeds.arena.eventAt(record));
  }

  /** Stores what the feed holds and the log does not: what peers gave back, or another generation. */
  private catchUp(): void {
    const feeds = this.feed.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const goesOn = !this.isDamaged && generation === this.generation
      && feeds.sequence(OWN_SLOT) > this.sequence && this.sequence + 1 >= feeds.floor(OWN_SLOT);
    if (!goesOn || !this.appendFrom(this.sequence + 1)) this.rewrite();
    this.tellRepair(generation === this.generation);
    this.isDamaged = false;
    this.generation = generation;
    this.sequence = feeds.sequence(OWN_SLOT);
  }

  /** The log is whole again. Tells how much of what was missing came back, once that is clear. */
  private tellRepair(isSameGeneration: boolean): void {
    if (this.missing === 0) return;
    const isFilled = this.hadHole && isSameGeneration;
    const returned = isFilled ? this.missing : Math.max(0, Math.min(this.missing, this.held() - this.known));
    // The last events may still come back.
    if (!this.hadHole && returned === 0) return;
    this.news = "the event log is repaired: events that came back from peers: " +
      `${returned}, not found: ${this.missing - returned}`;
    this.missing = 0;
  }

  /** Damage lies before the record that was read last if the log counts more of it than before. Returns the count. */
  private noteDamage(before: number): number {
    const damaged = this.log.damagedRecords ?? 0;
    if (damaged > before) this.feed.noteDamage();
    return damaged;
  }

  /** The number of events of the feed that are held. */
  private held(): number {
    const arena = this.feed.feeds.arena;
    let count = 0;
    for (let record = arena.first(OWN_SLOT); record !== 0; record = arena.next(record)) count++;
    return count;
  }

  private restoreEvent(bytes: Uint8Array, length: number, notify: () => void): void {
    const own = this.feed;
    const generation = readU32(bytes, 1);
    const sequence = readU32(bytes, 5);
    const eventLength = length - EVENT_RECORD_HEAD;
    // Signatures of a former id are left behind: this one signs anew.
    const isOld = isCopyAt(bytes, EVENT_RECORD_HEAD) || isSignatureAt(bytes, EVENT_RECORD_HEAD);
    const isCopied = this.formerId !== undefined && !isOld;
    const event = isCopied ? this.record : bytes;
    const start = isCopied ? 0 : EVENT_RECORD_HEAD;
    const eventBytes = isCopied ? this.copy(bytes, eventLength) : eventLength;
    if (own.restore(generation, sequence, event, start, eventBytes)) return;
    notify();
    const isHeld = own.restore(generation, sequence, event, start, eventBytes);
    if (!isHeld && this.formerId !== undefined) throw failure("ERR_NO_ROOM", NO_ROOM_FOR_COPIES);
  }

  /** Makes `record` a copy of an event that is no copy, under the same stamp. Returns its bytes. */
  private copy(bytes: Uint8Array, eventLength: number): number {
    const start = EVENT_RECORD_HEAD;
    if (eventLength > this.feed.feeds.eventBytesMax) {
      const most = this.feed.feeds.eventBytesMax;
      const problem = `${most} is too short for an event of ${eventLength} bytes in the storage`;
      throw invalid("", "events.eventBytesMax", problem, true);
    }
    const ttlSeconds = ttlSecondsAt(bytes, start);
    const length = writeCopy(this.record, 0, bytes, start, eventLength, this.formerId as number, ttlSeconds);
    writeStamp(this.record, 0, stampMs(bytes, start), stampCounter(bytes, start));
    return length;
  }

  /** Appends the events from a sequence number on. Returns false if the log is full. */
  private appendFrom(from: number): boolean {
    const arena = this.feed.feeds.arena;
    for (let record = arena.from(OWN_SLOT, from); record !== 0; record = arena.next(record)) {
      if (!this.log.append(this.record, this.frameHeld(record))) return false;
      this.sequence = arena.sequence(record);
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
