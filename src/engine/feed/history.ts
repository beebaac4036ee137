import type { Reader } from "../wire/cursor.js";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
} from "../wire/drops.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { recordWords } from "./arena.js";
import type { EventData } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import { type BatchData, beginBatches, readBatch, readBatchEvent, rewindBatch } from "./batches.js";

/**
 * Takes in what comes before the floor of a feed: runs as in `Intake`, each behind
 * the tip before its first event. It must lead to the tip that is held for its last
 * one, so that its author said all of it. It is verified whole before anything is
 * applied, and nothing that is held makes room for it.
 *
 * The application is not told of such events, since each feed is told in its order;
 * its views are, by `takeUntold`.
 */
export class History {
  /** Events that the last call took in. */
  applied = 0;
  /** The slot of the feed that the views are to be told of; -1 for none, -2 for several. */
  unnotifiedSlot = NO_SLOT;
  /** Sequence numbers of the first and last event of those. */
  unnotifiedFrom = 0;
  unnotifiedTo = 0;
  private readonly feeds: FeedStore;

  constructor(feeds: FeedStore) {
    this.feeds = feeds;
  }

  /**
   * Takes in a run of the author whose row is in `slot`, before whose first event the
   * tip is `tipFirst`, `tipSecond`. The reader is where `readRun` left it, before and
   * after. Returns a drop reason.
   */
  handle(
    slot: number, reader: Reader, run: BatchData, event: EventData, tipFirst: number, tipSecond: number,
  ): number {
    const feeds = this.feeds;
    this.applied = 0;
    const floor = feeds.floor(slot);
    const last = run.first + run.count - 1;
    if (run.generation < feeds.generation(slot)) return DROP_OLD_GENERATION;
    if (run.generation > feeds.generation(slot) || !feeds.isComplete(slot)) return DROP_GAP;
    if (last + 1 < floor || last > feeds.sequence(slot)) return DROP_GAP;
    if (run.first >= floor) return DROP_DUPLICATE;
    const end = reader.position;
    const words = this.verify(slot, reader, run, event, tipFirst, tipSecond);
    let reason = words < 0 ? DROP_FORK : this.hasRoom(words) ? DROP_NONE : DROP_ARENA_FULL;
    if (words === TOO_LONG) reason = DROP_EVENT;
    if (reason === DROP_NONE) {
      feeds.lowerFloor(slot, run.first, tipFirst, tipSecond);
      this.store(slot, reader, run, event, floor);
      this.noteUnnotified(slot, run.first, floor - 1);
    }
    rewindBatch(reader, run, false);
    for (let i = 0; i < run.count; i++) readBatchEvent(reader, run, event, false);
    reader.position = end;
    return reason;
  }

  /** Follows the chain, and keeps the tips. Returns how many words the new events take, or why not. */
  private verify(
    slot: number, reader: Reader, run: BatchData, event: EventData, tipFirst: number, tipSecond: number,
  ): number {
    const feeds = this.feeds;
    const chain = feeds.chain;
    const tips = feeds.tipsAt();
    const floor = feeds.floor(slot);
    let words = 0;
    chain.begin(feeds.author(slot), run.generation, tipFirst, tipSecond);
    rewindBatch(reader, run, false);
    for (let i = 0; i < run.count; i++) {
      readBatchEvent(reader, run, event, false);
      const length = feeds.draftOf(reader, event);
      if (length < 0) return TOO_LONG;
      chain.link(run.sequence, length);
      feeds.arena.words[tips + i * 2] = chain.first();
      feeds.arena.words[tips + i * 2 + 1] = chain.second();
      if (run.sequence < floor) words += recordWords(length);
    }
    const isTrue = chain.first() === feeds.tipFirstAt(slot, run.sequence)
      && chain.second() === feeds.tipSecondAt(slot, run.sequence) && chain.first() === run.check;
    return isTrue ? words : UNTRUE;
  }

  /** Whether enough stays free for what comes next: an eighth, as when room is made, and any one event. */
  private hasRoom(words: number): boolean {
    const arena = this.feeds.arena;
    const left = arena.room() - words;
    return left >= arena.size() >>> LEFT_SHIFT && left >= recordWords(this.feeds.eventBytesMax);
  }

  private store(slot: number, reader: Reader, run: BatchData, event: EventData, floor: number): void {
    const feeds = this.feeds;
    const arena = feeds.arena;
    rewindBatch(reader, run, false);
    for (let i = 0; i < run.count && run.first + i < floor; i++) {
      readBatchEvent(reader, run, event, false);
      const tip = feeds.tipsAt() + i * 2;
      const length = feeds.draftOf(reader, event);
      // Values of a snapshot are on the word of who sent them. These are not.
      const held = arena.find(slot, run.sequence);
      if (held !== 0 && !this.isSame(held, length)) arena.freeOnceNotified(held);
      feeds.store(slot, run.sequence, arena.words[tip], arena.words[tip + 1], length);
      this.applied++;
    }
  }

  /** Whether a record has the event at `chain.eventAt`. */
  private isSame(record: number, length: number): boolean {
    const arena = this.feeds.arena;
    const bytes = arena.bytes;
    const start = arena.eventAt(record);
    const draft = this.feeds.chain.eventAt;
    if (arena.eventLength(record) !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[draft + i]) return false;
    return true;
  }

  private noteUnnotified(slot: number, from: number, to: number): void {
    if (this.unnotifiedSlot === NO_SLOT) {
      this.unnotifiedSlot = slot;
      this.unnotifiedTo = to;
    } else if (this.unnotifiedSlot !== slot) {
      this.unnotifiedSlot = SEVERAL_SLOTS;
    }
    // Of one feed each run comes before the one before.
    this.unnotifiedFrom = from;
  }
}

/** Checks a section HISTORY. Returns a drop reason. */
export function checkHistory(frame: FrameReader, run: BatchData, event: EventData): number {
  beginBatches(run);
  while (frame.more()) {
    const hasTip = frame.u32() !== 0;
    const isTip = frame.u32() !== 0 || hasTip;
    const reason = readBatch(frame, run, event, frame.id, false);
    if (reason !== DROP_NONE) return reason;
    // Only before the first event there is none.
    if (isTip !== run.first > 1) return DROP_EVENT;
  }
  return DROP_NONE;
}

/** Of `untoldSlot`. */
export const NO_SLOT = -1;
export const SEVERAL_SLOTS = -2;

const TOO_LONG = -1;
const UNTRUE = -2;
/** An eighth of the arena. */
const LEFT_SHIFT = 3;
