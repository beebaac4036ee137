import type { Clock } from "../clock.js";
import { DROP_ARENA_FULL, DROP_DUPLICATE, DROP_FORK, DROP_GAP, DROP_NONE } from "../wire/drops.js";
import { type EventReader, type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import { FLAG_MORE, SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY } from "../wire/frame.js";
import type { OwnRow } from "../table/own-row.js";
import { type RowData, FeedClaim } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import type { Stats } from "../stats.js";
import { Branch } from "./branch.js";
import { shortTip } from "./chain.js";
import { Consent } from "./consent.js";
import { type EncodedEvent, EventData } from "./event.js";
import { FeedOutbox, NOTE_APPLIED, NOTE_BRANCH, NOTE_CLAIMED } from "./feed-outbox.js";
import { FeedStore } from "./feed-store.js";
import { FeedsHash } from "./feeds-hash.js";
import { Gaps, checkGap } from "./gaps.js";
import { History, checkHistory } from "./history.js";
import { Hlc } from "./hlc.js";
import { CLOCK_NONE, SETTLE_FORK, SETTLE_SEND } from "./kinds.js";
import { Intake } from "./intake.js";
import { replace } from "./join.js";
import { KEEP, OwnFeed, READ_BRANCH, REQUEST, STAMP_ARENA_FULL, STAMP_CONFLICT, STAMP_TOO_LARGE } from "./own-feed.js";
import { LACKS_NOTHING } from "./batch-writer.js";
import { BatchData, beginBatches, checkBatch, readBatchHead, skipBatch } from "./batches.js";
import type { Digest } from "../../digest/digest.js";

/** Milliseconds: a stamp that is further ahead of the platform's clock moves no clock (PROTOCOL 10.7). */
const AHEAD_MS_MAX = 60000;
/** Milliseconds between two searches for values whose time to live is over. */
const EXPIRE_MS = 60000;
/** Rounds in which peers may fill a hole of the own feed, from their first answer and from each event on. */
const HOLE_ROUNDS = 6;

/** What is to be done when a node replaces what it holds of a feed, and the author was not asked (PROTOCOL 10.6). */
export interface BranchLoser {
  /**
   * The branch in slot `winner` of the arena takes the place of the feed in `slot`. Both are held during the call, which
   * must not change them: what is alive in the feed alone may be copied now, or noted for a copy.
   */
  loseBranch(slot: number, winner: number): void;
}

/**
 * The feeds of one node, and what frames do to them (PROTOCOL 10.4). A row in a frame may have
 * a claim: how far the sender holds the feed of the row's author. When all of a frame was
 * handled, each feed with a claim is settled: the peer gets the events that it lacks; if this node lacks
 * events, its own row of that author goes back, which makes the peer send them.
 */
export class FeedProtocol implements EventReader {
  readonly feeds: FeedStore;
  readonly hlc = new Hlc(AHEAD_MS_MAX);
  readonly own: OwnFeed;
  readonly outbox: FeedOutbox;
  private readonly batch = new BatchData();
  private readonly event = new EventData();
  /** The claim in the row that was read last. */
  readonly claim = new FeedClaim();
  /** Applies events from before the floors; undefined in a node that does not fill gaps. */
  readonly history: History | undefined;
  private readonly rows: Rows;
  private readonly clock: Clock;
  private readonly stats: Stats;
  /** Adopts the revision of a new generation. */
  private readonly ownRow: OwnRow;
  private readonly intake: Intake;
  private readonly branch: Branch;
  private readonly consent: Consent;
  /** Is called when a branch of another author loses. */
  branchLoser: BranchLoser | undefined = undefined;
  /** Whether the frame that is handled had a claim on a feed that this node holds, or had events. */
  hasClaims = false;
  /** Whether the frame had events, and whether any of them was new. */
  private hasEvents = false;
  private hasNew = false;
  /** Whether the frame brought the end of a branch of the own feed. */
  private isJoined = false;
  /** The slot of the feed of which the frame had new history; -1: none. */
  private historySlot = -1;
  private expireDeadline = 0;
  /** When a hole of the own feed is given up; 0: no peer has answered. */
  private holeDeadline = 0;

  /**
   * @param frame a reader that is free while frames are written
   * @param feedBytes bytes of the arena
   * @param eventBytesMax bytes of the longest event, 16 to 2,047
   * @param digest SHA-256 of the platform, or a `Sha256`
   * @param isFilling whether this node requests the events from before its floors (PROTOCOL 10.5)
   */
  constructor(
    rows: Rows, clock: Clock, stats: Stats, frame: FrameReader, ownRow: OwnRow,
    feedBytes: number, eventBytesMax: number, digest: Digest, isFilling: boolean,
  ) {
    this.rows = rows;
    this.clock = clock;
    this.stats = stats;
    this.ownRow = ownRow;
    this.feeds = new FeedStore(rows, rows.capacity, feedBytes, eventBytesMax, digest);
    this.intake = new Intake(this.feeds);
    this.history = isFilling ? new History(this.feeds) : undefined;
    this.branch = new Branch(this.feeds, clock);
    this.consent = new Consent(rows, clock);
    const gaps = new Gaps(this.feeds, rows, isFilling);
    this.outbox = new FeedOutbox(this.feeds, rows, frame, this.event, gaps, this.branch);
    this.own = new OwnFeed(this.feeds, this.hlc, this.outbox, rows, this.branch);
    rows.feedsHash = new FeedsHash(this.feeds);
  }

  /**
   * Gives up a hole of the own feed and a branch that nobody goes on with, and forgets values whose time to live is
   * over, once this node knows the time. Returns the slot of an author to be probed with its row, or -1.
   */
  tick(): number {
    this.branch.tick();
    if (this.own.hasHole && this.holeDeadline !== 0 && this.clock.isDue(this.holeDeadline)) {
      this.postponeHole();
      this.renew(0);
    }
    this.outbox.probedSlot = this.consent.nextProbe();
    if (this.clock.isDue(this.expireDeadline)) {
      this.expireDeadline = this.clock.nowMs + EXPIRE_MS;
      if (this.hlc.source !== CLOCK_NONE) this.feeds.expire(this.hlc.physical(this.clock.callerMs));
    }
    return this.outbox.probedSlot;
  }

  /**
   * Stamps an own event and makes room for it. It may begin a new generation before, and with that a new revision.
   * The caller stores the event, then hands it to `Engine.publishEvent`. Returns a `STAMP_` constant.
   */
  stampEvent(event: EncodedEvent, nowMs: number): number {
    if (event.length > this.feeds.eventBytesMax) return STAMP_TOO_LARGE;
    if (!this.settleGeneration()) return STAMP_CONFLICT;
    const reason = this.own.stamp(event, nowMs);
    if (reason !== STAMP_ARENA_FULL || !this.branch.isOf(OWN_SLOT)) return reason;
    // Room for an own event is more urgent than for what peers hold.
    this.branch.pause();
    return this.own.stamp(event, nowMs);
  }

  /**
   * Has the own feed begin a new generation if it cannot go on in this one (PROTOCOL 10.6). Returns whether it can
   * go on now.
   */
  settleGeneration(): boolean {
    const known = this.own.beforeEvent();
    return known === KEEP || this.renew(known);
  }

  /** A frame begins. */
  begin(): void {
    this.hasClaims = false;
    this.hasEvents = false;
    this.hasNew = false;
    this.isJoined = false;
    this.historySlot = -1;
  }

  /** Notes the claim in the row that was just read, if this node holds the row. */
  noteClaim(row: RowData): void {
    const slot = this.claim.isPresent ? this.rows.find(row.id) : -1;
    if (slot < 0) return;
    this.hasClaims = true;
    this.outbox.noteClaim(slot, this.claim);
  }

  /** Whether the row that was just read claims exactly what this node holds of the feed, or has no claim. */
  agrees(slot: number): boolean {
    const claim = this.claim;
    return !claim.isPresent || (claim.sequence === this.outbox.claimedSequence(slot)
      && (claim.sequence === 0 || claim.generation === this.feeds.generation(slot))
      && claim.tip === this.outbox.claimedTip(slot));
  }

  check(frame: FrameReader): number {
    if (frame.section === SECTION_GAP) return checkGap(frame);
    if (frame.section === SECTION_HISTORY) return checkHistory(frame, this.batch, this.event);
    const isChunk = frame.section !== SECTION_EVENTS;
    let reason = DROP_NONE;
    beginBatches(this.batch);
    while (frame.more() && reason === DROP_NONE) reason = checkBatch(frame, this.batch, this.event, frame.id, isChunk);
    return reason;
  }

  /**
   * Handles a section of events or about them, which `check` found well-formed.
   * Returns the slot of the first forked feed in it, or -1.
   */
  handleSection(frame: FrameReader): number {
    if (frame.section === SECTION_GAP) this.outbox.gaps.handle(frame, this.outbox.ownWithheld);
    else if (frame.section === SECTION_HISTORY) this.handleHistory(frame);
    else return this.handleEvents(frame);
    return -1;
  }

  private handleEvents(frame: FrameReader): number {
    let forkSlot = -1;
    const isChunk = frame.section !== SECTION_EVENTS;
    beginBatches(this.batch);
    this.hasClaims = true;
    this.hasEvents = true;
    while (frame.more()) {
      readBatchHead(frame, this.batch, frame.id, isChunk);
      const slot = this.rows.find(this.batch.author);
      const reason = slot < 0 ? this.skip(frame) : this.applyBatch(frame, slot);
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
      readBatchHead(frame, this.batch, frame.id, false);
      const slot = this.rows.find(this.batch.author);
      // A node requests no history of its own feed.
      const reason = slot < 0 || slot === OWN_SLOT ? this.skip(frame)
        : history.handle(slot, frame, this.batch, this.event, tipFirst, tipSecond);
      if (reason !== DROP_NONE) this.stats.countDrop(reason);
      else this.historySlot = slot;
    }
    if (this.historySlot >= 0) this.hasNew = true;
  }

  /** Skips a batch of an author whose feed this node cannot extend. Returns the drop reason. */
  private skip(frame: FrameReader): number {
    skipBatch(frame, this.batch, this.event);
    return DROP_GAP;
  }

  /** All feeds of a frame were settled: decides what follows for all feeds together. */
  end(frame: FrameReader): void {
    if (this.historySlot >= 0 && (frame.flags & FLAG_MORE) !== 0) this.outbox.gaps.requestMore(this.historySlot);
    const feedsHash = this.rows.feedsHash;
    if (feedsHash !== undefined && feedsHash.word() === frame.feedsHash) this.own.agree();
    if (!frame.isAnswer() || frame.feedsHash === NO_FEEDS) return;
    // A node with feeds has answered. It would have sent what it holds of this node's feed.
    if (this.outbox.ownWithheld && !this.own.hasHole && !this.branch.isOf(OWN_SLOT)) this.own.stopWithholding();
    if (this.own.hasHole && this.holeDeadline === 0) this.postponeHole();
  }

  private postponeHole(): void {
    this.holeDeadline = (this.clock.nowMs + HOLE_ROUNDS * this.clock.roundIntervalMs) | 1;
  }

  /** All of a frame was handled: decides what follows for one feed. Returns SETTLE_ bits. */
  settle(frame: FrameReader, slot: number): number {
    const decision = this.outbox.hasNote(slot, NOTE_CLAIMED) ? this.settleClaim(frame, slot) : 0;
    // The sender has more for this node: the row shows where it has to continue.
    const isMore = (frame.flags & FLAG_MORE) !== 0 && this.outbox.hasNote(slot, NOTE_APPLIED);
    // So does a request of a branch whose events were refused.
    const isRequested = this.outbox.hasNote(slot, NOTE_BRANCH) && !this.outbox.hasNote(slot, NOTE_APPLIED);
    const isJoined = slot === OWN_SLOT && this.isJoined;
    return isMore || isRequested || isJoined ? decision | SETTLE_SEND : decision;
  }

  /** Whether the peer should go on (PROTOCOL 10.4): not if it sends events of which none could be applied. */
  mayGoOn(): boolean {
    return !this.hasEvents || this.hasNew;
  }

  /** Applies the batch or chunk whose head was read. Returns a drop reason. */
  private applyBatch(frame: FrameReader, slot: number): number {
    const batch = this.batch;
    if (this.isForBranch(slot)) return this.applyToBranch(frame, slot);
    if (slot === OWN_SLOT ? !this.own.continues(batch) : !this.isConsented(frame, slot)) {
      skipBatch(frame, batch, this.event);
      if (slot !== OWN_SLOT) return DROP_GAP;
      if (this.own.showsBranch(batch)) this.requestBranch(slot);
      return DROP_NONE;
    }
    const reason = this.applyToFeed(frame, slot);
    if (slot === OWN_SLOT) {
      if (this.own.isBranch(reason)) this.requestBranch(slot);
    } else if (reason === DROP_FORK && frame.id !== batch.author && this.isLonger(slot) && this.consent.isGiven(slot)) {
      this.requestBranch(slot);
    }
    return reason;
  }

  private applyToFeed(frame: FrameReader, slot: number): number {
    const rows = this.rows;
    const batch = this.batch;
    const generation = this.feeds.generation(slot);
    rows.subtractFromFeedsHash(slot);
    const reason = this.intakeBatch(frame, slot);
    rows.addToFeedsHash(slot);
    if (this.feeds.generation(slot) !== generation) {
      this.outbox.renewed(slot, true);
      this.consent.settle(slot);
    }
    const applied = this.intake.applied;
    if (applied > 0 && slot !== OWN_SLOT) this.hlc.receive(this.clock.callerMs, batch.ms, batch.counter);
    if (applied > 0 && slot === OWN_SLOT) this.hlc.recall(batch.ms, batch.counter);
    if (applied === 0 && (!batch.isChunk() || reason !== DROP_NONE)) return reason;
    this.hasNew = true;
    // Events that arrive with their author's row are an update. What this node lacked for longer, the others hold.
    if (this.outbox.hasNote(slot, NOTE_CLAIMED) && !batch.isChunk()) this.outbox.refresh(slot, applied);
    this.outbox.setNote(slot, NOTE_APPLIED);
    return reason;
  }

  private intakeBatch(frame: FrameReader, slot: number): number {
    return this.batch.isChunk() ? this.intake.handleSnapshotChunk(slot, frame, this.batch, this.event)
      : this.intake.handleBatch(slot, frame, this.batch, this.event);
  }

  /** Whether the batch is of the branch that is being read. */
  private isForBranch(slot: number): boolean {
    const branch = this.branch;
    if (!branch.isOf(slot)) return false;
    if (slot === OWN_SLOT) return this.batch.generation === branch.generation();
    // Events that continue the feed itself may arrive, too.
    return this.batch.generation >= branch.generation() && this.batch.first <= branch.sequence() + 1
      && (this.batch.generation > this.feeds.generation(slot) || this.batch.first <= this.feeds.sequence(slot));
  }

  /** Applies a batch or chunk to the branch of the feed in `slot`. Returns a drop reason. */
  private applyToBranch(frame: FrameReader, slot: number): number {
    const branch = this.branch;
    const batch = this.batch;
    if (batch.isChunk() && branch.sequence() > 0 && this.feeds.isComplete(branch.slot)) {
      // It would take the place of events that this node has read.
      skipBatch(frame, batch, this.event);
      return DROP_DUPLICATE;
    }
    if (batch.generation > branch.generation()) branch.restart(batch.generation);
    this.intake.filter = slot === OWN_SLOT ? this.own : undefined;
    const reason = this.intakeBatch(frame, branch.slot);
    this.intake.filter = undefined;
    if (reason === DROP_ARENA_FULL) branch.pause();
    if (reason !== DROP_NONE) return reason;
    branch.noteProgress();
    this.hasNew = true;
    if (this.own.hasHole) this.postponeHole();
    if (branch.isRead()) {
      this.endBranch(slot);
    } else {
      this.outbox.setNote(slot, NOTE_APPLIED | NOTE_BRANCH);
    }
    return reason;
  }

  /** A branch was read: the own feed is joined with it, another feed replaced by it. */
  private endBranch(slot: number): void {
    const branch = this.branch;
    const outbox = this.outbox;
    if (slot !== OWN_SLOT) {
      if (this.branchLoser !== undefined) this.branchLoser.loseBranch(slot, branch.slot);
      this.rows.subtractFromFeedsHash(slot);
      replace(this.feeds, slot, branch.slot);
      this.rows.addToFeedsHash(slot);
      outbox.age(slot);
      outbox.renewed(slot, true);
      this.consent.settle(slot);
      branch.end();
      return;
    }
    const generation = branch.generation();
    const sequence = branch.sequence();
    const tip = shortTip(this.feeds.tipFirst(branch.slot));
    if (this.own.needsGeneration() && !this.renew(generation)) {
      branch.pause();
      return;
    }
    branch.end();
    this.own.joined.add(generation, sequence, tip);
    // The row shows the peer what this node holds. If the peer then shows the end of the branch, it gets all of it.
    outbox.renewed(slot, false);
    outbox.clearNotes(slot, NOTE_BRANCH);
    this.isJoined = true;
  }

  /** A batch was refused since it is of a branch: requests the branch from its beginning. */
  private requestBranch(slot: number): void {
    const batch = this.batch;
    const last = batch.isChunk() ? batch.base : batch.first + batch.count - 1;
    this.readBranch(slot, batch.generation, slot === OWN_SLOT ? this.own.aheadOf(batch.generation, last) : last);
  }

  /** Requests a branch from a peer, which holds it up to `sequence`. Returns SETTLE_ bits. */
  private readBranch(slot: number, generation: number, sequence: number): number {
    if (slot === OWN_SLOT && !this.ownRow.canRecover(this.least(generation))) {
      this.ownRow.isContested = true;
      return 0;
    }
    if (!this.branch.request(slot, generation, sequence)) return 0;
    this.outbox.setNote(slot, NOTE_BRANCH);
    return SETTLE_SEND;
  }

  private settleClaim(frame: FrameReader, slot: number): number {
    const outbox = this.outbox;
    outbox.clearNotes(slot, NOTE_CLAIMED);
    if (slot === OWN_SLOT) {
      const own = this.own.afterClaim();
      if (own === REQUEST) return SETTLE_SEND;
      if (own === READ_BRANCH) return this.readBranch(slot, outbox.ownGeneration, outbox.ownSequence);
      if (own !== KEEP || outbox.ownWithheld) return 0;
    }
    const isForked = this.isForked(slot);
    const fork = isForked ? SETTLE_FORK : 0;
    const isOfAuthor = frame.id === this.feeds.author(slot);
    if (slot !== OWN_SLOT && this.feeds.sequence(slot) > 0 && (isForked || outbox.isPeerLater(slot))) {
      // The author gets to know what this node holds. Of others, the later branch counts.
      if (isOfAuthor) return fork | SETTLE_SEND;
      if (outbox.peerTip(slot) === 0 || !this.consent.isGiven(slot)) return fork;
      if (isForked && outbox.peerTip(slot) < outbox.claimedTip(slot)) return fork;
      const generation = this.feeds.generation(slot) + (isForked ? 0 : 1);
      return fork | this.readBranch(slot, generation, outbox.peerSequence(slot));
    }
    if (outbox.lacks(slot) !== LACKS_NOTHING) {
      outbox.send(slot);
      return 0;
    }
    return fork | (this.isBehind(slot) ? SETTLE_SEND : 0);
  }

  /**
   * Whether a batch may begin another generation of a feed (PROTOCOL 10.6): if this node holds nothing of the feed, or
   * if the author sends it in answer to what this node holds. In such a frame the author's row shows nothing of the
   * feed. Where the row shows it, the events ride along with the row, and the author does not know this node.
   */
  private isConsented(frame: FrameReader, slot: number): boolean {
    const feeds = this.feeds;
    if (this.batch.generation <= feeds.generation(slot) || feeds.sequence(slot) === 0) return true;
    return frame.id === this.batch.author && frame.isAnswer() && !this.outbox.hasNote(slot, NOTE_CLAIMED);
  }

  /** Whether the batch goes further than what this node holds. */
  private isLonger(slot: number): boolean {
    const batch = this.batch;
    const last = batch.isChunk() ? batch.base : batch.first + batch.count - 1;
    return last > this.feeds.sequence(slot);
  }

  /** Begins a generation of the own feed beyond one that others hold. Returns whether it could. */
  private renew(known: number): boolean {
    if (!this.ownRow.recover(this.least(known))) return false;
    this.own.rechain(this.rows.revision(OWN_SLOT));
    return true;
  }

  /** The greatest of a generation, that of the own feed and the revision. */
  private least(known: number): number {
    return Math.max(known, this.feeds.generation(OWN_SLOT), this.rows.revision(OWN_SLOT));
  }

  /** Whether the peer holds events that this node lacks. */
  private isBehind(slot: number): boolean {
    const feeds = this.feeds;
    const sequence = this.outbox.peerSequence(slot);
    // A peer without a complete feed cannot pass it on.
    if (sequence === 0 || this.outbox.peerTip(slot) === 0) return false;
    if (this.outbox.isPeerLater(slot)) return true;
    return sequence > feeds.sequence(slot) || (sequence === feeds.sequence(slot) && !feeds.isComplete(slot));
  }

  private isForked(slot: number): boolean {
    const feeds = this.feeds;
    const tip = this.outbox.peerTip(slot);
    return tip !== 0 && feeds.isComplete(slot) && !this.outbox.isPeerLater(slot)
      && this.outbox.peerSequence(slot) === feeds.sequence(slot) && tip !== this.outbox.claimedTip(slot);
  }
}
