import { type Reader, varintBytes, type Writer } from "../wire/cursor.js";
import { SECTION_EVENTS, SECTION_SNAPSHOT } from "../wire/frame.js";
import { UNLIKE } from "../wire/frame-reader.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import type { FeedClaim } from "../table/row-data.js";
import { FLAG_SENT_AS_UPDATE, OWN_SLOT, type Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";
import { NOTES, PEER_SEQUENCE } from "./arena.js";
import { branchSlot } from "./branch.js";
import { shortTip } from "./chain.js";
import type { EventData } from "./event.js";
import type { FeedSigning } from "./feed-signing.js";
import { type FeedStore, NOTE_CUT } from "./feed-store.js";
import { clearGaps, hasSentHistory, isGapPending, writeGaps } from "./gaps.js";
import type { Hlc } from "./hlc.js";
import { LACKS_NOTHING, LACKS_SNAPSHOT, BatchWriter } from "./batch-writer.js";
import {
  CLAIM_GENERATION, CLAIM_SEQUENCE, CLAIM_TIP, IS_NOTED, OUTBOX_TURN, OWN_WITHHELD, PROBED, SHOWN_FEEDS, SHOWN_SINCE,
  TO_SEND_COUNT,
} from "./state-words.js";

/*
 * The column NOTES of a feed:
 *
 * bits 0 to 15   the first 16 bits of the tip that the peer claims; 0: none
 * bits 16 to 19  how many of the last events are fresh: they ride along while the author's row is an update
 * bits 20 to 25  the flags below
 * bit 26         NOTE_CUT
 * bit 27         NOTE_VAIN
 */
const TIP_MASK = 0xffff;
const FRESH_SHIFT = 16;
const FRESH_MAX = 15;
const FRESH_MASK = FRESH_MAX << FRESH_SHIFT;
/** The peer's frame has a row that claims how far the peer holds the feed. */
export const NOTE_CLAIMED = 1 << 20;
/** The peer gets the events of the feed that it lacks. */
const NOTE_TO_SEND = 1 << 21;
/** The fresh events of the feed go into this frame. */
const NOTE_UPDATE = 1 << 22;
/** The peer's frame had new events of the feed. */
export const NOTE_APPLIED = 1 << 23;
/** The peer claims a greater generation than this node holds. */
const NOTE_LATER = 1 << 24;
/** The row of the author shows the peer how far a branch was read, so that the peer sends the rest of it. */
export const NOTE_BRANCH = 1 << 25;

/**
 * The peer sent events of the feed in vain, and does not get to know how far this node holds it: it would send them
 * again.
 */
export const NOTE_VAIN = 1 << 27;

/** Of the frames on which a row rides along as an update, the last ones without signed events. */
const ROW_ALONE_TRANSMITS = 1;

/**
 * What frames contain of feeds: the events that the answered peer lacks, and fresh events that
 * ride along with updated rows (PROTOCOL 10.4). An input only leaves notes on feeds; the bytes
 * are written when a frame is polled, as in `Outbox`.
 */
export class FeedOutbox extends BatchWriter {
  readonly rows: Rows;

  /** @param reader not in use elsewhere while a frame is written @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData, rows: Rows) {
    super(feeds, hlc, reader, event);
    this.rows = rows;
  }

  /** Whether the own feed is withheld: this node behaves as if it held nothing of it (PROTOCOL 10.6). */
  get ownWithheld(): boolean { return this.feeds.state(OWN_WITHHELD) !== 0; }
  protected set ownWithheld(is: boolean) { this.feeds.setState(OWN_WITHHELD, is ? 1 : 0); }
  /** Whether any feed has notes from the last input. */
  private get isNoted(): boolean { return this.feeds.state(IS_NOTED) !== 0; }
  /** Number of feeds with NOTE_TO_SEND. */
  private get toSendCount(): number { return this.feeds.state(TO_SEND_COUNT); }
  private set toSendCount(count: number) { this.feeds.setState(TO_SEND_COUNT, count); }
  /** The generation of the own feed that the peer claims, and how far it holds that: as in a `FeedClaim`. */
  get ownGeneration(): number { return this.feeds.state(CLAIM_GENERATION); }
  get ownSequence(): number { return this.feeds.state(CLAIM_SEQUENCE); }
  get ownTip(): number { return this.feeds.state(CLAIM_TIP); }
  /** The slot of an author that is probed with its row, for consent; -1: none. */
  get probedSlot(): number { return this.feeds.state(PROBED) - 1; }
  set probedSlot(slot: number) { this.feeds.setState(PROBED, slot + 1); }

  /** Bytes of the longest event that this node holds. */
  eventBytesMax(): number { return this.feeds.eventBytesMax; }

  /** Whether an answer had history. The peer may have gaps in other feeds, too. */
  get hasSentHistory(): boolean { return hasSentHistory(this.feeds); }
  /** Drops the notes of the last input. */
  clear(): void {
    clearGaps(this.feeds);
    this.probedSlot = -1;
    if (!this.isNoted) return;
    for (let slot = 0; slot < this.feeds.arena.capacity; slot++) this.clearNotes(slot, ~(FRESH_MASK | NOTE_CUT));
    this.feeds.setState(IS_NOTED, 0);
    this.toSendCount = 0;
    this.feeds.setState(OUTBOX_TURN, (this.feeds.state(OUTBOX_TURN) + 1) % this.feeds.arena.capacity);
  }

  hasNote(slot: number, note: number): boolean { return (this.feeds.arena.get(slot, NOTES) & note) !== 0; }
  setNote(slot: number, note: number): void {
    this.feeds.arena.set(slot, NOTES, this.feeds.arena.get(slot, NOTES) | note);
    this.feeds.setState(IS_NOTED, 1);
  }
  clearNotes(slot: number, notes: number): void {
    this.feeds.arena.set(slot, NOTES, this.feeds.arena.get(slot, NOTES) & ~notes);
  }
  /** A frame begins: notes the feeds of which its sender sent events in vain. */
  noteVain(signing: FeedSigning, sender: number): void {
    const feeds = this.feeds;
    const rows = this.rows;
    const refused = signing.refused;
    signing.vain = 0;
    for (let i = 0; i < refused.length; i++) {
      const one = refused[i];
      const slot = one.peer === sender ? rows.find(one.author) : -1;
      if (slot <= OWN_SLOT || !signing.isLeft(one, feeds.generation(slot), feeds.sequence(slot))) continue;
      this.setNote(slot, NOTE_VAIN);
      const hash = rows.feedsHash;
      if (hash === undefined || !isCounted(rows.state(slot))) continue;
      signing.vain = (signing.vain + hash.differenceTo(slot, one.generation, one.last, one.tipFirst)) | 0;
    }
  }
  /** Whether the peer sent events of a feed in vain, and nothing else is requested of it. */
  isVain(slot: number): boolean { return this.hasNote(slot, NOTE_VAIN); }
  /** Whether the peer claims a greater generation than this node holds. */
  isPeerLater(slot: number): boolean { return this.hasNote(slot, NOTE_LATER); }
  /** Sequence number that the peer claims in that generation or in this node's; 0 in a smaller generation. */
  peerSequence(slot: number): number { return this.feeds.arena.get(slot, PEER_SEQUENCE); }
  /** First 16 bits of the tip that the peer claims; 0: none. */
  peerTip(slot: number): number { return this.feeds.arena.get(slot, NOTES) & TIP_MASK; }

  /** Notes the peer's claim on a feed. */
  notePeerClaim(slot: number, claim: FeedClaim): void {
    const held = this.feeds.generation(slot);
    const isEarlier = claim.generation < held;
    this.feeds.arena.set(slot, PEER_SEQUENCE, isEarlier ? 0 : claim.sequence);
    this.clearNotes(slot, TIP_MASK | NOTE_LATER);
    this.setNote(slot, NOTE_CLAIMED | (isEarlier ? 0 : claim.tip) | (claim.generation > held ? NOTE_LATER : 0));
    if (slot !== OWN_SLOT) return;
    this.feeds.setState(CLAIM_GENERATION, claim.generation);
    this.feeds.setState(CLAIM_SEQUENCE, claim.sequence);
    this.feeds.setState(CLAIM_TIP, claim.tip);
  }

  /**
   * A feed has another generation now. If events of the peer began it, the peer's claim is
   * about that generation; otherwise the claim is void.
   */
  renewed(slot: number, isByPeer: boolean): void {
    if (!isByPeer || !this.isPeerLater(slot)) {
      this.feeds.arena.set(slot, PEER_SEQUENCE, 0);
      this.clearNotes(slot, TIP_MASK);
    }
    this.clearNotes(slot, NOTE_LATER);
  }

  /** What the peer lacks of a feed, by its claim: a `LACKS_` constant. */
  peerLacks(slot: number): number {
    if (this.isPeerLater(slot)) return LACKS_NOTHING;
    return this.lacks(slot, this.feeds.generation(slot), this.peerSequence(slot), this.isPeerComplete(slot));
  }

  /** The peer gets the events of a feed that it lacks. */
  send(slot: number): void {
    if (this.hasNote(slot, NOTE_TO_SEND)) return;
    this.setNote(slot, NOTE_TO_SEND);
    this.toSendCount++;
  }

  /** Whether there is something to send to the peer. */
  isPending(): boolean { return this.toSendCount > 0 || isGapPending(this.feeds); }

  /** `events` more of a feed's last events are fresh. */
  refresh(slot: number, events: number): void {
    const before = this.rows.transmitsLeft(slot) === 0 ? 0 : this.fresh(slot);
    const fresh = Math.min(before + events, FRESH_MAX);
    this.clearNotes(slot, FRESH_MASK);
    this.setNote(slot, fresh << FRESH_SHIFT);
    if (this.rows.transmitsLeft(slot) < this.rows.transmitsOfUpdate()) this.rows.markUpdate(slot);
  }

  /** No event of a feed is fresh any more. */
  age(slot: number): void { this.clearNotes(slot, FRESH_MASK); }

  /**
   * Whether a row has this node's claim. Not if the events go to the peer, which would request them again, nor if the
   * peer would send again what was refused.
   */
  hasClaim(slot: number): boolean { return !this.hasNote(slot, NOTE_TO_SEND | NOTE_VAIN); }

  /** The sequence number that this node claims of a feed. */
  claimedSequence(slot: number): number {
    return slot === OWN_SLOT && this.ownWithheld ? 0 : this.feeds.sequence(slot);
  }

  /** The first 16 bits of the tip that this node claims of a feed; 0: not known. */
  claimedTip(slot: number): number {
    return this.feeds.isComplete(slot) && this.claimedSequence(slot) > 0 ? shortTip(this.feeds.tipFirst(slot)) : 0;
  }

  /** Bytes that `writeRow` writes. */
  rowBytes(slot: number): number {
    const shown = this.shownSlot(slot);
    const sequence = this.claimedSequence(shown);
    return sequence === 0 ? 1 : varintBytes(sequence) + varintBytes(this.feeds.generation(shown)) + 2;
  }

  /** Writes this node's claim on a feed into the author's row (PROTOCOL 10.3). */
  writeRow(writer: Writer, slot: number): void {
    const shown = this.shownSlot(slot);
    const sequence = this.claimedSequence(shown);
    writer.varint(sequence);
    if (sequence === 0) return;
    writer.varint(this.feeds.generation(shown));
    writer.u16(this.claimedTip(shown));
  }

  /** The slot of what the row shows: the feed, or the branch that is read of it. */
  private shownSlot(slot: number): number {
    return this.hasNote(slot, NOTE_BRANCH) ? branchSlot(this.feeds) : slot;
  }

  /** The fresh events of an author ride along with the author's row. */
  noteUpdates(): void {
    const isSigned = this.feeds.signing !== undefined;
    for (let slot = 0; slot < this.feeds.arena.capacity; slot++) {
      // PROTOCOL 10.10: the last times the row goes alone, and whoever lacks the events requests them.
      if (isSigned && this.rows.transmitsLeft(slot) <= ROW_ALONE_TRANSMITS) continue;
      const isUpdate = this.fresh(slot) > 0 && this.rows.isHeld(slot) && this.rows.hasFlag(slot, FLAG_SENT_AS_UPDATE);
      if (isUpdate && this.hasClaim(slot) && this.claimedSequence(slot) > 0) this.setNote(slot, NOTE_UPDATE);
    }
  }

  /**
   * Writes what is left for the peer as far as it fits, the fresh events of this frame, and
   * the feeds hash. Returns whether nothing is left for the peer.
   *
   * @param isAnswer whether the frame goes to the peer that is answered
   */
  write(writer: FrameWriter, isAnswer: boolean): boolean {
    const isDone = !this.isNoted || this.writeEvents(writer, isAnswer);
    if (writer.writeFeedsHash(this.rows)) this.noteShown(writer.counter);
    return writeGaps(this.feeds, writer, this, isAnswer) && isDone;
  }

  private writeEvents(writer: FrameWriter, isAnswer: boolean): boolean {
    if (isAnswer && this.toSendCount > 0 && writer.beginEvents(SECTION_SNAPSHOT)) {
      this.begin();
      this.eachInTurn((slot) => this.writeSnapshotChunks(writer, slot));
      writer.endSection();
    }
    if (writer.beginEvents(SECTION_EVENTS)) {
      this.begin();
      this.eachInTurn((slot) => this.writeFresh(writer, slot, isAnswer));
      // PROTOCOL 10.4: one batch of each author in turn.
      const writeBatch = (slot: number): boolean => this.writeNextBatch(writer, slot);
      while (isAnswer && this.toSendCount > 0 && this.eachInTurn(writeBatch)) continue;
      writer.endSection();
    }
    return this.toSendCount === 0;
  }

  private noteShown(counter: number): void {
    const feeds = this.feeds;
    const word = this.rows.feedsHash === undefined ? 0 : this.rows.feedsHash.word();
    if (feeds.state(SHOWN_SINCE) !== 0 && feeds.state(SHOWN_FEEDS) === word) return;
    feeds.setState(SHOWN_FEEDS, word);
    feeds.setState(SHOWN_SINCE, counter);
  }

  /** The feeds hash that the frame with this counter had; UNLIKE: it is not known any more. */
  feedsHashOf(counter: number): number {
    const isKnown = ((counter - this.feeds.state(SHOWN_SINCE)) | 0) >= 0;
    return isKnown ? this.feeds.state(SHOWN_FEEDS) : UNLIKE;
  }

  /** Returns whether any call returned true. */
  private eachInTurn(write: (slot: number) => boolean): boolean {
    const capacity = this.feeds.arena.capacity;
    const turn = this.feeds.state(OUTBOX_TURN);
    let any = false;
    for (let i = 0; i < capacity; i++) {
      if (write((turn + i) % capacity)) any = true;
    }
    return any;
  }

  /** Writes a feed's snapshot as far as it fits. Batches follow it. */
  private writeSnapshotChunks(writer: FrameWriter, slot: number): boolean {
    if (!this.hasNote(slot, NOTE_TO_SEND) || this.peerLacks(slot) !== LACKS_SNAPSHOT) return false;
    let after = this.snapshotAfter(
      slot, this.feeds.generation(slot), this.peerSequence(slot), this.isPeerComplete(slot),
    );
    for (let isEnd = false; !isEnd;) {
      const before = writer.position;
      after = this.writeSnapshotChunk(writer, slot, after);
      if (writer.position === before) break;
      isEnd = this.isComplete;
      this.notePeerHolds(slot, after, isEnd);
    }
    return true;
  }

  private writeNextBatch(writer: FrameWriter, slot: number): boolean {
    if (!this.hasNote(slot, NOTE_TO_SEND)) return false;
    const lacks = this.peerLacks(slot);
    if (lacks === LACKS_SNAPSHOT) return false;
    const from = this.peerSequence(slot) + 1;
    const next = lacks === LACKS_NOTHING ? from : this.writeBatch(writer, slot, from);
    if (next > from) this.notePeerHolds(slot, next - 1, true);
    if (this.peerLacks(slot) === LACKS_NOTHING) {
      this.clearNotes(slot, NOTE_TO_SEND);
      this.toSendCount--;
    }
    return next > from;
  }

  private writeFresh(writer: FrameWriter, slot: number, isAnswer: boolean): boolean {
    if (!this.hasNote(slot, NOTE_UPDATE)) return false;
    this.clearNotes(slot, NOTE_UPDATE);
    const last = this.feeds.sequence(slot);
    // PROTOCOL 10.10: the answered peer has just shown that it holds them.
    const isShown = this.peerSequence(slot) === last && this.peerTip(slot) === this.claimedTip(slot);
    if (isAnswer && isShown && this.feeds.signing !== undefined) return true;
    const floor = this.feeds.floor(slot);
    const from = Math.max(last + 1 - this.fresh(slot), floor);
    if (from <= last && this.feeds.isComplete(slot)) this.writeBatch(writer, slot, from);
    return true;
  }

  /** Once the peer has this frame, it holds a feed up to an event, and knows the tip if its feed is complete. */
  private notePeerHolds(slot: number, sequence: number, isComplete: boolean): void {
    this.feeds.arena.set(slot, PEER_SEQUENCE, sequence);
    this.clearNotes(slot, TIP_MASK);
    if (isComplete) this.setNote(slot, 1);
  }

  private isPeerComplete(slot: number): boolean {
    return this.peerSequence(slot) === 0 || this.peerTip(slot) !== 0;
  }

  private fresh(slot: number): number {
    return (this.feeds.arena.get(slot, NOTES) & FRESH_MASK) >>> FRESH_SHIFT;
  }
}
