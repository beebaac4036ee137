import type { Clock } from "../clock.js";
import { DROP_NONE } from "../wire/drops.js";
import { NOTIFY_FORK, type Faults } from "../notifications.js";
import { type EventReader, type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import { FLAG_MORE, SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY } from "../wire/frame.js";
import type { Outbox } from "../reconcile/outbox.js";
import { type RowData, ShownFeed } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import type { Stats } from "../stats.js";
import { EventData } from "./event.js";
import { DROP_FORK, DROP_GAP } from "./feed-drops.js";
import { FeedOutbox, NOTE_SHOWN, NOTE_APPLIED } from "./feed-outbox.js";
import { FeedStore } from "./feed-store.js";
import { FeedsHash } from "./feeds-hash.js";
import { Gaps, checkGap } from "./gaps.js";
import { History, checkHistory } from "./history.js";
import { Hlc } from "./hlc.js";
import { CLOCK_NONE } from "./kinds.js";
import { Intake } from "./intake.js";
import { OwnFeed } from "./own-feed.js";
import { LACKS_NOTHING } from "./batch-writer.js";
import { BatchData, beginBatches, readBatch } from "./batches.js";
import type { Digest } from "../../digest/sha256.js";

/** A stamp that is more than this ahead of the platform's clock moves no clock. */
const AHEAD_MS_MAX = 60000;
/** How often values are looked for whose time is over. */
const EXPIRE_MS = 60000;

/** The parts of a node that feeds need. */
export interface FeedNode {
  readonly rows: Rows;
  readonly stats: Stats;
  readonly clock: Clock;
  readonly frame: FrameReader;
  readonly outbox: Outbox;
  readonly faults: Faults;
  /** Takes on a revision beyond one that others know of. Returns false when that happened too often. */
  recover(revision: number): boolean;
}

/**
 * The feeds of one node, and what frames do to them. A row in a frame may show
 * what its sender holds of a feed. When all of a frame was taken in, each feed
 * that it showed is settled: the peer gets what it lacks; where this node is
 * behind, its own row goes back, which makes the peer send what is missing.
 */
export class FeedProtocol implements EventReader {
  readonly feeds: FeedStore;
  readonly hlc = new Hlc(AHEAD_MS_MAX);
  readonly own: OwnFeed;
  readonly outbox: FeedOutbox;
  private readonly batch = new BatchData();
  private readonly event = new EventData();
  readonly shown = new ShownFeed();
  /** Takes in what comes before the floors; undefined in a node that does not fill gaps. */
  readonly history: History | undefined;
  /** @internal */
  readonly node: FeedNode;
  private readonly intake: Intake;
  /** Whether the frame that is taken in showed any feed, or had any events. */
  private isShown = false;
  /** Whether it had events, and whether any was new. */
  private hasEvents = false;
  private hasNew = false;
  /** The feed of which it had history that was new; -1 for none. */
  private historySlot = -1;
  private expireDeadline = 0;

  /**
   * @param feedBytes bytes of the arena
   * @param eventBytesMax of the longest event, 16 to 2,047
   * @param digest SHA-256
   * @param isFilling whether this node asks for what comes before that which it holds
   */
  constructor(
    node: FeedNode, feedBytes: number, eventBytesMax: number, digest: Digest, isFilling: boolean,
  ) {
    const rows = node.rows;
    this.node = node;
    this.feeds = new FeedStore(rows, rows.capacity, feedBytes, eventBytesMax, digest);
    this.intake = new Intake(this.feeds);
    this.history = isFilling ? new History(this.feeds) : undefined;
    this.outbox = new FeedOutbox(this.feeds, rows, node.frame, this.event, new Gaps(this.feeds, rows, isFilling));
    this.own = new OwnFeed(this);
    rows.feedsHash = new FeedsHash(this.feeds);
  }

  /** Forgets values whose time is over, if it is known. */
  tick(): void {
    if (!this.node.clock.isDue(this.expireDeadline)) return;
    this.expireDeadline = this.node.clock.nowMs + EXPIRE_MS;
    if (this.hlc.source !== CLOCK_NONE) this.feeds.expire(this.hlc.physical(this.node.clock.callerMs));
  }

  /** A frame begins. */
  begin(): void {
    this.isShown = false;
    this.hasEvents = false;
    this.hasNew = false;
    this.historySlot = -1;
  }

  /** Notes what a row that was just read shows, if this node holds the row. */
  noteShown(row: RowData): void {
    const slot = this.shown.isShown ? this.node.rows.find(row.id) : -1;
    if (slot < 0) return;
    this.isShown = true;
    this.outbox.noteShown(slot, this.shown);
  }

  /** Whether the row that was just read shows just what is held here, or nothing. */
  agrees(slot: number): boolean {
    const shown = this.shown;
    return !shown.isShown || (shown.sequence === this.outbox.shownSequence(slot)
      && (shown.sequence === 0 || shown.generation === this.feeds.generation(slot))
      && shown.tip === this.outbox.shownTip(slot));
  }

  check(): number {
    const frame = this.node.frame;
    if (frame.section === SECTION_GAP) return checkGap(frame);
    if (frame.section === SECTION_HISTORY) return checkHistory(frame, this.batch, this.event);
    const isPart = frame.section !== SECTION_EVENTS;
    let reason = DROP_NONE;
    beginBatches(this.batch);
    // Whether events are true, only who holds what they follow can tell.
    while (frame.more() && reason === DROP_NONE) reason = readBatch(frame, this.batch, this.event, frame.id, isPart);
    return reason;
  }

  /** Takes in a section of events or about them, which is well-formed. */
  handleSection(): void {
    const frame = this.node.frame;
    if (frame.section === SECTION_GAP) this.outbox.gaps.handle(frame, this.outbox.ownWithheld);
    else if (frame.section === SECTION_HISTORY) this.handleHistory();
    else this.handleEvents();
  }

  private handleEvents(): void {
    const frame = this.node.frame;
    const isPart = frame.section !== SECTION_EVENTS;
    beginBatches(this.batch);
    this.isShown = true;
    this.hasEvents = true;
    while (frame.more()) {
      readBatch(frame, this.batch, this.event, frame.id, isPart);
      const slot = this.node.rows.find(this.batch.author);
      const reason = slot < 0 ? DROP_GAP : this.applyBatch(slot, isPart);
      if (reason !== DROP_NONE) this.node.stats.countDrop(reason);
      if (reason === DROP_FORK && slot !== OWN_SLOT) this.node.faults.report(NOTIFY_FORK, slot);
    }
  }

  private handleHistory(): void {
    const history = this.history;
    const frame = this.node.frame;
    if (history === undefined) return;
    beginBatches(this.batch);
    this.hasEvents = true;
    while (frame.more()) {
      const tipFirst = frame.u32();
      const tipSecond = frame.u32();
      readBatch(frame, this.batch, this.event, frame.id, false);
      const slot = this.node.rows.find(this.batch.author);
      // Of its own feed a node has asked nobody for any.
      const reason = slot < 0 || slot === OWN_SLOT ? DROP_GAP
        : history.handle(slot, frame, this.batch, this.event, tipFirst, tipSecond);
      if (reason !== DROP_NONE) this.node.stats.countDrop(reason);
      else this.historySlot = slot;
    }
    if (this.historySlot >= 0) this.hasNew = true;
  }

  /** All of a frame was taken in: what follows from what it showed. */
  settle(): void {
    if (this.isShown) this.settleAll();
    if (this.historySlot >= 0 && (this.node.frame.flags & FLAG_MORE) !== 0) this.outbox.gaps.askOn(this.historySlot);
    const frame = this.node.frame;
    const frontier = this.node.rows.feedsHash;
    if (frontier !== undefined && frontier.word() === frame.feedsHash) this.own.agree();
    // Who holds feeds has answered, and would have sent what it holds of this node's.
    if (this.outbox.ownWithheld && frame.isAnswer() && frame.feedsHash !== NO_FEEDS) this.own.stopWithholding();
  }

  private settleAll(): void {
    const outbox = this.outbox;
    // The sender has more for us: what is held now tells it where to go on.
    const isMore = (this.node.frame.flags & FLAG_MORE) !== 0;
    for (let slot = 0; slot < this.feeds.arena.capacity; slot++) {
      if (outbox.hasNote(slot, NOTE_SHOWN)) this.settleOne(slot);
      if (isMore && outbox.hasNote(slot, NOTE_APPLIED)) this.node.outbox.send(slot);
    }
  }

  /** Whether it makes sense to have the peer go on: not when it sends what can't be taken in. */
  mayGoOn(): boolean {
    return !this.hasEvents || this.hasNew;
  }

  private applyBatch(slot: number, isPart: boolean): number {
    const rows = this.node.rows;
    const frame = this.node.frame;
    if (slot === OWN_SLOT && this.own.refuses(this.batch)) return DROP_NONE;
    const generation = this.feeds.generation(slot);
    rows.subtractFromFeedsHash(slot);
    const reason = isPart ? this.intake.handleSnapshotChunk(slot, frame, this.batch, this.event)
      : this.intake.handleBatch(slot, frame, this.batch, this.event);
    rows.addToFeedsHash(slot);
    if (this.feeds.generation(slot) !== generation) this.outbox.renewed(slot, true);
    if (slot === OWN_SLOT) this.own.batchHandled(this.batch, reason);
    const taken = this.intake.applied;
    if (taken > 0 && slot !== OWN_SLOT) this.hlc.receive(this.node.clock.callerMs, this.batch.ms, this.batch.counter);
    if (taken > 0 && slot === OWN_SLOT) this.hlc.recall(this.batch.ms, this.batch.counter);
    if (taken === 0 && (!isPart || reason !== DROP_NONE)) return reason;
    this.hasNew = true;
    // What comes along with its author's row is news; what a node lacked for longer the others have.
    if (this.outbox.hasNote(slot, NOTE_SHOWN) && !isPart) this.outbox.refresh(slot, taken);
    this.outbox.setNote(slot, NOTE_APPLIED);
    return reason;
  }

  private settleOne(slot: number): void {
    const outbox = this.outbox;
    outbox.clearNotes(slot, NOTE_SHOWN);
    if (slot === OWN_SLOT && (this.own.observeClaim() || outbox.ownWithheld)) return;
    if (outbox.lacks(slot) !== LACKS_NOTHING) outbox.send(slot);
    else if (this.isBehind(slot)) this.node.outbox.send(slot);
    else if (this.isForked(slot)) this.node.faults.report(NOTIFY_FORK, slot);
  }

  /** Whether the peer holds events that this node lacks. */
  private isBehind(slot: number): boolean {
    const feeds = this.feeds;
    const sequence = this.outbox.peerSequence(slot);
    // Who does not have all of a snapshot can't pass it on.
    if (sequence === 0 || this.outbox.peerTip(slot) === 0) return false;
    if (this.outbox.isPeerLater(slot)) return true;
    return sequence > feeds.sequence(slot) || (sequence === feeds.sequence(slot) && !feeds.isComplete(slot));
  }

  private isForked(slot: number): boolean {
    const feeds = this.feeds;
    const tip = this.outbox.peerTip(slot);
    return tip !== 0 && feeds.isComplete(slot) && !this.outbox.isPeerLater(slot)
      && this.outbox.peerSequence(slot) === feeds.sequence(slot) && tip !== this.outbox.shownTip(slot);
  }
}
