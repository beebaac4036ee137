import { DROP_EVENT, DROP_FORK } from "../wire/drops.js";
import type { Reader } from "../wire/cursor.js";
import { SEQUENCE_MAX } from "../wire/frame.js";
import type { Clock } from "../clock.js";
import { CLAIM_MAX, type OwnRow } from "../table/own-row.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { BASE_FIRST, LAST_REMOVAL, NOTIFIED, recordWords } from "./arena.js";
import type { BatchData } from "./batches.js";
import { branchSlot, isBranchOf, isBranchRead } from "./branch.js";
import { beforeGeneration, noteBirth, wasDropped } from "./branch-filter.js";
import { shortTip } from "./chain.js";
import {
  COPY_BYTES, type EncodedEvent, type EventData, compareStamps, kindAt, stampCounter, stampMs, writeStamp,
} from "./event.js";
import { FIRST_SIGNATURE_BYTES } from "./feed-signing.js";
import { FeedOutbox } from "./feed-outbox.js";
import type { FeedStore } from "./feed-store.js";
import {
  compareOrder, firstNamed, latestNamed, nextNamed, orderCounterOf, orderMsOf, originAuthor, recordKind,
} from "./names.js";
import type { Hlc } from "./hlc.js";
import { addJoinedEnd, hasJoinedEnd, join } from "./join.js";
import { KIND_REMOVE, KIND_SET } from "./kinds.js";
import { rechain } from "./rechain.js";
import {
  AHEAD_GENERATION, AHEAD_SEQUENCE, FIRST_PUBLISHED, HAS_HOLE, HAS_PUBLISHED, LOG_BASE, LOG_BASE_FIRST,
  LOG_BASE_SECOND, LOG_STATE,
} from "./state-words.js";

/** `stampEvent` succeeded. */
export const STAMP_OK = 0;
/** The event does not fit: live values fill the arena. */
export const STAMP_ARENA_FULL = -1;
/** The event has more than `eventBytesMax` bytes. */
export const STAMP_TOO_LARGE = -2;
/** Another device seems to use this node's id, so that the node cannot have a feed of its own. */
export const STAMP_CONFLICT = -3;

// What a peer's claim on the own feed asks for. A number from 0 on is a generation, in `beforeEvent` only.
/** Nothing: the peer gets what it lacks. */
export const KEEP = -1;
/** The peer has to send what follows the own feed. */
export const REQUEST = -2;
/** The peer has to send the branch that it holds. */
export const READ_BRANCH = -3;
/** Nothing, and the peer gets nothing: it holds a branch that it cannot send yet. */
export const WAIT = -4;

/** The log held no own events at the start, and peers may hold more of the feed than this node. */
const LOG_EMPTY = 0;
/** The log held no own events at the start, and a peer held exactly what this node holds now. */
const LOG_RESTORED = 1;
/** The log held own events. */
const LOG_HELD = 2;

/**
 * The node's own feed (PROTOCOL 10.6). A peer may hold a branch of it: events that this node published, and that its
 * storage lost. What continues the own feed is applied to it, like anybody's events. Any other branch is read beside
 * the feed, and joined: the union of both begins a new generation. So nothing that was published takes the place of
 * anything else, in whatever order the node starts, publishes and receives.
 *
 * This layer decides; `Branches` and `FeedProtocol` carry the decisions out, as a new generation needs a new revision.
 */
export class OwnFeed extends FeedOutbox {
  /** It adopts the revision of a new generation. */
  readonly ownRow: OwnRow;

  /** @param reader not in use elsewhere while a frame is written @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData, rows: Rows, ownRow: OwnRow) {
    super(feeds, hlc, reader, event, rows);
    this.ownRow = ownRow;
  }

  get clock(): Clock { return this.ownRow.clock; }

  /** Whether the node has published events since the start. From then on nothing continues the feed but such events. */
  get hasPublished(): boolean { return this.feeds.state(HAS_PUBLISHED) !== 0; }
  /**
   * Whether the log was damaged: events are held behind a hole, with sequence numbers above that of the feed. The feed
   * is withheld until a generation has begun with all that is held.
   */
  get hasHole(): boolean { return this.feeds.state(HAS_HOLE) !== 0; }
  private set hasHole(has: boolean) { this.feeds.setState(HAS_HOLE, has ? 1 : 0); }
  /** A `LOG_` constant. */
  private get log(): number { return this.feeds.state(LOG_STATE); }
  private set log(state: number) { this.feeds.setState(LOG_STATE, state); }

  /** Stamps an event and makes room for it, after `beforeEvent`. Returns a `STAMP_` constant. */
  stamp(event: EncodedEvent, nowMs: number): number {
    const feeds = this.feeds;
    this.makeStamp(event, nowMs);
    const words = feeds.signing === undefined ? 0 : recordWords(FIRST_SIGNATURE_BYTES);
    if (!feeds.reserve(recordWords(event.length) + words)) return STAMP_ARENA_FULL;
    return feeds.canHold(OWN_SLOT, event.bytes, 0, event.length) ? STAMP_OK : STAMP_ARENA_FULL;
  }

  /** A set or removal comes after all held events of its name: what was read, then written, is the later. */
  private makeStamp(event: EncodedEvent, nowMs: number): void {
    const hlc = this.hlc;
    const arena = this.feeds.arena;
    const kind = kindAt(event.bytes, 0);
    const latest = kind === KIND_SET || kind === KIND_REMOVE ? latestNamed(arena, event.bytes, 0) : 0;
    if (latest === 0) {
      hlc.now(nowMs);
    } else if (hlc.nowAfter(nowMs, orderMsOf(arena, latest), orderCounterOf(arena, latest))) {
      event.setOrder(this.rows.id(OWN_SLOT), hlc.orderMs, hlc.orderCounter());
    }
    writeStamp(event.bytes, 0, hlc.ms, hlc.counter);
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

  /** Appends an event that was stamped. `event` is free afterwards. */
  protected appendOwn(event: EncodedEvent): void {
    this.noteBirth(stampMs(event.bytes, 0), stampCounter(event.bytes, 0));
    const feeds = this.feeds;
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    feeds.append(OWN_SLOT, event.bytes, 0, event.length);
    this.rows.addToFeedsHash(OWN_SLOT);
    this.refresh(OWN_SLOT, 1);
    event.length = 0;
  }

  /**
   * Whether the feed can go on as it is, without a new generation. Peers have given back all that they hold of it.
   */
  isReady(): boolean {
    const feeds = this.feeds;
    const sequence = feeds.sequence(OWN_SLOT);
    if (this.ownWithheld || this.hasHole || !feeds.isComplete(OWN_SLOT)) return false;
    if (sequence >= SEQUENCE_MAX) return false;
    const generation = feeds.generation(OWN_SLOT);
    const isBehind = this.isBehind(generation, sequence);
    const isGiven = this.log < LOG_HELD && !this.hasPublished && generation < this.rows.revision(OWN_SLOT);
    return !isBehind && !isGiven;
  }

  /** Makes the feed ready for an event of `Upkeep`, if that takes no new revision. Returns whether it is. */
  getReady(): boolean {
    if (!this.ownWithheld && !this.hasHole) this.beforeEvent();
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
    this.noteBirth(this.hlc.ms, this.hlc.counter);
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    feeds.append(OWN_SLOT, bytes, at, length);
    this.rows.addToFeedsHash(OWN_SLOT);
    this.refresh(OWN_SLOT, 1);
    return true;
  }

  /** Whether an own event with the stamp at `at` of the arena, which is not held, was published since the start. */
  hasDropped(at: number): boolean { return wasDropped(this.feeds, this.hlc, at); }

  /** An event is about to be published, with a stamp. */
  private noteBirth(ms: number, counter: number): void {
    noteBirth(this.feeds, ms, counter);
    if (this.hasPublished) return;
    this.feeds.setState(HAS_PUBLISHED, 1);
    this.feeds.setState(FIRST_PUBLISHED, this.feeds.sequence(OWN_SLOT) + 1);
  }

  /**
   * The node starts. A node that remembers no revision may have had another feed in the same
   * generation: it withholds its feed until a peer with feeds has answered. A node with a hole in its feed withholds
   * it until its next generation.
   */
  startOwn(isRemembered: boolean): void {
    this.ownWithheld = this.hasHole || (!isRemembered && this.feeds.sequence(OWN_SLOT) === 0);
  }

  /** A peer has answered, and holds no more of the feed. */
  stopWithholding(): void {
    const sequence = this.feeds.sequence(OWN_SLOT);
    this.ownWithheld = false;
    if (sequence > 0) this.refresh(OWN_SLOT, sequence);
  }

  /** Whether a batch or snapshot chunk of this node's events may continue the feed. Otherwise it is of a branch. */
  protected continuesOwn(batch: BatchData): boolean {
    const feeds = this.feeds;
    // No generation could follow one beyond CLAIM_MAX.
    if (this.hasHole || this.hasPublished || batch.generation > CLAIM_MAX) return false;
    if (this.holdsNothing()) return true;
    // The snapshot of the own feed is arriving, or its values were lost: nothing that is held can be lost by it.
    const isOpen = !feeds.isComplete(OWN_SLOT) && this.log < LOG_HELD;
    return batch.generation === feeds.generation(OWN_SLOT) && (!batch.isChunk() || isOpen);
  }

  /** Whether a batch or chunk that was not applied shows that a peer holds a branch. Its check is known. */
  showsBranch(batch: BatchData): boolean {
    const feeds = this.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const last = batch.isChunk() ? batch.base : batch.first + batch.count - 1;
    // A feed that is withheld does not have what the peer sends of an earlier generation.
    if (batch.generation !== generation) return batch.generation > generation || this.ownWithheld;
    if (this.hasHole || last > feeds.sequence(OWN_SLOT)) return true;
    return !batch.isChunk() && this.isOther(last, shortTip(batch.check));
  }

  /** A batch or chunk that may continue the feed was handled, with a drop reason. Whether it is of a branch. */
  isBranch(reason: number): boolean {
    return (reason === DROP_FORK || reason === DROP_EVENT) && !this.holdsNothing();
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

  /** What a peer's claim on this feed asks for: KEEP, REQUEST, READ_BRANCH or WAIT. */
  afterClaim(): number {
    const feeds = this.feeds;
    const generation = this.ownGeneration;
    const sequence = this.ownSequence;
    const tip = this.ownTip;
    if (sequence === 0) return KEEP;
    const isSame = generation === feeds.generation(OWN_SLOT);
    // A peer without a complete feed cannot pass it on.
    const branch = tip === 0 ? WAIT : READ_BRANCH;
    if (this.hasHole) return branch;
    const isLater = isSame && sequence > feeds.sequence(OWN_SLOT) && !this.hasPublished;
    if (isLater || (this.holdsNothing() && generation <= CLAIM_MAX)) {
      this.noteAhead(generation, sequence);
      return REQUEST;
    }
    if (isSame && sequence <= feeds.sequence(OWN_SLOT)) {
      const isUnfinished = sequence === feeds.sequence(OWN_SLOT) && !feeds.isComplete(OWN_SLOT) && tip !== 0;
      if (isUnfinished) return REQUEST;
      return this.isOther(sequence, tip) && !hasJoinedEnd(feeds, generation, sequence, tip) ? READ_BRANCH : KEEP;
    }
    if (generation > feeds.generation(OWN_SLOT) || isSame) return branch;
    return tip === 0 || hasJoinedEnd(feeds, generation, sequence, tip) ? KEEP : READ_BRANCH;
  }

  /** How far a peer holds a generation of this feed, as far as this node knows: `sequence` or more. */
  aheadOf(generation: number, sequence: number): number {
    const ahead = generation === this.feeds.state(AHEAD_GENERATION) ? this.feeds.state(AHEAD_SEQUENCE) : 0;
    return Math.max(sequence, ahead);
  }

  /** The branch was read. Whether it begins a new generation: it has something new, or a peer holds it for the feed. */
  needsGeneration(): boolean {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    const generation = feeds.generation(OWN_SLOT);
    if (this.hasHole || feeds.arena.first(branch) !== 0 || feeds.generation(branch) > generation) return true;
    const end = feeds.sequence(branch);
    const isPrefix = end < feeds.floor(OWN_SLOT) && end <= feeds.sequence(OWN_SLOT);
    return feeds.generation(branch) === generation && !isPrefix;
  }

  /**
   * Restores the base record of the log: the values up to `sequence` follow, then the events after it. Before the
   * start.
   */
  restoreBase(generation: number, sequence: number, tipFirst: number, tipSecond: number, lastRemoval: number): void {
    this.endBase();
    this.feeds.begin(OWN_SLOT, generation);
    this.feeds.setState(LOG_BASE, sequence);
    this.feeds.setState(LOG_BASE_FIRST, tipFirst);
    this.feeds.setState(LOG_BASE_SECOND, tipSecond);
    this.feeds.arena.set(OWN_SLOT, LAST_REMOVAL, lastRemoval);
  }

  /** A record between those that were restored is damaged. Before the start. */
  noteDamage(): void {
    if (this.feeds.state(LOG_BASE) === 0) return;
    // It may be one of the values: peers have to send the snapshot again.
    this.feeds.setState(LOG_BASE, 0);
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
    const bytesMax = feeds.eventBytesMax + COPY_BYTES;
    if (generation < feeds.generation(OWN_SLOT) || length > bytesMax || sequence === 0) return true;
    if (generation > feeds.generation(OWN_SLOT)) {
      feeds.setState(LOG_BASE, 0);
      this.hasHole = false;
      feeds.begin(OWN_SLOT, generation);
    }
    if (sequence <= feeds.sequence(OWN_SLOT)) return true;
    if (sequence > feeds.state(LOG_BASE)) this.endBase();
    const base = feeds.state(LOG_BASE);
    const isBehind = base === 0 && (this.hasHole || sequence !== feeds.sequence(OWN_SLOT) + 1);
    if (isBehind && !this.isLaterThanHeld(sequence, bytes, start)) return true;
    while (!feeds.reserve(recordWords(length))) {
      if (!this.hasHole || !feeds.forgetAfter(OWN_SLOT)) return false;
    }
    if (isBehind || base !== 0) {
      feeds.copyToScratch(bytes, start, length);
      if (!feeds.store(OWN_SLOT, sequence, 0, 0, length)) return false;
      if (isBehind) this.hasHole = true;
      else feeds.advanceSnapshot(OWN_SLOT, sequence, base);
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
    if (feeds.sequence(OWN_SLOT) > 0 || this.hasHole) this.log = LOG_HELD;
    const last = this.hasHole ? feeds.arena.last(OWN_SLOT) : feeds.arena.from(OWN_SLOT, feeds.sequence(OWN_SLOT));
    if (last !== 0) this.hlc.recall(feeds.ms(last), feeds.counter(last));
    this.rows.addToFeedsHash(OWN_SLOT);
  }

  private endBase(): void {
    const feeds = this.feeds;
    if (feeds.state(LOG_BASE) === 0) return;
    const first = feeds.state(LOG_BASE_FIRST);
    const second = feeds.state(LOG_BASE_SECOND);
    feeds.endSnapshot(OWN_SLOT, feeds.state(LOG_BASE), first, second, feeds.lastRemoval(OWN_SLOT));
    feeds.setState(LOG_BASE, 0);
  }

  /** What to do before an own event: KEEP, or a generation of which others may hold more than this node. */
  beforeEvent(): number {
    const feeds = this.feeds;
    const generation = feeds.generation(OWN_SLOT);
    const sequence = feeds.sequence(OWN_SLOT);
    const isBehind = this.isBehind(generation, sequence);
    // A feed that peers gave back may have no number left: SEQUENCE_MAX is the last one.
    const isSpent = sequence >= (feeds.signing === undefined ? SEQUENCE_MAX : SEQUENCE_MAX - 1);
    const isGiven = this.log < LOG_HELD && !this.hasPublished;
    // From here on the feed is this node's, and not only what peers gave back.
    if (this.log === LOG_EMPTY) this.log = LOG_RESTORED;
    if (isBehind || isSpent || this.hasHole || !feeds.isComplete(OWN_SLOT)) return feeds.state(AHEAD_GENERATION);
    const revision = this.rows.revision(OWN_SLOT);
    if (!isGiven || generation >= revision) return KEEP;
    // PROTOCOL 10.6: peers may have given back less than was published. Going on there could put another event
    // under a number that is in use.
    if (sequence === 0) feeds.begin(OWN_SLOT, revision);
    else this.rechain(revision);
    return KEEP;
  }

  /** Begins a generation with all that is held, and the branch if it is whole (PROTOCOL 10.6). */
  rechain(generation: number): void {
    const feeds = this.feeds;
    beforeGeneration(feeds, this.hlc);
    if (feeds.signing !== undefined) feeds.signing.reserve(feeds, OWN_SLOT, branchSlot(feeds));
    if (!this.hasHole) addJoinedEnd(feeds, feeds.generation(OWN_SLOT), feeds.sequence(OWN_SLOT), this.tip());
    this.rows.subtractFromFeedsHash(OWN_SLOT);
    this.hasHole = false;
    if (isBranchOf(feeds, OWN_SLOT) && isBranchRead(feeds)) join(feeds, OWN_SLOT, branchSlot(feeds));
    rechain(feeds, OWN_SLOT, generation);
    this.rows.addToFeedsHash(OWN_SLOT);
    const last = feeds.arena.last(OWN_SLOT);
    if (last !== 0) this.hlc.recall(feeds.ms(last), feeds.counter(last));
    if (this.log === LOG_EMPTY) this.log = LOG_RESTORED;
    feeds.setState(FIRST_PUBLISHED, 1);
    this.age(OWN_SLOT);
    this.renewed(OWN_SLOT, false);
    this.stopWithholding();
    feeds.setState(AHEAD_GENERATION, 0);
    feeds.setState(AHEAD_SEQUENCE, 0);
  }

  /** Whether the node holds no event of its own. */
  private holdsNothing(): boolean {
    return !this.hasHole && this.feeds.arena.first(OWN_SLOT) === 0;
  }

  private tip(): number {
    return this.feeds.isComplete(OWN_SLOT) ? shortTip(this.feeds.tipFirst(OWN_SLOT)) : 0;
  }

  private noteAhead(generation: number, sequence: number): void {
    const feeds = this.feeds;
    if (generation <= feeds.state(AHEAD_GENERATION) && sequence <= feeds.state(AHEAD_SEQUENCE)) return;
    feeds.setState(AHEAD_GENERATION, generation);
    feeds.setState(AHEAD_SEQUENCE, sequence);
  }

  /** Whether a peer holds this feed beyond a place. */
  private isBehind(generation: number, sequence: number): boolean {
    const ahead = this.feeds.state(AHEAD_GENERATION);
    return ahead > generation || (ahead === generation && this.feeds.state(AHEAD_SEQUENCE) > sequence);
  }

  /** Whether this node holds another tip than `tip` after an event, or does not know any more what it published. */
  private isOther(sequence: number, tip: number): boolean {
    const feeds = this.feeds;
    const floor = feeds.floor(OWN_SLOT);
    if (tip === 0 || !feeds.isComplete(OWN_SLOT)) return false;
    if (sequence === feeds.sequence(OWN_SLOT)) return tip !== this.tip();
    if (sequence === floor - 1) return tip !== shortTip(feeds.arena.get(OWN_SLOT, BASE_FIRST));
    const firstPublished = feeds.state(FIRST_PUBLISHED);
    if (sequence < floor) return firstPublished !== 0 && sequence >= firstPublished;
    const record = feeds.arena.find(OWN_SLOT, sequence);
    return record !== 0 && shortTip(feeds.arena.tipFirst(record)) !== tip;
  }
}
