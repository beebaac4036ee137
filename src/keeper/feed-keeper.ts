import type { Clock } from "../engine/clock.js";
import { LAST_REMOVAL } from "../engine/feed/arena.js";
import { COPY_BYTES } from "../engine/feed/event.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import type { FeedStore } from "../engine/feed/feed-store.js";
import { DAY_MS } from "../engine/feed/hlc.js";
import type { Suspicion } from "../engine/membership/suspicion.js";
import { OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { failure, invalid } from "../errors.js";
import type { GossipLog } from "../platform/types.js";
import { Retry } from "../retry.js";
import { FeedRestorer } from "./feed-restorer.js";
import {
  AUTHOR_BYTES, EVENTS_HEAD_BYTES, FEED_BYTES, GONE_BYTES, HELD_BYTES_MAX, HELD_EVENT_BYTES, HELD_HEAD_BYTES,
  ITEM_AUTHOR, ITEM_EVENTS, ITEM_FEED, ITEM_GONE, ITEM_HELD, ItemWriter, RECORD_BYTES_MAX, RECORD_EXTRA_BYTES,
} from "./items.js";
import { KeptRows } from "./kept-rows.js";

/** What is new is stored at once, then at most once in this time: 86,400 times a day. */
const STORE_MS = 1000;
/**
 * In this time whole feeds with as many bytes as the event buffer has are stored, and older events that others gave
 * back are stored once: 144 times a day.
 */
const WINDOW_MS = 600000;
/** The log is rewritten when it has this many bytes and times as many as the event buffer holds. */
const LOG_BYTES_LEAST = 65536;
const LOG_FACTOR = 2;

/**
 * Keeps the feeds of all other authors in a log, as the event buffer holds them, and restores
 * them at the start.
 *
 * After an input the keeper compares each feed with what the log has of it, and appends the
 * difference. A feed that does not continue there is stored as a whole. The log then replaces the
 * older one at once, when the last event of the whole feed is stored.
 *
 * A log with more than twice the bytes that the event buffer holds is rewritten. So rewrites
 * write at most one byte for each byte that was appended.
 */
export class FeedKeeper {
  /** What was damaged or did not fit at the start, until the application was told. */
  private damage: string | undefined;
  private readonly feed: FeedProtocol;
  private readonly feeds: FeedStore;
  private readonly rows: Rows;
  private readonly clock: Clock;
  private readonly suspicion: Suspicion;
  private readonly log: GossipLog;
  private readonly kept: KeptRows;
  private readonly items: ItemWriter;
  /** By slot: what the write that goes on stores, `WRITTEN_` bits. */
  private readonly written: Uint8Array;
  private logBytes = 0;
  private isBehind = false;
  private lacksHistory = false;
  /** Whether a snapshot arrives of a feed that the log has: a rewrite would replace a complete feed by a part of it. */
  private isArriving = false;
  /** Set while writes fail. */
  private retry: Retry | undefined;
  private storeDeadline = 0;
  /** When whole feeds may be stored again, and how many bytes of them were in this time. */
  private windowDeadline = 0;
  private windowBytes = 0;
  private historyDeadline = 0;

  /** @throws RangeError ERR_OPTION when the log's records are too short for events */
  constructor(feed: FeedProtocol, rows: Rows, clock: Clock, suspicion: Suspicion, log: GossipLog) {
    const recordBytes = Math.min(log.recordBytesMax, RECORD_BYTES_MAX);
    const least = feed.feeds.eventBytesMax + COPY_BYTES + RECORD_EXTRA_BYTES;
    if (recordBytes < least) {
      const problem = `its log of feeds has records of ${recordBytes} bytes; events take ${least}`;
      throw invalid("", "storage", problem, true);
    }
    this.feed = feed;
    this.feeds = feed.feeds;
    this.rows = rows;
    this.clock = clock;
    this.suspicion = suspicion;
    this.log = log;
    this.kept = new KeptRows(rows, feed.feeds);
    this.items = new ItemWriter(recordBytes);
    this.written = new Uint8Array(rows.capacity);
  }

  /**
   * Restores the feeds. Before the start.
   *
   * @param notify makes room in the event buffer: it notifies the application of what was restored so far
   * @param nowMs milliseconds since 1970; 0: not known
   * @throws Error ERR_STORAGE when there are more authors than rows, and what the log throws
   */
  restore(notify: () => void, nowMs: number): void {
    this.feeds.arena.physicalMs = nowMs;
    const restorer = new FeedRestorer(this.feed, this.rows, this.suspicion, this.kept, notify);
    const withoutPlace = restorer.restore(this.log);
    if (withoutPlace > 0) {
      const problem = `the log has feeds of ${withoutPlace} more authors than find a place`;
      throw failure("ERR_STORAGE", `start: ${problem} (capacity: ${this.rows.capacity})`);
    }
    restorer.end(nowMs === 0 ? 0 : nowMs + DAY_MS);
    this.logBytes = restorer.logBytes;
    this.historyDeadline = this.clock.nowMs + WINDOW_MS;
    this.describe(this.log.damagedRecords ?? 0, restorer.behindHole, restorer.withoutRoom);
  }

  /**
   * After each input: stores what is new when that is due. After a failure it tries again later.
   *
   * @returns what the application is to be told: the first failure, the success after failures, damage
   */
  keepUp(): Error | undefined {
    const isDue = this.isDue();
    const nowMs = this.clock.nowMs;
    if (isDue && (this.retry === undefined || this.retry.isDue(nowMs))) {
      const retry = this.retry;
      try {
        this.store();
      } catch (error) {
        if (retry !== undefined) retry.postpone(nowMs);
        else this.retry = new Retry(nowMs);
        return retry === undefined ? error as Error : undefined;
      }
      this.retry = undefined;
      if (retry !== undefined) return failure("storage", "the feeds of others are stored again after failures");
    }
    const damage = this.damage;
    this.damage = undefined;
    return damage === undefined ? undefined : failure("storage", damage);
  }

  /** Whether something is to be stored now. */
  private isDue(): boolean {
    const nowMs = this.clock.nowMs;
    const isDue = this.clock.isDue(this.storeDeadline);
    if (isDue || !this.isBehind) this.look();
    // Deadlines in the past move along, so that they can always be compared.
    if (isDue) this.storeDeadline = nowMs;
    if (this.clock.isDue(this.historyDeadline)) this.historyDeadline = nowMs;
    if (this.clock.isDue(this.windowDeadline)) {
      this.windowDeadline = nowMs;
      this.windowBytes = 0;
    }
    return isDue && (this.isBehind || this.isHistoryDue());
  }

  /** Milliseconds until something is to be stored; -1 if nothing is, or the last try failed and is repeated later. */
  delayMs(): number {
    if (!this.isBehind || this.retry !== undefined) return -1;
    return Math.max(0, (this.storeDeadline - this.clock.nowMs) | 0);
  }

  /** Stores what is new. @throws Error ERR_NO_ROOM if the log is too small, and what the log throws */
  private store(): void {
    if (this.isHistoryDue() || this.isLogLong() || !this.append()) this.rewrite();
    this.storeDeadline = this.clock.nowMs + STORE_MS;
    this.look();
  }

  private describe(damaged: number, behindHole: number, withoutRoom: number): void {
    const texts: string[] = [];
    if (damaged > 0 || behindHole > 0) {
      const bytes = this.log.damagedBytes ?? 0;
      texts.push(`the log of feeds is damaged: records: ${damaged}, bytes: ${bytes}, `
        + `events kept behind a hole: ${behindHole}`);
    }
    if (withoutRoom > 0) texts.push(`the log of feeds has ${withoutRoom} events without room (events.bytes)`);
    if (texts.length > 0) this.damage = texts.join("; ");
  }

  private isHistoryDue(): boolean {
    return this.lacksHistory && !this.isArriving && this.clock.isDue(this.historyDeadline);
  }

  private isLogLong(): boolean {
    const arena = this.feeds.arena;
    const held = (arena.size() - arena.room()) * 4;
    return this.logBytes > LOG_BYTES_LEAST + LOG_FACTOR * (this.isArriving ? 2 : 1) * held;
  }

  /** Compares all feeds with the log. */
  private look(): void {
    this.isBehind = false;
    this.lacksHistory = false;
    this.isArriving = false;
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity; slot++) {
      if (this.kept.has(slot) && !this.kept.isSame(slot)) this.isBehind = true;
      if (this.kept.hasFeed(slot) && this.kept.isSame(slot) && !this.isKept(slot)) this.isArriving = true;
      if (!this.isKept(slot)) continue;
      if (!this.kept.isSame(slot) || this.kept.isAuthorNew(slot) || this.isFeedDue(slot)) this.isBehind = true;
      if (this.kept.lacksHistory(slot)) this.lacksHistory = true;
    }
  }

  /** Whether a slot has a feed that can be stored: it waits while a snapshot of it arrives. */
  private isKept(slot: number): boolean {
    return this.rows.isHeld(slot) && this.feeds.sequence(slot) > 0 && this.feeds.isComplete(slot);
  }

  /** Whether the feed in a slot is to be stored now. */
  private isFeedDue(slot: number): boolean {
    if (this.kept.isSame(slot) && this.kept.isFeedSame(slot)) return false;
    return this.kept.nextEvent(slot) > 0 || this.windowBytes + this.bytesOf(slot) <= this.feeds.arena.size() * 4;
  }

  /** Appends all that is new. Returns false if the log is full. */
  private append(): boolean {
    const items = this.items;
    let isFull = false;
    items.begin((bytes, length) => {
      isFull = isFull || !this.log.append(bytes, length);
    });
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity; slot++) {
      if (this.kept.has(slot) && !this.kept.isSame(slot)) items.item(ITEM_GONE, GONE_BYTES).u32(this.kept.id(slot));
    }
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity && !isFull; slot++) {
      this.written[slot] = this.isKept(slot) ? this.appendSlot(slot) : 0;
    }
    items.flush();
    if (isFull) return false;
    this.logBytes += items.bytesPut;
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity; slot++) {
      if (this.kept.has(slot) && !this.kept.isSame(slot)) this.kept.forget(slot);
      if ((this.written[slot] & WRITTEN_AUTHOR) !== 0) this.kept.noteAuthor(slot, this.rows.heartbeat(slot));
      if ((this.written[slot] & WRITTEN_FEED) !== 0) this.kept.note(slot);
    }
    return true;
  }

  /** Writes what is new of a row and its feed. Returns `WRITTEN_` bits. */
  private appendSlot(slot: number): number {
    const isFeedNew = this.isFeedDue(slot);
    const isAuthorNew = !this.kept.isSame(slot) || this.kept.isAuthorNew(slot);
    // A row whose feed has to wait waits, too.
    if (!isFeedNew && !(isAuthorNew && this.kept.isSame(slot) && this.kept.isFeedSame(slot))) return 0;
    const isAuthorWritten = isAuthorNew || this.kept.isAuthorSingle(slot);
    if (isAuthorWritten) this.writeAuthor(slot);
    if (!isFeedNew) return WRITTEN_AUTHOR;
    const next = this.kept.nextEvent(slot);
    if (next > 0) {
      this.writeEvents(slot, next);
    } else {
      if (this.windowBytes === 0) this.windowDeadline = this.clock.nowMs + WINDOW_MS;
      this.windowBytes += this.bytesOf(slot);
      this.writeFeed(slot, false);
    }
    return isAuthorWritten ? WRITTEN_AUTHOR | WRITTEN_FEED : WRITTEN_FEED;
  }

  /** Replaces the log by all that the node holds. */
  private rewrite(): void {
    const items = this.items;
    this.log.rewrite((put) => {
      items.begin(put);
      // All rows once more before their feeds, so that no single damaged record costs a row.
      this.eachHeld((slot) => this.writeAuthor(slot));
      items.flush();
      this.eachHeld((slot) => {
        this.writeAuthor(slot);
        this.writeFeed(slot, true);
      });
    });
    this.logBytes = items.bytesPut;
    this.historyDeadline = this.clock.nowMs + WINDOW_MS;
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity; slot++) this.kept.forget(slot);
    this.eachHeld((slot) => {
      this.kept.noteAuthor(slot, this.rows.heartbeat(slot));
      this.kept.noteAuthor(slot, this.rows.heartbeat(slot));
      this.kept.note(slot);
    });
  }

  /** Calls `each` for the slots with rows of other authors of whose feeds anything is held. */
  private eachHeld(each: (slot: number) => void): void {
    for (let slot = OWN_SLOT + 1; slot < this.rows.capacity; slot++) {
      if (this.rows.isHeld(slot) && this.feeds.arena.last(slot) !== 0) each(slot);
      else if (this.isKept(slot)) each(slot);
    }
  }

  private writeAuthor(slot: number): void {
    const rows = this.rows;
    const writer = this.items.item(ITEM_AUTHOR, AUTHOR_BYTES);
    writer.u32(rows.id(slot));
    writer.u32(rows.address(slot));
    writer.u16(rows.port(slot));
    writer.u32(rows.revision(slot));
    writer.u32(rows.heartbeat(slot));
  }

  /** Writes a whole feed. @param inShort in short records, so that a damaged one costs little */
  private writeFeed(slot: number, inShort: boolean): void {
    const feeds = this.feeds;
    const arena = feeds.arena;
    const base = feeds.floor(slot) - 1;
    let values = 0;
    let events = 0;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      events++;
      if (arena.sequence(record) <= base) values++;
    }
    const writer = this.items.item(ITEM_FEED, FEED_BYTES);
    writer.u32(feeds.author(slot));
    writer.u32(feeds.generation(slot));
    writer.u32(feeds.sequence(slot));
    writer.u32(base);
    writer.u32(feeds.isComplete(slot) ? feeds.tipFirstAt(slot, base) : 0);
    writer.u32(feeds.isComplete(slot) ? feeds.tipSecondAt(slot, base) : 0);
    writer.u32(arena.get(slot, LAST_REMOVAL));
    writer.u32(values);
    writer.u32(events);
    for (let record = arena.first(slot); record !== 0;) {
      record = this.writeHeld(slot, record);
      if (inShort) this.items.flush();
    }
    if (inShort) this.items.flush();
  }

  /** Writes as many events from `first` on as fit into an item. Returns the record of the next one, or 0. */
  private writeHeld(slot: number, first: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    const items = this.items;
    if (items.room() < HELD_HEAD_BYTES + HELD_EVENT_BYTES + arena.eventLength(first)) items.flush();
    let length = HELD_HEAD_BYTES;
    let end = first;
    for (; end !== 0; end = arena.next(end)) {
      const more = HELD_EVENT_BYTES + arena.eventLength(end);
      if (length + more > items.room() || (end !== first && length + more > HELD_BYTES_MAX)) break;
      length += more;
    }
    const writer = items.item(ITEM_HELD, length);
    writer.u32(feeds.author(slot));
    writer.u32(feeds.generation(slot));
    for (let record = first; record !== end; record = arena.next(record)) {
      writer.u32(arena.sequence(record));
      writer.u16(arena.eventLength(record));
      writer.copy(arena.bytes, arena.eventAt(record), arena.eventLength(record));
    }
    return end;
  }

  /** Writes the events of a complete feed from a sequence number on. */
  private writeEvents(slot: number, from: number): void {
    const arena = this.feeds.arena;
    const sequence = this.feeds.sequence(slot);
    let record = arena.find(slot, from);
    while (record !== 0 && arena.sequence(record) <= sequence) record = this.writeBatch(slot, record, sequence);
  }

  /** Writes as many events from `first` up to a sequence number as fit into an item. Returns the next record, or 0. */
  private writeBatch(slot: number, first: number, sequence: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    const items = this.items;
    if (items.room() < EVENTS_HEAD_BYTES + 2 + arena.eventLength(first)) items.flush();
    let length = EVENTS_HEAD_BYTES;
    let last = first;
    let end = first;
    for (; end !== 0 && arena.sequence(end) <= sequence; end = arena.next(end)) {
      const more = 2 + arena.eventLength(end);
      if (length + more > items.room()) break;
      length += more;
      last = end;
    }
    const writer = items.item(ITEM_EVENTS, length);
    writer.u32(feeds.author(slot));
    writer.u32(feeds.generation(slot));
    writer.u32(arena.sequence(first));
    writer.u32(arena.tipFirst(last));
    writer.u32(arena.tipSecond(last));
    for (let record = first; record !== end; record = arena.next(record)) {
      writer.u16(arena.eventLength(record));
      writer.copy(arena.bytes, arena.eventAt(record), arena.eventLength(record));
    }
    return end;
  }

  /** Bytes of all events that are held of a feed. */
  private bytesOf(slot: number): number {
    const arena = this.feeds.arena;
    let bytes = 0;
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) bytes += arena.eventLength(record);
    return bytes;
  }
}

const WRITTEN_AUTHOR = 1;
const WRITTEN_FEED = 2;
