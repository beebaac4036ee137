import { cborFailure } from "../cbor-failure.js";
import { CBOR_TOO_LARGE, type CborValue, decodeCbor, encodeCbor } from "../cbor/cbor.js";
import { Reader } from "../engine/wire/cursor.js";
import { RECORD_GONE } from "../engine/feed/arena.js";
import {
  EncodedEvent, EventData, NAME_BYTES_MAX, kindOf, readEvent, topicLengthOf,
} from "../engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE } from "../engine/feed/kinds.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { NO_SLOT, SEVERAL_SLOTS } from "../engine/feed/history.js";
import { STAMP_ARENA_FULL, STAMP_CONFLICT, STAMP_OK } from "../engine/feed/own-feed.js";
import { SEQUENCE_MAX } from "../engine/wire/frame.js";
import { OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { utf8Read } from "../cbor/utf8.js";
import { failure, invalid } from "../errors.js";
import { show } from "../checks.js";
import { checkText } from "./check-text.js";
import { EventLog } from "./event-log.js";
import type { GossipLog } from "../platform/types.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";

/** How far a node holds an author's feed (PROTOCOL 10.2). */
export interface FrontierEntry {
  /** Id of the node, a uint32. */
  author: number;
  /** Generation of the feed, a uint32. */
  generation: number;
  /** Sequence number of the last event that is held, 1 to 4,294,967,294. */
  sequence: number;
}

/** A stamp of the hybrid logical clock (PROTOCOL 10.7). */
export interface HlcStamp {
  /** Milliseconds since 1970, 0 to 2^48 - 1; a small number if no node of the network knows the time. */
  timeMs: number;
  /** Orders the stamps of one millisecond, 0 to 65,535. */
  counter: number;
}

const TTL_SECONDS_MAX = 4294967295;

/**
 * The part of `Gossip` that is about events: it encodes texts and values, stores own events,
 * and notifies the application and its views with objects.
 */
export class EventApi {
  private readonly feed: FeedProtocol;
  private readonly rows: Rows;
  private readonly views: FeedView[];
  private readonly log: EventLog | undefined;
  private readonly reader = new Reader();
  private readonly event = new EventData();
  /** The event that `prepare` made last. `Engine.publishEvent` frees it. */
  private encoded: EncodedEvent;
  /** By slot, two words: author and generation of the events that the views hold. */
  private readonly viewed: Uint32Array;
  /** By slot: whether the views hold any. */
  private readonly isViewed: Uint8Array;
  private dropped = 0;

  /** @throws Error if the log's records are too short for events */
  constructor(feed: FeedProtocol, rows: Rows, log: GossipLog | undefined, views: FeedView[]) {
    this.feed = feed;
    this.rows = rows;
    this.views = views;
    this.log = log === undefined ? undefined : new EventLog(feed, log);
    this.encoded = new EncodedEvent(feed.feeds.eventBytesMax);
    this.viewed = new Uint32Array(views.length === 0 ? 0 : rows.capacity * 2);
    this.isViewed = new Uint8Array(views.length === 0 ? 0 : rows.capacity);
  }

  /**
   * Restores the node's own feed from the log of earlier starts.
   *
   * @param notify is called whenever the restored events fill the arena: it must notify the application of them
   * @throws what the log throws
   */
  restore(notify: () => void): void {
    if (this.log !== undefined) this.log.restore(notify);
    else this.feed.own.endRestore();
  }

  /**
   * Encodes, stamps and stores the node's next event, for `Engine.publishEvent`. When this returns, the event is safe
   * in the log. The event stays as it is until it is published: if a callback publishes during the call, that event
   * gets an object of its own.
   *
   * @param method the name of the caller, for errors
   * @param storeRevision is called before the event is stamped: the event may begin a new generation
   * @throws Error that names the argument, or what the log throws. No event is published in that case
   */
  prepare(
    method: string, nowMs: number, kind: number, topic: string, key: string, ttlMs: number, value: CborValue,
    storeRevision: () => void,
  ): EncodedEvent {
    checkText(method, "topic", topic, 1, NAME_BYTES_MAX);
    if (kind !== KIND_LOG) checkText(method, "key", key, 0, NAME_BYTES_MAX);
    const ttlSeconds = checkTtl(method, ttlMs);
    if (this.encoded.length > 0) this.encoded = new EncodedEvent(this.feed.feeds.eventBytesMax);
    const event = this.encoded;
    if (!event.begin(kind, topic, key, ttlSeconds)) throw this.tooLarge(method);
    if (kind !== KIND_REMOVE) this.encodeValue(method, event, value);
    const isSettled = this.feed.settleGeneration();
    if (isSettled) storeRevision();
    const reason = isSettled ? this.feed.stampEvent(event, nowMs) : STAMP_CONFLICT;
    if (reason !== STAMP_OK) event.length = 0;
    if (reason === STAMP_ARENA_FULL) {
      throw failure("ERR_NO_ROOM", `${method}: the event buffer (events.bytes) is full of latest values`);
    }
    if (reason !== STAMP_OK) throw failure("ERR_STATE", `${method}: another device seems to use this node's id`);
    if (this.log !== undefined) this.log.append(event);
    return event;
  }

  private encodeValue(method: string, event: EncodedEvent, value: CborValue): void {
    const bytes = event.bytes;
    let end = encodeCbor(value, bytes, event.length);
    if (end >= 0) {
      event.length = end;
      return;
    }
    // The error says whether the value alone is too large.
    if (end === CBOR_TOO_LARGE) end = encodeCbor(value, bytes, 0);
    event.length = 0;
    throw end < 0 ? cborFailure(method, end, bytes.length, "events.eventBytesMax") : this.tooLarge(method);
  }

  private tooLarge(method: string): Error {
    const bytesMax = this.feed.feeds.eventBytesMax;
    const problem = `takes more than ${bytesMax} bytes with topic and key (events.eventBytesMax)`;
    return invalid(method, "value", problem, true);
  }

  /** After each input: see `EventLog.store`. */
  store(): Error | undefined {
    return this.log === undefined ? undefined : this.log.store();
  }

  /**
   * Notifies the views, and `each`, of the next event that they were not notified of. Returns whether there was one.
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

  /** How far this node holds each feed, in the order of the authors' ids. */
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

  /**
   * The option `ttlMs` of `Gossip.set`; 0 by default.
   *
   * @throws TypeError ERR_ARGUMENT when the argument has another form: without that a value that should end never would
   */
  timeToLive(options: { ttlMs?: number } | undefined): number {
    if (options === undefined) return 0;
    const isObject = typeof options === "object" && options !== null;
    const names = isObject ? Object.keys(options) : [];
    if (!isObject || names.length > 1 || (names.length === 1 && names[0] !== "ttlMs")) {
      throw invalid("set", "options", `${show(options)} is not of the form { ttlMs: 60000 }`, false);
    }
    return options.ttlMs === undefined ? 0 : options.ttlMs;
  }

  /** Calls `each` for all events that are held, feed after feed. `each` may publish. */
  each(each: (event: FeedEvent) => void): void {
    if (typeof each !== "function") throw invalid("eachEvent", "each", `${show(each)} is not a function`, false);
    const ids: number[] = [];
    for (let place = 0; place < this.rows.count; place++) {
      const slot = this.rows.slotAt(place);
      if (!this.isHeld(slot)) continue;
      const author = this.rows.id(slot);
      let at = ids.length;
      while (at > 0 && ids[at - 1] > author) at--;
      ids.splice(at, 0, author);
    }
    for (let i = 0; i < ids.length; i++) this.eachOf(ids[i], each, 1, SEQUENCE_MAX);
  }

  /** A stamp that is later than those of all events that this node received or published. */
  now(nowMs: number): HlcStamp {
    const hlc = this.feed.hlc;
    hlc.now(nowMs);
    return { timeMs: hlc.ms, counter: hlc.counter };
  }

  /** Sets the clock to `ms`, milliseconds since 1970, at engine time `nowMs`. Ignores undefined. */
  setPhysical(nowMs: number, ms: number | undefined): void {
    if (ms !== undefined) this.feed.hlc.setPhysical(nowMs, ms);
  }

  /** Notifies the views of events that arrived after the events that follow them. Returns whether there were any. */
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

  /** Calls `each` for the events of an author that are held, with sequence numbers `from` to `to`. */
  private eachOf(author: number, each: (event: FeedEvent) => void, from: number, to: number): void {
    const arena = this.feed.feeds.arena;
    // Look each event up by its number, because records move when `each` publishes.
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

  /** Before the views get an event of a slot: what they hold of an earlier generation in that slot is obsolete. */
  private noteViewed(slot: number): void {
    if (this.views.length === 0) return;
    const author = this.rows.id(slot);
    const generation = this.feed.feeds.generation(slot);
    if (this.isViewed[slot] !== 0 && (this.viewed[slot * 2] !== author || this.viewed[slot * 2 + 1] !== generation)) {
      this.forget(slot);
      // The node is not notified again of events that the author took along into its new generation.
      this.eachOf(author, (event) => this.apply(event), 1, SEQUENCE_MAX);
    }
    this.isViewed[slot] = 1;
    this.viewed[slot * 2] = author;
    this.viewed[slot * 2 + 1] = generation;
  }

  /** Has the views forget feeds whose rows were forgotten, and the own feed if it has begun a new generation. */
  private forgetDropped(): void {
    if (this.views.length === 0) return;
    if (this.isViewed[OWN_SLOT] !== 0) this.noteViewed(OWN_SLOT);
    if (this.dropped === this.feed.feeds.dropped) return;
    this.dropped = this.feed.feeds.dropped;
    for (let slot = 0; slot < this.isViewed.length; slot++) {
      const isSame = this.isHeld(slot) && this.rows.id(slot) === this.viewed[slot * 2];
      if (this.isViewed[slot] !== 0 && !isSame) this.forget(slot);
    }
  }

  /** Whether events of a feed are held. The own feed may have some behind a hole at its beginning. */
  private isHeld(slot: number): boolean {
    return this.feed.feeds.sequence(slot) > 0 || (slot === OWN_SLOT && this.feed.own.hasHole);
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
  const seconds = isNumber && ttlMs >= 0 ? Math.ceil(ttlMs / 1000) : NaN;
  if (seconds >= 0 && seconds <= TTL_SECONDS_MAX) return seconds;
  throw invalid(method, "ttlMs", `${show(ttlMs)} is not a number from 0 to ${TTL_SECONDS_MAX * 1000}`, isNumber);
}
