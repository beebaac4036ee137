import { cborFailure } from "../cbor-failure.js";
import { decodeCbor, encodeCbor, type CborValue } from "../cbor/cbor.js";
import { Reader } from "../engine/wire/cursor.js";
import { RECORD_GONE } from "../engine/feed/arena.js";
import { EventData, NAME_BYTES_MAX, kindOf, readEvent, topicLengthOf } from "../engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE } from "../engine/feed/kinds.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { NO_SLOT, SEVERAL_SLOTS } from "../engine/feed/history.js";
import { ENCODE_ARENA_FULL, ENCODE_TOO_LARGE } from "../engine/feed/own-feed.js";
import { SEQUENCE_MAX } from "../engine/wire/frame.js";
import { OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { utf8Read } from "../cbor/utf8.js";
import { failure, invalid } from "../errors.js";
import { show } from "../checks.js";
import { checkText } from "./check-text.js";
import { EventLog } from "./event-log.js";
import type { GossipLog } from "../platform/types.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";

/** How far a node holds an author's feed. */
export interface FrontierEntry {
  /** Id of the node, a uint32. */
  author: number;
  generation: number;
  /** Sequence number of the last event that is held. */
  sequence: number;
}

/** A stamp of the hybrid logical clock. */
export interface HlcStamp {
  /** Milliseconds since 1970; small numbers in a network of which nobody knows the time. */
  timeMs: number;
  counter: number;
}

const TTL_SECONDS_MAX = 4294967295;

/** The part of `Gossip` that is about events: texts and values in, storage, views, objects out. */
export class EventApi {
  private readonly feed: FeedProtocol;
  private readonly rows: Rows;
  private readonly views: FeedView[];
  private readonly log: EventLog | undefined;
  private readonly reader = new Reader();
  private readonly event = new EventData();
  private readonly payload: Uint8Array;
  /** Of each slot, whose events of which generation the views were given: author and generation in turn. */
  private readonly viewed: Uint32Array;
  /** Whether the views were given any, by slot. */
  private readonly isViewed: Uint8Array;
  private dropped = 0;

  /** @throws Error when the log's records are too short for events */
  constructor(feed: FeedProtocol, rows: Rows, log: GossipLog | undefined, views: FeedView[]) {
    this.feed = feed;
    this.rows = rows;
    this.views = views;
    this.log = log === undefined ? undefined : new EventLog(feed, log);
    this.payload = new Uint8Array(feed.feeds.eventBytesMax);
    this.viewed = new Uint32Array(views.length === 0 ? 0 : rows.capacity * 2);
    this.isViewed = new Uint8Array(views.length === 0 ? 0 : rows.capacity);
  }

  /**
   * Reads the log of earlier starts. Where it has more than the arena, `tell` is
   * called in between.
   *
   * @throws what the log throws
   */
  restore(tell: () => void): void {
    if (this.log !== undefined) this.log.restore(tell);
    else this.feed.own.endRestore();
  }

  /**
   * Makes the node's next event, which is safe in the log when this returns, for
   * the engine's `publishEvent`. Returns its length.
   *
   * @param method for errors
   * @param storeRevision is called when the event begins a new generation
   * @throws Error that names what is wrong, or what the log throws; then there is no event
   */
  prepare(
    method: string, nowMs: number, kind: number, topic: string, key: string, ttlMs: number, value: CborValue,
    storeRevision: () => void,
  ): number {
    checkText(method, "topic", topic, 1, NAME_BYTES_MAX);
    if (kind !== KIND_LOG) checkText(method, "key", key, 0, NAME_BYTES_MAX);
    const length = kind === KIND_REMOVE ? 0 : encodeCbor(value, this.payload, 0);
    const eventBytesMax = this.feed.feeds.eventBytesMax;
    if (length < 0) throw cborFailure(method, length, eventBytesMax, "events.eventBytesMax");
    const ttlSeconds = checkTtl(method, ttlMs);
    const drafted = this.feed.own.encodeEvent(nowMs, kind, topic, key, ttlSeconds, this.payload, length);
    if (drafted === ENCODE_TOO_LARGE) {
      const problem = `takes more than ${eventBytesMax} bytes with topic and key (events.eventBytesMax)`;
      throw invalid(method, "value", problem, true);
    }
    if (drafted === ENCODE_ARENA_FULL) {
      throw failure("ERR_NO_ROOM", `${method}: the event buffer (events.bytes) is full of latest values`);
    }
    if (drafted < 0) throw failure("ERR_STATE", `${method}: another device seems to use this node's id`);
    storeRevision();
    if (this.log !== undefined) this.log.appendPrepared(drafted);
    return drafted;
  }

  /**
   * Stores what others knew of this node's own feed, or a new generation of it.
   *
   * @throws what the log throws
   */
  store(): void {
    if (this.log !== undefined) this.log.catchUp();
  }

  /**
   * Tells the views, and `each`, of the next event that was not told. Returns
   * whether there was one.
   */
  notifyNext(each: ((event: FeedEvent) => void) | undefined): boolean {
    this.forgetDropped();
    if (this.notifyHistory()) return true;
    const arena = this.feed.feeds.arena;
    const record = arena.nextUnnotified();
    if (record === 0) return false;
    if (arena.hasFlag(record, RECORD_GONE)) {
      this.refillViews();
      return true;
    }
    if (this.views.length === 0 && each === undefined) return true;
    this.noteViewed(arena.owner(record));
    const event = this.eventOf(record);
    for (let i = 0; i < this.views.length; i++) this.views[i].apply(event);
    if (each !== undefined) each(event);
    return true;
  }

  /** How far the feeds are held, in the order of the authors' ids. */
  frontier(): FrontierEntry[] {
    const feeds = this.feed.feeds;
    const entries: FrontierEntry[] = [];
    for (let place = 0; place < this.rows.count; place++) {
      const slot = this.rows.slotAt(place);
      const sequence = feeds.sequence(slot);
      if (sequence === 0) continue;
      const author = this.rows.id(slot);
      let at = entries.length;
      while (at > 0 && entries[at - 1].author > author) at--;
      entries.splice(at, 0, { author, generation: feeds.generation(slot), sequence });
    }
    return entries;
  }

  /** Calls `each` for all events that are held, feed after feed. It may publish. */
  each(each: (event: FeedEvent) => void): void {
    const ids = this.frontier();
    for (let i = 0; i < ids.length; i++) this.eachOf(ids[i].author, each, 1, SEQUENCE_MAX);
  }

  now(nowMs: number): HlcStamp {
    const hlc = this.feed.hlc;
    hlc.now(nowMs);
    return { timeMs: hlc.ms, counter: hlc.counter };
  }

  setPhysical(nowMs: number, ms: number | undefined): void {
    if (ms !== undefined) this.feed.hlc.setPhysical(nowMs, ms);
  }

  /** Tells the views of events that came after those which follow them. Returns whether there were any. */
  private notifyHistory(): boolean {
    const history = this.feed.history;
    if (history === undefined || history.unnotifiedSlot === NO_SLOT) return false;
    const slot = history.unnotifiedSlot;
    const to = history.unnotifiedTo;
    history.unnotifiedSlot = NO_SLOT;
    if (slot === SEVERAL_SLOTS) {
      this.refillViews();
    } else if (this.views.length > 0) {
      this.noteViewed(slot);
      this.eachOf(this.rows.id(slot), (event) => this.apply(event), history.unnotifiedFrom, to);
    }
    return true;
  }

  /** Calls `each` for the events of an author that are held, from a number on. */
  private eachOf(author: number, each: (event: FeedEvent) => void, from: number, to: number): void {
    const arena = this.feed.feeds.arena;
    // By number: records move when `each` publishes.
    for (let next = from; ;) {
      const slot = this.rows.find(author);
      const record = slot < 0 ? 0 : arena.from(slot, next);
      if (record === 0 || arena.sequence(record) > to) return;
      next = arena.sequence(record) + 1;
      each(this.eventOf(record));
    }
  }

  private eventOf(record: number): FeedEvent {
    const feeds = this.feed.feeds;
    const arena = feeds.arena;
    const event = this.event;
    const start = arena.eventAt(record);
    this.reader.reset(arena.bytes, start, start + arena.eventLength(record));
    readEvent(this.reader, event);
    const kind = kindOf(event.head);
    const value = kind === KIND_REMOVE ? undefined : decodeCbor(arena.bytes, event.payloadStart, event.end);
    return {
      author: feeds.author(arena.owner(record)),
      generation: feeds.generation(arena.owner(record)),
      sequence: arena.sequence(record),
      timeMs: event.ms,
      counter: event.counter,
      topic: utf8Read(arena.bytes, event.topicStart, event.topicStart + topicLengthOf(event.head)),
      key: kind === KIND_LOG ? undefined : utf8Read(arena.bytes, event.keyStart, event.keyStart + event.keyLength),
      kind: kind === KIND_LOG ? "log" : kind === KIND_REMOVE ? "remove" : "set",
      ttlMs: event.ttlSeconds * 1000,
      value: value !== undefined && value.ok ? value.value : undefined,
    };
  }

  /** Before views are given an event: what they have of an earlier generation of that slot counts no more. */
  private noteViewed(slot: number): void {
    if (this.views.length === 0) return;
    const author = this.rows.id(slot);
    const generation = this.feed.feeds.generation(slot);
    if (this.isViewed[slot] !== 0 && (this.viewed[slot * 2] !== author || this.viewed[slot * 2 + 1] !== generation)) {
      this.forget(slot);
      // What an author took along into a new generation is not told again where it was told before.
      this.eachOf(author, (event) => this.apply(event), 1, SEQUENCE_MAX);
    }
    this.isViewed[slot] = 1;
    this.viewed[slot * 2] = author;
    this.viewed[slot * 2 + 1] = generation;
  }

  /** Whose row is forgotten, his events are too; and the own feed may have begun a new generation unasked. */
  private forgetDropped(): void {
    if (this.views.length === 0) return;
    if (this.isViewed[OWN_SLOT] !== 0) this.noteViewed(OWN_SLOT);
    if (this.dropped === this.feed.feeds.dropped) return;
    this.dropped = this.feed.feeds.dropped;
    for (let slot = 0; slot < this.isViewed.length; slot++) {
      const isSame = this.feed.feeds.sequence(slot) > 0 && this.rows.id(slot) === this.viewed[slot * 2];
      if (this.isViewed[slot] !== 0 && !isSame) this.forget(slot);
    }
  }

  private forget(slot: number): void {
    let isCut = false;
    for (let i = 0; i < this.views.length; i++) {
      if (this.views[i].forget(this.viewed[slot * 2], this.viewed[slot * 2 + 1])) isCut = true;
    }
    this.isViewed[slot] = 0;
    if (isCut) this.refillViews();
  }

  private refillViews(): void {
    if (this.views.length === 0) return;
    for (let i = 0; i < this.views.length; i++) this.views[i].clear();
    this.each((event) => this.apply(event));
  }

  private apply(event: FeedEvent): void {
    for (let i = 0; i < this.views.length; i++) this.views[i].apply(event);
  }
}

/** Whole seconds, rounded up. */
function checkTtl(method: string, ttlMs: unknown): number {
  const isNumber = typeof ttlMs === "number";
  const seconds = isNumber ? Math.ceil(ttlMs / 1000) : NaN;
  if (seconds >= 0 && seconds <= TTL_SECONDS_MAX) return seconds;
  throw invalid(method, "ttlMs", `${show(ttlMs)} is not a number from 0 to ${TTL_SECONDS_MAX * 1000}`, isNumber);
}
