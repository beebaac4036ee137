import type { Clock } from "../clock.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { DROP_ARENA_FULL, DROP_DUPLICATE, DROP_NONE } from "../wire/drops.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { BatchData } from "./batches.js";
import { skipBatch } from "./batches.js";
import {
  branchSlot, endBranch, isBranchOf, isBranchRead, noteBranchProgress, pauseBranch, requestBranch, restartBranch,
  tickBranch,
} from "./branch.js";
import { shortTip } from "./chain.js";
import { isConsentGiven, nextConsentProbe, settleConsent } from "./consent.js";
import type { EventData } from "./event.js";
import { type FeedOutbox, NOTE_APPLIED, NOTE_BRANCH, NOTE_CLAIMED } from "./feed-outbox.js";
import type { FeedStore } from "./feed-store.js";
import type { Intake } from "./intake.js";
import { addJoinedEnd, replace } from "./join.js";
import { SETTLE_SEND } from "./kinds.js";
import type { OwnFeed } from "./own-feed.js";
import { HOLE_DEADLINE } from "./state-words.js";

/** Rounds in which peers may fill a hole of the own feed, from their first answer and from each event on. */
const HOLE_ROUNDS = 6;

// What a frame had, in `had`.
/** A claim on a feed that this node holds, or events. */
export const HAD_CLAIMS = 1;
/** Events. */
export const HAD_EVENTS = 2;
/** Events that are new, of a feed or of a branch. */
export const HAD_NEW = 4;
/** The end of a branch of the own feed. */
export const HAD_JOINED = 8;

/** What is to be done when a node replaces what it holds of a feed, and its author was not asked (PROTOCOL 10.6). */
export interface BranchLoser {
  /**
   * The branch in the arena's slot `winner` takes the place of the feed in `slot`. Both are held during the call, which
   * must not change them: what is alive in the feed alone has to be noted for a copy.
   */
  loseBranch(slot: number, winner: number): void;
}

/**
 * Branches of feeds (PROTOCOL 10.6): a feed that several nodes hold in different generations, or with different events
 * in one generation. The author joins them. Other nodes let the author do that, as long as it answers. The class
 * carries out what `OwnFeed` and `consent.ts` decide, for `FeedProtocol`.
 */
export class Branches {
  /** Is called when a branch of another author loses. */
  loser: BranchLoser | undefined = undefined;
  /** What the frame that is handled had of feeds that this node holds: `HAD_` bits. */
  had = 0;
  readonly own: OwnFeed;
  readonly intake: Intake;

  constructor(own: OwnFeed, intake: Intake) {
    this.own = own;
    this.intake = intake;
  }

  private get feeds(): FeedStore { return this.own.feeds; }
  private get rows(): Rows { return this.own.rows; }
  private get clock(): Clock { return this.own.clock; }
  private get outbox(): FeedOutbox { return this.own.outbox; }

  /** Gives up a hole of the own feed and a branch that nobody goes on with. Notes which author is to be probed. */
  tick(): void {
    tickBranch(this.feeds, this.clock);
    const holeDeadline = this.feeds.state(HOLE_DEADLINE);
    if (this.own.hasHole && holeDeadline !== 0 && this.clock.isDue(holeDeadline)) {
      this.postponeHole();
      this.renew(0);
    }
    this.outbox.probedSlot = nextConsentProbe(this.feeds, this.rows, this.clock);
  }

  /** A node with feeds has answered. It would have sent what it holds of this node's feed. */
  answered(): void {
    if (this.own.hasHole) {
      if (this.feeds.state(HOLE_DEADLINE) === 0) this.postponeHole();
    } else if (this.outbox.ownWithheld && !isBranchOf(this.feeds, OWN_SLOT)) {
      this.own.stopWithholding();
    }
  }

  /** Whether a batch or chunk may change the feed itself. */
  continues(frame: FrameReader, slot: number, batch: BatchData): boolean {
    return slot === OWN_SLOT ? this.own.continues(batch) : this.isConsented(frame, slot, batch);
  }

  /**
   * Whether a batch may begin another generation of a feed: if this node holds nothing of the feed, or if the author
   * sends it in answer to what this node holds. In such a frame the author's row shows nothing of the feed. Where the
   * row shows it, the events ride along with the row, and the author does not know what this node holds.
   */
  private isConsented(frame: FrameReader, slot: number, batch: BatchData): boolean {
    const feeds = this.feeds;
    if (batch.generation <= feeds.generation(slot) || feeds.sequence(slot) === 0) return true;
    return frame.id === batch.author && frame.isAnswer() && !this.outbox.hasNote(slot, NOTE_CLAIMED);
  }

  /** The feed in a slot has another generation. */
  settled(slot: number): void {
    settleConsent(this.feeds, slot);
  }

  /**
   * A peer that holds a later generation, or another branch of the same one, of another author's feed. Returns SETTLE_
   * bits.
   */
  settleClaim(frame: FrameReader, slot: number, isForked: boolean): number {
    const outbox = this.outbox;
    // The author gets to know what this node holds.
    if (frame.id === this.feeds.author(slot)) return SETTLE_SEND;
    if (outbox.peerTip(slot) === 0 || !this.isGiven(slot)) return 0;
    // Of two branches of one length all nodes keep the same one.
    if (isForked && outbox.peerTip(slot) < outbox.claimedTip(slot)) return 0;
    return this.request(slot, this.feeds.generation(slot) + (isForked ? 0 : 1), outbox.peerSequence(slot));
  }

  /** Whether the branch of a batch that does not chain to what is held has to take its place. */
  isTaken(frame: FrameReader, slot: number, batch: BatchData): boolean {
    return frame.id !== batch.author && endOf(batch) > this.feeds.sequence(slot) && this.isGiven(slot);
  }

  private isGiven(slot: number): boolean {
    return isConsentGiven(this.feeds, this.rows, this.clock, slot);
  }

  /** A batch or chunk was refused because it is of a branch: requests the branch from its beginning. */
  requestAfter(slot: number, batch: BatchData): void {
    const end = endOf(batch);
    this.request(slot, batch.generation, slot === OWN_SLOT ? this.own.aheadOf(batch.generation, end) : end);
  }

  /** Requests a branch from a peer, which holds it up to `sequence`. Returns SETTLE_ bits. */
  request(slot: number, generation: number, sequence: number): number {
    if (slot === OWN_SLOT && !this.own.ownRow.canRecover(this.least(generation))) {
      this.own.ownRow.isContested = true;
      return 0;
    }
    if (!requestBranch(this.feeds, this.clock, slot, generation, sequence)) return 0;
    this.outbox.setNote(slot, NOTE_BRANCH);
    return SETTLE_SEND;
  }

  /** Whether a batch or chunk is of the branch that is being read. */
  isRead(slot: number, batch: BatchData): boolean {
    const feeds = this.feeds;
    if (!isBranchOf(feeds, slot)) return false;
    const branch = branchSlot(feeds);
    if (slot === OWN_SLOT) return batch.generation === feeds.generation(branch);
    // Events that continue the feed itself may arrive, too.
    return batch.generation >= feeds.generation(branch) && batch.first <= feeds.sequence(branch) + 1
      && (batch.generation > feeds.generation(slot) || batch.first <= feeds.sequence(slot));
  }

  /** Applies a batch or chunk to the branch of the feed in `slot`. Returns a drop reason. */
  apply(frame: FrameReader, slot: number, batch: BatchData, event: EventData): number {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    if (batch.isChunk() && feeds.sequence(branch) > 0 && feeds.isComplete(branch)) {
      // It would take the place of events that this node has read.
      skipBatch(frame, batch, event);
      return DROP_DUPLICATE;
    }
    if (batch.generation > feeds.generation(branch)) restartBranch(feeds, batch.generation);
    this.intake.branchClock = slot === OWN_SLOT ? this.own.hlc : undefined;
    const reason = this.intake.handle(branch, frame, batch, event);
    this.intake.branchClock = undefined;
    if (reason === DROP_ARENA_FULL) pauseBranch(feeds, this.clock);
    if (reason !== DROP_NONE) return reason;
    noteBranchProgress(feeds, this.clock);
    this.had |= HAD_NEW;
    if (this.own.hasHole) this.postponeHole();
    if (!isBranchRead(feeds)) this.outbox.setNote(slot, NOTE_APPLIED | NOTE_BRANCH);
    else if (slot === OWN_SLOT) this.join();
    else this.replace(slot);
    return reason;
  }

  /** Gives up the branch of the own feed for now, to make room. Returns whether there was one. */
  giveUp(): boolean {
    if (!isBranchOf(this.feeds, OWN_SLOT)) return false;
    pauseBranch(this.feeds, this.clock);
    return true;
  }

  /** Whether a branch of the own feed is being read. */
  isReadingOwn(): boolean { return isBranchOf(this.feeds, OWN_SLOT); }

  /** Begins a generation of the own feed beyond one that others hold. Returns whether it could. */
  renew(known: number): boolean {
    if (!this.own.ownRow.recover(this.least(known))) return false;
    this.own.rechain(this.rows.revision(OWN_SLOT));
    return true;
  }

  /** A branch of the own feed was read: joins it. */
  private join(): void {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    const generation = feeds.generation(branch);
    const sequence = feeds.sequence(branch);
    const tip = shortTip(feeds.tipFirst(branch));
    if (this.own.needsGeneration() && !this.renew(generation)) {
      pauseBranch(feeds, this.clock);
      return;
    }
    endBranch(feeds);
    addJoinedEnd(feeds, generation, sequence, tip);
    // The row shows the peer what this node holds. If the peer then shows the end of the branch, it gets all of it.
    this.outbox.renewed(OWN_SLOT, false);
    this.outbox.clearNotes(OWN_SLOT, NOTE_BRANCH);
    this.had |= HAD_JOINED;
  }

  /** A branch of another author's feed was read, and takes the place of the feed. */
  private replace(slot: number): void {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    if (this.loser !== undefined) this.loser.loseBranch(slot, branch);
    this.rows.subtractFromFeedsHash(slot);
    replace(feeds, slot, branch);
    this.rows.addToFeedsHash(slot);
    this.outbox.age(slot);
    this.outbox.renewed(slot, true);
    settleConsent(feeds, slot);
    this.outbox.clearNotes(slot, NOTE_BRANCH);
    endBranch(feeds);
  }

  private postponeHole(): void {
    const deadline = (this.clock.nowMs + HOLE_ROUNDS * this.clock.roundIntervalMs) | 1;
    this.feeds.setState(HOLE_DEADLINE, deadline);
  }

  /** The greatest of a generation, that of the own feed and the revision. */
  private least(known: number): number {
    return Math.max(known, this.feeds.generation(OWN_SLOT), this.rows.revision(OWN_SLOT));
  }
}

/** The sequence number up to which a receiver holds the feed after a batch or chunk. */
function endOf(batch: BatchData): number {
  return batch.isChunk() ? batch.base : batch.first + batch.count - 1;
}
