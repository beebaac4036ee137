import { Reader } from "../engine/wire/cursor.js";
import { NOTIFIED, recordWords } from "../engine/feed/arena.js";
import { COPY_BYTES } from "../engine/feed/event.js";
import type { FeedStore } from "../engine/feed/feed-store.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { FLAG_NOTIFY_UPDATE, MERGE_TABLE_FULL, OWN_SLOT, RowData, type Rows } from "../engine/table/rows.js";
import { SUSPECT } from "../engine/table/states.js";
import type { Suspicion } from "../engine/membership/suspicion.js";
import type { GossipLog } from "../platform/types.js";
import {
  AUTHOR_BYTES, EVENTS_HEAD_BYTES, FEED_BYTES, GONE_BYTES, HELD_HEAD_BYTES, ITEM_AUTHOR, ITEM_EVENTS, ITEM_FEED,
  ITEM_GONE, ITEM_HELD, storedBytes,
} from "./items.js";
import type { KeptRows } from "./kept-rows.js";

/** A feed that is being read: an item `feed`, and what of it followed. */
class Dump {
  slot = -1;
  id = 0;
  generation = 0;
  sequence = 0;
  base = 0;
  tipFirst = 0;
  tipSecond = 0;
  lastRemoval = 0;
  /** Events up to the base, and all of them. */
  values = 0;
  events = 0;
  /** How many of them were read. */
  valuesRead = 0;
  eventsRead = 0;
  /** The bodies of the items `held`, without their heads. */
  bodies: Uint8Array[] = [];

  isWhole(): boolean { return this.eventsRead === this.events; }
}

/**
 * Restores the feeds of other authors from a keeper's log, before the node starts.
 *
 * A row comes back as SUSPECT, one heartbeat older than it was stored. So each node that holds
 * the author's last statement, or a later one, keeps its own row, and a node that holds none
 * probes the author before it calls it DOWN. The author itself refutes the row as usual.
 *
 * The chain of each feed is computed again. An event behind a damaged place is held, but the feed
 * ends before that place, and a feed of which a value below the floor is damaged is not complete:
 * the node never claims a tip of which it lacks an event. Peers then fill the hole.
 */
export class FeedRestorer {
  /** Bytes of the records in the log. */
  logBytes = 0;
  /** Events that were held behind a damaged place or found no room: uint32. */
  behindHole = 0;
  withoutRoom = 0;
  private readonly feed: FeedProtocol;
  private readonly feeds: FeedStore;
  private readonly rows: Rows;
  private readonly suspicion: Suspicion;
  private readonly kept: KeptRows;
  private readonly notify: () => void;
  private readonly reader = new Reader();
  private readonly row = new RowData();
  private dump: Dump | undefined;
  private damaged = 0;
  /** Whether the log is read once more. */
  private isAgain = false;
  private readonly withoutPlace: number[] = [];
  /** Slots of feeds of which a part was read: they are to be stored again. */
  private readonly parts: number[] = [];

  /** @param notify makes room in the event buffer: it notifies the application of what was restored so far */
  constructor(feed: FeedProtocol, rows: Rows, suspicion: Suspicion, kept: KeptRows, notify: () => void) {
    this.feed = feed;
    this.feeds = feed.feeds;
    this.rows = rows;
    this.suspicion = suspicion;
    this.kept = kept;
    this.notify = notify;
  }

  /** Reads the log. Returns how many authors found no place among the rows. @throws what the log throws */
  restore(log: GossipLog): number {
    this.read(log);
    // Feeds that shrank later in the log took the room. Now it is free, and what is held already is skipped.
    this.isAgain = this.withoutRoom > 0;
    if (this.isAgain) this.read(log);
    return this.withoutPlace.length;
  }

  private read(log: GossipLog): void {
    this.logBytes = 0;
    this.behindHole = 0;
    this.withoutRoom = 0;
    this.damaged = 0;
    log.read((bytes, length) => {
      const damaged = log.damagedRecords ?? 0;
      if (damaged > this.damaged) this.applyRest();
      this.damaged = damaged;
      this.readRecord(bytes, length);
      this.logBytes += storedBytes(length);
    });
    // Unless the end of the log is damaged, power was lost here, and what was held before is all of the feed.
    if (this.dump !== undefined && this.feeds.sequence(this.dump.slot) === 0) this.applyRest();
    this.dump = undefined;
  }

  /** All records were read: the rows are to be probed. @param latestMs stamps later than this do not move the clock */
  end(latestMs: number): void {
    const rows = this.rows;
    const feeds = this.feeds;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      if (slot === OWN_SLOT) continue;
      this.suspicion.stateChanged(slot, -1);
      rows.noteChange(slot, FLAG_NOTIFY_UPDATE);
      const last = feeds.arena.last(slot);
      if (last !== 0 && feeds.ms(last) <= latestMs) this.feed.hlc.recall(feeds.ms(last), feeds.counter(last));
      this.kept.note(slot);
    }
    for (let i = 0; i < this.parts.length; i++) this.kept.forgetFeed(this.parts[i]);
  }

  private readRecord(bytes: Uint8Array, length: number): void {
    const reader = this.reader;
    for (let at = 0; at < length;) {
      reader.reset(bytes, at, length);
      const type = reader.u8();
      const end = reader.u16() + reader.position;
      if (reader.failed || end > length) return;
      reader.end = end;
      // Without damage, power was lost or a write failed before the end of a feed: it never counted.
      if (type !== ITEM_HELD) this.dump = undefined;
      this.readItem(type);
      at = end;
    }
  }

  private readItem(type: number): void {
    const room = this.reader.end - this.reader.position;
    if (type === ITEM_AUTHOR || type === ITEM_GONE) {
      if (this.isAgain) return;
      if (type === ITEM_AUTHOR && room >= AUTHOR_BYTES) this.readAuthor();
      if (type === ITEM_GONE && room >= GONE_BYTES) this.readGone();
    } else if (type === ITEM_FEED && room >= FEED_BYTES) this.readFeed();
    else if (type === ITEM_HELD && room > HELD_HEAD_BYTES) this.readHeld();
    else if (type === ITEM_EVENTS && room > EVENTS_HEAD_BYTES) this.readEvents();
  }

  private readAuthor(): void {
    const reader = this.reader;
    const row = this.row;
    row.id = reader.u32();
    row.address = reader.u32();
    row.port = reader.u16();
    row.revision = reader.u32();
    const heartbeat = reader.u32();
    row.heartbeat = heartbeat > 0 ? heartbeat - 1 : 0;
    row.state = SUSPECT;
    row.valueLength = 0;
    if (row.id === this.rows.id(OWN_SLOT)) return;
    const merged = this.rows.merge(row, this.rows.valueBytes());
    const slot = this.rows.find(row.id);
    if (merged === MERGE_TABLE_FULL && this.withoutPlace.indexOf(row.id) < 0) this.withoutPlace.push(row.id);
    if (slot < 0) return;
    this.rows.setAddress(slot, row.address, row.port);
    this.kept.noteAuthor(slot, heartbeat);
  }

  private readGone(): void {
    const slot = this.find(this.reader.u32());
    if (slot >= 0) this.rows.remove(slot);
  }

  private readFeed(): void {
    const reader = this.reader;
    const dump = new Dump();
    dump.id = reader.u32();
    dump.generation = reader.u32();
    dump.sequence = reader.u32();
    dump.base = reader.u32();
    dump.tipFirst = reader.u32();
    dump.tipSecond = reader.u32();
    dump.lastRemoval = reader.u32();
    dump.values = reader.u32();
    dump.events = reader.u32();
    dump.slot = this.find(dump.id);
    if (dump.slot < 0) return;
    this.dump = dump;
    if (dump.isWhole()) this.applyRest();
  }

  private readHeld(): void {
    const reader = this.reader;
    const id = reader.u32();
    const generation = reader.u32();
    const start = reader.position;
    const dump = this.dump;
    if (dump === undefined || dump.id !== id || dump.generation !== generation) {
      this.dump = undefined;
      this.holdAll(this.find(id), generation, reader.bytes, start, reader.end);
      return;
    }
    const body = new Uint8Array(reader.end - start);
    for (let i = 0; i < body.length; i++) body[i] = reader.bytes[start + i];
    dump.bodies.push(body);
    while (reader.position < reader.end) {
      const isValue = reader.u32() <= dump.base;
      reader.skip(reader.u16());
      dump.eventsRead++;
      if (isValue) dump.valuesRead++;
    }
    if (dump.isWhole()) this.applyRest();
  }

  /** Replaces a feed by the one that was read, or by as much of it as was. */
  private applyRest(): void {
    const dump = this.dump;
    this.dump = undefined;
    if (dump === undefined || dump.generation < this.feeds.generation(dump.slot)) return;
    this.rows.subtractFromFeedsHash(dump.slot);
    this.apply(dump);
    this.rows.addToFeedsHash(dump.slot);
  }

  private apply(dump: Dump): void {
    const feeds = this.feeds;
    const slot = dump.slot;
    const isHeld = dump.generation === feeds.generation(slot) && feeds.sequence(slot) > 0;
    // A part of a feed does not replace what is known of the same generation.
    if (!isHeld || (dump.isWhole() && !this.isAgain)) this.applyBase(dump);
    if (!dump.isWhole() && this.parts.indexOf(slot) < 0) this.parts.push(slot);
    for (let i = 0; i < dump.bodies.length; i++) {
      const body = dump.bodies[i];
      this.reader.reset(body, 0, body.length);
      this.holdRest(slot, dump.base);
    }
  }

  /** Begins a feed with the values up to its base. The feed is complete if all of them were read. */
  private applyBase(dump: Dump): void {
    const feeds = this.feeds;
    const slot = dump.slot;
    const hasTip = dump.tipFirst !== 0 || dump.tipSecond !== 0;
    feeds.begin(slot, dump.generation);
    if (dump.base === 0) return;
    const hasRoom = this.holdValues(dump);
    if (hasTip && hasRoom && dump.valuesRead === dump.values) {
      feeds.endSnapshot(slot, dump.base, dump.tipFirst, dump.tipSecond, dump.lastRemoval);
      return;
    }
    // The snapshot goes on to arrive where it was, or arrives again.
    feeds.startOver(slot);
    if (!hasTip && hasRoom && dump.isWhole() && dump.sequence > 0) {
      feeds.advanceSnapshot(slot, dump.sequence, dump.base);
    }
    feeds.arena.set(slot, NOTIFIED, feeds.sequence(slot));
  }

  /** Holds the events up to the base of a feed that was just begun. Returns whether there was room. */
  private holdValues(dump: Dump): boolean {
    const reader = this.reader;
    let hasRoom = true;
    for (let i = 0; i < dump.bodies.length; i++) {
      reader.reset(dump.bodies[i], 0, dump.bodies[i].length);
      while (reader.position < reader.end) {
        const sequence = reader.u32();
        const length = reader.u16();
        const start = reader.skip(length);
        if (sequence > dump.base) return hasRoom;
        if (!this.hold(dump.slot, sequence, reader.bytes, start, length)) hasRoom = false;
        else this.feeds.advanceSnapshot(dump.slot, sequence, dump.base);
      }
    }
    return hasRoom;
  }

  /** Holds the events above a base in the body that the reader has. */
  private holdRest(slot: number, base: number): void {
    const reader = this.reader;
    while (reader.position < reader.end) {
      const sequence = reader.u32();
      const length = reader.u16();
      const start = reader.skip(length);
      if (reader.failed) return;
      if (sequence > base) this.goOn(slot, sequence, reader.bytes, start, length);
    }
  }

  /** The head of these events was damaged. */
  private holdAll(slot: number, generation: number, bytes: Uint8Array, start: number, end: number): void {
    if (slot < 0 || generation < this.feeds.generation(slot)) return;
    this.rows.subtractFromFeedsHash(slot);
    if (generation > this.feeds.generation(slot)) this.feeds.begin(slot, generation);
    this.reader.reset(bytes, start, end);
    this.holdRest(slot, 0);
    this.rows.addToFeedsHash(slot);
  }

  private readEvents(): void {
    const reader = this.reader;
    const feeds = this.feeds;
    const slot = this.find(reader.u32());
    const generation = reader.u32();
    let sequence = reader.u32();
    const tipFirst = reader.u32();
    const tipSecond = reader.u32();
    if (slot < 0 || generation < feeds.generation(slot)) return;
    this.rows.subtractFromFeedsHash(slot);
    if (generation > feeds.generation(slot)) feeds.begin(slot, generation);
    for (; reader.position < reader.end; sequence++) {
      const length = reader.u16();
      const start = reader.skip(length);
      if (reader.failed) break;
      this.goOn(slot, sequence, reader.bytes, start, length);
    }
    const isLast = feeds.isComplete(slot) && feeds.sequence(slot) === sequence - 1;
    // The tip at the base was damaged, although its record passed the check.
    if (isLast && (feeds.tipFirst(slot) !== tipFirst || feeds.tipSecond(slot) !== tipSecond)) feeds.startOver(slot);
    this.rows.addToFeedsHash(slot);
  }

  /** Continues a feed with an event, or holds the event behind a hole. */
  private goOn(slot: number, sequence: number, bytes: Uint8Array, start: number, length: number): void {
    const feeds = this.feeds;
    if (sequence <= feeds.sequence(slot)) return;
    const isNext = feeds.isComplete(slot) && sequence === feeds.sequence(slot) + 1;
    if (!isNext) this.behindHole++;
    this.hold(slot, isNext ? 0 : sequence, bytes, start, length);
  }

  /**
   * Holds an event, and counts it if there is no room. Returns whether there was.
   *
   * @param sequence of an event whose place in the chain is not proven; 0: it is the next one of a complete feed
   */
  private hold(slot: number, sequence: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.tryHold(slot, sequence, bytes, start, length)) return true;
    this.notify();
    if (this.tryHold(slot, sequence, bytes, start, length)) return true;
    this.withoutRoom++;
    return false;
  }

  private tryHold(slot: number, sequence: number, bytes: Uint8Array, start: number, length: number): boolean {
    const feeds = this.feeds;
    if (!this.makeRoom(length)) return false;
    feeds.copyToScratch(bytes, start, length);
    if (sequence !== 0) return this.put(slot, sequence, 0, 0, length);
    const next = feeds.sequence(slot) + 1;
    const chain = feeds.chain;
    chain.begin(feeds.author(slot), feeds.generation(slot), feeds.tipFirst(slot), feeds.tipSecond(slot));
    chain.link(next, length);
    if (!this.put(slot, next, chain.first(), chain.second(), length)) return false;
    feeds.advance(slot, next);
    return true;
  }

  /** Stores the event in the scratch. It had room when it was stored in the log, so it need not leave room for more. */
  private put(slot: number, sequence: number, first: number, second: number, length: number): boolean {
    const feeds = this.feeds;
    if (feeds.arena.find(slot, sequence) !== 0) return feeds.store(slot, sequence, first, second, length);
    feeds.put(slot, sequence, first, second, length);
    return true;
  }

  private makeRoom(length: number): boolean {
    // A longer event is of a network with another eventBytesMax.
    if (length > this.feeds.eventBytesMax + COPY_BYTES) return false;
    // Room is made of events that the application was notified of; else removals would have to go before them.
    if (recordWords(length) > this.feeds.arena.room()) this.notify();
    return this.feeds.reserve(recordWords(length));
  }

  /** The slot of another author's row, or -1. */
  private find(id: number): number {
    return id === this.rows.id(OWN_SLOT) ? -1 : this.rows.find(id);
  }
}
