import { type Reader, type Writer, varintBytes } from "../wire/cursor.js";
import { DROP_EVENT, DROP_NONE } from "../wire/drops.js";
import {
  type EventData, HEAD_HAS_COUNTER, checkBody, isStamp, readBody,
} from "./event.js";
import { SEQUENCE_MAX } from "../wire/frame.js";

/*
 * Events on the wire: runs, each of one author's events in a row, in the section
 * EVENTS; parts of snapshots in the section SNAPSHOT.
 *
 *   run   = head [author] [generation] first 1*16event check
 *   part  = head [author] [generation] after base erased [tip] *15(step event) check
 *
 * head        1 byte. Bit 7: the author is the sender of the frame, and not written.
 *             Bits 4 to 6: the generation if it is below 7, else 7 and it follows.
 *             Bits 0 to 3: of a run, its events less one; of a part, its events.
 *             A part has a second byte: 1 if it is the last one, else 0.
 * author      4 bytes
 * generation  varint
 * first       varint, sequence number of the first event
 * after       varint: the part has all values that are alive from this sequence number, itself not
 *             included, up to that of its last event, or up to base if it is the last one
 * base        varint, sequence number at which the snapshot ends
 * erased      varint, greatest sequence number of an event that ended a value and is not held any more
 * tip         8 bytes, after the event `base`; last part only
 * step        varint, not 0: sequence number less that of the event before, or less `after`
 * event       event-head millisecond-step [counter-step] body
 * event-head  the head of the canonical form, with bit 5 set if the counter follows
 * millisecond-step  wide varint: difference from the event before in the section, 0 before the
 *             first, as 2n if it is n and as 2n - 1 if it is -n
 * counter-step      varint: the counter. Without it, it is 0, or one more than before if the step is 0
 * body        as in the canonical form
 * check       4 bytes: of a run, first word of the tip after its last event; of a part, see `Intake`
 *
 * A wide varint is LEB128 of up to 49 bits in its shortest form.
 */
export const BATCH_OF_SENDER = 0x80;
export const GENERATION_SHIFT = 4;
/** The generation follows. */
export const GENERATION_FOLLOWS = 7;
export const COUNT_MASK = 0x0f;
/** Most events in a part. */
export const CHUNK_EVENTS_MAX = 15;
export const CHECK_BYTES = 4;

/** A run, or a part of a snapshot, as it is read. */
export class BatchData {
  author = 0;
  generation = 0;
  /** Of a run, the sequence number of its first event; of a part, that after which it starts. */
  first = 0;
  count = 0;
  check = 0;
  /** Only parts have these. */
  base = 0;
  lastRemoval = 0;
  isLast = false;
  tipFirst = 0;
  tipSecond = 0;
  /** Where its events start. */
  start = 0;
  /** Sequence number of the event that was read last. */
  sequence = 0;
  /** The stamp before the first event, and the one that was read last. */
  startMs = 0;
  startCounter = 0;
  ms = 0;
  counter = 0;
}

/** A section begins: stamps are relative to nothing. */
export function beginBatches(run: BatchData): void {
  run.ms = 0;
  run.counter = 0;
}

/**
 * Reads a run or part and all its events, and checks that they are well-formed.
 * Returns a drop reason. Whether it is true, `Intake` finds out.
 *
 * @param sender id of the frame's sender
 */
export function readBatch(reader: Reader, run: BatchData, event: EventData, sender: number, isPart: boolean): number {
  const head = reader.u8();
  const flags = isPart ? reader.u8() : 0;
  const inline = (head >> GENERATION_SHIFT) & GENERATION_FOLLOWS;
  run.author = (head & BATCH_OF_SENDER) !== 0 ? sender : reader.u32();
  run.generation = inline < GENERATION_FOLLOWS ? inline : reader.varint();
  run.first = reader.varint();
  run.count = (head & COUNT_MASK) + (isPart ? 0 : 1);
  run.isLast = (flags & 1) !== 0;
  run.base = isPart ? reader.varint() : 0;
  run.lastRemoval = isPart ? reader.varint() : 0;
  run.tipFirst = run.isLast ? reader.u32() : 0;
  run.tipSecond = run.isLast ? reader.u32() : 0;
  run.start = reader.position;
  run.startMs = run.ms;
  run.startCounter = run.counter;
  const isShortest = inline < GENERATION_FOLLOWS || run.generation >= GENERATION_FOLLOWS;
  if (reader.failed || flags > 1 || !isShortest || !isInRange(run, isPart)) return DROP_EVENT;
  const reason = checkEvents(reader, run, event, isPart);
  // What is no payload has no end: all that follows is part of it.
  if (reason !== DROP_NONE) return reason;
  run.check = reader.u32();
  return reader.failed ? DROP_EVENT : DROP_NONE;
}

function isInRange(run: BatchData, isPart: boolean): boolean {
  if (!isPart) return run.first > 0 && run.first - 1 + run.count <= SEQUENCE_MAX;
  const hasTip = run.tipFirst !== 0 || run.tipSecond !== 0;
  const isInOrder = run.base > 0 && run.base <= SEQUENCE_MAX && run.first <= run.base && run.lastRemoval <= run.base;
  return isInOrder && hasTip === run.isLast && (run.isLast || run.count > 0);
}

function checkEvents(reader: Reader, run: BatchData, event: EventData, isPart: boolean): number {
  rewindBatch(reader, run, isPart);
  for (let i = 0; i < run.count; i++) {
    const before = run.sequence;
    const beforeMs = run.ms;
    const beforeCounter = run.counter;
    readBatchEvent(reader, run, event, isPart);
    const inOrder = !isPart || (run.sequence > before && run.sequence <= run.base);
    const isLater = i === 0 || run.ms > beforeMs || (run.ms === beforeMs && run.counter > beforeCounter);
    if (reader.failed || !inOrder || !isLater || !isStamp(run.ms, run.counter)) return DROP_EVENT;
    const reason = checkBody(reader, event);
    if (reason !== DROP_NONE) return reason;
  }
  return DROP_NONE;
}

/** Back to before the first event of a run that was read. */
export function rewindBatch(reader: Reader, run: BatchData, isPart: boolean): void {
  reader.position = run.start;
  run.ms = run.startMs;
  run.counter = run.startCounter;
  run.sequence = isPart ? run.first : run.first - 1;
}

/** Reads the next event of a run or part. */
export function readBatchEvent(reader: Reader, run: BatchData, event: EventData, isPart: boolean): void {
  run.sequence += isPart ? reader.varint() : 1;
  const head = reader.u8();
  const step = readWide(reader);
  const difference = step % 2 === 0 ? Math.floor(step / 2) : -Math.floor((step + 1) / 2);
  run.ms += difference;
  const next = difference === 0 ? run.counter + 1 : 0;
  run.counter = (head & HEAD_HAS_COUNTER) === 0 ? next : reader.varint();
  // The counter has one form: it is written only where it is not the next one.
  if ((head & HEAD_HAS_COUNTER) !== 0 && run.counter === next) reader.failed = true;
  event.head = head & ~HEAD_HAS_COUNTER;
  event.ms = run.ms;
  event.counter = run.counter;
  readBody(reader, event);
}

/** Bytes that an event takes in a run after a certain stamp. */
export function batchEventBytes(event: EventData, ms: number, counter: number): number {
  const step = stepTo(event.ms, ms);
  const counterBytes = event.counter === nextCounter(step, counter) ? 0 : varintBytes(event.counter);
  return 1 + wideBytes(step) + counterBytes + event.end - event.topicStart;
}

/** Writes an event that was read from `bytes` after one with a certain stamp. */
export function writeBatchEvent(
  writer: Writer, bytes: Uint8Array, event: EventData, ms: number, counter: number,
): void {
  const step = stepTo(event.ms, ms);
  const isNext = event.counter === nextCounter(step, counter);
  writer.u8(isNext ? event.head : event.head | HEAD_HAS_COUNTER);
  writeWide(writer, step);
  if (!isNext) writer.varint(event.counter);
  writer.copy(bytes, event.topicStart, event.end - event.topicStart);
}

/** The difference from `before` to `ms` as a number that is not negative. */
function stepTo(ms: number, before: number): number {
  return ms >= before ? 2 * (ms - before) : 2 * (before - ms) - 1;
}

function nextCounter(step: number, counter: number): number {
  return step === 0 ? counter + 1 : 0;
}

/** At most 49 bits in 7 bytes, all of them exact in a number. */
function readWide(reader: Reader): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < WIDE_BYTES_MAX; i++) {
    const byte = reader.u8();
    if (reader.failed) return 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte >= 0x80) continue;
    // Not the shortest form.
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
