import { DROP_NONE, DROP_SECTION } from "../wire/drops.js";
import { SECTION_GAP, SECTION_HEAD_BYTES, SECTION_HISTORY, SEQUENCE_MAX, TYPE_SYN } from "../wire/frame.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { shortTip } from "./chain.js";
import type { FeedStore } from "./feed-store.js";
import { GAP_REQUESTED, GAP_TURN, SEND_BELOW, SEND_HISTORY_OF } from "./state-words.js";
import type { BatchWriter } from "./batch-writer.js";

/** Most feeds that one GAP requests. */
export const GAPS_MAX = 4;

/**
 * Fills gaps (PROTOCOL 10.5): archive nodes request the events from before the floors of their
 * feeds. Such a node requests up to GAPS_MAX feeds in each of its SYNs, in turn, and requests
 * more as long as answers have new events. Every node with feeds answers such requests, with
 * batches that end just below the requested floor, the last batch first.
 *
 * The turn is kept from one input to the next. A peer's request is forgotten with the next
 * input.
 */
export class Gaps {
  /** Whether this node fills the gaps in its own feeds. */
  readonly isFilling: boolean;
  private readonly feeds: FeedStore;
  readonly rows: Rows;
  /** Whether an answer had history. The peer may have gaps in other feeds, too. */
  hasSent = false;

  constructor(feeds: FeedStore, rows: Rows, isFilling: boolean) {
    this.feeds = feeds;
    this.rows = rows;
    this.isFilling = isFilling;
  }

  /** Drops what the last input requested. */
  clear(): void {
    this.feeds.setState(GAP_REQUESTED, 0);
    this.feeds.setState(SEND_HISTORY_OF, 0);
    this.hasSent = false;
  }

  /** Whether there is something to send to the answered peer. */
  isPending(): boolean { return this.isSending() || this.isRequesting(); }

  private isRequesting(): boolean { return this.feeds.state(GAP_REQUESTED) !== 0; }
  private isSending(): boolean { return this.feeds.state(SEND_HISTORY_OF) !== 0; }

  /**
   * Handles a section GAP that `checkGap` found well-formed. The peer gets the first feed of
   * which this node holds more.
   *
   * @param isOwnWithheld whether the own feed is withheld
   */
  handle(frame: FrameReader, isOwnWithheld: boolean): void {
    while (frame.more()) {
      const slot = this.rows.find(frame.u32());
      const generation = frame.varint();
      const floor = frame.varint();
      const tip = frame.u16();
      const isSent = slot >= 0 && (slot !== OWN_SLOT || !isOwnWithheld);
      if (this.isSending() || !isSent || !this.holdsBelow(slot, generation, floor, tip)) continue;
      this.feeds.setState(SEND_HISTORY_OF, slot + 1);
      this.feeds.setState(SEND_BELOW, floor);
    }
  }

  /** An answer had history of a feed. The peer may hold more of it. */
  requestMore(slot: number): void {
    this.feeds.setState(GAP_TURN, slot);
    this.feeds.setState(GAP_REQUESTED, this.nextGap() >= 0 ? 1 : 0);
  }

  /**
   * Writes this node's request, and the history that the peer requested as far as it fits.
   * Returns whether nothing is left.
   *
   * @param isAnswer whether the frame goes to the peer that is answered
   */
  write(writer: FrameWriter, batches: BatchWriter, isAnswer: boolean): boolean {
    if (this.isFilling && (isAnswer ? this.isRequesting() : writer.type === TYPE_SYN)) this.writeGap(writer);
    return !isAnswer || !this.isSending() || this.writeHistory(writer, batches);
  }

  private writeGap(writer: FrameWriter): void {
    let passed = this.nextGap();
    if (passed < 0 || writer.room() < GAP_BYTES_MAX) return;
    this.feeds.setState(GAP_REQUESTED, 0);
    writer.beginEvents(SECTION_GAP);
    const capacity = this.feeds.arena.capacity;
    const start = this.feeds.state(GAP_TURN);
    for (let count = 0; passed >= 0 && count < GAPS_MAX && writer.room() >= ENTRY_BYTES_MAX; count++) {
      const slot = (start + passed) % capacity;
      const floor = this.feeds.floor(slot);
      writer.u32(this.feeds.author(slot));
      writer.varint(this.feeds.generation(slot));
      writer.varint(floor);
      writer.u16(shortTip(this.feeds.tipFirstAt(slot, floor - 1)));
      // If the peer has nothing of these feeds, the others have their turn before they are requested again.
      this.feeds.setState(GAP_TURN, (slot + 1) % capacity);
      passed = this.nextGapAfter(start, passed + 1);
    }
    writer.endSection();
  }

  private writeHistory(writer: FrameWriter, batches: BatchWriter): boolean {
    if (!writer.beginEvents(SECTION_HISTORY)) return false;
    const feeds = this.feeds;
    const slot = feeds.state(SEND_HISTORY_OF) - 1;
    const floor = feeds.floor(slot);
    let below = feeds.state(SEND_BELOW);
    batches.begin();
    for (let before = 0; below > floor && below !== before;) {
      before = below;
      below = batches.writeHistory(writer, slot, before);
      if (below < before) this.hasSent = true;
    }
    writer.endSection();
    feeds.setState(SEND_BELOW, below);
    const isDone = below <= floor;
    if (isDone) feeds.setState(SEND_HISTORY_OF, 0);
    return isDone;
  }

  /** The distance from `turn` to the next slot with a gap; -1: none, or too little room to request any. */
  private nextGap(): number {
    // Making room frees an eighth of the arena. With less than a quarter free, a node could lose the history that
    // it gets and request it without end.
    const arena = this.feeds.arena;
    const isRoomy = this.isFilling && arena.room() >= arena.size() >>> REQUEST_SHIFT;
    return isRoomy ? this.nextGapAfter(this.feeds.state(GAP_TURN), 0) : -1;
  }

  private nextGapAfter(start: number, from: number): number {
    const capacity = this.feeds.arena.capacity;
    for (let passed = from; passed < capacity; passed++) {
      if (this.hasGap((start + passed) % capacity)) return passed;
    }
    return -1;
  }

  private hasGap(slot: number): boolean {
    const feeds = this.feeds;
    // What lies below the floor of a cut feed has an event that is too long.
    return slot !== OWN_SLOT && feeds.floor(slot) > 1 && feeds.sequence(slot) > 0 && feeds.isComplete(slot)
      && (!feeds.isCut(slot) || feeds.signing !== undefined);
  }

  /** Whether this node holds events of a feed below `floor`, and the tip before `floor` is the same. */
  private holdsBelow(slot: number, generation: number, floor: number, tip: number): boolean {
    const feeds = this.feeds;
    const isHeld = feeds.generation(slot) === generation && feeds.isComplete(slot) && feeds.floor(slot) < floor
      && feeds.sequence(slot) >= floor - 1;
    return isHeld && shortTip(feeds.tipFirstAt(slot, floor - 1)) === tip;
  }
}

/** Checks a section GAP (PROTOCOL 10.3). Returns a drop reason. */
export function checkGap(frame: FrameReader): number {
  let count = 0;
  for (; frame.more() && count <= GAPS_MAX; count++) {
    frame.skip(4);
    frame.varint();
    const floor = frame.varint();
    if (frame.u16() === 0 || floor < 2 || floor > SEQUENCE_MAX) return DROP_SECTION;
  }
  return frame.failed || count === 0 || count > GAPS_MAX ? DROP_SECTION : DROP_NONE;
}

/** Bytes of author, generation, floor and tip. */
const ENTRY_BYTES_MAX = 16;
const GAP_BYTES_MAX = SECTION_HEAD_BYTES + ENTRY_BYTES_MAX;
/** Right shift for a quarter of the arena. */
const REQUEST_SHIFT = 2;
