import type { Clock } from "../clock.js";
import { DROP_FORK, DROP_GAP, DROP_NONE } from "../wire/drops.js";
import { type EventReader, type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import { FLAG_MORE, SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY } from "../wire/frame.js";
import type { OwnRow } from "../table/own-row.js";
import { type RowData, ShownFeed } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import type { Stats } from "../stats.js";
import { EventData } from "./event.js";
import { FeedOutbox, NOTE_SHOWN, NOTE_APPLIED } from "./feed-outbox.js";
import { FeedStore } from "./feed-store.js";
import { FeedsHash } from "./feeds-hash.js";
import { Gaps, checkGap } from "./gaps.js";
import { History, checkHistory } from "./history.js";
import { Hlc } from "./hlc.js";
import { CLOCK_NONE, SETTLE_FORK, SETTLE_SEND } from "./kinds.js";
import { Intake } from "./intake.js";
import { CLAIM_NONE, CLAIM_SEND, OwnFeed } from "./own-feed.js";
import { LACKS_NOTHING } from "./batch-writer.js";
import { BatchData, beginBatches, readBatch } from "./batches.js";
import { Sha256, type Digest } from "../../digest/sha256.js";

/** A stamp that is more than this ahead of the platform's clock moves no clock. */
const AHEAD_MS_MAX = 60000;
/** How often values are looked for whose time is over. */
const EXPIRE_MS = 60000;

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
  readonly rows: Rows;
  /** Where a revision beyond that of the peers comes from. */
  readonly ownRow: OwnRow;
  private readonly clock: Clock;
  private readonly stats: Stats;
  private readonly intake: Intake;
  /** Whether the frame that is taken in showed any feed, or had any events. */
  isShown = false;
  /** Whether it had events, and whether any was new. */
  private hasEvents = false;
  private hasNew = false;
  /** The feed of which it had history that was new; -1 for none. */
  private historySlot = -1;
  private expireDeadline = 0;

  /**
   * @param frame a reader that is free while frames are written
   * @param feedBytes bytes of the arena
   * @param eventBytesMax of the longest event, 16 to 2,047
   * @param digest SHA-256; in JavaScript without one
   * @param isFilling whether this node asks for what comes before that which it holds
   */
  constructor(
    rows: Rows, clock: Clock, stats: Stats, frame: FrameReader, ownRow: OwnRow,
    feedBytes: number, eventBytesMax: number, digest: Digest | undefined, isFilling: boolean,
  ) {
    this.rows = rows;
    this.clock = clock;
    this.stats = stats;
    this.ownRow = ownRow;
    this.feeds = new FeedStore(rows, rows.capacity, feedBytes, eventBytesMax, digest ?? new Sha256());
    this.intake = new Intake(this.feeds);
    this.history = isFilling ? new History(this.feeds) : undefined;
    this.outbox = new FeedOutbox(this.feeds, rows, frame, this.event, new Gaps(this.feeds, rows, isFilling));
    this.own = new OwnFeed(this);
    rows.feedsHash = new FeedsHash(this.feeds);
  }

  /** Forgets values whose time is over, if it is known. */
  tick(): void {
    if (!this.clock.isDue(this.expireDeadline)) return;
    this.expireDeadline = this.clock.nowMs + EXPIRE_MS;
    if (this.hlc.source !== CLOCK_NONE) this.feeds.expire(this.hlc.physical(this.clock.callerMs));
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
    const slot = this.shown.isShown ? this.rows.find(row.id) : -1;
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

  check(frame: FrameReader): number {
    if (frame.section === SECTION_GAP) return checkGap(frame);
    if (frame.section === SECTION_HISTORY) return checkHistory(frame, this.batch, this.event);
    const isPart = frame.section !== SECTION_EVENTS;
    let reason = DROP_NONE;
    beginBatches(this.batch);
    // Whether events are true, only who holds what they follow can tell.
    while (frame.more() && reason === DROP_NONE) reason = readBatch(frame, this.batch, this.event, frame.id, isPart);
    return reason;
  }

  /**
   * Takes in a section of events or about them, which is well-formed. Returns the
   * slot of the first forked feed in it, -1 when there is none.
   */
  handleSection(frame: FrameReader): number {
    if (frame.section === SECTION_GAP) this.outbox.gaps.handle(frame, this.outbox.ownWithheld);
    else if (frame.section === SECTION_HISTORY) this.handleHistory(frame);
    else return this.handleEvents(frame);
    return -1;
  }

  private handleEvents(frame: FrameReader): number {
    let forkSlot = -1;
    const isPart = frame.section !== SECTION_EVENTS;
    beginBatches(this.batch);
    this.isShown = true;
    this.hasEvents = true;
    while (frame.more()) {
      readBatch(frame, this.batch, this.event, frame.id, isPart);
      const slot = this.rows.find(this.batch.author);
      const reason = slot < 0 ? DROP_GAP : this.applyBatch(frame, slot, isPart);
      if (reason !== DROP_NONE) this.stats.countDrop(reason);
      if (reason === DROP_FORK && slot !== OWN_SLOT && forkSlot < 0) forkSlot = slot;
    }
    return forkSlot;
  }

  private handleHistory(frame: FrameReader): void {
    const history = this.history;
    if (history === undefined) return;
    beginBatches(this.batch);
    this.hasEvents = true;
    while (frame.more()) {
      const tipFirst = frame.u32();
      const tipSecond = frame.u32();
      readBatch(frame, this.batch, this.event, frame.id, false);
      const slot = this.rows.find(this.batch.author);
      // Of its own feed a node has asked nobody for any.
      const reason = slot < 0 || slot === OWN_SLOT ? DROP_GAP
        : history.handle(slot, frame, this.batch, this.event, tipFirst, tipSecond);
      if (reason !== DROP_NONE) this.stats.countDrop(reason);
      else this.historySlot = slot;
    }
    if (this.historySlot >= 0) this.hasNew = true;
  }

  /** All feeds were settled: what follows from the frame as a whole. */
  end(frame: FrameReader): void {
    if (this.historySlot >= 0 && (frame.flags & FLAG_MORE) !== 0) this.outbox.gaps.askOn(this.historySlot);
    const frontier = this.rows.feedsHash;
    if (frontier !== undefined && frontier.word() === frame.feedsHash) this.own.agree();
    // Who holds feeds has answered, and would have sent what it holds of this node's.
    if (this.outbox.ownWithheld && frame.isAnswer() && frame.feedsHash !== NO_FEEDS) this.own.stopWithholding();
  }

  /** All of a frame was taken in: decides what follows from what it showed of one feed. Returns SETTLE_ bits. */
  settle(frame: FrameReader, slot: number): number {
    const decision = this.outbox.hasNote(slot, NOTE_SHOWN) ? this.settleShown(slot) : 0;
    // The sender has more for us: what is held now tells it where to go on.
    const isMore = (frame.flags & FLAG_MORE) !== 0 && this.outbox.hasNote(slot, NOTE_APPLIED);
    return isMore ? decision | SETTLE_SEND : decision;
  }

  /** Whether it makes sense to have the peer go on: not when it sends what can't be taken in. */
  mayGoOn(): boolean {
    return !this.hasEvents || this.hasNew;
  }

  private applyBatch(frame: FrameReader, slot: number, isPart: boolean): number {
    const rows = this.rows;
    if (slot === OWN_SLOT && this.own.refuses(this.batch)) return DROP_NONE;
    const generation = this.feeds.generation(slot);
    rows.subtractFromFeedsHash(slot);
    const reason = isPart ? this.intake.handleSnapshotChunk(slot, frame, this.batch, this.event)
      : this.intake.handleBatch(slot, frame, this.batch, this.event);
    rows.addToFeedsHash(slot);
    if (this.feeds.generation(slot) !== generation) this.outbox.renewed(slot, true);
    if (slot === OWN_SLOT) this.own.batchHandled(this.batch, reason);
    const taken = this.intake.applied;
    if (taken > 0 && slot !== OWN_SLOT) this.hlc.receive(this.clock.callerMs, this.batch.ms, this.batch.counter);
    if (taken > 0 && slot === OWN_SLOT) this.hlc.recall(this.batch.ms, this.batch.counter);
    if (taken === 0 && (!isPart || reason !== DROP_NONE)) return reason;
    this.hasNew = true;
    // What comes along with its author's row is news; what a node lacked for longer the others have.
    if (this.outbox.hasNote(slot, NOTE_SHOWN) && !isPart) this.outbox.refresh(slot, taken);
    this.outbox.setNote(slot, NOTE_APPLIED);
    return reason;
  }

  private settleShown(slot: number): number {
    const outbox = this.outbox;
    outbox.clearNotes(slot, NOTE_SHOWN);
    const claim = slot === OWN_SLOT ? this.own.observeClaim() : CLAIM_NONE;
    if (claim === CLAIM_SEND) return SETTLE_SEND;
    if (claim !== CLAIM_NONE || (slot === OWN_SLOT && outbox.ownWithheld)) return 0;
    if (outbox.lacks(slot) !== LACKS_NOTHING) {
      outbox.send(slot);
      return 0;
    }
    if (this.isBehind(slot)) return SETTLE_SEND;
    return this.isForked(slot) ? SETTLE_FORK : 0;
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
