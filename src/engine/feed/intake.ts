import { recordWords } from "./arena.js";
import type { Reader } from "../wire/cursor.js";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
} from "../wire/drops.js";
import { type EventData, canonicalBytes } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import { type BatchData, readBatchEvent, rewindBatch } from "./batches.js";

/**
 * Takes in what other nodes send of feeds. A run or part is verified whole before
 * anything of it is applied, and each call returns a drop reason: DROP_NONE when
 * something was new. The reader is where `readRun` left it, before and after.
 *
 * A run must begin at the next event, or before it, and lead to its check: the
 * first word of the tip after its last event.
 *
 * A part of a snapshot says: these are the values that are alive, at `base`, of
 * those from `after` on up to a number. Parts may come from several nodes, whose
 * bases differ. What a later base would add is told by events, which follow; but
 * what ended a value may not be held any more, so that nobody tells it. Therefore
 * a part is only of use if nothing ended a value (`erased`) after the least of the
 * bases so far (`Feeds.asOf`); otherwise the snapshot comes in from the start.
 * Its check is the first word of a chain like a feed's: of the last part's tip (8
 * bytes, else none) under the number `base`, then of its events, from the tip
 * `after`, `erased` on.
 */
export class Intake {
  /** Events that the last call took in. */
  applied = 0;
  private readonly feeds: FeedStore;

  constructor(feeds: FeedStore) {
    this.feeds = feeds;
  }

  /** Takes in a run of the author whose row is in `slot`. */
  handleBatch(slot: number, reader: Reader, run: BatchData, event: EventData): number {
    const feeds = this.feeds;
    this.applied = 0;
    if (run.generation < feeds.generation(slot)) return DROP_OLD_GENERATION;
    const isNew = run.generation > feeds.generation(slot);
    const held = isNew ? 0 : feeds.sequence(slot);
    const last = run.first + run.count - 1;
    if (last <= held) return this.contradicts(slot, run, last) ? DROP_FORK : DROP_DUPLICATE;
    if (run.first > held + 1 || (!isNew && !feeds.isComplete(slot))) return DROP_GAP;
    const end = reader.position;
    const words = this.verifyBatch(slot, reader, run, event, held);
    let reason = words === UNFIT ? DROP_EVENT : DROP_FORK;
    if (words >= 0) {
      if (isNew) feeds.begin(slot, run.generation);
      else if (held === 0) feeds.startOver(slot);
      reason = this.storeBatch(slot, reader, run, event, feeds.reserve(words));
    }
    this.passOver(reader, run, event, end);
    return reason;
  }

  /** Takes in a part of a snapshot of the author whose row is in `slot`. */
  handleSnapshotChunk(slot: number, reader: Reader, part: BatchData, event: EventData): number {
    const feeds = this.feeds;
    this.applied = 0;
    if (part.generation < feeds.generation(slot)) return DROP_OLD_GENERATION;
    const isNew = part.generation > feeds.generation(slot);
    const isWhole = isNew || feeds.isComplete(slot);
    if (!isNew && isWhole && part.base <= feeds.sequence(slot)) return DROP_DUPLICATE;
    const end = reader.position;
    const isTrue = this.verifySnapshotChunk(slot, reader, part, event);
    let reason = isTrue ? this.placeSnapshotChunk(slot, part, isNew, isWhole) : DROP_EVENT;
    if (reason === DROP_NONE) reason = this.storeSnapshotChunk(slot, reader, part, event);
    this.passOver(reader, part, event, end);
    return reason;
  }

  /** Whether a run has another tip after an event that is held. */
  private contradicts(slot: number, run: BatchData, last: number): boolean {
    const feeds = this.feeds;
    if (!feeds.isComplete(slot)) return false;
    if (last === feeds.sequence(slot)) return feeds.tipFirst(slot) !== run.check;
    const record = last < feeds.floor(slot) ? 0 : feeds.arena.find(slot, last);
    return record !== 0 && feeds.arena.tipFirst(record) !== run.check;
  }

  /** Follows the chain, and keeps the tips. Returns how many words the new events take, or why not. */
  private verifyBatch(slot: number, reader: Reader, run: BatchData, event: EventData, held: number): number {
    const feeds = this.feeds;
    const chain = feeds.chain;
    const tips = feeds.tipsAt();
    let words = 0;
    chain.begin(feeds.author(slot), run.generation, held === 0 ? 0 : feeds.tipFirst(slot),
      held === 0 ? 0 : feeds.tipSecond(slot));
    rewindBatch(reader, run, false);
    for (let i = 0; i < run.count; i++) {
      readBatchEvent(reader, run, event, false);
      if (run.sequence <= held) continue;
      const length = feeds.draftOf(reader, event);
      if (length < 0 || (run.sequence === held + 1 && !this.isLater(slot, held, event))) return UNFIT;
      chain.link(run.sequence, length);
      feeds.arena.words[tips + i * 2] = chain.first();
      feeds.arena.words[tips + i * 2 + 1] = chain.second();
      words += recordWords(length);
    }
    return chain.first() === run.check ? words : UNTRUE;
  }

  /** Whether a stamp is later than that of the last event that is held: stamps rise along a feed. */
  private isLater(slot: number, held: number, event: EventData): boolean {
    const feeds = this.feeds;
    const last = held === 0 ? 0 : feeds.arena.find(slot, held);
    return last === 0 || event.ms > feeds.ms(last)
      || (event.ms === feeds.ms(last) && event.counter > feeds.counter(last));
  }

  private storeBatch(slot: number, reader: Reader, run: BatchData, event: EventData, hasRoom: boolean): number {
    const feeds = this.feeds;
    const words = feeds.arena.words;
    const held = feeds.sequence(slot);
    rewindBatch(reader, run, false);
    for (let i = 0; i < run.count; i++) {
      readBatchEvent(reader, run, event, false);
      if (run.sequence <= held) continue;
      if (!hasRoom && !feeds.reserve(recordWords(canonicalBytes(event)))) return DROP_ARENA_FULL;
      const tip = feeds.tipsAt() + i * 2;
      const length = feeds.draftOf(reader, event);
      if (!feeds.store(slot, run.sequence, words[tip], words[tip + 1], length)) return DROP_ARENA_FULL;
      feeds.advance(slot, run.sequence);
      this.applied++;
    }
    return DROP_NONE;
  }

  private verifySnapshotChunk(slot: number, reader: Reader, part: BatchData, event: EventData): boolean {
    const feeds = this.feeds;
    const chain = feeds.chain;
    beginChunkCheck(
      feeds, slot, part.generation, part.first, part.base, part.lastRemoval, part.tipFirst, part.tipSecond,
    );
    rewindBatch(reader, part, true);
    for (let i = 0; i < part.count; i++) {
      readBatchEvent(reader, part, event, true);
      const length = feeds.draftOf(reader, event);
      if (length < 0) return false;
      chain.link(part.sequence, length);
    }
    return chain.first() === part.check;
  }

  /** Whether a part goes on with what is held. Starts over where it can't, or returns a drop reason. */
  private placeSnapshotChunk(slot: number, part: BatchData, isNew: boolean, isWhole: boolean): number {
    const feeds = this.feeds;
    if (isNew) feeds.begin(slot, part.generation);
    if (part.lastRemoval > feeds.asOf(slot)) {
      // A whole feed waits until the snapshot starts where it should.
      if (isWhole && part.first > 0) return DROP_GAP;
      feeds.startOver(slot);
    }
    const sequence = feeds.sequence(slot);
    if (part.first > sequence) return DROP_GAP;
    const end = part.isLast ? part.base : part.sequence;
    return end < sequence || (end === sequence && !part.isLast) ? DROP_DUPLICATE : DROP_NONE;
  }

  private storeSnapshotChunk(slot: number, reader: Reader, part: BatchData, event: EventData): number {
    const feeds = this.feeds;
    const held = feeds.sequence(slot);
    const asOf = Math.min(feeds.asOf(slot), part.base);
    if (feeds.isComplete(slot)) feeds.enterSnapshot(slot);
    let before = held;
    feeds.advanceSnapshot(slot, before, asOf);
    rewindBatch(reader, part, true);
    for (let i = 0; i < part.count; i++) {
      readBatchEvent(reader, part, event, true);
      if (part.sequence <= held) continue;
      if (!feeds.reserve(recordWords(canonicalBytes(event)))) return DROP_ARENA_FULL;
      feeds.markUncertain(slot, before, part.sequence);
      if (!feeds.store(slot, part.sequence, 0, 0, feeds.draftOf(reader, event))) return DROP_ARENA_FULL;
      before = part.sequence;
      feeds.advanceSnapshot(slot, before, asOf);
      this.applied++;
    }
    if (!part.isLast) return DROP_NONE;
    feeds.markUncertain(slot, before, part.base + 1);
    feeds.endSnapshot(slot, part.base, part.tipFirst, part.tipSecond, part.lastRemoval);
    return DROP_NONE;
  }

  /** Reads on to where `readRun` left the reader, so that the stamps of the next run are relative to the right one. */
  private passOver(reader: Reader, run: BatchData, event: EventData, end: number): void {
    const isPart = run.base > 0;
    rewindBatch(reader, run, isPart);
    for (let i = 0; i < run.count; i++) readBatchEvent(reader, run, event, isPart);
    reader.position = end;
  }
}

/** Too long, or with a stamp that is not later than the last one. */
const UNFIT = -1;
const UNTRUE = -2;

/** Starts the check of a part: a tip of zeros is none. */
export function beginChunkCheck(
  feeds: FeedStore, slot: number, generation: number, after: number, base: number, erased: number,
  tipFirst: number, tipSecond: number,
): void {
  const writer = feeds.draft();
  const isLast = tipFirst !== 0 || tipSecond !== 0;
  writer.u32(tipFirst);
  writer.u32(tipSecond);
  feeds.chain.begin(feeds.author(slot), generation, after, erased);
  feeds.chain.link(base, isLast ? 8 : 0);
}
