import { DROP_ARENA_FULL, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_SIGNATURE } from "../wire/drops.js";
import { type EventReader, type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import { isUnsure } from "../wire/admission.js";
import { FLAG_MORE, SECTION_EVENTS, SECTION_GAP, SECTION_HISTORY } from "../wire/frame.js";
import type { OwnRow } from "../table/own-row.js";
import { type RowData, FeedClaim } from "../table/row-data.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { countDrop } from "../stats.js";
import { forgetBirth } from "./branch-filter.js";
import { Branches, HAD_CLAIMS, HAD_EVENTS, HAD_JOINED, HAD_NEW } from "./branches.js";
import { type EncodedEvent, EventData } from "./event.js";
import { NOTE_APPLIED, NOTE_BRANCH, NOTE_CLAIMED, NOTE_VAIN } from "./feed-outbox.js";
import type { FeedSigning } from "./feed-signing.js";
import { FeedStore } from "./feed-store.js";
import { checkGap, handleGap, requestMore } from "./gaps.js";
import { History, checkHistory } from "./history.js";
import { Hlc } from "./hlc.js";
import { SETTLE_FORK, SETTLE_SEND } from "./kinds.js";
import { KEEP, READ_BRANCH, REQUEST, STAMP_ARENA_FULL, STAMP_CONFLICT, STAMP_TOO_LARGE } from "./own-feed.js";
import { noteAuthorClock } from "./author-clocks.js";
import { LACKS_NOTHING } from "./batch-writer.js";
import { rechain } from "./rechain.js";
import { isFeedAhead, isRoundOver, keepTime, reserveAnew, stampAnew, stepClockBack } from "./step-back.js";
import { HISTORY_OF, IS_FILLING, TIME } from "./state-words.js";
import { BatchData, beginBatches, checkBatch, readBatchHead, skipBatch } from "./batches.js";
import type { Digest } from "../../digest/digest.js";

/**
 * The feeds of one node, and what frames do to them (PROTOCOL 10.4). A row in a frame may have
 * a claim: how far the sender holds the feed of the row's author. When all of a frame was
 * handled, each feed with a claim is settled: the peer gets the events that it lacks; if this node lacks
 * events, its own row of that author goes back, which makes the peer send them.
 *
 * It is one object in layers. Each layer has a file of its own, and uses those before it:
 *
 *   Intake        applies batches and snapshot chunks
 *   BatchWriter   writes them
 *   FeedOutbox    what frames contain of feeds
 *   OwnFeed       the node's own feed
 *   Upkeep        what becomes of values without their author
 *   FeedsHash     the sum over all feeds
 *   Branches      feeds that nodes hold in different versions
 *   FeedProtocol  what a frame does
 *
 * On XS an object takes 16 bytes, and each reference to it as much again: as objects of their own the layers took
 * 444 bytes more.
 */
export class FeedProtocol extends Branches implements EventReader {
  /** The claim in the row that was read last. */
  readonly claim = new FeedClaim();
  /** Applies events from before the floors; undefined in a node that does not fill gaps. */
  declare readonly history: History | undefined;
  private readonly batch: BatchData;

  /**
   * @param frame a reader that is free while frames are written
   * @param feedBytes bytes of the arena
   * @param eventBytesMax bytes of the longest event, 16 to 2,047
   * @param digest SHA-256 of the platform, or a `Sha256`
   * @param isFilling whether this node requests the events from before its floors (PROTOCOL 10.5)
   * @param signing signs the own feed and verifies those of others (PROTOCOL 10.10); undefined: neither
   */
  constructor(
    rows: Rows, frame: FrameReader, ownRow: OwnRow,
    feedBytes: number, eventBytesMax: number, digest: Digest, isFilling: boolean, signing?: FeedSigning,
  ) {
    const feeds = new FeedStore(rows, rows.capacity, feedBytes, eventBytesMax, digest, signing);
    super(feeds, new Hlc(), frame, new EventData(), rows, ownRow);
    this.batch = new BatchData(feeds);
    // What is missing is not set: on XS an undefined property takes 16 bytes.
    if (isFilling) this.history = new History(feeds);
    feeds.setState(IS_FILLING, isFilling ? 1 : 0);
    rows.feedsHash = this;
  }

  /**
   * Gives up a hole of the own feed and a branch that nobody goes on with, has the own stamps step back, and keeps the
   * time and the upkeep. Returns the slot of an author to be probed with its row, or -1.
   */
  tick(): number {
    this.tickBranches();
    const words = this.feeds.arena.words;
    if (isRoundOver(words, TIME, this.clock)) {
      if (keepTime(words, TIME, this.rows, this.hlc, this.clock)) this.stepBack();
      this.round();
      const signing = this.feeds.signing;
      if (signing !== undefined) {
        signing.signOwn(this);
        signing.round();
      }
    }
    // Values whose time to live is over go when their room is needed, not before: the clock may be wrong.
    this.feeds.arena.physicalMs = this.hlc.physical(this.clock.callerMs);
    return this.probedSlot;
  }

  /**
   * Stamps an own event and makes room for it. It may begin a new generation before, and with that a new revision.
   * The caller stores the event, then hands it to `Engine.publishEvent`. Returns a `STAMP_` constant.
   */
  stampEvent(event: EncodedEvent, nowMs: number): number {
    if (event.length > this.feeds.eventBytesMax) return STAMP_TOO_LARGE;
    if (!this.settleGeneration()) return STAMP_CONFLICT;
    const reason = this.stamp(event, nowMs);
    if (reason !== STAMP_ARENA_FULL || !this.giveUp()) return reason;
    // Room for an own event is more urgent than for what peers hold.
    return this.stamp(event, nowMs);
  }

  /** Appends an event that `stampEvent` stamped, and signs it if this node signs. */
  publish(event: EncodedEvent): void {
    this.appendOwn(event);
    const signing = this.feeds.signing;
    if (signing !== undefined) signing.signOwn(this);
  }

  /**
   * Has the own feed begin a new generation if it cannot go on in this one (PROTOCOL 10.6). Returns whether it can
   * go on now.
   */
  settleGeneration(): boolean {
    if (this.hlc.isSpent()) this.stepBack();
    const known = this.beforeEvent();
    const signing = this.feeds.signing;
    if (known === KEEP && signing !== undefined && signing.isUnsignable(this.feeds)) return this.renew(0);
    return known === KEEP || this.renew(known);
  }

  /** A frame of a node begins. */
  beginFrame(sender: number): void {
    this.had = 0;
    this.feeds.setState(HISTORY_OF, 0);
    const signing = this.feeds.signing;
    if (signing !== undefined) this.noteVain(signing, sender);
  }

  /** Whether the frame that is handled had a claim on a feed that this node holds, or had events. */
  get hasClaims(): boolean { return (this.had & HAD_CLAIMS) !== 0; }

  /** Notes the claim in the row that was just read, if this node holds the row. */
  noteClaim(row: RowData): void {
    const slot = this.claim.isPresent ? this.rows.find(row.id) : -1;
    if (slot < 0) return;
    this.had |= HAD_CLAIMS;
    this.notePeerClaim(slot, this.claim);
  }

  /** Whether the row that was just read claims exactly what this node holds of the feed, or has no claim. */
  agrees(slot: number): boolean {
    const claim = this.claim;
    return !claim.isPresent || (claim.sequence === this.claimedSequence(slot)
      && (claim.sequence === 0 || claim.generation === this.feeds.generation(slot))
      && claim.tip === this.claimedTip(slot));
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
    if (frame.section === SECTION_GAP) handleGap(this.feeds, this.rows, frame, this.ownWithheld);
    else if (frame.section === SECTION_HISTORY) this.handleHistory(frame);
    else return this.handleEvents(frame);
    return -1;
  }

  private handleEvents(frame: FrameReader): number {
    let forkSlot = -1;
    const isChunk = frame.section !== SECTION_EVENTS;
    beginBatches(this.batch);
    this.had |= HAD_CLAIMS | HAD_EVENTS;
    while (frame.more()) {
      readBatchHead(frame, this.batch, frame.id, isChunk);
      const slot = this.rows.find(this.batch.author);
      const reason = slot < 0 ? this.skip(frame) : this.applyBatch(frame, slot);
      if (reason !== DROP_NONE) countDrop(this.rows.words, reason);
      if (reason === DROP_SIGNATURE || reason === DROP_GAP) this.noteRefused(frame.id, reason === DROP_SIGNATURE);
      if (reason === DROP_FORK && slot !== OWN_SLOT && forkSlot < 0) forkSlot = slot;
    }
    return forkSlot;
  }

  /** The batch was refused. @param isVerified whether it follows what is held */
  private noteRefused(peer: number, isVerified: boolean): void {
    const signing = this.feeds.signing;
    if (signing !== undefined && !this.batch.isChunk()) signing.noteRefused(peer, this.batch, isVerified);
  }

  private handleHistory(frame: FrameReader): void {
    const history = this.history;
    if (history === undefined) return;
    beginBatches(this.batch);
    this.had |= HAD_EVENTS;
    while (frame.more()) {
      const tipFirst = frame.u32();
      const tipSecond = frame.u32();
      readBatchHead(frame, this.batch, frame.id, false);
      const slot = this.rows.find(this.batch.author);
      // A node requests no history of its own feed.
      const reason = slot < 0 || slot === OWN_SLOT ? this.skip(frame)
        : history.handle(slot, frame, this.batch, this.event, tipFirst, tipSecond);
      if (reason !== DROP_NONE) countDrop(this.rows.words, reason);
      else this.feeds.setState(HISTORY_OF, slot + 1);
    }
    if (this.feeds.state(HISTORY_OF) !== 0) this.had |= HAD_NEW;
  }

  /** Skips a batch of an author whose feed this node cannot extend. Returns the drop reason. */
  private skip(frame: FrameReader): number {
    skipBatch(frame, this.batch, this.event);
    return DROP_GAP;
  }

  /** All feeds of a frame were settled: decides what follows for all feeds together. */
  endFrame(frame: FrameReader): void {
    const historySlot = this.feeds.state(HISTORY_OF) - 1;
    if (historySlot >= 0 && (frame.flags & FLAG_MORE) !== 0) requestMore(this.feeds, historySlot);
    if (this.word() === frame.feedsHash) this.agree();
    if (!frame.isAnswer() || frame.feedsHash === NO_FEEDS) return;
    this.meet();
    // A node with feeds has answered. It would have sent what it holds of this node's feed, unless it had no room or
    // did not apply the SYN.
    if ((frame.flags & FLAG_MORE) === 0 && !isUnsure(frame)) this.answered();
  }

  /** All of a frame was handled: decides what follows for one feed. Returns SETTLE_ bits. */
  settle(frame: FrameReader, slot: number): number {
    const decision = this.hasNote(slot, NOTE_CLAIMED) ? this.settleClaim(frame, slot) : 0;
    // The sender has more for this node: the row shows where it has to continue.
    const isMore = (frame.flags & FLAG_MORE) !== 0 && this.hasNote(slot, NOTE_APPLIED);
    // So does a request of a branch whose events were refused.
    const isRequested = this.hasNote(slot, NOTE_BRANCH) && !this.hasNote(slot, NOTE_APPLIED);
    const isJoined = slot === OWN_SLOT && (this.had & HAD_JOINED) !== 0;
    return isMore || isRequested || isJoined ? decision | SETTLE_SEND : decision;
  }

  /** Whether the peer should go on (PROTOCOL 10.4): not if it sends events of which none could be applied. */
  mayGoOn(): boolean {
    const had = this.had;
    return (had & HAD_EVENTS) === 0 || (had & HAD_NEW) !== 0;
  }

  /** Applies the batch or chunk whose head was read. Returns a drop reason. */
  private applyBatch(frame: FrameReader, slot: number): number {
    const batch = this.batch;
    if (this.isRead(slot, batch)) return this.apply(frame, slot, batch, this.event);
    if (!this.continues(frame, slot, batch)) {
      skipBatch(frame, batch, this.event);
      if (slot !== OWN_SLOT) return DROP_GAP;
      if (this.showsBranch(batch)) this.requestAfter(slot, batch);
      return DROP_NONE;
    }
    const reason = this.applyToFeed(frame, slot);
    if (slot === OWN_SLOT ? this.isBranch(reason) : reason === DROP_FORK && this.isTaken(frame, slot, batch)) {
      this.requestAfter(slot, batch);
    }
    return reason;
  }

  private applyToFeed(frame: FrameReader, slot: number): number {
    const rows = this.rows;
    const batch = this.batch;
    const generation = this.feeds.generation(slot);
    const isHeld = this.feeds.sequence(slot) > 0;
    rows.subtractFromFeedsHash(slot);
    const reason = this.handle(slot, frame, batch, this.event);
    rows.addToFeedsHash(slot);
    if (this.feeds.generation(slot) !== generation) {
      this.renewed(slot, true);
      this.settled(slot);
    }
    const applied = this.applied;
    for (let i = this.passed; i > 0; i--) countDrop(this.rows.words, DROP_EVENT);
    if (applied > 0) this.noteTime(slot, isHeld && this.hasNote(slot, NOTE_CLAIMED) && !batch.isChunk());
    if (applied === 0 && (!batch.isChunk() || reason !== DROP_NONE)) return reason;
    this.had |= HAD_NEW;
    // Events that arrive with their author's row are an update. What this node lacked for longer, the others hold.
    if (this.hasNote(slot, NOTE_CLAIMED) && !batch.isChunk()) this.refresh(slot, applied);
    this.setNote(slot, NOTE_APPLIED);
    return reason;
  }

  /** Events of the batch were applied. @param isNew whether the last one was published just now */
  private noteTime(slot: number, isNew: boolean): void {
    const feeds = this.feeds;
    // What no signature vouches for moves no clock: it is not held.
    const last = feeds.signing === undefined ? 0 : feeds.arena.last(slot);
    const ms = last === 0 ? this.batch.ms : feeds.ms(last);
    const counter = last === 0 ? this.batch.counter : feeds.counter(last);
    if (slot === OWN_SLOT) {
      this.hlc.recall(ms, counter);
    } else {
      this.hlc.receive(this.clock.callerMs, ms, counter);
      noteAuthorClock(feeds.arena.words, TIME, this.rows, slot, this.hlc, ms, isNew);
    }
  }

  private settleClaim(frame: FrameReader, slot: number): number {
    this.clearNotes(slot, NOTE_CLAIMED);
    const own = slot === OWN_SLOT ? this.afterClaim() : KEEP;
    if (own === REQUEST) return SETTLE_SEND;
    if (own === READ_BRANCH) return this.request(slot, this.ownGeneration, this.ownSequence);
    if (own !== KEEP || (slot === OWN_SLOT && this.ownWithheld)) return 0;
    const isForked = this.isForked(slot);
    this.askAgain(frame, slot);
    // PROTOCOL 6.8: what a node knows but does not hold is no branch.
    if ((isForked || this.isPeerLater(slot)) && this.isPosition(slot)) return this.startOver(slot);
    const fork = isForked ? SETTLE_FORK : 0;
    if (slot !== OWN_SLOT && this.feeds.sequence(slot) > 0 && (isForked || this.isPeerLater(slot))) {
      if (this.isVain(slot)) return fork;
      return fork | this.settleBranch(frame, slot, isForked);
    }
    if (this.peerLacks(slot) !== LACKS_NOTHING) {
      this.send(slot);
      return 0;
    }
    if (this.isVain(slot)) return fork;
    return fork | (this.isPeerAhead(slot) ? SETTLE_SEND : 0);
  }

  /** PROTOCOL 10.11: a peer that sent events in vain may hold an admission now. */
  private askAgain(frame: FrameReader, slot: number): void {
    const signing = this.feeds.signing;
    if (signing === undefined || !this.isVain(slot)) return;
    const author = this.feeds.author(slot);
    if (signing.isToAsk(frame.id, author, this.peerSequence(slot))) this.clearNotes(slot, NOTE_VAIN);
  }

  /** PROTOCOL 10.7: has stamps from the future step back to the clock. If it cannot do so now, it tries again later. */
  private stepBack(): void {
    const feeds = this.feeds;
    const nowMs = this.clock.callerMs;
    // A branch is joined by its stamps as they are.
    if (this.hasHole || this.isReadingOwn() || !feeds.isComplete(OWN_SLOT)) return;
    if (!isFeedAhead(feeds, this.hlc, nowMs)) stepClockBack(feeds, this.hlc, nowMs);
    else if (!reserveAnew(feeds, this.hlc, nowMs)) countDrop(this.rows.words, DROP_ARENA_FULL);
    else if (this.renew(0)) {
      this.rows.subtractFromFeedsHash(OWN_SLOT);
      stampAnew(feeds, this.hlc, nowMs);
      rechain(feeds, OWN_SLOT, feeds.generation(OWN_SLOT));
      this.rows.addToFeedsHash(OWN_SLOT);
      forgetBirth(feeds);
    }
  }

  /** Whether the peer holds events that this node lacks. */
  private isPeerAhead(slot: number): boolean {
    const feeds = this.feeds;
    const sequence = this.peerSequence(slot);
    // A peer without a complete feed cannot pass it on.
    if (sequence === 0 || this.peerTip(slot) === 0) return false;
    if (this.isPeerLater(slot)) return true;
    return sequence > feeds.sequence(slot) || (sequence === feeds.sequence(slot) && !feeds.isComplete(slot));
  }

  /** Whether this node sleeps, and knows only how far it had seen a feed. */
  private isPosition(slot: number): boolean {
    const feeds = this.feeds;
    return slot !== OWN_SLOT && this.rows.isAsleep(OWN_SLOT) && feeds.isCut(slot)
      && feeds.floor(slot) > feeds.sequence(slot);
  }

  /** Forgets how far a feed was seen. The peer sends it from its beginning. */
  private startOver(slot: number): number {
    this.rows.subtractFromFeedsHash(slot);
    this.feeds.begin(slot, 0);
    this.rows.addToFeedsHash(slot);
    return SETTLE_SEND;
  }

  private isForked(slot: number): boolean {
    const feeds = this.feeds;
    const tip = this.peerTip(slot);
    return tip !== 0 && feeds.isComplete(slot) && !this.isPeerLater(slot)
      && this.peerSequence(slot) === feeds.sequence(slot) && tip !== this.claimedTip(slot);
  }
}
