import type { Reader } from "../wire/cursor.js";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
  DROP_SIGNATURE,
} from "../wire/drops.js";
import type { FrameReader } from "../wire/frame-reader.js";
import { recordWords } from "./arena.js";
import { type BatchData, beginBatches, checkBatch, readBatchEvent, rewindBatch, skipBatch } from "./batches.js";
import type { EventData } from "./event.js";
import type { FeedStore } from "./feed-store.js";

/**
 * Applies the events from before the floor of a feed (PROTOCOL 10.5): batches as in `Intake`,
 * each behind the tip before its first event. A batch must lead to the tip that is held for its
 * last event, so that it is certain that its author published all of it. All of it is verified
 * before any of it is applied, and nothing that is held makes room for it.
 *
 * The application is not notified of such events, because it is notified of each feed in its
 * order. Its views are, by `EventApi`.
 */
export class History {
  /** How many events the last call applied. */
  applied = 0;
  /** The slot of the feed of which the views are to be notified, or NO_SLOT, or SEVERAL_SLOTS. */
  unnotifiedSlot = NO_SLOT;
  /** Sequence numbers of the first and the last of these events. */
  unnotifiedFrom = 0;
  unnotifiedTo = 0;
  private readonly feeds: FeedStore;

  constructor(feeds: FeedStore) {
    this.feeds = feeds;
  }

  /**
   * Applies a batch of the author whose row is in `slot`. The tip before its first event is
   * `tipFirst`, `tipSecond`. The reader is behind the head of the batch before the call, and
   * behind its check after. Returns a drop reason.
   */
  handle(
    slot: number, reader: Reader, batch: BatchData, event: EventData, tipFirst: number, tipSecond: number,
  ): number {
    const feeds = this.feeds;
    this.applied = 0;
    const floor = feeds.floor(slot);
    const reason = this.refusal(slot, batch, floor);
    if (reason !== DROP_NONE) {
      skipBatch(reader, batch, event);
      return reason;
    }
    const words = this.verify(slot, reader, batch, event, tipFirst, tipSecond);
    if (words < 0) return words === TOO_LONG ? DROP_EVENT : DROP_FORK;
    if (!this.isSigned(slot, batch.sequence)) return DROP_SIGNATURE;
    if (!this.hasRoom(words)) return DROP_ARENA_FULL;
    feeds.lowerFloor(slot, batch.first, tipFirst, tipSecond);
    this.store(slot, reader, batch, event, floor);
    this.noteUnnotified(slot, batch.first, floor - 1);
    return DROP_NONE;
  }

  /** Why a batch cannot be applied, judged by its head; DROP_NONE: nothing in the head forbids it. */
  private refusal(slot: number, batch: BatchData, floor: number): number {
    const feeds = this.feeds;
    const last = batch.first + batch.count - 1;
    if (batch.generation < feeds.generation(slot)) return DROP_OLD_GENERATION;
    if (batch.generation > feeds.generation(slot) || !feeds.isComplete(slot)) return DROP_GAP;
    if (last + 1 < floor || last > feeds.sequence(slot)) return DROP_GAP;
    return batch.first >= floor ? DROP_DUPLICATE : DROP_NONE;
  }

  /** Follows the chain. Returns how many words the new events take, or TOO_LONG or UNTRUE. */
  private verify(
    slot: number, reader: Reader, batch: BatchData, event: EventData, tipFirst: number, tipSecond: number,
  ): number {
    const feeds = this.feeds;
    const chain = feeds.chain;
    const floor = feeds.floor(slot);
    let words = 0;
    if (feeds.signing !== undefined) feeds.signing.begin(feeds.arena, chain, slot, batch.generation, 0);
    chain.begin(feeds.author(slot), batch.generation, tipFirst, tipSecond);
    for (let i = 0; i < batch.count; i++) {
      readBatchEvent(reader, batch, event);
      const length = words < 0 ? -1 : feeds.encode(event);
      if (length < 0) {
        words = TOO_LONG;
        continue;
      }
      chain.link(batch.sequence, length);
      if (feeds.signing !== undefined) feeds.signing.add(chain, batch.sequence, length);
      if (batch.sequence < floor) words += recordWords(length);
    }
    batch.check = reader.u32();
    const isTrue = chain.first() === feeds.tipFirstAt(slot, batch.sequence)
      && chain.second() === feeds.tipSecondAt(slot, batch.sequence) && chain.first() === batch.check;
    return words < 0 || isTrue ? words : UNTRUE;
  }

  /**
   * Whether signatures vouch for the batch that was just verified. The run of its last events may end behind it, in
   * events that are held.
   */
  private isSigned(slot: number, last: number): boolean {
    const feeds = this.feeds;
    const signing = feeds.signing;
    if (signing === undefined) return true;
    let record = feeds.arena.find(slot, last + 1);
    while (record !== 0 && signing.runEvents() > 0) {
      const sequence = feeds.arena.sequence(record);
      feeds.link(record, sequence);
      signing.add(feeds.chain, sequence, feeds.arena.eventLength(record));
      record = feeds.arena.next(record);
    }
    return signing.vouched() >= last;
  }

  /** Whether enough stays free for what comes next: an eighth, as when room is made, and the longest event. */
  private hasRoom(words: number): boolean {
    const arena = this.feeds.arena;
    const left = arena.room() - words;
    return left >= arena.size() >>> LEFT_SHIFT && left >= recordWords(this.feeds.eventBytesMax);
  }

  /** Stores the events of a verified batch that are below the floor. */
  private store(slot: number, reader: Reader, batch: BatchData, event: EventData, floor: number): void {
    const feeds = this.feeds;
    const arena = feeds.arena;
    rewindBatch(reader, batch);
    // Once more along the chain, as in `Intake`. The tip before the first event is that of the new floor.
    const chain = feeds.chain;
    chain.begin(
      feeds.author(slot), batch.generation, feeds.tipFirstAt(slot, batch.first - 1),
      feeds.tipSecondAt(slot, batch.first - 1),
    );
    for (let i = 0; i < batch.count; i++) {
      readBatchEvent(reader, batch, event);
      if (batch.sequence >= floor) continue;
      const length = feeds.encodeAndLink(event, batch.sequence);
      // A snapshot is as true as its sender. These events are proven by the chain.
      const held = arena.find(slot, batch.sequence);
      if (held !== 0 && !arena.isEvent(held, feeds.chain.eventAt, length)) feeds.arena.freeOnceNotified(held);
      feeds.store(slot, batch.sequence, chain.first(), chain.second(), length);
      this.applied++;
    }
    batch.check = reader.u32();
  }

  private noteUnnotified(slot: number, from: number, to: number): void {
    if (this.unnotifiedSlot === NO_SLOT) {
      this.unnotifiedSlot = slot;
      this.unnotifiedTo = to;
    } else if (this.unnotifiedSlot !== slot) {
      this.unnotifiedSlot = SEVERAL_SLOTS;
    }
    // Each batch of a feed ends where the one before it in the frame begins.
    this.unnotifiedFrom = from;
  }
}

/** Checks a section HISTORY (PROTOCOL 10.3). Returns a drop reason. */
export function checkHistory(frame: FrameReader, batch: BatchData, event: EventData): number {
  beginBatches(batch);
  while (frame.more()) {
    const hasTip = frame.u32() !== 0;
    const isTip = frame.u32() !== 0 || hasTip;
    const reason = checkBatch(frame, batch, event, frame.id, false);
    if (reason !== DROP_NONE) return reason;
    // Only the tip before the first event is zeros.
    if (isTip !== batch.first > 1) return DROP_EVENT;
  }
  return DROP_NONE;
}

/** In `unnotifiedSlot`: there are no such events. */
export const NO_SLOT = -1;
/** In `unnotifiedSlot`: there are such events in several feeds. */
export const SEVERAL_SLOTS = -2;

const TOO_LONG = -1;
/** The chain does not lead to the tip that is held. */
const UNTRUE = -2;
/** Right shift for an eighth of the arena. */
const LEFT_SHIFT = 3;
