import { type Reader, type Writer, varintBytes } from "../wire/cursor.js";
import { DROP_EVENT, DROP_NONE } from "../wire/drops.js";
import { SEQUENCE_MAX } from "../wire/frame.js";
import { DELTA_BYTES_MAX, NO_PATCH, UNLIKE, findPatch, readDelta, writeDelta } from "./delta.js";
import type { Chain } from "./chain.js";
import {
  BATCH_AUTHOR, BATCH_BASE, BATCH_CHECK, BATCH_COUNT, BATCH_FIRST, BATCH_GENERATION, BATCH_LAST_REMOVAL, BATCH_START,
  BATCH_START_COUNTER, BATCH_TIP,
} from "./state-words.js";
import { EVENT_HEAD_BYTES, type EventData, HEAD_HAS_COUNTER, checkBody, isStamp, readBody } from "./event.js";

/*
 * Events on the wire (PROTOCOL 10.3): batches, each of consecutive events of one author, in
 * the sections EVENTS and HISTORY; snapshot chunks in the section SNAPSHOT.
 *
 *   batch = head [author] [generation] first 1*16event check
 *   chunk = head last [author] [generation] after base last-removal [tip] *15(step event) check
 *
 * head          1 byte. Bit 7: the author is the sender of the frame, and not written.
 *               Bits 4 to 6: the generation if it is below 7, else 7, and the generation follows.
 *               Bits 0 to 3: of a batch, the number of its events less one; of a chunk, the number.
 * last          1 byte: 1 in the last chunk of a snapshot, else 0
 * author        4 bytes
 * generation    varint
 * first         varint, sequence number of the first event
 * after         varint: the chunk has all live values above this sequence number, up to that of its
 *               last event; the last chunk has all of them up to `base`
 * base          varint, sequence number of the event at which the snapshot ends
 * last-removal  varint, greatest sequence number of an event that ended a value and is no longer held
 * tip           8 bytes, after the event `base`; in the last chunk only
 * step          varint, not 0: sequence number less that of the event before, or less `after`
 * event         full in the first event of a section, else 00 full / delta
 * full          event-head millisecond-step [counter] body
 * delta         delta-head [millisecond-step] [counter] [distance] differences: see `delta.ts`
 * delta-head    DELTA, and bits for what follows. Without it, step and reference are those of the event before in the
 *               batch; the counter is 1 more than before if the step is 0, else as before
 * distance      varint: the bytes from the reference to the delta
 * event-head    the head of the canonical form; bit 5 is set if the counter follows
 * millisecond-step  wide varint: n, the difference from the event before in the section or from 0
 *               before the first, as 2n; -n as 2n - 1
 * counter       varint. Without it the counter is 1 more than before if the step is 0, else 0
 * body          as in the canonical form
 * check         4 bytes: of a batch, first word of the tip after its last event; of a chunk, see
 *               `beginChunkCheck`
 *
 * A wide varint is LEB128 of up to 49 bits in its shortest form. Neither a batch nor an event
 * has its length in front: a reader walks the events to find the check and the next batch.
 */
export const BATCH_OF_SENDER = 0x80;
export const GENERATION_SHIFT = 4;
/** In the bits of the generation: the generation follows. */
export const GENERATION_FOLLOWS = 7;
export const COUNT_MASK = 0x0f;
/** Most events in a snapshot chunk. */
export const CHUNK_EVENTS_MAX = 15;
export const CHECK_BYTES = 4;
/** In place of the head of a delta: an event in full follows. */
const FULL = 0;
/** Head of a delta, with the bits below. Others are 0. */
const DELTA = 0x80;
const DELTA_STEP = 0x40;
const DELTA_COUNTER = 0x20;
const DELTA_REFERENCE = 0x10;
const DELTA_PATCH = 0x08;
const DELTA_RESERVED = 0x07;
/** In `BatchData.step`: no event of the batch was read. Stamps rise, so no step is negative but the first. */
const NO_STEP = -1;

/** Where batches are read: the node's `FeedStore`. The head of a batch stands in its words. */
export interface BatchPlace {
  readonly arena: { readonly words: Uint32Array };
  /** Events of deltas are written to its `eventAt`. It has room for DELTA_BYTES_MAX. */
  readonly chain: Chain;
  state(word: number): number;
  setState(word: number, value: number): void;
}

/** The batch or snapshot chunk that is being read. */
export class BatchData {
  /** Sequence number of the event that was read last. */
  sequence = 0;
  /** The stamp before the first event, and the one that was read last. */
  startMs = 0;
  ms = 0;
  counter = 0;
  /** Where the first event of the section starts; 0: it was not read. */
  firstAt = 0;
  /** Of the event that was read last in this batch, the difference from the stamp before it; NO_STEP: there is none. */
  step = NO_STEP;
  /** Where its reference starts; 0: there is none. */
  reference = 0;
  readonly feeds: BatchPlace;

  constructor(feeds: BatchPlace) {
    this.feeds = feeds;
  }

  get author(): number { return this.feeds.state(BATCH_AUTHOR); }
  set author(id: number) { this.feeds.setState(BATCH_AUTHOR, id); }
  get generation(): number { return this.feeds.state(BATCH_GENERATION); }
  set generation(generation: number) { this.feeds.setState(BATCH_GENERATION, generation); }
  /** Of a batch, the sequence number of its first event; of a chunk, `after`. */
  get first(): number { return this.feeds.state(BATCH_FIRST); }
  set first(sequence: number) { this.feeds.setState(BATCH_FIRST, sequence); }
  get count(): number { return this.feeds.state(BATCH_COUNT); }
  set count(events: number) { this.feeds.setState(BATCH_COUNT, events); }
  /** Known once the events were walked. */
  get check(): number { return this.feeds.state(BATCH_CHECK); }
  set check(word: number) { this.feeds.setState(BATCH_CHECK, word); }
  /** 0 in a batch, never in a chunk. */
  get base(): number { return this.feeds.state(BATCH_BASE); }
  set base(sequence: number) { this.feeds.setState(BATCH_BASE, sequence); }
  get lastRemoval(): number { return this.feeds.state(BATCH_LAST_REMOVAL); }
  set lastRemoval(sequence: number) { this.feeds.setState(BATCH_LAST_REMOVAL, sequence); }
  /** Zeros but for the last chunk of a snapshot. */
  get tipFirst(): number { return this.feeds.state(BATCH_TIP); }
  set tipFirst(word: number) { this.feeds.setState(BATCH_TIP, word); }
  get tipSecond(): number { return this.feeds.state(BATCH_TIP + 1); }
  set tipSecond(word: number) { this.feeds.setState(BATCH_TIP + 1, word); }
  /** Where its events start. */
  get start(): number { return this.feeds.state(BATCH_START); }
  set start(position: number) { this.feeds.setState(BATCH_START, position); }
  get startCounter(): number { return this.feeds.state(BATCH_START_COUNTER); }
  set startCounter(counter: number) { this.feeds.setState(BATCH_START_COUNTER, counter); }

  isChunk(): boolean { return this.feeds.arena.words[BATCH_BASE] > 0; }
  /** Whether it is the last chunk of a snapshot. */
  isLast(): boolean { return this.tipFirst !== 0 || this.tipSecond !== 0; }
}

/** Begins a section: the stamp before its first event is 0. */
export function beginBatches(batch: BatchData): void {
  batch.ms = 0;
  batch.counter = 0;
  batch.firstAt = 0;
}

/**
 * Reads a batch or chunk with all its events, and checks that it is well-formed. Returns a
 * drop reason. Whether its events chain to what is held, `Intake` and `History` find out.
 *
 * @param sender id of the frame's sender
 */
export function checkBatch(
  reader: Reader, batch: BatchData, event: EventData, sender: number, isChunk: boolean,
): number {
  if (!readBatchHead(reader, batch, sender, isChunk)) return DROP_EVENT;
  const reason = checkEvents(reader, batch, event);
  // A payload that is no CBOR has no end, so nothing behind it can be read.
  if (reason !== DROP_NONE) return reason;
  batch.check = reader.u32();
  return reader.failed ? DROP_EVENT : DROP_NONE;
}

/** Reads a batch or chunk up to its first event. Returns whether that is well-formed. */
export function readBatchHead(reader: Reader, batch: BatchData, sender: number, isChunk: boolean): boolean {
  const head = reader.u8();
  const last = isChunk ? reader.u8() : 0;
  const inline = (head >> GENERATION_SHIFT) & GENERATION_FOLLOWS;
  batch.author = (head & BATCH_OF_SENDER) !== 0 ? sender : reader.u32();
  batch.generation = inline < GENERATION_FOLLOWS ? inline : reader.varint();
  batch.first = reader.varint();
  batch.count = (head & COUNT_MASK) + (isChunk ? 0 : 1);
  batch.base = isChunk ? reader.varint() : 0;
  batch.lastRemoval = isChunk ? reader.varint() : 0;
  batch.tipFirst = last === 1 ? reader.u32() : 0;
  batch.tipSecond = last === 1 ? reader.u32() : 0;
  batch.start = reader.position;
  batch.startMs = batch.ms;
  batch.startCounter = batch.counter;
  batch.sequence = isChunk ? batch.first : batch.first - 1;
  batch.step = NO_STEP;
  batch.reference = 0;
  const isShortest = inline < GENERATION_FOLLOWS || batch.generation >= GENERATION_FOLLOWS;
  if (reader.failed || last > 1 || !isShortest) return false;
  return isChunk ? isChunkInRange(batch, last === 1) : isBatchInRange(batch);
}

function isBatchInRange(batch: BatchData): boolean {
  return batch.first > 0 && batch.first - 1 + batch.count <= SEQUENCE_MAX;
}

function isChunkInRange(chunk: BatchData, isLast: boolean): boolean {
  if (chunk.base === 0 || chunk.base > SEQUENCE_MAX) return false;
  if (chunk.first > chunk.base || chunk.lastRemoval > chunk.base) return false;
  return chunk.isLast() === isLast && (isLast || chunk.count > 0);
}

function checkEvents(reader: Reader, batch: BatchData, event: EventData): number {
  for (let i = 0; i < batch.count; i++) {
    const before = batch.sequence;
    const beforeMs = batch.ms;
    const beforeCounter = batch.counter;
    readBatchEvent(reader, batch, event);
    const isInOrder = !batch.isChunk() || (batch.sequence > before && batch.sequence <= batch.base);
    const isLater = i === 0 || batch.ms > beforeMs || (batch.ms === beforeMs && batch.counter > beforeCounter);
    if (reader.failed || !isInOrder || !isLater || !isStamp(batch.ms, batch.counter)) return DROP_EVENT;
    const reason = checkBody(reader, event);
    if (reason !== DROP_NONE) return reason;
  }
  return DROP_NONE;
}

/** Walks the events of a batch or chunk whose head was read, and reads its check. */
export function skipBatch(reader: Reader, batch: BatchData, event: EventData): void {
  for (let i = 0; i < batch.count; i++) readBatchEvent(reader, batch, event);
  batch.check = reader.u32();
}

/** Goes back to before the first event, for a second walk. */
export function rewindBatch(reader: Reader, batch: BatchData): void {
  reader.position = batch.start;
  batch.ms = batch.startMs;
  batch.counter = batch.startCounter;
  batch.sequence = batch.isChunk() ? batch.first : batch.first - 1;
  batch.step = NO_STEP;
  batch.reference = 0;
}

/** Reads the next event of a batch or chunk. The event of a delta is in the scratch then. */
export function readBatchEvent(reader: Reader, batch: BatchData, event: EventData): void {
  batch.sequence += batch.isChunk() ? reader.varint() : 1;
  const start = reader.position;
  if (batch.firstAt === 0) batch.firstAt = start;
  const deltaHead = start === batch.firstAt ? FULL : reader.u8();
  if (deltaHead !== FULL) {
    readDeltaEvent(reader, batch, event, deltaHead, start);
    return;
  }
  const head = reader.u8();
  step(reader, batch, readStep(reader), (head & HEAD_HAS_COUNTER) !== 0, 0);
  event.head = head & ~HEAD_HAS_COUNTER;
  event.ms = batch.ms;
  event.counter = batch.counter;
  readBody(reader, event);
}

/** Moves the stamp. @param usual the counter behind a step that is not 0, if it is not written */
function step(reader: Reader, batch: BatchData, difference: number, hasCounter: boolean, usual: number): void {
  const next = nextCounter(difference, batch.counter, usual);
  batch.ms += difference;
  batch.step = difference;
  batch.counter = hasCounter ? reader.varint() : next;
  // A counter has one form: it is written only if it is not the next one.
  if (hasCounter && batch.counter === next) reader.failed = true;
}

function readDeltaEvent(reader: Reader, batch: BatchData, event: EventData, head: number, start: number): void {
  const difference = (head & DELTA_STEP) === 0 ? batch.step : readStep(reader);
  const isStepKnown = (head & DELTA_STEP) !== 0 || batch.step >= 0;
  step(reader, batch, difference, (head & DELTA_COUNTER) !== 0, batch.counter);
  if ((head & DELTA_REFERENCE) !== 0) batch.reference = start - reader.varint();
  const isHead = (head & DELTA) !== 0 && (head & DELTA_RESERVED) === 0;
  const reference = batch.reference;
  if (reader.failed || !isHead || !isStepKnown || reference < batch.firstAt || reference >= start) {
    reader.failed = true;
    return;
  }
  const bytes = reader.bytes;
  const position = reader.position;
  const end = reader.end;
  readReference(reader, event, reference, start);
  reader.position = position;
  reader.end = end;
  if (reader.failed) return;
  const chain = batch.feeds.chain;
  const body = chain.eventAt + EVENT_HEAD_BYTES;
  const bodyEnd = readDelta(
    reader, event, (head & DELTA_PATCH) !== 0, chain.bytes, body, chain.eventAt + DELTA_BYTES_MAX,
  );
  if (bodyEnd < 0) reader.failed = true;
  if (reader.failed) return;
  const after = reader.position;
  event.ms = batch.ms;
  event.counter = batch.counter;
  reader.reset(chain.bytes, body, bodyEnd);
  readBody(reader, event);
  const isBody = !reader.failed && reader.position === bodyEnd;
  reader.reset(bytes, after, end);
  reader.failed = !isBody;
}

/** Parses the event in full at `reference`, which is before `end`. It fails if there is none with a sound payload. */
function readReference(reader: Reader, event: EventData, reference: number, end: number): void {
  reader.position = reference;
  reader.end = end;
  const head = reader.u8();
  readWide(reader);
  if ((head & HEAD_HAS_COUNTER) !== 0) reader.varint();
  event.head = head & ~HEAD_HAS_COUNTER;
  readBody(reader, event);
  if (!event.hasGoodPayload) reader.failed = true;
}

/** The most bytes that an event takes in a batch, after an event with the stamp `ms`, `counter`. */
export function batchEventBytes(event: EventData, ms: number, counter: number): number {
  const difference = stepTo(event.ms, ms);
  const counterBytes = event.counter === nextCounter(difference, counter, 0) ? 0 : varintBytes(event.counter);
  return 2 + wideBytes(difference) + counterBytes + event.end - event.bodyStart;
}

/** Writes an event that was parsed in full, after an event with the stamp `ms`, `counter`. */
export function writeFullEvent(writer: Writer, event: EventData, ms: number, counter: number): void {
  const difference = stepTo(event.ms, ms);
  const isNext = event.counter === nextCounter(difference, counter, 0);
  writer.u8(isNext ? event.head : event.head | HEAD_HAS_COUNTER);
  writeWide(writer, difference);
  if (!isNext) writer.varint(event.counter);
  writer.copy(event.bytes, event.bodyStart, event.end - event.bodyStart);
}

/** In place of the head of a delta, before an event in full that is not the first of its section. */
export function writeFullMark(writer: Writer): void {
  writer.u8(FULL);
}

/**
 * Compares an event that was parsed with the one in full that starts at `reference` of `bytes`: as `findPatch`.
 *
 * @param end where what was written ends
 */
export function comparePatch(event: EventData, bytes: Uint8Array, reference: number, end: number): number {
  if ((bytes[reference] & ~HEAD_HAS_COUNTER) !== event.head) return UNLIKE;
  return findPatch(event, bytes, bodyOf(bytes, reference), end);
}

/**
 * Writes an event that was parsed as a delta, after an event with the stamp `ms`, `counter`. It may not fit.
 *
 * @param reference where in the writer's bytes the reference starts
 * @param patch from `comparePatch`, not UNLIKE
 * @param lastReference that of the event before in the batch, or 0
 * @param lastStep milliseconds from the event before that one to it; -1: there is none in the batch
 */
export function writeDeltaEvent(
  writer: Writer, event: EventData, ms: number, counter: number, reference: number, patch: number,
  lastReference: number, lastStep: number,
): void {
  const start = writer.position;
  const difference = stepTo(event.ms, ms);
  const hasStep = event.ms - ms !== lastStep;
  const hasCounter = event.counter !== nextCounter(difference, counter, counter);
  const hasReference = reference !== lastReference;
  writer.u8(DELTA | (hasStep ? DELTA_STEP : 0) | (hasCounter ? DELTA_COUNTER : 0)
    | (hasReference ? DELTA_REFERENCE : 0) | (patch === NO_PATCH ? 0 : DELTA_PATCH));
  if (hasStep) writeWide(writer, difference);
  if (hasCounter) writer.varint(event.counter);
  if (hasReference) writer.varint(start - reference);
  writeDelta(writer, event, bodyOf(writer.bytes, reference), patch);
}

/** Where the body of the event in full at `start` starts. */
function bodyOf(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (bytes[at++] >= 0x80) continue;
  if ((bytes[start] & HEAD_HAS_COUNTER) === 0) return at;
  while (bytes[at++] >= 0x80) continue;
  return at;
}

/** The difference from `before` to `ms` as a millisecond-step. */
function stepTo(ms: number, before: number): number {
  return ms >= before ? 2 * (ms - before) : 2 * (before - ms) - 1;
}

/** The counter that need not be written. @param usual behind a difference that is not 0 */
function nextCounter(difference: number, counter: number, usual: number): number {
  return difference === 0 ? counter + 1 : usual;
}

/** Reads a millisecond-step. */
function readStep(reader: Reader): number {
  const word = readWide(reader);
  return word % 2 === 0 ? Math.floor(word / 2) : -Math.floor((word + 1) / 2);
}

/** Reads a wide varint: at most 49 bits in 7 bytes, which a number holds exactly. */
function readWide(reader: Reader): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < WIDE_BYTES_MAX; i++) {
    const byte = reader.u8();
    if (reader.failed) return 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte >= 0x80) continue;
    // This is not the shortest form.
    if (byte === 0 && i > 0) break;
    return value;
  }
  reader.failed = true;
  return 0;
}

function writeWide(writer: Writer, value: number): void {
  let rest = value;
  while (rest >= 128) {
    writer.u8((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  writer.u8(rest);
}

function wideBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

const WIDE_BYTES_MAX = 7;
