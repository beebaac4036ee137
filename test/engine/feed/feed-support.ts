import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readU16, readU32 } from "../../../src/cbor/big-endian.js";
import { encodeCbor } from "../../../src/cbor/cbor.js";
import { Reader, Writer } from "../../../src/engine/wire/cursor.js";
import { RECORD_GONE, recordWords } from "../../../src/engine/feed/arena.js";
import { EncodedEvent, EventData, kindOf, readEvent, writeStamp } from "../../../src/engine/feed/event.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { History } from "../../../src/engine/feed/history.js";
import { Intake } from "../../../src/engine/feed/intake.js";
import { LACKS_EVENTS, LACKS_NOTHING, BatchWriter } from "../../../src/engine/feed/batch-writer.js";
import { Hlc } from "../../../src/engine/feed/hlc.js";
import { BatchData, beginBatches, checkBatch, readBatchHead } from "../../../src/engine/feed/batches.js";
import { nodeDigest } from "../../../desktop/platform/node-digest.js";

export { nodeDigest };

/** 2026-01-01. */
export const T = 1767225600000;

/** An event in plain words. */
export interface PlainEvent {
  kind: number;
  topic: string;
  key: string;
  ttlSeconds: number;
  ms: number;
  counter: number;
  /** CBOR as hex. */
  payload: string;
  /** Of a copy, the author and the stamp of the original; of an end, the stamp of the ended event. */
  origin?: { author?: number; ms: number; counter: number };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function cborOf(value: unknown): Uint8Array {
  const out = new Uint8Array(2000);
  return out.subarray(0, encodeCbor(value, out, 0));
}

/** The canonical bytes of an event. */
export function bytesOf(plain: PlainEvent): Uint8Array {
  const { origin } = plain;
  if (origin?.author !== undefined) return copyOf(plain, origin.author, origin.ms, origin.counter);
  const payload = Buffer.from(plain.kind === KIND_REMOVE ? "" : plain.payload, "hex");
  const event = new EncodedEvent(2047);
  assert.ok(event.begin(plain.kind, plain.topic, plain.key, plain.ttlSeconds));
  if (origin !== undefined) event.setEnded(origin.ms, origin.counter);
  event.bytes.set(payload, event.length);
  writeStamp(event.bytes, 0, plain.ms, plain.counter);
  return event.bytes.slice(0, event.length + payload.length);
}

/** The canonical bytes of a copy, from the definition (PROTOCOL 10.1). */
function copyOf(plain: PlainEvent, author: number, originMs: number, originCounter: number): Uint8Array {
  const { kind, ttlSeconds } = plain;
  const form = kind === KIND_END || ttlSeconds > 0 ? 3 : kind;
  const topic = Buffer.from(plain.topic);
  const key = Buffer.from(plain.key);
  return new Uint8Array(Buffer.concat([
    [form << 6], stampOf(plain.ms, plain.counter), [12], wordOf(author), stampOf(originMs, originCounter),
    [topic.length], topic, form === 0 ? [] : [key.length, ...key], form === 3 ? varintOf(ttlSeconds) : [],
    kind === KIND_REMOVE || kind === KIND_END ? [] : Buffer.from(plain.payload, "hex"),
  ].map((part) => Buffer.from(part))));
}

function wordOf(word: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(word);
  return bytes;
}

function stampIn(bytes: Uint8Array, at: number): { ms: number; counter: number } {
  return { ms: readU16(bytes, at) * 2 ** 32 + readU32(bytes, at + 2), counter: readU16(bytes, at + 6) };
}

function stampOf(ms: number, counter: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(ms, 0, 6);
  bytes.writeUInt16BE(counter, 6);
  return bytes;
}

function varintOf(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varintOf(Math.floor(value / 128))];
}

export function plainOf(bytes: Uint8Array, event: EventData): PlainEvent {
  const text = (start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString();
  const kind = kindOf(event);
  const isEnd = kind === KIND_END;
  const origin = event.isCopy ? { author: readU32(bytes, event.bodyStart + 1), ...stampIn(bytes, event.bodyStart + 5) }
    : stampIn(bytes, event.end - 8);
  return {
    kind, topic: text(event.topicStart, event.topicStart + event.topicLength),
    key: text(event.keyStart, event.keyStart + event.keyLength), ttlSeconds: event.ttlSeconds, ms: event.ms,
    counter: event.counter, payload: isEnd ? "" : hex(bytes.subarray(event.payloadStart, event.end)),
    ...(event.isCopy || isEnd ? { origin } : {}),
  };
}

/** The tip after an event, from the definition. */
export function tipAfter(
  author: number, generation: number, sequence: number, before: Uint8Array, event: Uint8Array,
): Uint8Array {
  const head = Buffer.alloc(12);
  [author, generation, sequence].forEach((word, i) => head.writeUInt32BE(word, i * 4));
  const hash = createHash("sha256").update(head).update(before).update(event).digest();
  return new Uint8Array(hash.subarray(0, 8));
}

/** All events that an author published, by generation. */
export class Truth {
  readonly generations = new Map<number, { events: Uint8Array[]; tips: Uint8Array[] }>();
  constructor(readonly author: number) {}

  begin(generation: number): void {
    this.generations.set(generation, { events: [], tips: [new Uint8Array(8)] });
  }

  say(generation: number, event: Uint8Array): void {
    const { events, tips } = this.generations.get(generation)!;
    tips.push(tipAfter(this.author, generation, events.length + 1, tips[events.length], event));
    events.push(event);
  }

  event(generation: number, sequence: number): Uint8Array {
    return this.generations.get(generation)!.events[sequence - 1];
  }

  tip(generation: number, sequence: number): Uint8Array {
    return this.generations.get(generation)!.tips[sequence];
  }

  name(generation: number, sequence: number): string {
    const { topic, key } = decoded(this.event(generation, sequence));
    return `${topic}/${key}`;
  }

  /** Topics and keys with later events than an event. */
  namesAfter(generation: number, sequence: number): Set<string> {
    const count = this.generations.get(generation)!.events.length;
    return new Set(Array.from({ length: count - sequence }, (_, i) => this.name(generation, sequence + 1 + i)));
  }

  /** Sequence numbers of the latest sets and removals by topic and key, as of an event. */
  latest(generation: number, sequence: number): Map<string, number> {
    const latest = new Map<string, number>();
    for (let i = 1; i <= sequence; i++) {
      const { kind, topic, key, origin } = decoded(this.event(generation, i));
      const name = `${topic}/${key}`;
      if (kind === KIND_SET || kind === KIND_REMOVE) latest.set(name, i);
      else if (kind === KIND_END && this.isEnded(generation, latest.get(name), origin!.ms)) latest.delete(name);
    }
    return latest;
  }

  /** Whether an event is not later than one that was ended. */
  isEnded(generation: number, sequence: number | undefined, endedMs: number): boolean {
    return sequence !== undefined && decoded(this.event(generation, sequence)).ms <= endedMs;
  }

  /** The same without removals. */
  values(generation: number, sequence: number): Map<string, number> {
    return new Map([...this.latest(generation, sequence)].filter(([, number]) => this.isValue(generation, number)));
  }

  isValue(generation: number, sequence: number): boolean {
    return decoded(this.event(generation, sequence)).kind === KIND_SET;
  }
}

export function decoded(bytes: Uint8Array): PlainEvent {
  const reader = new Reader();
  const event = new EventData();
  reader.reset(bytes, 0, bytes.length);
  readEvent(reader, event);
  assert.ok(!reader.failed);
  return plainOf(bytes, event);
}

interface Told {
  generation: number;
  told: Set<number>;
  last: number;
  /** Latest values as an application knows them. */
  values: Map<string, number>;
}

/** A node that has nothing but feeds: of author `ids[slot]` in each slot, its own in slot 0. */
export class FeedNode {
  readonly feeds: FeedStore;
  readonly intake: Intake;
  readonly history: History;
  readonly writer: BatchWriter;
  readonly batch: BatchData;
  readonly event = new EventData();
  readonly told: Told[];
  /** Whether some node may have dropped removals for want of room. */
  mayLackRemovals = false;
  /** Drop reasons, as they came. */
  readonly drops: number[] = [];

  constructor(readonly ids: number[], feedBytes: number, readonly truths: Map<number, Truth>, eventBytesMax = 128) {
    this.feeds = new FeedStore({ id: (slot) => ids[slot] }, ids.length, feedBytes, eventBytesMax, nodeDigest);
    this.batch = new BatchData(this.feeds);
    this.intake = new Intake(this.feeds, new Hlc());
    this.history = new History(this.feeds);
    this.writer = new BatchWriter(this.feeds, new Hlc(), new Reader(), this.event);
    this.told = ids.map(() => ({ generation: -1, told: new Set(), last: 0, values: new Map() }));
  }

  /** Publishes. Returns whether there was room. */
  say(plain: PlainEvent): boolean {
    const bytes = bytesOf(plain);
    if (!this.feeds.reserve(recordWords(bytes.length))) return false;
    if (!this.feeds.append(0, bytes, 0, bytes.length)) return false;
    this.truths.get(this.ids[0])!.say(this.feeds.generation(0), bytes);
    this.drain();
    return true;
  }

  /** Writes what a peer lacks of one author's feed into a section: parts or runs, one after the other. */
  sectionFor(peer: FeedNode, author: number, room: number): { bytes: Uint8Array; isChunk: boolean } | undefined {
    const slot = this.ids.indexOf(author);
    const theirs = peer.ids.indexOf(author);
    const sequence = peer.feeds.sequence(theirs);
    const generation = peer.feeds.generation(theirs);
    const isComplete = peer.feeds.isComplete(theirs);
    const lacks = this.writer.lacks(slot, generation, sequence, isComplete);
    if (lacks === LACKS_NOTHING) return undefined;
    const writer = new Writer();
    writer.reset(new Uint8Array(room), 0, room);
    this.writer.begin();
    if (lacks === LACKS_EVENTS) {
      let from = (generation === this.feeds.generation(slot) ? sequence : 0) + 1;
      for (let next = this.writer.writeBatch(writer, slot, from); next > from;) {
        from = next;
        next = this.writer.writeBatch(writer, slot, from);
      }
    } else {
      let after = this.writer.snapshotAfter(slot, generation, sequence, isComplete);
      for (let before = -1; writer.position > before && (before < 0 || !this.writer.isComplete);) {
        before = writer.position;
        after = this.writer.writeSnapshotChunk(writer, slot, after);
      }
    }
    assert.ok(!writer.failed, "writes only what fits");
    return { bytes: writer.bytes.subarray(0, writer.position), isChunk: lacks !== LACKS_EVENTS };
  }

  /** Handles a section of `sender`, as a frame's: checks all of it first. Returns drop reasons, one for each batch. */
  handle(sender: number, bytes: Uint8Array, isChunk: boolean): number[] {
    const reader = new Reader();
    const reasons: number[] = [];
    const ends: number[][] = [];
    reader.reset(bytes, 0, bytes.length);
    beginBatches(this.batch);
    while (reader.position < bytes.length) {
      const reason = checkBatch(reader, this.batch, this.event, sender, isChunk);
      if (reason !== 0) {
        this.drops.push(reason);
        return [reason];
      }
      ends.push([reader.position, this.batch.ms, this.batch.counter]);
    }
    reader.reset(bytes, 0, bytes.length);
    beginBatches(this.batch);
    for (const end of ends) {
      assert.ok(readBatchHead(reader, this.batch, sender, isChunk));
      const slot = this.ids.indexOf(this.batch.author);
      reasons.push(isChunk ?
        this.intake.handleSnapshotChunk(slot, reader, this.batch, this.event) :
        this.intake.handleBatch(slot, reader, this.batch, this.event));
      assert.deepEqual([reader.position, this.batch.ms, this.batch.counter], end, "the reader is behind the batch");
    }
    this.drain();
    this.drops.push(...reasons.filter((reason) => reason !== 0));
    return reasons;
  }

  /** Writes what this node holds of an author's feed below a number, as a section HISTORY has it; empty for nothing. */
  historyFor(author: number, below: number, room: number): Uint8Array {
    const slot = this.ids.indexOf(author);
    const { feeds } = this;
    const writer = new Writer();
    writer.reset(new Uint8Array(room), 0, room);
    this.writer.begin();
    for (let at = below, before = 0; at > feeds.floor(slot) && at !== before;) {
      before = at;
      at = this.writer.writeHistory(writer, slot, at);
    }
    assert.ok(!writer.failed, "writes only what fits");
    return writer.bytes.subarray(0, writer.position);
  }

  /** Handles a section HISTORY of `sender`. Returns drop reasons, one for each batch. */
  handleHistory(sender: number, bytes: Uint8Array): number[] {
    const reader = new Reader();
    const reasons: number[] = [];
    const ends: number[][] = [];
    reader.reset(bytes, 0, bytes.length);
    beginBatches(this.batch);
    while (reader.position < bytes.length) {
      reader.skip(8);
      const reason = checkBatch(reader, this.batch, this.event, sender, false);
      if (reason !== 0) return [reason];
      ends.push([reader.position, this.batch.ms, this.batch.counter]);
    }
    reader.reset(bytes, 0, bytes.length);
    beginBatches(this.batch);
    for (const end of ends) {
      const tip = [reader.u32(), reader.u32()];
      assert.ok(readBatchHead(reader, this.batch, sender, false));
      const slot = this.ids.indexOf(this.batch.author);
      reasons.push(this.history.handle(slot, reader, this.batch, this.event, tip[0], tip[1]));
      assert.deepEqual([reader.position, this.batch.ms, this.batch.counter], end, "the reader is behind the batch");
    }
    this.drain();
    return reasons;
  }

  /** Takes the events of which the application is to be notified, as the application would. */
  drain(): void {
    const { arena } = this.feeds;
    for (let record = arena.nextUnnotified(); record !== 0; record = arena.nextUnnotified()) {
      const slot = arena.owner(record);
      const told = this.told[slot];
      const generation = this.feeds.generation(slot);
      if (told.generation !== generation) {
        this.told[slot] = { generation, told: new Set(), last: 0, values: new Map() };
      }
      const { told: numbers, values, last } = this.told[slot];
      const sequence = arena.sequence(record);
      const start = arena.eventAt(record);
      const { kind, topic, key, origin } = decoded(arena.bytes.slice(start, start + arena.eventLength(record)));
      const name = `${topic}/${key}`;
      if (arena.hasFlag(record, RECORD_GONE)) {
        assert.ok(numbers.has(sequence), "was told before it went");
        if (values.get(name) === sequence) values.delete(name);
        continue;
      }
      assert.ok(!numbers.has(sequence), `event ${sequence} is told once`);
      assert.ok(sequence > last, "events are told in the order of the feed");
      this.told[slot].last = sequence;
      numbers.add(sequence);
      const truth = this.truths.get(this.ids[slot])!;
      if (kind === KIND_SET) values.set(name, sequence);
      else if (kind === KIND_REMOVE) values.delete(name);
      else if (kind === KIND_END && truth.isEnded(generation, values.get(name), origin!.ms)) values.delete(name);
    }
  }

  /** Sequence numbers of the records of a feed. */
  held(slot: number): number[] {
    const { arena } = this.feeds;
    const numbers: number[] = [];
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      assert.equal(arena.owner(record), slot);
      numbers.push(arena.sequence(record));
    }
    return numbers;
  }

  /** Compares all that is held with what was published. */
  check(): void {
    this.ids.forEach((_, slot) => this.checkFeed(slot));
    const { arena } = this.feeds;
    const spare = this.ids.flatMap((_, slot) => this.held(slot).map((number) => arena.find(slot, number)))
      .filter((record) => !this.feeds.isLive(record)).reduce((sum, record) => sum + arena.wordsAt(record), 0);
    assert.equal(this.feeds.arena["spareWords"], spare, "words that may go");
    assert.ok(this.feeds.arena.room() >= 0 && this.feeds.arena.room() <= this.feeds.arena.size());
  }

  private checkFeed(slot: number): void {
    const { feeds } = this;
    const truth = this.truths.get(this.ids[slot])!;
    const generation = feeds.generation(slot);
    const sequence = feeds.sequence(slot);
    const numbers = this.held(slot);
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "in order, each once");
    for (const number of numbers) {
      const record = feeds.arena.find(slot, number);
      const start = feeds.arena.eventAt(record);
      const bytes = feeds.arena.bytes.subarray(start, start + feeds.arena.eventLength(record));
      assert.equal(hex(bytes), hex(truth.event(generation, number)), `event ${number} is as it was said`);
    }
    if (!feeds.isComplete(slot) || sequence === 0) return;
    const floor = feeds.floor(slot);
    assert.ok(floor >= 1 && floor <= sequence + 1);
    assert.equal(wordsHex(feeds.tipFirst(slot), feeds.tipSecond(slot)), hex(truth.tip(generation, sequence)), "tip");
    const base = wordsHex(feeds.tipFirstAt(slot, floor - 1), feeds.tipSecondAt(slot, floor - 1));
    assert.equal(base, hex(truth.tip(generation, floor - 1)), "base tip");
    const tail = Array.from({ length: sequence + 1 - floor }, (_, i) => floor + i);
    assert.deepEqual(numbers.filter((number) => number >= floor && number <= sequence), tail, "tail");
    // A snapshot leaves out what ended after it, and what that ended: until its event comes, such a value may be an
    // older one, or missing.
    const isSettled = (name: string): boolean => !truth.namesAfter(generation, sequence).has(name);
    const latest = [...truth.latest(generation, sequence)].filter(([name]) => isSettled(name));
    const below = numbers.filter((number) => number < floor && isSettled(truth.name(generation, number)));
    // This node or another one may have dropped a removal for want of room.
    const expected = latest.map(([, number]) => number).filter((number) => number < floor).filter((number) => {
      return !this.mayLackRemovals || truth.isValue(generation, number) || below.includes(number);
    });
    assert.deepEqual(below, expected.sort((a, b) => a - b), "latest values");
    for (const number of tail) {
      const tip = wordsHex(feeds.tipFirstAt(slot, number), feeds.tipSecondAt(slot, number));
      assert.equal(tip, hex(truth.tip(generation, number)), "tip in the middle");
    }
    if (numbers.some((number) => number > sequence)) return;
    const told = this.told[slot].generation === generation ? [...this.told[slot].values] : [];
    const values = [...truth.values(generation, sequence)].filter(([name]) => isSettled(name));
    assert.deepEqual(told.filter(([name]) => isSettled(name)).sort(), values.sort(), "values that are known");
  }
}

export function wordsHex(first: number, second: number): string {
  return first.toString(16).padStart(8, "0") + second.toString(16).padStart(8, "0");
}

export function logEvent(n: number, ms = T + n * 1000): PlainEvent {
  return { kind: KIND_LOG, topic: "log", key: "", ttlSeconds: 0, ms, counter: 0, payload: hex(cborOf(`entry ${n}`)) };
}

export function setEvent(key: string, n: number, ms = T + n * 1000): PlainEvent {
  return { kind: KIND_SET, topic: "value", key, ttlSeconds: 0, ms, counter: 0, payload: hex(cborOf(n)) };
}

/** The end of the author's own event with the stamp `endedMs`. */
export function endEvent(key: string, n: number, endedMs: number, ms = T + n * 1000): PlainEvent {
  return { ...removeEvent(key, n, ms), kind: KIND_END, origin: { ms: endedMs, counter: 0 } };
}

export function removeEvent(key: string, n: number, ms = T + n * 1000): PlainEvent {
  return { kind: KIND_REMOVE, topic: "value", key, ttlSeconds: 0, ms, counter: 0, payload: "" };
}
