import { DROP_NONE, DROP_SECTION } from "../wire/drops.js";
import { SECTION_GAP, SECTION_HEAD_BYTES, SECTION_HISTORY, SEQUENCE_MAX, TYPE_SYN } from "../wire/frame.js";
import type { FrameReader } from "../wire/frame-reader.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { shown } from "./chain.js";
import type { FeedStore } from "./feed-store.js";
import type { BatchWriter } from "./batch-writer.js";

/** Most feeds that one GAP asks for. */
export const GAPS_MAX = 4;

/**
 * How nodes that keep everything fill what they lack at the beginning of a feed:
 * what is below its floor. Such a node asks, in its SYNs, for a few feeds at a
 * time in turn, and goes on asking for as long as answers bring something. Any
 * node with feeds answers, with runs that end just below the asker's floor, the
 * last one first.
 *
 * What is kept of this from one input to the next is whose turn it is; what a
 * peer asked for is forgotten with the next input.
 */
export class Gaps {
  /** Whether this node fills its own. */
  readonly isFilling: boolean;
  private readonly feeds: FeedStore;
  private readonly rows: Rows;
  /** The slot to begin with when the next GAP is written. */
  private turn = 0;
  /** Whether the peer is asked once more in the answer. */
  private isAsking = false;
  /** The feed whose history goes to the peer, which holds it from `below` on; -1 for none. */
  private slot = -1;
  private below = 0;
  /** Whether some of it went out: the peer may have gaps in other feeds, too. */
  hasSent = false;

  constructor(feeds: FeedStore, rows: Rows, isFilling: boolean) {
    this.feeds = feeds;
    this.rows = rows;
    this.isFilling = isFilling;
  }

  /** Drops what the last input left. */
  clear(): void {
    this.isAsking = false;
    this.slot = -1;
    this.hasSent = false;
  }

  /** Whether there is something for the peer that is answered. */
  isPending(): boolean { return this.slot >= 0 || this.isAsking; }

  /**
   * Takes in a section GAP, which is well-formed: the first feed of which this node
   * holds more is given.
   *
   * @param isOwnQuiet the own feed is not told of
   */
  handle(frame: FrameReader, isOwnQuiet: boolean): void {
    while (frame.more()) {
      const slot = this.rows.find(frame.u32());
      const generation = frame.varint();
      const floor = frame.varint();
      const tip = frame.u16();
      const isTold = slot >= 0 && (slot !== OWN_SLOT || !isOwnQuiet);
      if (this.slot >= 0 || !isTold || !this.holdsBelow(slot, generation, floor, tip)) continue;
      this.slot = slot;
      this.below = floor;
    }
  }

  /** An answer brought history of a feed, and there may be more where it came from. */
  askOn(slot: number): void {
    this.turn = slot;
    this.isAsking = this.nextGap() >= 0;
  }

  /**
   * Writes what is asked of the peer, and what it gets, as far as it fits. Returns
   * whether all of that is said.
   *
   * @param isAnswer whether the frame goes to the peer that is answered
   */
  write(writer: FrameWriter, runs: BatchWriter, isAnswer: boolean): boolean {
    if (this.isFilling && (isAnswer ? this.isAsking : writer.type === TYPE_SYN)) this.writeGap(writer);
    return !isAnswer || this.slot < 0 || this.writeHistory(writer, runs);
  }

  private writeGap(writer: FrameWriter): void {
    let passed = this.nextGap();
    if (passed < 0 || writer.room() < GAP_BYTES_MAX) return;
    this.isAsking = false;
    writer.beginEvents(SECTION_GAP);
    const capacity = this.feeds.arena.capacity;
    const start = this.turn;
    for (let count = 0; passed >= 0 && count < GAPS_MAX && writer.room() >= ENTRY_BYTES_MAX; count++) {
      const slot = (start + passed) % capacity;
      const floor = this.feeds.floor(slot);
      writer.u32(this.feeds.author(slot));
      writer.varint(this.feeds.generation(slot));
      writer.varint(floor);
      writer.u16(shown(this.feeds.tipFirstAt(slot, floor - 1)));
      // Whoever has nothing of these is not asked for them again before the others had their turn.
      this.turn = (slot + 1) % capacity;
      passed = this.nextGapAfter(start, passed + 1);
    }
    writer.endIds();
  }

  private writeHistory(writer: FrameWriter, runs: BatchWriter): boolean {
    if (!writer.beginEvents(SECTION_HISTORY)) return false;
    const floor = this.feeds.floor(this.slot);
    runs.begin();
    for (let before = 0; this.below > floor && this.below !== before;) {
      before = this.below;
      this.below = runs.writeHistory(writer, this.slot, before);
      if (this.below < before) this.hasSent = true;
    }
    writer.endIds();
    const isDone = this.below <= floor;
    if (isDone) this.slot = -1;
    return isDone;
  }

  /** How many slots after that whose turn it is there is one with a gap; -1 for none that is worth asking for. */
  private nextGap(): number {
    // Making room frees an eighth: who asked then would lose again what comes, and ask without end.
    const arena = this.feeds.arena;
    const isRoomy = this.isFilling && arena.room() >= arena.size() >>> ASKING_SHIFT;
    return isRoomy ? this.nextGapAfter(this.turn, 0) : -1;
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
    return slot !== OWN_SLOT && feeds.floor(slot) > 1 && feeds.sequence(slot) > 0 && feeds.isComplete(slot);
  }

  /** Whether this node holds events of a feed below `floor`, and the same one just below it. */
  private holdsBelow(slot: number, generation: number, floor: number, tip: number): boolean {
    const feeds = this.feeds;
    const isHeld = feeds.generation(slot) === generation && feeds.isComplete(slot) && feeds.floor(slot) < floor
      && feeds.sequence(slot) >= floor - 1;
    return isHeld && shown(feeds.tipFirstAt(slot, floor - 1)) === tip;
  }
}

/** Checks a section GAP. Returns a drop reason. */
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

/** Author, generation, floor and tip. */
const ENTRY_BYTES_MAX = 16;
const GAP_BYTES_MAX = SECTION_HEAD_BYTES + ENTRY_BYTES_MAX;
/** A quarter of the arena. */
const ASKING_SHIFT = 2;
