import { cborFailure } from "../cbor-failure.js";
import { CBOR_TOO_LARGE, type CborValue, decodeCbor, encodeCbor } from "../cbor/cbor.js";
import { Reader } from "../engine/wire/cursor.js";
import { RECORD_GONE, RECORD_SUPERSEDED } from "../engine/feed/arena.js";
import {
  EncodedEvent, EventData, NAME_BYTES_MAX, isCopyAt, kindOf, readEvent, stampMs,
} from "../engine/feed/event.js";
import { isSignatureAt } from "../engine/feed/feed-signing.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../engine/feed/kinds.js";
import {
  compareOrder, endMsOf, firstLog, firstNamed, nextLog, nextNamed, orderCounterOf, orderMsOf, originAuthor,
  originalLog, recordKind,
} from "../engine/feed/names.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { NO_SLOT, SEVERAL_SLOTS } from "../engine/feed/history.js";
import { STAMP_ARENA_FULL, STAMP_CONFLICT, STAMP_OK } from "../engine/feed/own-feed.js";
import { SEQUENCE_MAX } from "../engine/wire/frame.js";
import { OWN_SLOT, type Rows } from "../engine/table/rows.js";
import { utf8Read } from "../cbor/utf8.js";
import { failure, invalid } from "../errors.js";
import { rowName } from "../engine/named-rows.js";
import { isMergeTopic, show } from "../checks.js";
import { checkText } from "./check-text.js";
import { withEnd } from "./with-end.js";
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
  /** Milliseconds since 1970, before 2200; a small number if no node of the network knows the time. */
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
  /** By slot: 0 if the views hold none; VIEWED, and VIEWED_COPIES if there are copies among them. */
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
   * @param formerId author of the events in the log, if it is not this node: they become copies
   * @param revision the generation of such copies
   * @throws what the log throws; and ERR_NO_ROOM or RangeError ERR_OPTION if the copies do not fit
   */
  restore(notify: () => void, formerId: number | undefined, revision: number): void {
    if (this.log !== undefined) this.log.restore(notify, formerId, revision);
    else this.feed.endRestore();
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
    if (kind === KIND_END) this.feed.fillEnd(event);
    else if (kind !== KIND_REMOVE) this.encodeValue(method, event, value);
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

  /**
   * Whether a contribution of this node to a merge topic counts, in its own feed or as a copy.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument
   */
  hasContribution(method: string, topic: string, key: string): boolean {
    checkText(method, "topic", topic, 1, NAME_BYTES_MAX);
    checkText(method, "key", key, 0, NAME_BYTES_MAX);
    if (!isMergeTopic(topic)) {
      throw invalid(method, "topic", `${show(topic)} does not begin with "+", as merge topics do`, true);
    }
    const event = new EncodedEvent(this.feed.feeds.eventBytesMax);
    return event.begin(KIND_END, topic, key, 0) && this.feed.fillEnd(event);
  }

  private encodeValue(method: string, event: EncodedEvent, value: CborValue): void {
    const bytes = event.bytes;
    let end = encodeCbor(value, bytes, event.length);
    if (end >= 0 && end <= event.bytesMax()) {
      event.length = end;
      return;
    }
    // The error says whether the value alone is too large.
    if (end >= 0 || end === CBOR_TOO_LARGE) end = encodeCbor(value, bytes, 0);
    if (end > event.bytesMax()) end = CBOR_TOO_LARGE;
    event.length = 0;
    throw end < 0 ? cborFailure(method, end, event.bytesMax(), "events.eventBytesMax") : this.tooLarge(method);
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
    if (isSignatureAt(arena.bytes, arena.eventAt(record))) return true;
    this.noteViewed(record);
    this.apply(record);
    if (each !== undefined && this.isPublished(record)) each(this.namedEventOf(record));
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

  /** Calls `each` for all events that are held, feed after feed, each once. `each` may publish. */
  each(each: (event: FeedEvent) => void): void {
    if (typeof each !== "function") throw invalid("eachEvent", "each", `${show(each)} is not a function`, false);
    this.eachRecord((record) => {
      if (this.isPublished(record) && !this.isHeldTwice(record)) each(this.namedEventOf(record));
    });
  }

  /** Calls `each` for all records, feed after feed. `each` may publish. */
  private eachRecord(each: (record: number) => void): void {
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

  /** A stamp that is later than those of all events that this node holds, unless they are more than a day ahead. */
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
      this.eachOf(this.rows.id(slot), (record) => {
        this.noteViewed(record);
        this.apply(record);
      }, history.unnotifiedFrom, to);
    }
    return true;
  }

  /** Calls `each` for the records of a feed with sequence numbers `from` to `to`. */
  private eachOf(holder: number, each: (record: number) => void, from: number, to: number): void {
    const arena = this.feed.feeds.arena;
    // Look each record up by its number, because records move when `each` publishes.
    for (let next = from; ;) {
      const slot = this.rows.find(holder);
      const record = slot < 0 ? 0 : arena.from(slot, next);
      if (record === 0 || arena.sequence(record) > to) return;
      next = arena.sequence(record) + 1;
      if (!isSignatureAt(arena.bytes, arena.eventAt(record))) each(record);
    }
  }

  /** Whether an application published the event of a record: ends are the library's. */
  private isPublished(record: number): boolean { return recordKind(this.feed.feeds.arena, record) !== KIND_END; }

  private isCopy(record: number): boolean {
    const arena = this.feed.feeds.arena;
    return isCopyAt(arena.bytes, arena.eventAt(record));
  }

  /**
   * Whether another record shows the event of this one: in the author's feed, or as the copy in the feed of the lowest
   * id. A copy may have taken the place of the event in the author's own feed.
   */
  private isHeldTwice(record: number): boolean {
    const arena = this.feed.feeds.arena;
    const isCopy = this.isCopy(record);
    const isSuperseded = arena.hasFlag(record, RECORD_SUPERSEDED);
    if (recordKind(arena, record) === KIND_LOG) return isCopy && this.isLogHeldTwice(record);
    if (!(isCopy || isSuperseded)) return false;
    // A copy that ended is not kept. The index has no superseded records.
    if (isCopy && isSuperseded) return true;
    const at = arena.eventAt(record);
    const holder = this.rows.id(arena.owner(record));
    const bytes = arena.bytes;
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      const isAlike = other !== record && recordKind(arena, other) === recordKind(arena, record);
      const isSame = isAlike && compareOrder(arena, other, record) === 0;
      if (isSame && (!isCopy || !this.isCopy(other) || this.rows.id(arena.owner(other)) <= holder)) return true;
    }
    return false;
  }

  /** The event of a record, with the name that its author has now. */
  private namedEventOf(record: number): FeedEvent {
    const event = this.eventOf(record) as FeedEvent & { authorName?: string };
    const slot = this.rows.find(event.author);
    const name = slot < 0 ? undefined : rowName(this.rows, slot);
    if (name !== undefined) event.authorName = name;
    return event;
  }

  private isLogHeldTwice(copy: number): boolean {
    const arena = this.feed.feeds.arena;
    for (let other = firstLog(arena, copy); other !== 0; other = nextLog(arena, other, copy)) {
      if (this.rows.id(arena.owner(other)) < this.rows.id(arena.owner(copy))) return true;
    }
    return originalLog(arena, copy) !== 0;
  }

  private eventOf(record: number): FeedEvent {
    const feeds = this.feed.feeds;
    const arena = feeds.arena;
    const event = this.event;
    const start = arena.eventAt(record);
    this.reader.reset(arena.bytes, start, start + arena.eventLength(record));
    readEvent(this.reader, event);
    const kind = kindOf(event);
    const hasValue = kind === KIND_LOG || kind === KIND_SET;
    const value = hasValue ? decodeCbor(arena.bytes, event.payloadStart, event.end) : undefined;
    const holder = feeds.author(arena.owner(record));
    const author = originAuthor(arena, record);
    const made = {
      author,
      copiedBy: author === holder ? undefined : holder,
      generation: feeds.generation(arena.owner(record)),
      sequence: arena.sequence(record),
      timeMs: orderMsOf(arena, record),
      counter: orderCounterOf(arena, record),
      topic: utf8Read(arena.bytes, event.topicStart, event.topicStart + event.topicLength),
      key: kind === KIND_LOG ? undefined : utf8Read(arena.bytes, event.keyStart, event.keyStart + event.keyLength),
      kind: kindName(kind),
      ttlMs: event.ttlSeconds * 1000,
      endMs: endMsOf(arena, record),
      value: value !== undefined && value.ok ? value.value : undefined,
    };
    return event.ttlSeconds === 0 ? made : withEnd(made, this.feed.hlc, stampMs(arena.bytes, start));
  }

  /** Before the views get a record: what they hold of an earlier feed in its slot is obsolete. */
  private noteViewed(record: number): void {
    if (this.views.length === 0) return;
    const slot = this.feed.feeds.arena.owner(record);
    this.refreshViewed(slot);
    this.isViewed[slot] |= this.isCopy(record) ? VIEWED | VIEWED_COPIES : VIEWED;
  }

  /** Has the views forget what they hold of a slot, if the slot has another feed or generation now. */
  private refreshViewed(slot: number): void {
    const author = this.rows.id(slot);
    const generation = this.feed.feeds.generation(slot);
    const isSame = this.viewed[slot * 2] === author && this.viewed[slot * 2 + 1] === generation;
    const isViewed = this.isViewed[slot] !== 0;
    if (isViewed && !isSame) this.forget(slot);
    this.viewed[slot * 2] = author;
    this.viewed[slot * 2 + 1] = generation;
    // The node is not notified again of events that the author took along into its new generation.
    if (isViewed && !isSame) this.applyAll(author, this.isViewed[slot]);
  }

  /** Has the views forget feeds whose rows were forgotten, and the own feed if it has begun a new generation. */
  private forgetDropped(): void {
    if (this.views.length === 0) return;
    if (this.isViewed[OWN_SLOT] !== 0) this.refreshViewed(OWN_SLOT);
    if (this.dropped === this.feed.feeds.dropped) return;
    this.dropped = this.feed.feeds.dropped;
    for (let slot = 0; slot < this.isViewed.length; slot++) {
      const isSame = this.isHeld(slot) && this.rows.id(slot) === this.viewed[slot * 2];
      if (this.isViewed[slot] === 0 || isSame) continue;
      this.forget(slot);
      const viewed = this.isViewed[slot];
      this.isViewed[slot] = 0;
      this.applyAll(this.viewed[slot * 2], viewed);
    }
  }

  /** Whether events of a feed are held. The own feed may have some behind a hole at its beginning. */
  private isHeld(slot: number): boolean {
    return this.feed.feeds.sequence(slot) > 0 || (slot === OWN_SLOT && this.feed.hasHole);
  }

  /** Has the views forget the events of the author of a slot. */
  private forget(slot: number): void {
    let isCut = false;
    for (let i = 0; i < this.views.length; i++) if (this.views[i].forget(this.viewed[slot * 2])) isCut = true;
    // Then `applyAll` adds the events of all authors.
    if (isCut) this.isViewed[slot] |= VIEWED_COPIES;
  }

  /** Adds what is held of an author again, in whatever feed; of all authors if copies of theirs may be gone. */
  private applyAll(author: number, viewed: number): void {
    if ((viewed & VIEWED_COPIES) !== 0) {
      this.refillViews();
      return;
    }
    const arena = this.feed.feeds.arena;
    this.eachRecord((record) => {
      if (originAuthor(arena, record) === author) this.apply(record);
    });
  }

  /** Has the views drop all events, and adds those that are held. */
  refillViews(): void {
    if (this.views.length === 0) return;
    for (let i = 0; i < this.views.length; i++) this.views[i].clear();
    this.eachRecord((record) => this.apply(record));
  }

  /** Adds a record to the views. The end of a copy says nothing about the event itself. */
  private apply(record: number): void {
    if (this.views.length === 0 || (this.isCopy(record) && !this.isPublished(record))) return;
    const event = this.eventOf(record);
    for (let i = 0; i < this.views.length; i++) this.views[i].apply(event);
  }
}

const VIEWED = 1;
const VIEWED_COPIES = 2;

function kindName(kind: number): FeedEvent["kind"] {
  if (kind === KIND_LOG) return "log";
  return kind === KIND_SET ? "set" : kind === KIND_REMOVE ? "remove" : "withdraw";
}

/** Whole seconds, rounded up. */
function checkTtl(method: string, ttlMs: unknown): number {
  const isNumber = typeof ttlMs === "number";
  const seconds = isNumber && ttlMs >= 0 ? Math.ceil(ttlMs / 1000) : NaN;
  if (seconds >= 0 && seconds <= TTL_SECONDS_MAX) return seconds;
  throw invalid(method, "ttlMs", `${show(ttlMs)} is not a number from 0 to ${TTL_SECONDS_MAX * 1000}`, isNumber);
}
