import { DROP_NONE } from "../wire/drops.js";
import { SEQUENCE_MAX } from "../wire/frame.js";
import type { Outbox } from "../reconcile/outbox.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { LAST_REMOVAL, recordWords } from "./arena.js";
import { shown } from "./chain.js";
import { eventBytes, writeEvent } from "./event.js";
import { DROP_EVENT, DROP_FORK } from "./feed-drops.js";
import type { FeedOutbox } from "./feed-outbox.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import type { BatchData } from "./batches.js";

/** An event can't be made: the arena is full of values that are alive. */
export const ENCODE_ARENA_FULL = -1;
/** It has more than `eventBytesMax` bytes. */
export const ENCODE_TOO_LARGE = -2;
/** Another device seems to speak under this node's id, so that it has no feed of its own. */
export const ENCODE_CONFLICT = -3;

/** What the log had of the feed at the start: nothing, and peers may still have more of it than is held. */
const LOG_EMPTY = 0;
/** Nothing, and one of them has what is held now. */
const LOG_RESTORED = 1;
/** Events, of which nobody has shown yet that peers hold them, too. */
const LOG_UNCONFIRMED = 2;
/** Events, and what peers hold goes on from the last one. */
const LOG_CONFIRMED = 3;

/** The node that the own feed is of. An interface with a name, which the build for Espruino needs to rename members. */
export interface OwnFeedNode {
  readonly rows: Rows;
  readonly outbox: Outbox;
  recover(revision: number): boolean;
}

/** What the own feed works with. */
export interface OwnFeedParts {
  readonly feeds: FeedStore;
  readonly hlc: Hlc;
  readonly outbox: FeedOutbox;
  readonly node: OwnFeedNode;
}

/**
 * The node's own feed. It goes on where it stopped for as long as anybody knows
 * that place: the node's storage, or its peers. What it can't know to be the end
 * it never writes on behind: then all that is held begins a new generation.
 *
 * What is in the log was acknowledged, and peers may never have heard of it: a node
 * whose storage was wiped, or is an old image, says under a number another thing than
 * it did in its former life, and loses its power before it hears of that. So such a
 * feed gives way to nothing but events that chain to its last one.
 */
export class OwnFeed {
  /** Whether there were own events since the start. From then on peers have nothing to add. */
  hasPublished = false;
  /** A `LOG_` constant. */
  private log = LOG_EMPTY;
  private readonly exchange: OwnFeedParts;
  /** What others hold of this feed beyond what is held here; 0 when nothing. */
  private aheadGeneration = 0;
  private aheadSequence = 0;
  /** Of a log that is read: where its snapshot ends, and the tip there. */
  private base = 0;
  private baseFirst = 0;
  private baseSecond = 0;

  constructor(exchange: OwnFeedParts) {
    this.exchange = exchange;
  }

  /**
   * Writes the node's next event to `chain.eventAt`, for the caller to store before
   * `publish` adds it. Returns its length in canonical form, or a `DRAFT_` code.
   * The parameters are those of `writeEvent`. It may begin a new generation, and
   * with it a new revision, before.
   */
  encodeEvent(
    nowMs: number, kind: number, topic: string, key: string, ttlSeconds: number, payload: Uint8Array, length: number,
  ): number {
    const feeds = this.exchange.feeds;
    const hlc = this.exchange.hlc;
    const bytes = eventBytes(kind, topic, key, ttlSeconds, length);
    if (bytes > feeds.eventBytesMax) return ENCODE_TOO_LARGE;
    if (!this.settleGeneration()) return ENCODE_CONFLICT;
    if (!feeds.reserve(recordWords(bytes))) return ENCODE_ARENA_FULL;
    hlc.now(nowMs);
    writeEvent(feeds.draft(), kind, hlc.ms, hlc.counter, topic, key, ttlSeconds, payload, length);
    return feeds.canHold(OWN_SLOT, bytes) ? bytes : ENCODE_ARENA_FULL;
  }

  /** Adds the event that `draft` wrote, of `length` bytes. */
  publish(length: number): void {
    const feeds = this.exchange.feeds;
    const outbox = this.exchange.outbox;
    this.hasPublished = true;
    this.exchange.node.rows.subtractFromFeedsHash(OWN_SLOT);
    feeds.append(OWN_SLOT, length);
    this.exchange.node.rows.addToFeedsHash(OWN_SLOT);
    outbox.refresh(OWN_SLOT, 1);
  }

  /**
   * The node starts. One that remembers nothing may have had another feed under
   * the same number: it keeps its own back until a peer has told what it knows.
   */
  start(isRemembered: boolean): void {
    this.exchange.outbox.ownWithheld = !isRemembered && this.exchange.feeds.sequence(OWN_SLOT) === 0;
  }

  /** Nobody knows better. */
  stopWithholding(): void {
    const sequence = this.exchange.feeds.sequence(OWN_SLOT);
    this.exchange.outbox.ownWithheld = false;
    if (sequence > 0) this.exchange.outbox.refresh(OWN_SLOT, sequence);
  }

  /**
   * A peer sends a run or part of this node's events. Returns whether it must not be taken in: not once the node has
   * published since it started, nor what has no place for the events of its log. If it did not make them, it renews.
   */
  refuses(run: BatchData): boolean {
    const feeds = this.exchange.feeds;
    const isSame = run.generation === feeds.generation(OWN_SLOT);
    // A run has to chain to the log's last event, which is seen when it is taken in.
    if (!this.isToKeep() || (!this.hasPublished && isSame && run.base === 0)) return false;
    const last = run.base > 0 ? run.base : run.first + run.count - 1;
    const isAhead = isSame ? last > feeds.sequence(OWN_SLOT) : run.generation > feeds.generation(OWN_SLOT);
    const isOther = isSame && !isAhead && run.base === 0 && this.isOther(last, shown(run.check));
    if (isAhead || isOther) this.renew(run.generation);
    return true;
  }

  /** A run or part of this node's events was taken in, or refused for a reason. */
  batchHandled(run: BatchData, reason: number): void {
    if (this.log !== LOG_UNCONFIRMED) return;
    if (reason === DROP_NONE || !this.isToKeep()) this.log = LOG_CONFIRMED;
    else if (reason === DROP_FORK || reason === DROP_EVENT) this.renew(run.generation);
  }

  /** A peer holds just what this node holds, of all feeds. */
  agree(): void {
    if (this.log === LOG_EMPTY && this.exchange.feeds.sequence(OWN_SLOT) > 0) this.log = LOG_RESTORED;
  }

  /**
   * Whether the feed may go into the log. What peers give back may, once that is all: with half of it in the log they
   * might not go on from there after a restart.
   */
  isToStore(): boolean {
    return this.log !== LOG_EMPTY && this.exchange.feeds.isComplete(OWN_SLOT);
  }

  /**
   * A peer shows what it holds of this node's feed. Returns whether that was more
   * or other than this node holds itself, so that nothing else is to be done.
   */
  observeClaim(): boolean {
    const feeds = this.exchange.feeds;
    const outbox = this.exchange.outbox;
    const isSame = !outbox.isPeerLater(OWN_SLOT);
    const generation = isSame ? feeds.generation(OWN_SLOT) : outbox.ownGeneration;
    const sequence = outbox.peerSequence(OWN_SLOT);
    const tip = outbox.peerTip(OWN_SLOT);
    if (sequence === 0) return false;
    const isAhead = !isSame || sequence > feeds.sequence(OWN_SLOT);
    const isOther = isSame && !isAhead && this.isOther(sequence, tip);
    const isUnfinished = isSame && sequence === feeds.sequence(OWN_SLOT) && !feeds.isComplete(OWN_SLOT) && tip !== 0;
    if (!isAhead && !isOther && !isUnfinished) return false;
    if (isOther || (this.isToKeep() && (this.hasPublished || !isSame))) {
      this.renew(generation);
      return true;
    }
    if (generation > this.aheadGeneration || sequence > this.aheadSequence) {
      this.aheadGeneration = generation;
      this.aheadSequence = sequence;
    }
    this.exchange.node.outbox.send(OWN_SLOT);
    return true;
  }

  /**
   * The log's snapshot: values up to `sequence` follow, then the events after it.
   * Before the start.
   */
  restoreBase(generation: number, sequence: number, tipFirst: number, tipSecond: number, erased: number): void {
    this.endBase();
    this.exchange.feeds.begin(OWN_SLOT, generation);
    this.base = sequence;
    this.baseFirst = tipFirst;
    this.baseSecond = tipSecond;
    this.exchange.feeds.arena.set(OWN_SLOT, LAST_REMOVAL, erased);
  }

  /**
   * An event of the log, in canonical form. One that does not follow what was
   * restored so far is passed over. Before the start.
   *
   * @returns false when there is no room: the application has to be told of some of them first
   */
  restore(generation: number, sequence: number, bytes: Uint8Array, start: number, length: number): boolean {
    const feeds = this.exchange.feeds;
    if (generation < feeds.generation(OWN_SLOT) || length > feeds.eventBytesMax) return true;
    if (generation > feeds.generation(OWN_SLOT)) {
      if (sequence !== 1) return true;
      this.base = 0;
      feeds.begin(OWN_SLOT, generation);
    }
    if (sequence <= feeds.sequence(OWN_SLOT)) return true;
    if (sequence > this.base) this.endBase();
    if (this.base === 0 && sequence !== feeds.sequence(OWN_SLOT) + 1) return true;
    if (!feeds.reserve(recordWords(length))) return false;
    feeds.draft().copy(bytes, start, length);
    if (this.base === 0) {
      return feeds.append(OWN_SLOT, length);
    } else {
      if (!feeds.store(OWN_SLOT, sequence, 0, 0, length)) return false;
      feeds.advanceSnapshot(OWN_SLOT, sequence, this.base);
    }
    return true;
  }

  /** The log is read. The clock goes on after its last event. */
  endRestore(): void {
    this.endBase();
    const feeds = this.exchange.feeds;
    if (feeds.sequence(OWN_SLOT) > 0) this.log = LOG_UNCONFIRMED;
    const last = feeds.arena.from(OWN_SLOT, feeds.sequence(OWN_SLOT));
    if (last !== 0) this.exchange.hlc.recall(feeds.ms(last), feeds.counter(last));
    this.exchange.node.rows.addToFeedsHash(OWN_SLOT);
  }

  private endBase(): void {
    if (this.base === 0) return;
    const feeds = this.exchange.feeds;
    feeds.endSnapshot(OWN_SLOT, this.base, this.baseFirst, this.baseSecond, feeds.lastRemoval(OWN_SLOT));
    this.base = 0;
  }

  /** Before an own event: others must not hold more of this generation. Returns whether there is one to go on with. */
  private settleGeneration(): boolean {
    const feeds = this.exchange.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT);
    const isBehind = this.aheadGeneration > generation
      || (this.aheadGeneration === generation && this.aheadSequence > sequence);
    // A peer may have given back a feed in which no number is left: what others read ends at SEQUENCE_MAX.
    const isSpent = sequence >= SEQUENCE_MAX;
    const isGiven = this.log < LOG_UNCONFIRMED && !this.hasPublished;
    // From here on it is this node's, and not only what peers gave back.
    if (this.log === LOG_EMPTY) this.log = LOG_RESTORED;
    if (isBehind || isSpent || !feeds.isComplete(OWN_SLOT)) return this.renew(this.aheadGeneration);
    const revision = this.exchange.node.rows.revision(OWN_SLOT);
    if (!isGiven || generation >= revision) return true;
    // What came back from peers may be less than what was said: going on there could say another thing in its place.
    if (sequence === 0) feeds.begin(OWN_SLOT, revision);
    else this.rechain(revision);
    return true;
  }

  /** Whether there are events that were acknowledged and that peers may have nothing of. */
  private isToKeep(): boolean {
    return (this.hasPublished || this.log === LOG_UNCONFIRMED) && this.exchange.feeds.arena.first(OWN_SLOT) !== 0;
  }

  /** Whether the tip after an event is another one here. */
  private isOther(sequence: number, tip: number): boolean {
    const feeds = this.exchange.feeds;
    const outbox = this.exchange.outbox;
    if (tip === 0 || !feeds.isComplete(OWN_SLOT)) return false;
    if (sequence === feeds.sequence(OWN_SLOT)) return tip !== outbox.shownTip(OWN_SLOT);
    const record = sequence < feeds.floor(OWN_SLOT) ? 0 : feeds.arena.find(OWN_SLOT, sequence);
    return record !== 0 && shown(feeds.arena.tipFirst(record)) !== tip;
  }

  /** Begins a generation beyond one that others know, with all that is held. Returns whether it could. */
  private renew(known: number): boolean {
    const feeds = this.exchange.feeds;
    const rows = this.exchange.node.rows;
    const least = Math.max(known, feeds.generation(OWN_SLOT), rows.revision(OWN_SLOT));
    if (!this.exchange.node.recover(least)) return false;
    this.rechain(rows.revision(OWN_SLOT));
    return true;
  }

  /** Has all that is held begin another generation. */
  private rechain(generation: number): void {
    const rows = this.exchange.node.rows;
    rows.subtractFromFeedsHash(OWN_SLOT);
    this.exchange.feeds.rechain(OWN_SLOT, generation);
    rows.addToFeedsHash(OWN_SLOT);
    this.exchange.outbox.age(OWN_SLOT);
    this.exchange.outbox.renewed(OWN_SLOT, false);
    this.stopWithholding();
    this.aheadGeneration = 0;
    this.aheadSequence = 0;
  }
}
