import { DROP_EVENT, DROP_FORK, DROP_NONE } from "../wire/drops.js";
import { SEQUENCE_MAX } from "../wire/frame.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { LAST_REMOVAL, NOTIFIED, recordWords } from "./arena.js";
import type { BatchData } from "./batches.js";
import { shortTip } from "./chain.js";
import { COPY_BYTES, type EncodedEvent, compareStamps, isCopyAt, kindAt, stampMs, writeStamp } from "./event.js";
import type { FeedOutbox } from "./feed-outbox.js";
import type { FeedStore } from "./feed-store.js";
import {
  compareOrder, firstNamed, latestNamed, nextNamed, orderCounterOf, orderMsOf, originAuthor, recordKind,
} from "./names.js";
import type { Hlc } from "./hlc.js";
import { KIND_LOG, KIND_SET } from "./kinds.js";

/** `stampEvent` succeeded. */
export const STAMP_OK = 0;
/** The event does not fit: live values fill the arena. */
export const STAMP_ARENA_FULL = -1;
/** The event has more than `eventBytesMax` bytes. */
export const STAMP_TOO_LARGE = -2;
/** Another device seems to use this node's id, so that the node cannot have a feed of its own. */
export const STAMP_CONFLICT = -3;

// What is to be done with the own feed. A number from 0 on is a generation that others hold: the feed has to begin a
// greater one.
/** Nothing. */
export const KEEP = -1;
/** The peer has to send what it holds of the feed. */
export const REQUEST = -2;

/** The log held no own events at the start, and peers may hold more of the feed than this node. */
const LOG_EMPTY = 0;
/** The log held no own events at the start, and a peer held exactly what this node holds now. */
const LOG_RESTORED = 1;
/** The log held own events, and no peer has proven yet that it holds them, too. */
const LOG_UNCONFIRMED = 2;
/** The log held own events, and peers hold events that follow the last one of them. */
const LOG_CONFIRMED = 3;

/**
 * The node's own feed (PROTOCOL 10.6). It appends only after an event known to be the last one:
 * by the node's storage or by its peers. If that cannot be known, all that is held begins a new
 * generation.
 *
 * The events in the log were acknowledged, and it may be that no peer has received them: a node
 * whose storage was wiped or is an old image may reuse a sequence number for another event and
 * lose power before it learns of the clash. So the feed of such a node accepts nothing but
 * events that chain to its last one.
 *
 * The class decides; `FeedProtocol` carries the decisions out, as a new generation needs a new
 * revision.
 */
export class OwnFeed {
  /** Whether the node has published events since the start. From then on peers have nothing to add. */
  hasPublished = false;
  /**
   * Whether the log was damaged: events are held behind a hole, with sequence numbers above that of the feed. Peers may
   * fill the hole. Otherwise all that is held begins a new generation.
   */
  hasHole = false;
  /** Milliseconds of the stamp of the first own event since the start; Infinity: there is none. */
  private birthMs = Infinity;
  /** A `LOG_` constant. */
  private log = LOG_EMPTY;
  private readonly feeds: FeedStore;
  private readonly hlc: Hlc;
  private readonly outbox: FeedOutbox;
  private readonly rows: Rows;
  /** How far a peer holds this feed, if that is beyond what this node holds; 0: none does. */
  private aheadGeneration = 0;
  private aheadSequence = 0;
  /** While a log is read: the sequence number at which its snapshot ends, and the tip there; 0: no snapshot. */
  private base = 0;
  private baseFirst = 0;
  private baseSecond = 0;

  constructor(feeds: FeedStore, hlc: Hlc, outbox: FeedOutbox, rows: Rows) {
    this.feeds = feeds;
    this.hlc = hlc;
    this.outbox = outbox;
    this.rows = rows;
  }

  /** Stamps an event and makes room for it, after `beforeEvent`. Returns a `STAMP_` constant. */
  stamp(event: EncodedEvent, nowMs: number): number {
    const feeds = this.feeds;
    if (!feeds.reserve(recordWords(event.length))) return STAMP_ARENA_FULL;
    this.hlc.now(nowMs);
    if (kindAt(event.bytes, 0) !== KIND_LOG) this.passName(event, nowMs);
    writeStamp(event.bytes, 0, this.hlc.ms, this.hlc.counter);
    return feeds.canHold(OWN_SLOT, event.bytes, 0, event.length) ? STAMP_OK : STAMP_ARENA_FULL;
  }

  /** Has a KIND_END end the node's latest value of its topic and key, also a copy. Returns whether there is one. */
  fillEnd(event: EncodedEvent): boolean {
    const arena = this.feeds.arena;
    const author = this.rows.id(OWN_SLOT);
    let latest = 0;
    for (let other = firstNamed(arena, event.bytes, 0); other !== 0; other = nextNamed(arena, other, event.bytes, 0)) {
      if (originAuthor(arena, other) !== author || recordKind(arena, other) !== KIND_SET) continue;
      if (latest === 0 || compareOrder(arena, other, latest) > 0) latest = other;
    }
    if (latest !== 0) event.setEnded(orderMsOf(arena, latest), orderCounterOf(arena, latest));
    return latest !== 0;
  }

  /** Moves the clock beyond all held events of the same topic and key: what was read, then written, is the later. */
  private passName(event: EncodedEvent, nowMs: number): void {
    const arena = this.feeds.arena;
    const latest = latestNamed(arena, event.bytes, 0);
    if (latest === 0) return;
    const ms = orderMsOf(arena, latest);
    const counter = orderCounterOf(arena, latest);
    if (this.hlc.ms > ms || (this.hlc.ms === ms && this.hlc.counter > counter)) return;
    this.hlc.recall(ms, counter);
    this.hlc.now(nowMs);
  }

  /** Appends an event that was stamped. `event` is free afterwards. */
  publish(event: EncodedEvent): void {
    this.noteBirth(stampMs(event.bytes, 0));
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    this.feeds.append(OWN_SLOT, event.bytes, 0, event.length);
    this.rows.addToFeedsHash(OWN_SLOT);
    this.outbox.refresh(OWN_SLOT, 1);
    event.length = 0;
  }

  /**
   * Whether the feed can go on as it is, without a new generation. Peers have given back all that they hold of it.
   */
  isReady(): boolean {
    const feeds = this.feeds;
    const sequence = feeds.sequence(OWN_SLOT);
    if (this.outbox.ownWithheld || this.hasHole || !feeds.isComplete(OWN_SLOT)) return false;
    if (sequence >= SEQUENCE_MAX) return false;
    const generation = feeds.generation(OWN_SLOT);
    const isBehind = this.aheadGeneration > generation
      || (this.aheadGeneration === generation && this.aheadSequence > sequence);
    const isGiven = this.log < LOG_UNCONFIRMED && !this.hasPublished && generation < this.rows.revision(OWN_SLOT);
    return !isBehind && !isGiven;
  }

  /** Makes the feed ready for an event of `Upkeep`, if that takes no new revision. Returns whether it is. */
  getReady(): boolean {
    if (!this.outbox.ownWithheld && !this.hasHole) this.beforeEvent();
    return this.isReady();
  }

  /** Makes the stamp of the next event. Returns its milliseconds. */
  nextStampMs(nowMs: number): number {
    this.hlc.now(nowMs);
    return this.hlc.ms;
  }

  /** Appends the event of `length` bytes in the scratch with that stamp. Room is reserved. Returns whether it fits. */
  publishScratch(length: number): boolean {
    const feeds = this.feeds;
    const bytes = feeds.arena.bytes;
    const at = feeds.chain.eventAt;
    writeStamp(bytes, at, this.hlc.ms, this.hlc.counter);
    if (!feeds.canHold(OWN_SLOT, bytes, at, length)) return false;
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    feeds.append(OWN_SLOT, bytes, at, length);
    this.rows.addToFeedsHash(OWN_SLOT);
    this.outbox.refresh(OWN_SLOT, 1);
    this.noteBirth(this.hlc.ms);
    return true;
  }

  /** Whether an own event with a stamp of `ms` was published since the start. */
  isSinceStart(ms: number): boolean { return ms >= this.birthMs; }

  private noteBirth(ms: number): void {
    if (this.birthMs === Infinity) this.birthMs = ms;
    this.hasPublished = true;
  }

  /**
   * The node starts. A node that remembers no revision may have had another feed in the same
   * generation: it withholds its feed until a peer with feeds has answered.
   */
  start(isRemembered: boolean): void {
    this.outbox.ownWithheld = !isRemembered && this.feeds.sequence(OWN_SLOT) === 0;
  }

  /** A peer has answered, and holds no more of the feed. */
  stopWithholding(): void {
    const sequence = this.feeds.sequence(OWN_SLOT);
    this.outbox.ownWithheld = false;
    if (sequence > 0) this.outbox.refresh(OWN_SLOT, sequence);
  }

  /**
   * Whether a batch or snapshot chunk of this node's events must not be applied, by its head. That is so once the node
   * has published, and if it cannot chain to the last event of the log.
   */
  refuses(batch: BatchData): boolean {
    // Whether a batch of the same generation chains to the log's last event, `Intake` finds out.
    const isSame = batch.generation === this.feeds.generation(OWN_SLOT);
    // A hole that no peer can fill by events may be filled by a snapshot: the log itself had all of it.
    return this.isToKeep() && (this.hasPublished || !isSame || (batch.isChunk() && !this.hasHole));
  }

  /** What to do after a batch or chunk that was refused, now that its check is known: KEEP or a generation. */
  afterRefused(batch: BatchData): number {
    const feeds = this.feeds;
    const isSame = batch.generation === feeds.generation(OWN_SLOT);
    const last = batch.isChunk() ? batch.base : batch.first + batch.count - 1;
    const isAhead = isSame ? last > feeds.sequence(OWN_SLOT) : batch.generation > feeds.generation(OWN_SLOT);
    const isOther = isSame && !isAhead && !batch.isChunk() && this.isOther(last, shortTip(batch.check));
    return isAhead || isOther ? batch.generation : KEEP;
  }

  /** What to do after a batch or chunk of this node's events was handled: KEEP or a generation. */
  afterHandled(batch: BatchData, reason: number): number {
    if (this.log !== LOG_UNCONFIRMED && !this.hasHole) return KEEP;
    if (reason === DROP_NONE || !this.isToKeep()) this.log = LOG_CONFIRMED;
    else if (reason === DROP_FORK || reason === DROP_EVENT) return batch.generation;
    return KEEP;
  }

  /** A peer holds exactly what this node holds of all feeds. */
  agree(): void {
    if (this.log === LOG_EMPTY && this.feeds.sequence(OWN_SLOT) > 0) this.log = LOG_RESTORED;
  }

  /**
   * Whether the feed may go into the log. What peers give back may only go there once it is all: from a part of it
   * the node might not go on after a restart.
   */
  isToStore(): boolean {
    return this.log !== LOG_EMPTY && !this.hasHole && this.feeds.isComplete(OWN_SLOT);
  }

  /**
   * What to do after a peer's claim on this feed: KEEP if the peer holds nothing more and nothing else than this
   * node, REQUEST, or a generation.
   */
  afterClaim(): number {
    const feeds = this.feeds;
    const outbox = this.outbox;
    const isSame = !outbox.isPeerLater(OWN_SLOT);
    const generation = isSame ? feeds.generation(OWN_SLOT) : outbox.ownGeneration;
    const sequence = outbox.peerSequence(OWN_SLOT);
    const tip = outbox.peerTip(OWN_SLOT);
    if (sequence === 0) return KEEP;
    const isAhead = !isSame || sequence > feeds.sequence(OWN_SLOT);
    const isOther = isSame && !isAhead && this.isOther(sequence, tip);
    const isUnfinished = isSame && sequence === feeds.sequence(OWN_SLOT) && !feeds.isComplete(OWN_SLOT) && tip !== 0;
    if (!isAhead && !isOther && !isUnfinished) return KEEP;
    if (isOther || (this.isToKeep() && (this.hasPublished || !isSame))) return generation;
    if (generation > this.aheadGeneration || sequence > this.aheadSequence) {
      this.aheadGeneration = generation;
      this.aheadSequence = sequence;
    }
    return REQUEST;
  }

  /**
   * Restores the base record of the log: the values up to `sequence` follow, then the events after it. Before the
   * start.
   */
  restoreBase(generation: number, sequence: number, tipFirst: number, tipSecond: number, lastRemoval: number): void {
    this.endBase();
    this.feeds.begin(OWN_SLOT, generation);
    this.base = sequence;
    this.baseFirst = tipFirst;
    this.baseSecond = tipSecond;
    this.feeds.arena.set(OWN_SLOT, LAST_REMOVAL, lastRemoval);
  }

  /** A record between those that were restored is damaged. Before the start. */
  noteDamage(): void {
    if (this.base === 0) return;
    // It may be one of the values: peers have to send the snapshot again.
    this.base = 0;
    this.feeds.startOver(OWN_SLOT);
    this.feeds.arena.set(OWN_SLOT, NOTIFIED, 0);
    this.hasHole = this.feeds.arena.first(OWN_SLOT) !== 0;
  }

  /**
   * Restores an event of the log, in canonical form. An event that does not follow what was restored so far lies behind
   * a hole. Before the start.
   *
   * @returns false: there is no room before the application has been notified of restored events
   */
  restore(generation: number, sequence: number, bytes: Uint8Array, start: number, length: number): boolean {
    const feeds = this.feeds;
    if (generation < feeds.generation(OWN_SLOT) || sequence === 0) return true;
    if (length > feeds.eventBytesMax + (isCopyAt(bytes, start) ? COPY_BYTES : 0)) return true;
    if (generation > feeds.generation(OWN_SLOT)) {
      this.base = 0;
      this.hasHole = false;
      feeds.begin(OWN_SLOT, generation);
    }
    if (sequence <= feeds.sequence(OWN_SLOT)) return true;
    if (sequence > this.base) this.endBase();
    const isBehind = this.base === 0 && (this.hasHole || sequence !== feeds.sequence(OWN_SLOT) + 1);
    if (isBehind && !this.isLaterThanHeld(sequence, bytes, start)) return true;
    while (!feeds.reserve(recordWords(length))) {
      if (!this.hasHole || !feeds.forgetAfter(OWN_SLOT)) return false;
    }
    if (isBehind || this.base !== 0) {
      feeds.copyToScratch(bytes, start, length);
      if (!feeds.store(OWN_SLOT, sequence, 0, 0, length)) return false;
      if (isBehind) this.hasHole = true;
      else feeds.advanceSnapshot(OWN_SLOT, sequence, this.base);
      return true;
    }
    return feeds.append(OWN_SLOT, bytes, start, length);
  }

  /** Whether an event is later than the last one that is held, by number and stamp, as all along a feed. */
  private isLaterThanHeld(sequence: number, bytes: Uint8Array, start: number): boolean {
    const arena = this.feeds.arena;
    const last = arena.last(OWN_SLOT);
    if (last === 0) return true;
    return sequence > arena.sequence(last) && compareStamps(arena.bytes, arena.eventAt(last), bytes, start) < 0;
  }

  /** All records of the log were read. The clock goes on after its last event. */
  endRestore(): void {
    this.endBase();
    const feeds = this.feeds;
    if (feeds.sequence(OWN_SLOT) > 0 || this.hasHole) this.log = LOG_UNCONFIRMED;
    const last = this.hasHole ? feeds.arena.last(OWN_SLOT) : feeds.arena.from(OWN_SLOT, feeds.sequence(OWN_SLOT));
    if (last !== 0) this.hlc.recall(feeds.ms(last), feeds.counter(last));
    this.rows.addToFeedsHash(OWN_SLOT);
  }

  /**
   * Peers sent events or a snapshot: goes on with the events that now follow the feed. The feed is not in the feeds
   * hash.
   */
  closeHole(): void {
    const feeds = this.feeds;
    const arena = feeds.arena;
    if (!this.hasHole || !feeds.isComplete(OWN_SLOT)) return;
    let record = arena.from(OWN_SLOT, feeds.sequence(OWN_SLOT) + 1);
    while (record !== 0 && arena.sequence(record) === feeds.sequence(OWN_SLOT) + 1) {
      feeds.extend(OWN_SLOT, record);
      record = arena.next(record);
    }
    this.hasHole = record !== 0;
  }

  private endBase(): void {
    if (this.base === 0) return;
    const feeds = this.feeds;
    feeds.endSnapshot(OWN_SLOT, this.base, this.baseFirst, this.baseSecond, feeds.lastRemoval(OWN_SLOT));
    this.base = 0;
  }

  /** What to do before an own event: KEEP, or a generation of which others may hold more than this node. */
  beforeEvent(): number {
    const feeds = this.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT);
    const isBehind = this.aheadGeneration > generation
      || (this.aheadGeneration === generation && this.aheadSequence > sequence);
    // A feed that peers gave back may have no number left: SEQUENCE_MAX is the last one.
    const isSpent = sequence >= SEQUENCE_MAX;
    const isGiven = this.log < LOG_UNCONFIRMED && !this.hasPublished;
    // From here on the feed is this node's, and not only what peers gave back.
    if (this.log === LOG_EMPTY) this.log = LOG_RESTORED;
    if (isBehind || isSpent || this.hasHole || !feeds.isComplete(OWN_SLOT)) return this.aheadGeneration;
    const revision = this.rows.revision(OWN_SLOT);
    if (!isGiven || generation >= revision) return KEEP;
    // PROTOCOL 10.6: peers may have given back less than was published. Going on there could put another event
    // under a number that is in use.
    if (sequence === 0) feeds.begin(OWN_SLOT, revision);
    else this.rechain(revision);
    return KEEP;
  }

  /** Begins a generation with all that is held (PROTOCOL 10.6). */
  rechain(generation: number): void {
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    this.hasHole = false;
    this.feeds.rechain(OWN_SLOT, generation);
    this.rows.addToFeedsHash(OWN_SLOT);
    this.outbox.age(OWN_SLOT);
    this.outbox.renewed(OWN_SLOT, false);
    this.stopWithholding();
    this.aheadGeneration = 0;
    this.aheadSequence = 0;
  }

  /** Whether the node holds acknowledged events that no peer may hold. */
  private isToKeep(): boolean {
    const isOwn = this.hasPublished || this.hasHole || this.log === LOG_UNCONFIRMED;
    return isOwn && this.feeds.arena.first(OWN_SLOT) !== 0;
  }

  /** Whether this node holds another tip than `tip` after an event. */
  private isOther(sequence: number, tip: number): boolean {
    const feeds = this.feeds;
    if (tip === 0 || !feeds.isComplete(OWN_SLOT)) return false;
    if (sequence === feeds.sequence(OWN_SLOT)) return tip !== this.outbox.claimedTip(OWN_SLOT);
    const record = sequence < feeds.floor(OWN_SLOT) ? 0 : feeds.arena.find(OWN_SLOT, sequence);
    return record !== 0 && shortTip(feeds.arena.tipFirst(record)) !== tip;
  }
}
