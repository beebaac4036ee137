import { writeU32 } from "../../cbor/big-endian.js";
import type { Reader } from "../wire/cursor.js";
import { recordWords } from "./arena.js";
import { advanceBranch, forgetOldestOfBranch } from "./branch.js";
import { isWanted } from "./branch-filter.js";
import { type BatchData, readBatchEvent, rewindBatch, skipBatch } from "./batches.js";
import { TIP_BYTES } from "./chain.js";
import type { EventData } from "./event.js";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
  DROP_SIGNATURE,
} from "../wire/drops.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { OWN_SLOT } from "../table/rows.js";
import { APPLIED, IS_OF_OWN_BRANCH, PASSED } from "./state-words.js";

/**
 * Applies the batches and snapshot chunks that other nodes send (PROTOCOL 10.3, 10.4).
 *
 * The whole frame was checked before. Here the events of a batch are walked once to verify the
 * chain, up to the check, and once more to store them: so all of a batch is verified before
 * any of it is applied. If only its last event is new, that event is in the scratch after the first
 * walk, and there is no second one. If the head alone shows that nothing can be applied, one
 * walk skips the batch. The reader is behind the head of the batch before each call, and behind
 * its check after. Each call returns a drop reason; DROP_NONE: something was new.
 *
 * A batch must begin at the next event or before it, and lead to its check: the first word of
 * the tip after its last event.
 *
 * A snapshot chunk has the values that are live at `base`, of those above `after`. Chunks may
 * come from several nodes with several bases. Values set after a base follow as events.
 * Removals may have been discarded, so no peer can send them. Therefore a chunk only counts if
 * no value was removed (`lastRemoval`) after the least base so far (`FeedStore.asOf`);
 * otherwise the snapshot has to arrive again from its start.
 */
export class Intake {
  readonly feeds: FeedStore;
  /** The clock of the node's own stamps. */
  readonly hlc: Hlc;

  constructor(feeds: FeedStore, hlc: Hlc) {
    this.feeds = feeds;
    this.hlc = hlc;
  }

  /** How many events the last call applied. */
  get applied(): number { return this.feeds.state(APPLIED); }
  private set applied(events: number) { this.feeds.setState(APPLIED, events); }
  /** How many of these are too long for this node, which went on behind them. */
  get passed(): number { return this.feeds.state(PASSED); }
  private set passed(events: number) { this.feeds.setState(PASSED, events); }
  /** Whether calls are for a branch of the own feed, of which `isWanted` chooses the events. */
  private get isOfOwnBranch(): boolean { return this.feeds.state(IS_OF_OWN_BRANCH) !== 0; }

  /** Applies a batch or chunk of a branch of the own feed. */
  protected handleOwnBranch(slot: number, reader: Reader, batch: BatchData, event: EventData): number {
    this.feeds.setState(IS_OF_OWN_BRANCH, 1);
    const reason = this.handle(slot, reader, batch, event);
    this.feeds.setState(IS_OF_OWN_BRANCH, 0);
    return reason;
  }

  /** Applies a batch or chunk of the author whose row is in `slot`. */
  handle(slot: number, reader: Reader, batch: BatchData, event: EventData): number {
    return batch.isChunk() ? this.handleSnapshotChunk(slot, reader, batch, event)
      : this.handleBatch(slot, reader, batch, event);
  }

  /** Applies a batch of the author whose row is in `slot`. */
  handleBatch(slot: number, reader: Reader, batch: BatchData, event: EventData): number {
    const feeds = this.feeds;
    this.applied = 0;
    this.passed = 0;
    const isNew = batch.generation > feeds.generation(slot);
    const held = isNew ? 0 : feeds.sequence(slot);
    const reason = this.refusal(slot, batch, isNew, held);
    if (reason !== DROP_NONE && !(reason === DROP_GAP && this.isBehindBase(slot, batch, held))) {
      skipBatch(reader, batch, event);
      if (reason !== DROP_DUPLICATE || !this.contradicts(slot, batch)) return reason;
      return this.isForkProven(slot, reader, batch, event) ? DROP_FORK : DROP_SIGNATURE;
    }
    const words = this.verifyBatch(slot, reader, batch, event, held);
    if (words === UNTRUE && batch.first <= held) this.isForkProven(slot, reader, batch, event);
    if (words < 0) return words === UNFIT ? DROP_EVENT : DROP_FORK;
    if (this.limit(batch) <= held) return DROP_SIGNATURE;
    if (isNew) feeds.begin(slot, batch.generation);
    else if (held === 0) feeds.startOver(slot);
    if (batch.first > held + 1 && !this.goToBase(slot)) return DROP_EVENT;
    // Of a branch of the own feed little is stored.
    return this.storeBatch(slot, reader, batch, event, !this.isOfOwnBranch && feeds.reserve(words));
  }

  /** Applies a snapshot chunk of the author whose row is in `slot`. */
  handleSnapshotChunk(slot: number, reader: Reader, chunk: BatchData, event: EventData): number {
    const feeds = this.feeds;
    this.applied = 0;
    this.passed = 0;
    const isNew = chunk.generation > feeds.generation(slot);
    const isComplete = isNew || feeds.isComplete(slot);
    const isOld = chunk.generation < feeds.generation(slot);
    if (isOld || (!isNew && isComplete && chunk.base <= feeds.sequence(slot))) {
      skipBatch(reader, chunk, event);
      return isOld ? DROP_OLD_GENERATION : DROP_DUPLICATE;
    }
    if (feeds.signing !== undefined) {
      skipBatch(reader, chunk, event);
      return this.noteBase(slot, chunk, isNew ? 0 : feeds.sequence(slot));
    }
    if (!this.verifySnapshotChunk(slot, reader, chunk, event)) return DROP_EVENT;
    const reason = this.placeSnapshotChunk(slot, chunk, isNew, isComplete);
    return reason === DROP_NONE ? this.storeSnapshotChunk(slot, reader, chunk, event) : reason;
  }

  /** Nobody signs the values of a snapshot. But what follows it is signed, if what is before does not arrive. */
  private noteBase(slot: number, chunk: BatchData, held: number): number {
    const signing = this.feeds.signing;
    if (signing === undefined || !chunk.isLast() || chunk.base <= held) return DROP_SIGNATURE;
    const author = this.feeds.author(slot);
    const isNew = signing.noteBase(author, chunk.generation, held, chunk.base, chunk.tipFirst, chunk.tipSecond);
    return isNew ? DROP_NONE : DROP_DUPLICATE;
  }

  /** Why a batch cannot be applied, judged by its head; DROP_NONE: nothing in the head forbids it. */
  private refusal(slot: number, batch: BatchData, isNew: boolean, held: number): number {
    const feeds = this.feeds;
    if (batch.generation < feeds.generation(slot)) return DROP_OLD_GENERATION;
    if (batch.first + batch.count - 1 <= held) return DROP_DUPLICATE;
    return batch.first > held + 1 || (!isNew && !feeds.isComplete(slot)) ? DROP_GAP : DROP_NONE;
  }

  /** Whether a batch of events that are held has another tip after its last one. */
  private contradicts(slot: number, batch: BatchData): boolean {
    const feeds = this.feeds;
    const last = batch.sequence;
    if (!feeds.isComplete(slot)) return false;
    if (last === feeds.sequence(slot)) return feeds.tipFirst(slot) !== batch.check;
    const record = last < feeds.floor(slot) ? 0 : feeds.arena.find(slot, last);
    return record !== 0 && feeds.arena.tipFirst(record) !== batch.check;
  }

  /** Whether the author signed other events than those that are held under the numbers of a batch that was read. */
  private isForkProven(slot: number, reader: Reader, batch: BatchData, event: EventData): boolean {
    const feeds = this.feeds;
    const signing = feeds.signing;
    if (signing === undefined) return true;
    const first = batch.first;
    if (batch.generation !== feeds.generation(slot) || first < feeds.floor(slot)) return false;
    rewindBatch(reader, batch);
    signing.beginFork(feeds.arena, slot, batch.generation);
    feeds.chain.begin(
      feeds.author(slot), batch.generation, feeds.tipFirstAt(slot, first - 1), feeds.tipSecondAt(slot, first - 1),
    );
    for (let i = 0; i < batch.count; i++) {
      readBatchEvent(reader, batch, event);
      const length: number = feeds.encodeAndLink(event, batch.sequence);
      signing.add(feeds.chain, batch.sequence, length);
    }
    batch.check = reader.u32();
    return signing.noteFork(feeds.arena, slot, first, feeds.sequence(slot));
  }

  /** Follows the chain. Returns how many words the new events take, or UNFIT or UNTRUE. */
  private verifyBatch(slot: number, reader: Reader, batch: BatchData, event: EventData, held: number): number {
    const feeds = this.feeds;
    const chain = feeds.chain;
    const signing = feeds.signing;
    let words = 0;
    let isFit = true;
    // Otherwise it begins behind missing events.
    if (batch.first <= held + 1) {
      if (signing !== undefined) signing.begin(feeds.arena, chain, slot, batch.generation, held);
      chain.begin(feeds.author(slot), batch.generation, held === 0 ? 0 : feeds.tipFirst(slot),
        held === 0 ? 0 : feeds.tipSecond(slot));
    }
    for (let i = 0; i < batch.count; i++) {
      readBatchEvent(reader, batch, event);
      if (batch.sequence <= held) continue;
      const length = feeds.encodeAndLink(event, batch.sequence);
      if (signing !== undefined) signing.add(chain, batch.sequence, length);
      const isLater = batch.sequence > held + 1 || this.isLater(slot, held, event);
      if (!isLater || (length < 0 && !this.mayPassOver(slot))) isFit = false;
      if (length >= 0) words += recordWords(length);
    }
    batch.check = reader.u32();
    // Events of a branch are of another chain first, whatever their stamps.
    if (chain.first() !== batch.check) return UNTRUE;
    return isFit ? words : UNFIT;
  }

  /** Whether a batch may follow a place up to which events are missing. Begins to verify it there. */
  private isBehindBase(slot: number, batch: BatchData, held: number): boolean {
    const feeds = this.feeds;
    const signing = feeds.signing;
    return signing !== undefined && batch.first > held + 1
      && signing.beginBehind(feeds.arena, feeds.chain, slot, batch.generation, held, batch.first);
  }

  /** Goes on behind missing events, as if they had been evicted. Returns false while the application may miss any. */
  private goToBase(slot: number): boolean {
    const feeds = this.feeds;
    const signing = feeds.signing;
    if (signing === undefined || !feeds.arena.raiseFloorToEnd(slot)) return false;
    feeds.goOnBehind(slot, signing.base, signing.baseFirst, signing.baseSecond);
    return true;
  }

  /** Sequence number up to which the events of a batch that was verified are stored. */
  private limit(batch: BatchData): number {
    const signing = this.feeds.signing;
    return signing === undefined ? batch.first + batch.count : signing.vouched();
  }

  /** Whether an event's stamp is later than that of the last event that is held: stamps rise along a feed. */
  private isLater(slot: number, held: number, event: EventData): boolean {
    const feeds = this.feeds;
    const last = held === 0 ? 0 : feeds.arena.find(slot, held);
    return last === 0 || event.ms > feeds.ms(last)
      || (event.ms === feeds.ms(last) && event.counter > feeds.counter(last));
  }

  /** Stores the events of a verified batch that are new. */
  private storeBatch(slot: number, reader: Reader, batch: BatchData, event: EventData, hasRoom: boolean): number {
    const feeds = this.feeds;
    const held = feeds.sequence(slot);
    // The last event of the batch is in the scratch, and the chain is behind it.
    if (batch.sequence === held + 1) return this.storeEvent(slot, batch, feeds.lengthOf(event), hasRoom);
    let reason = DROP_NONE;
    rewindBatch(reader, batch);
    // Once more along the chain: room for the tips of a batch would take 128 bytes of RAM.
    feeds.chain.begin(feeds.author(slot), batch.generation, feeds.tipFirst(slot), feeds.tipSecond(slot));
    const limit = this.limit(batch);
    for (let i = 0; i < batch.count; i++) {
      readBatchEvent(reader, batch, event);
      if (batch.sequence <= held || batch.sequence > limit || reason !== DROP_NONE) continue;
      reason = this.storeEvent(slot, batch, feeds.encodeAndLink(event, batch.sequence), hasRoom);
    }
    batch.check = reader.u32();
    return reason;
  }

  /** Stores the event in the scratch, behind which the chain is. @param length -1: it is too long */
  private storeEvent(slot: number, batch: BatchData, length: number, hasRoom: boolean): number {
    const feeds = this.feeds;
    const first = feeds.chain.first();
    const second = feeds.chain.second();
    if (length < 0) {
      // Not before the application was notified of those before it. The peer sends them again.
      if (!feeds.passOver(slot, batch.sequence, first, second)) return DROP_EVENT;
      this.applied++;
      this.passed++;
      return DROP_NONE;
    }
    if (!this.hold(slot, batch.sequence, first, second, length, hasRoom)) return DROP_ARENA_FULL;
    feeds.advance(slot, batch.sequence);
    if (this.isOfOwnBranch) advanceBranch(feeds, batch.sequence, first, second);
    this.applied++;
    return DROP_NONE;
  }

  /** Stores the event in the scratch, unless it is of a branch and not wanted. Returns false if there is no room. */
  private hold(
    slot: number, sequence: number, first: number, second: number, length: number, hasRoom: boolean,
  ): boolean {
    const feeds = this.feeds;
    const isOfOwnBranch = this.isOfOwnBranch;
    if (isOfOwnBranch && !isWanted(feeds, this.hlc, length)) return true;
    if (!hasRoom) {
      while (!feeds.reserve(recordWords(length))) if (!isOfOwnBranch || !forgetOldestOfBranch(feeds)) return false;
    }
    return feeds.store(slot, sequence, first, second, length);
  }

  /** Whether events of a feed that are too long are passed over. A node refuses longer events of its own. */
  private mayPassOver(slot: number): boolean { return slot !== OWN_SLOT && !this.isOfOwnBranch; }

  private verifySnapshotChunk(slot: number, reader: Reader, chunk: BatchData, event: EventData): boolean {
    const feeds = this.feeds;
    let isFit = true;
    beginChunkCheck(
      feeds, slot, chunk.generation, chunk.first, chunk.base, chunk.lastRemoval, chunk.tipFirst, chunk.tipSecond,
    );
    for (let i = 0; i < chunk.count; i++) {
      readBatchEvent(reader, chunk, event);
      const isHeld: boolean = feeds.encodeAndLink(event, chunk.sequence) >= 0;
      isFit = isFit && (isHeld || this.mayPassOver(slot));
    }
    chunk.check = reader.u32();
    return isFit && feeds.chain.first() === chunk.check;
  }

  /** Whether a chunk goes on with what is held. Starts over if it cannot, or returns a drop reason. */
  private placeSnapshotChunk(slot: number, chunk: BatchData, isNew: boolean, isComplete: boolean): number {
    const feeds = this.feeds;
    if (isNew) feeds.begin(slot, chunk.generation);
    if (chunk.lastRemoval > feeds.asOf(slot)) {
      // A complete feed waits for the chunk with which the snapshot begins.
      if (isComplete && chunk.first > 0) return DROP_GAP;
      feeds.startOver(slot);
    }
    const sequence = feeds.sequence(slot);
    if (chunk.first > sequence) return DROP_GAP;
    const end = chunk.isLast() ? chunk.base : chunk.sequence;
    return end < sequence || (end === sequence && !chunk.isLast()) ? DROP_DUPLICATE : DROP_NONE;
  }

  private storeSnapshotChunk(slot: number, reader: Reader, chunk: BatchData, event: EventData): number {
    const feeds = this.feeds;
    const held = feeds.sequence(slot);
    const asOf = Math.min(feeds.asOf(slot), chunk.base);
    if (feeds.isComplete(slot)) feeds.enterSnapshot(slot);
    let before = held;
    let hasRoom = true;
    feeds.advanceSnapshot(slot, before, asOf);
    rewindBatch(reader, chunk);
    for (let i = 0; i < chunk.count; i++) {
      readBatchEvent(reader, chunk, event);
      if (chunk.sequence <= held || !hasRoom) continue;
      if (feeds.lengthOf(event) < 0) {
        feeds.markUncertain(slot, before, chunk.sequence);
        feeds.cut(slot);
        this.passed++;
      } else {
        hasRoom = this.hold(slot, chunk.sequence, 0, 0, feeds.encode(event), false);
        if (!hasRoom) continue;
        feeds.markUncertain(slot, before, chunk.sequence);
      }
      before = chunk.sequence;
      feeds.advanceSnapshot(slot, before, asOf);
      this.applied++;
    }
    chunk.check = reader.u32();
    if (!hasRoom) return DROP_ARENA_FULL;
    if (!chunk.isLast()) return DROP_NONE;
    feeds.markUncertain(slot, before, chunk.base + 1);
    feeds.endSnapshot(slot, chunk.base, chunk.tipFirst, chunk.tipSecond, chunk.lastRemoval);
    return DROP_NONE;
  }
}

/** An event's stamp is not later than that of the last event, or it is the node's own and too long. */
const UNFIT = -1;
/** The chain does not lead to the check. */
const UNTRUE = -2;

/**
 * Begins the check of a snapshot chunk (PROTOCOL 10.3): a chain like a feed's, from a tip of
 * `after` and `lastRemoval`, first over the last chunk's tip (8 bytes; 0 bytes if both words are
 * 0) under the number `base`. The events follow under their sequence numbers.
 */
export function beginChunkCheck(
  feeds: FeedStore, slot: number, generation: number, after: number, base: number, lastRemoval: number,
  tipFirst: number, tipSecond: number,
): void {
  const chain = feeds.chain;
  const isLast = tipFirst !== 0 || tipSecond !== 0;
  writeU32(feeds.arena.bytes, chain.eventAt, tipFirst);
  writeU32(feeds.arena.bytes, chain.eventAt + 4, tipSecond);
  chain.begin(feeds.author(slot), generation, after, lastRemoval);
  chain.link(base, isLast ? TIP_BYTES : 0);
}
