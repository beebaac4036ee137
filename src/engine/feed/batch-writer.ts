import { type Reader, type Writer, varintBytes } from "../wire/cursor.js";
import { DELTA_BYTES_MAX, NO_PATCH, UNLIKE, patchBytes } from "./delta.js";
import { type EventData, canonicalBytes, readEvent } from "./event.js";
import { isSignatureAt } from "./feed-signing.js";
import { recordKind } from "./names.js";
import { KIND_END } from "./kinds.js";
import { type FeedStore, BATCH_EVENTS_MAX } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { Intake, beginChunkCheck } from "./intake.js";
import { OWN_SLOT } from "../table/rows.js";
import {
  CHECK_BYTES, GENERATION_FOLLOWS, GENERATION_SHIFT, CHUNK_EVENTS_MAX, BATCH_OF_SENDER, batchEventBytes,
  comparePatch, writeDeltaEvent, writeFullEvent, writeFullMark,
} from "./batches.js";
import { TIP_BYTES } from "./chain.js";
import {
  CHUNK_IS_LAST, LAST_REFERENCE, LAST_STEP, REFERENCES, REFERENCES_MAX, REFERENCE_COUNT,
} from "./state-words.js";

/** The peer lacks nothing of a feed that this node could send. */
export const LACKS_NOTHING = 0;
/** The peer lacks the events after its sequence number, and this node holds them. */
export const LACKS_EVENTS = 1;
/** This node no longer holds the events after the peer's: the peer needs a snapshot, from `snapshotAfter` on. */
export const LACKS_SNAPSHOT = 2;

/**
 * Writes batches and snapshot chunks of the feeds that are held into a frame (PROTOCOL 10.3).
 * Each call writes as many events as fit, and returns how far it came.
 */
export class BatchWriter extends Intake {
  private readonly reader: Reader;
  protected readonly event: EventData;
  /** The stamp of the event that was written last in this section. */
  private ms = 0;
  private counter = 0;

  /** @param reader not in use elsewhere during a call @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData) {
    super(feeds, hlc);
    this.reader = reader;
    this.event = event;
  }

  /** Whether the chunk that was written last is the last one of its snapshot. */
  get isComplete(): boolean { return this.feeds.state(CHUNK_IS_LAST) !== 0; }

  /** A section begins. */
  begin(): void {
    this.ms = 0;
    this.counter = 0;
    this.feeds.setState(REFERENCE_COUNT, 0);
  }

  /**
   * What a peer lacks that holds a feed up to `sequence` of `generation`: a `LACKS_`
   * constant.
   *
   * @param isPeerComplete whether the peer claimed a tip, or holds nothing of the feed
   */
  lacks(slot: number, generation: number, sequence: number, isPeerComplete: boolean): number {
    const feeds = this.feeds;
    if (generation > feeds.generation(slot) || !feeds.isComplete(slot)) return LACKS_NOTHING;
    if (feeds.sequence(slot) === 0) return LACKS_NOTHING;
    const held = generation === feeds.generation(slot) ? sequence : 0;
    if (held > feeds.sequence(slot) || (held === feeds.sequence(slot) && isPeerComplete)) return LACKS_NOTHING;
    if (held + 1 >= feeds.floor(slot) && (held === 0 || isPeerComplete)) return LACKS_EVENTS;
    // Nobody signs the values of a snapshot: it only shows where the events begin that are held.
    if (feeds.signing !== undefined) return feeds.floor(slot) > feeds.sequence(slot) ? LACKS_NOTHING : LACKS_SNAPSHOT;
    // Another node has the whole snapshot.
    return feeds.isCut(slot) ? LACKS_NOTHING : LACKS_SNAPSHOT;
  }

  /** The sequence number after which such a peer needs the snapshot. */
  snapshotAfter(slot: number, generation: number, sequence: number, isPeerComplete: boolean): number {
    const feeds = this.feeds;
    const held = generation === feeds.generation(slot) ? sequence : 0;
    return isPeerComplete && held < feeds.lastRemoval(slot) ? 0 : held;
  }

  /**
   * Writes a batch of the events from sequence number `from` on. Returns the number of
   * the first event that it did not write; `from`: none fits.
   */
  writeBatch(writer: Writer, slot: number, from: number): number {
    const arena = this.feeds.arena;
    const start = writer.position;
    let record = from < this.feeds.floor(slot) ? 0 : arena.find(slot, from);
    if (record === 0 || writer.room() < headBytes(this.feeds, slot, from) + CHECK_BYTES) return from;
    this.writeHead(writer, slot, 0);
    this.writeFeed(writer, slot);
    writer.varint(from);
    let count = 0;
    let check = 0;
    for (; record !== 0 && count < BATCH_EVENTS_MAX && this.isNext(record, slot); record = arena.next(record)) {
      this.readRecord(record);
      if (!this.writeEvent(writer, CHECK_BYTES)) break;
      check = arena.tipFirst(record);
      count++;
    }
    if (count === 0) {
      writer.position = start;
      return from;
    }
    writer.bytes[start] |= count - 1;
    writer.u32(check);
    return from + count;
  }

  /**
   * Writes a batch of the last events below sequence number `below`, as many as fit,
   * behind the tip before the first of them. Returns the number of the first event that
   * it wrote; `below`: none fits.
   */
  writeHistory(writer: Writer, slot: number, below: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    const start = writer.position;
    const ms = this.ms;
    const counter = this.counter;
    const references = feeds.state(REFERENCE_COUNT);
    const first = Math.max(feeds.floor(slot), below - BATCH_EVENTS_MAX);
    let record = arena.find(slot, first);
    for (let from = first; from < below; from++, record = arena.next(record)) {
      if (feeds.signing !== undefined && !this.isRunStart(slot, from)) continue;
      if (this.writeHistoryFrom(writer, slot, record, below)) return from;
      writer.position = start;
      writer.failed = false;
      this.ms = ms;
      this.counter = counter;
      feeds.setState(REFERENCE_COUNT, references);
    }
    return below;
  }

  /** Whether a run begins with an event: the event before it is a signature that is held, or there is none. */
  private isRunStart(slot: number, sequence: number): boolean {
    const arena = this.feeds.arena;
    const before = arena.find(slot, sequence - 1);
    return sequence === 1 || (before !== 0 && isSignatureAt(arena.bytes, arena.eventAt(before)));
  }

  /** Writes a batch of the events from record `from` up to `below` - 1. Returns whether all of it fits. */
  private writeHistoryFrom(writer: Writer, slot: number, from: number, below: number): boolean {
    const feeds = this.feeds;
    const arena = feeds.arena;
    const first = arena.sequence(from);
    writer.u32(feeds.tipFirstAt(slot, first - 1));
    writer.u32(feeds.tipSecondAt(slot, first - 1));
    this.writeHead(writer, slot, below - first - 1);
    this.writeFeed(writer, slot);
    writer.varint(first);
    let check = 0;
    for (let record = from; record !== 0 && arena.sequence(record) < below; record = arena.next(record)) {
      this.readRecord(record);
      if (!this.writeEvent(writer, CHECK_BYTES)) return false;
      check = arena.tipFirst(record);
    }
    writer.u32(check);
    return !writer.failed;
  }

  /**
   * Writes a chunk of a feed's snapshot, with the values above sequence number `after`.
   * Returns the number up to which the receiver holds the snapshot then; `after`: nothing
   * fits. `isComplete` is true if it holds all of the snapshot then.
   */
  writeSnapshotChunk(writer: Writer, slot: number, after: number): number {
    const feeds = this.feeds;
    const base = this.baseAfter(slot, after);
    const lastRemoval = this.lastRemovalUpTo(slot, base);
    const bytes = headBytes(feeds, slot, after) + 1 + varintBytes(base) + varintBytes(lastRemoval);
    const room = writer.room() - bytes - CHECK_BYTES;
    const ms = this.ms;
    const counter = this.counter;
    const hasValues = feeds.signing === undefined;
    const count = hasValues ? this.countChunk(slot, after, room - TIP_BYTES) : 0;
    this.ms = ms;
    this.counter = counter;
    const isLast = (!hasValues || this.countLive(slot, after) === count) && room >= TIP_BYTES;
    feeds.setState(CHUNK_IS_LAST, isLast ? 1 : 0);
    if (count === 0 && !isLast) return after;
    const tipFirst = isLast ? feeds.tipFirstAt(slot, base) : 0;
    const tipSecond = isLast ? feeds.tipSecondAt(slot, base) : 0;
    this.writeHead(writer, slot, count);
    writer.u8(isLast ? 1 : 0);
    this.writeFeed(writer, slot);
    writer.varint(after);
    writer.varint(base);
    writer.varint(lastRemoval);
    if (isLast) {
      writer.u32(tipFirst);
      writer.u32(tipSecond);
    }
    beginChunkCheck(feeds, slot, feeds.generation(slot), after, base, lastRemoval, tipFirst, tipSecond);
    const end = this.writeValues(writer, slot, after, count);
    writer.u32(feeds.chain.first());
    return isLast ? base : end;
  }

  /** The sequence number at which the snapshot ends for a receiver that holds it up to `after`. */
  private baseAfter(slot: number, after: number): number {
    return Math.max(after, this.feeds.floor(slot) - 1);
  }

  /** Sequence number of the last event up to `base` that ended a value and that the receiver will not get; or 0. */
  private lastRemovalUpTo(slot: number, base: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    let last = feeds.lastRemoval(slot);
    for (let record = arena.from(slot, feeds.floor(slot)); record !== 0; record = arena.next(record)) {
      if (arena.sequence(record) > base) break;
      if (recordKind(arena, record) === KIND_END) last = arena.sequence(record);
    }
    return last;
  }

  private writeValues(writer: Writer, slot: number, after: number, count: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    let before = after;
    let record = arena.from(slot, after + 1);
    for (let left = count; left > 0; record = arena.next(record)) {
      if (!feeds.isLive(record)) continue;
      const sequence = arena.sequence(record);
      writer.varint(sequence - before);
      this.readRecord(record);
      this.writeEvent(writer, 0);
      feeds.link(record, sequence);
      before = sequence;
      left--;
    }
    return before;
  }

  /** How many values above `after` and below the floor fit into `room` bytes. Moves the stamp. */
  private countChunk(slot: number, after: number, room: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    let left = room;
    let count = 0;
    let before = after;
    let record = arena.from(slot, after + 1);
    for (; record !== 0 && count < CHUNK_EVENTS_MAX; record = arena.next(record)) {
      if (arena.sequence(record) >= feeds.floor(slot)) break;
      if (!feeds.isLive(record)) continue;
      this.readRecord(record);
      left -= varintBytes(arena.sequence(record) - before) + batchEventBytes(this.event, this.ms, this.counter);
      if (left < 0) break;
      this.ms = this.event.ms;
      this.counter = this.event.counter;
      before = arena.sequence(record);
      count++;
    }
    return count;
  }

  private countLive(slot: number, after: number): number {
    const feeds = this.feeds;
    const arena = feeds.arena;
    let count = 0;
    for (let record = arena.from(slot, after + 1); record !== 0; record = arena.next(record)) {
      if (arena.sequence(record) >= feeds.floor(slot)) break;
      if (feeds.isLive(record)) count++;
    }
    return count;
  }

  /** Whether a record belongs to the events that are held without gaps. */
  private isNext(record: number, slot: number): boolean {
    return this.feeds.arena.sequence(record) <= this.feeds.sequence(slot);
  }

  private writeHead(writer: Writer, slot: number, count: number): void {
    const inline = Math.min(this.feeds.generation(slot), GENERATION_FOLLOWS);
    this.feeds.setState(LAST_REFERENCE, 0);
    this.feeds.setState(LAST_STEP, 0);
    writer.u8((slot === OWN_SLOT ? BATCH_OF_SENDER : 0) | (inline << GENERATION_SHIFT) | count);
  }

  private writeFeed(writer: Writer, slot: number): void {
    const generation = this.feeds.generation(slot);
    if (slot !== OWN_SLOT) writer.u32(this.feeds.author(slot));
    if (generation >= GENERATION_FOLLOWS) writer.varint(generation);
  }

  private readRecord(record: number): void {
    const arena = this.feeds.arena;
    const start = arena.eventAt(record);
    this.reader.reset(arena.bytes, start, start + arena.eventLength(record));
    readEvent(this.reader, this.event);
  }

  /** Writes the event that was read. Returns false if it does not fit with `reserved` bytes behind it. */
  private writeEvent(writer: Writer, reserved: number): boolean {
    const feeds = this.feeds;
    const event = this.event;
    const start = writer.position;
    writer.end -= reserved;
    if (!this.writeDelta(writer)) this.writeFull(writer);
    const isWritten = !writer.failed;
    writer.end += reserved;
    if (!isWritten) {
      writer.position = start;
      writer.failed = false;
      return false;
    }
    const step = event.ms - this.ms;
    feeds.setState(LAST_STEP, step >= 0 && step < STEP_END ? step + 1 : 0);
    this.ms = event.ms;
    this.counter = event.counter;
    return true;
  }

  /** Writes the event that was read in full, and notes it as a reference of others. */
  private writeFull(writer: Writer): void {
    const feeds = this.feeds;
    const count = feeds.state(REFERENCE_COUNT);
    if (count > 0) writeFullMark(writer);
    const at = writer.position;
    writeFullEvent(writer, this.event, this.ms, this.counter);
    if (writer.failed || count === REFERENCES_MAX) return;
    feeds.setState(REFERENCES + count, at);
    feeds.setState(REFERENCE_COUNT, count + 1);
  }

  /** Writes the event that was read as a delta, also if that does not fit. Returns false if no reference is like it. */
  private writeDelta(writer: Writer): boolean {
    const feeds = this.feeds;
    const event = this.event;
    const count = feeds.state(REFERENCE_COUNT);
    const last = feeds.state(LAST_REFERENCE);
    // An event with a long patch is the reference of others rather, if there is room for one more.
    let least = count < REFERENCES_MAX ? ((event.end - event.payloadStart) >>> 1) + 1 : DELTA_BYTES_MAX;
    let reference = 0;
    let patch = NO_PATCH;
    if (canonicalBytes(event) > DELTA_BYTES_MAX) return false;
    for (let i = count; i >= 0 && least > 0; i--) {
      // That of the event before comes first, as it need not be written.
      const candidate = i === count ? last : feeds.state(REFERENCES + i);
      const found = candidate === 0 ? UNLIKE : comparePatch(event, writer.bytes, candidate, writer.position);
      const bytes = found === NO_PATCH ? 0 : patchBytes(found) + PATCH_HEAD_BYTES;
      if (found === UNLIKE || bytes >= least) continue;
      least = bytes;
      reference = candidate;
      patch = found;
    }
    if (reference === 0) return false;
    writeDeltaEvent(
      writer, event, this.ms, this.counter, reference, patch, last, feeds.state(LAST_STEP) - 1,
    );
    feeds.setState(LAST_REFERENCE, reference);
    return true;
  }
}

/** Bytes that say where a patch is. */
const PATCH_HEAD_BYTES = 3;
/** A longer step is not remembered, so that it fits into a word. */
const STEP_END = 0xffffffff;

/** Bytes of a batch up to its first event. */
function headBytes(feeds: FeedStore, slot: number, first: number): number {
  const generation = feeds.generation(slot);
  const generationBytes = generation < GENERATION_FOLLOWS ? 0 : varintBytes(generation);
  return 1 + (slot === OWN_SLOT ? 0 : 4) + generationBytes + varintBytes(first);
}
