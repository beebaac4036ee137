import { type Reader, varintBytes, type Writer } from "../wire/cursor.js";
import { SECTION_EVENTS, SECTION_SNAPSHOT } from "../wire/frame.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import type { ShownFeed } from "../table/row-data.js";
import { FLAG_SENT_AS_UPDATE, OWN_SLOT, type Rows } from "../table/rows.js";
import { NOTES, PEER_SEQUENCE } from "./arena.js";
import { shown } from "./chain.js";
import type { EventData } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import type { Gaps } from "./gaps.js";
import { LACKS_NOTHING, LACKS_SNAPSHOT, BatchWriter } from "./batch-writer.js";

/*
 * Notes on a feed:
 *
 * bits 0 to 15   of the tip that the peer showed; 0 when it has none
 * bits 16 to 19  how many of the last events are fresh: they go along while the author's row is news
 * bit 20 on      the flags below
 */
const TIP_MASK = 0xffff;
const FRESH_SHIFT = 16;
const FRESH_MAX = 15;
const FRESH_MASK = FRESH_MAX << FRESH_SHIFT;
/** The peer's frame has a row that shows what it holds of the feed. */
export const NOTE_SHOWN = 1 << 20;
/** The peer gets what it lacks of the feed. */
const NOTE_TO_SEND = 1 << 21;
/** Fresh events go into this frame. */
const NOTE_UPDATE = 1 << 22;
/** The peer's frame had something new of the feed. */
export const NOTE_APPLIED = 1 << 23;
/** What the peer showed is of a later generation. */
const NOTE_LATER = 1 << 24;

/**
 * What goes into frames of feeds: to the peer that is answered what it lacks of
 * them, and fresh events along with rows that are news. What is to be said is
 * noted at each feed; frames are written when they are taken, as in `Outbox`.
 */
export class FeedOutbox {
  private readonly feeds: FeedStore;
  private readonly rows: Rows;
  private readonly writer: BatchWriter;
  /** What is asked, and given, of what comes before that which is held. */
  readonly gaps: Gaps;
  /** The own feed is kept back: as if nothing of it were held. */
  ownWithheld = false;
  /** The generation of the own feed that the peer showed. */
  ownGeneration = 0;
  /** Feeds that the peer lacks something of. */
  private toSendCount = 0;
  /** Whether any feed has notes of the last input. */
  private isNoted = false;
  /** The slot to begin with: another one each time, so that all have their turn. */
  private turn = 0;

  /** @param reader which nobody reads with while frames are written @param event likewise */
  constructor(feeds: FeedStore, rows: Rows, reader: Reader, event: EventData, gaps: Gaps) {
    this.feeds = feeds;
    this.rows = rows;
    this.writer = new BatchWriter(feeds, reader, event);
    this.gaps = gaps;
  }

  /** Drops what the last input left. */
  clear(): void {
    this.gaps.clear();
    if (!this.isNoted) return;
    for (let slot = 0; slot < this.feeds.arena.capacity; slot++) this.clearNotes(slot, ~FRESH_MASK);
    this.isNoted = false;
    this.toSendCount = 0;
    this.turn = (this.turn + 1) % this.feeds.arena.capacity;
  }

  hasNote(slot: number, note: number): boolean { return (this.feeds.arena.get(slot, NOTES) & note) !== 0; }
  setNote(slot: number, note: number): void {
    this.feeds.arena.set(slot, NOTES, this.feeds.arena.get(slot, NOTES) | note);
    this.isNoted = true;
  }
  clearNotes(slot: number, notes: number): void {
    this.feeds.arena.set(slot, NOTES, this.feeds.arena.get(slot, NOTES) & ~notes);
  }
  /** Whether the peer showed to hold a later generation than this node. */
  isPeerLater(slot: number): boolean { return this.hasNote(slot, NOTE_LATER); }
  /** What the peer showed to hold of that generation, or of this node's: an earlier one is worth nothing. */
  peerSequence(slot: number): number { return this.feeds.arena.get(slot, PEER_SEQUENCE); }
  /** 16 bits of the tip that the peer showed. */
  peerTip(slot: number): number { return this.feeds.arena.get(slot, NOTES) & TIP_MASK; }

  /** Notes what the peer holds of a feed. */
  noteShown(slot: number, shown: ShownFeed): void {
    const held = this.feeds.generation(slot);
    const isEarlier = shown.generation < held;
    this.feeds.arena.set(slot, PEER_SEQUENCE, isEarlier ? 0 : shown.sequence);
    this.clearNotes(slot, TIP_MASK | NOTE_LATER);
    this.setNote(slot, NOTE_SHOWN | (isEarlier ? 0 : shown.tip) | (shown.generation > held ? NOTE_LATER : 0));
    if (slot === OWN_SLOT) this.ownGeneration = shown.generation;
  }

  /**
   * A feed has another generation now. What the peer showed of a later one counts
   * for that, if the peer's own events were what began it; else for nothing.
   */
  renewed(slot: number, isByPeer: boolean): void {
    if (!isByPeer || !this.isPeerLater(slot)) {
      this.feeds.arena.set(slot, PEER_SEQUENCE, 0);
      this.clearNotes(slot, TIP_MASK);
    }
    this.clearNotes(slot, NOTE_LATER);
  }

  /** Whether a peer that holds so much of a feed, as noted, lacks some of it. */
  lacks(slot: number): number {
    if (this.isPeerLater(slot)) return LACKS_NOTHING;
    return this.writer.lacks(slot, this.feeds.generation(slot), this.peerSequence(slot), this.isPeerComplete(slot));
  }

  /** Has the peer get what it lacks of a feed. */
  send(slot: number): void {
    if (this.hasNote(slot, NOTE_TO_SEND)) return;
    this.setNote(slot, NOTE_TO_SEND);
    this.toSendCount++;
  }

  /** Whether there is something for the peer. */
  isPending(): boolean { return this.toSendCount > 0 || this.gaps.isPending(); }

  /** So many more of a feed's last events are fresh. */
  refresh(slot: number, events: number): void {
    const before = this.rows.transmitsLeft(slot) === 0 ? 0 : this.fresh(slot);
    const fresh = Math.min(before + events, FRESH_MAX);
    this.clearNotes(slot, FRESH_MASK);
    this.setNote(slot, fresh << FRESH_SHIFT);
    if (this.rows.transmitsLeft(slot) < this.rows.transmitsOfUpdate()) this.rows.markUpdate(slot);
  }

  /** None of a feed's events is fresh any more. */
  age(slot: number): void { this.clearNotes(slot, FRESH_MASK); }

  /** Whether a row says what is held of its feed: not when that goes to the peer, who would ask for it. */
  isShown(slot: number): boolean { return !this.hasNote(slot, NOTE_TO_SEND); }

  /** A feed's sequence number as rows show it. */
  shownSequence(slot: number): number {
    return slot === OWN_SLOT && this.ownWithheld ? 0 : this.feeds.sequence(slot);
  }

  /** 16 bits of a feed's tip as rows show it; 0 when it is not known. */
  shownTip(slot: number): number {
    return this.feeds.isComplete(slot) && this.shownSequence(slot) > 0 ? shown(this.feeds.tipFirst(slot)) : 0;
  }

  /** Bytes that `writeRow` writes. */
  rowBytes(slot: number): number {
    const sequence = this.shownSequence(slot);
    return sequence === 0 ? 1 : varintBytes(sequence) + varintBytes(this.feeds.generation(slot)) + 2;
  }

  /** Writes what is held of a feed into its author's row. */
  writeRow(writer: Writer, slot: number): void {
    const sequence = this.shownSequence(slot);
    writer.varint(sequence);
    if (sequence === 0) return;
    writer.varint(this.feeds.generation(slot));
    writer.u16(this.shownTip(slot));
  }

  /** The rows that a frame takes along as news take their fresh events with them. */
  noteUpdates(): void {
    for (let slot = 0; slot < this.feeds.arena.capacity; slot++) {
      const isNews = this.fresh(slot) > 0 && this.rows.isHeld(slot) && this.rows.hasFlag(slot, FLAG_SENT_AS_UPDATE);
      if (isNews && this.isShown(slot) && this.shownSequence(slot) > 0) this.setNote(slot, NOTE_UPDATE);
    }
  }

  /**
   * Writes what is left for the peer as far as it fits, the fresh events of this
   * frame, and what ends it. Returns whether nothing is left for the peer.
   *
   * @param isAnswer whether the frame goes to the peer that is answered
   */
  write(writer: FrameWriter, isAnswer: boolean): boolean {
    const isDone = !this.isNoted || this.writeEvents(writer, isAnswer);
    writer.writeFeedsHash(this.rows);
    return this.gaps.write(writer, this.writer, isAnswer) && isDone;
  }

  private writeEvents(writer: FrameWriter, isAnswer: boolean): boolean {
    if (isAnswer && this.toSendCount > 0 && writer.beginEvents(SECTION_SNAPSHOT)) {
      this.writer.begin();
      this.eachInTurn((slot) => this.writeSnapshotChunks(writer, slot));
      writer.endIds();
    }
    if (writer.beginEvents(SECTION_EVENTS)) {
      this.writer.begin();
      this.eachInTurn((slot) => this.writeFresh(writer, slot));
      // One run of each author, then another of each.
      const writeBatch = (slot: number): boolean => this.writeBatch(writer, slot);
      while (isAnswer && this.toSendCount > 0 && this.eachInTurn(writeBatch)) continue;
      writer.endIds();
    }
    return this.toSendCount === 0;
  }

  /** Returns whether any call returned true. */
  private eachInTurn(write: (slot: number) => boolean): boolean {
    const capacity = this.feeds.arena.capacity;
    let any = false;
    for (let i = 0; i < capacity; i++) {
      if (write((this.turn + i) % capacity)) any = true;
    }
    return any;
  }

  /** A feed's snapshot, as far as it fits. What follows it are events. */
  private writeSnapshotChunks(writer: FrameWriter, slot: number): boolean {
    if (!this.hasNote(slot, NOTE_TO_SEND) || this.lacks(slot) !== LACKS_SNAPSHOT) return false;
    let after = this.writer.snapshotAfter(
      slot, this.feeds.generation(slot), this.peerSequence(slot), this.isPeerComplete(slot),
    );
    for (let isEnd = false; !isEnd;) {
      const before = writer.position;
      after = this.writer.writeSnapshotChunk(writer, slot, after);
      if (writer.position === before) break;
      isEnd = this.writer.isComplete;
      this.hasNow(slot, after, isEnd);
    }
    return true;
  }

  private writeBatch(writer: FrameWriter, slot: number): boolean {
    if (!this.hasNote(slot, NOTE_TO_SEND)) return false;
    const lacks = this.lacks(slot);
    if (lacks === LACKS_SNAPSHOT) return false;
    const from = this.peerSequence(slot) + 1;
    const next = lacks === LACKS_NOTHING ? from : this.writer.writeBatch(writer, slot, from);
    if (next > from) this.hasNow(slot, next - 1, true);
    if (this.lacks(slot) === LACKS_NOTHING) {
      this.clearNotes(slot, NOTE_TO_SEND);
      this.toSendCount--;
    }
    return next > from;
  }

  private writeFresh(writer: FrameWriter, slot: number): boolean {
    if (!this.hasNote(slot, NOTE_UPDATE)) return false;
    this.clearNotes(slot, NOTE_UPDATE);
    const last = this.feeds.sequence(slot);
    const floor = this.feeds.floor(slot);
    const from = Math.max(last + 1 - this.fresh(slot), floor);
    if (from <= last && this.feeds.isComplete(slot)) this.writer.writeBatch(writer, slot, from);
    return true;
  }

  /** The peer will have a feed up to an event, and its tip if it is whole then. */
  private hasNow(slot: number, sequence: number, isWhole: boolean): void {
    this.feeds.arena.set(slot, PEER_SEQUENCE, sequence);
    this.clearNotes(slot, TIP_MASK);
    if (isWhole) this.setNote(slot, 1);
  }

  private isPeerComplete(slot: number): boolean {
    return this.peerSequence(slot) === 0 || this.peerTip(slot) !== 0;
  }

  private fresh(slot: number): number {
    return (this.feeds.arena.get(slot, NOTES) & FRESH_MASK) >>> FRESH_SHIFT;
  }
}
