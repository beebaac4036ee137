import type { OwnRow } from "../table/own-row.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { DROP_ARENA_FULL, DROP_DUPLICATE, DROP_NONE } from "../wire/drops.js";
import type { Reader } from "../wire/cursor.js";
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
import { NOTE_APPLIED, NOTE_BRANCH, NOTE_CLAIMED } from "./feed-outbox.js";
import type { FeedStore } from "./feed-store.js";
import { FeedsHash } from "./feeds-hash.js";
import type { Hlc } from "./hlc.js";
import { addJoinedEnd, replace } from "./join.js";
import { SETTLE_SEND } from "./kinds.js";
import { HAD, HOLE_DEADLINE } from "./state-words.js";

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

/**
 * Branches of feeds (PROTOCOL 10.6): a feed that several nodes hold in different generations, or with different events
 * in one generation. The author joins them. Other nodes let the author do that, as long as it answers. The class
 * carries out what `OwnFeed` and `consent.ts` decide.
 */
export class Branches extends FeedsHash {
  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  /** @param reader not in use elsewhere while a frame is written @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData, rows: Rows, ownRow: OwnRow) {
    super(feeds, hlc, reader, event, rows, ownRow);
  }

  /** What the frame that is handled had of feeds that this node holds: `HAD_` bits. */
  protected get had(): number { return this.feeds.state(HAD); }
  protected set had(bits: number) { this.feeds.setState(HAD, bits); }

  /** Gives up a hole of the own feed and a branch that nobody goes on with. Notes which author is to be probed. */
  protected tickBranches(): void {
    tickBranch(this.feeds, this.clock);
    const holeDeadline = this.feeds.state(HOLE_DEADLINE);
    if (this.hasHole && holeDeadline !== 0 && this.clock.isDue(holeDeadline)) {
      this.postponeHole();
      this.renew(0);
    }
    this.probedSlot = nextConsentProbe(this.feeds, this.rows, this.clock);
  }

  /** A node with feeds has answered. It would have sent what it holds of this node's feed. */
  answered(): void {
    if (this.hasHole) {
      if (this.feeds.state(HOLE_DEADLINE) === 0) this.postponeHole();
    } else if (this.ownWithheld && !isBranchOf(this.feeds, OWN_SLOT)) {
      this.stopWithholding();
    }
  }

  /** Whether a batch or chunk may change the feed itself. */
  continues(frame: FrameReader, slot: number, batch: BatchData): boolean {
    return slot === OWN_SLOT ? this.continuesOwn(batch) : this.isConsented(frame, slot, batch);
  }

  /**
   * Whether a batch may begin another generation of a feed: if this node holds nothing of the feed, or if the author
   * sends it in answer to what this node holds. In such a frame the author's row shows nothing of the feed. Where the
   * row shows it, the events ride along with the row, and the author does not know what this node holds.
   */
  private isConsented(frame: FrameReader, slot: number, batch: BatchData): boolean {
    const feeds = this.feeds;
    if (batch.generation <= feeds.generation(slot) || feeds.sequence(slot) === 0) return true;
    return frame.id === batch.author && frame.isAnswer() && !this.hasNote(slot, NOTE_CLAIMED);
  }

  /** The feed in a slot has another generation. */
  settled(slot: number): void {
    settleConsent(this.feeds, slot);
  }

  /**
   * A peer that holds a later generation, or another branch of the same one, of another author's feed. Returns SETTLE_
   * bits.
   */
  protected settleBranch(frame: FrameReader, slot: number, isForked: boolean): number {
    // The author gets to know what this node holds.
    if (frame.id === this.feeds.author(slot)) return SETTLE_SEND;
    if (this.peerTip(slot) === 0 || !this.isGiven(slot)) return 0;
    // Of two branches of one length all nodes keep the same one.
    if (isForked && this.peerTip(slot) < this.claimedTip(slot)) return 0;
    return this.request(slot, this.feeds.generation(slot) + (isForked ? 0 : 1), this.peerSequence(slot));
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
    this.request(slot, batch.generation, slot === OWN_SLOT ? this.aheadOf(batch.generation, end) : end);
  }

  /** Requests a branch from a peer, which holds it up to `sequence`. Returns SETTLE_ bits. */
  request(slot: number, generation: number, sequence: number): number {
    if (slot === OWN_SLOT && !this.ownRow.canRecover(this.least(generation))) {
      this.ownRow.contest();
      return 0;
    }
    if (!requestBranch(this.feeds, this.clock, slot, generation, sequence)) return 0;
    this.setNote(slot, NOTE_BRANCH);
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
    const reason = slot === OWN_SLOT ? this.handleOwnBranch(branch, frame, batch, event)
      : this.handle(branch, frame, batch, event);
    if (reason === DROP_ARENA_FULL) pauseBranch(feeds, this.clock);
    if (reason !== DROP_NONE) return reason;
    noteBranchProgress(feeds, this.clock);
    this.had |= HAD_NEW;
    if (this.hasHole) this.postponeHole();
    if (!isBranchRead(feeds)) this.setNote(slot, NOTE_APPLIED | NOTE_BRANCH);
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
    if (!this.ownRow.recover(this.least(known))) return false;
    this.rechain(this.rows.revision(OWN_SLOT));
    return true;
  }

  /** A branch of the own feed was read: joins it. */
  private join(): void {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    const generation = feeds.generation(branch);
    const sequence = feeds.sequence(branch);
    const tip = shortTip(feeds.tipFirst(branch));
    if (this.needsGeneration() && !this.renew(generation)) {
      pauseBranch(feeds, this.clock);
      return;
    }
    endBranch(feeds);
    addJoinedEnd(feeds, generation, sequence, tip);
    // The row shows the peer what this node holds. If the peer then shows the end of the branch, it gets all of it.
    this.renewed(OWN_SLOT, false);
    this.clearNotes(OWN_SLOT, NOTE_BRANCH);
    this.had |= HAD_JOINED;
  }

  /** A branch of another author's feed was read, and takes the place of the feed. */
  private replace(slot: number): void {
    const feeds = this.feeds;
    const branch = branchSlot(feeds);
    // Its author was not asked: what is alive in the feed alone is copied.
    this.adoptAll(slot, branch);
    this.rows.subtractFromFeedsHash(slot);
    replace(feeds, slot, branch);
    this.rows.addToFeedsHash(slot);
    this.age(slot);
    this.renewed(slot, true);
    settleConsent(feeds, slot);
    this.clearNotes(slot, NOTE_BRANCH);
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
