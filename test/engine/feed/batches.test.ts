import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader, Writer } from "../../../src/engine/wire/cursor.js";
import { SECTION_HEAD_BYTES } from "../../../src/engine/wire/frame.js";
import { EventData } from "../../../src/engine/feed/event.js";
import { KIND_LOG, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { BatchData, beginBatches, checkBatch, readBatchEvent, rewindBatch } from "../../../src/engine/feed/batches.js";
import { propertyOptions } from "../../support/random.js";
import {
  FeedNode, type PlainEvent, T, Truth, bytesOf, cborOf, decoded, hex, logEvent, plainOf, removeEvent, setEvent,
} from "./feed-support.js";

/** A node with one feed of its own, in generation `generation`. */
function authorOf(id: number, generation: number): FeedNode {
  const truth = new Truth(id);
  truth.begin(generation);
  const author = new FeedNode([id, 0x77777777], 100000, new Map([[id, truth], [0x77777777, new Truth(0x77777777)]]));
  author.truths.get(0x77777777)!.begin(0);
  author.feeds.begin(0, generation);
  return author;
}

interface Run {
  author: number;
  generation: number;
  first: number;
  events: PlainEvent[];
}

/** All runs of a section. */
function runsIn(bytes: Uint8Array, sender: number): Run[] {
  const reader = new Reader();
  const run = new BatchData(authorOf(sender, 0).feeds);
  const event = new EventData();
  const runs: Run[] = [];
  reader.reset(bytes, 0, bytes.length);
  beginBatches(run);
  while (reader.position < bytes.length) {
    assert.equal(checkBatch(reader, run, event, sender, false), 0);
    const { position } = reader;
    const events: PlainEvent[] = [];
    rewindBatch(reader, run);
    for (let i = 0; i < run.count; i++) {
      readBatchEvent(reader, run, event);
      events.push(plainOf(event.bytes, event));
    }
    runs.push({ author: run.author, generation: run.generation, first: run.first, events });
    reader.position = position;
  }
  return runs;
}

function write(author: FeedNode, room: number, from: number): Uint8Array {
  const writer = new Writer();
  writer.reset(new Uint8Array(room + 8).fill(0xa5), 0, room);
  author.writer.begin();
  let next = from;
  for (let before = 0; next > before;) {
    before = next;
    next = author.writer.writeBatch(writer, 0, before);
  }
  assert.ok(!writer.failed && writer.bytes.subarray(room).every((byte) => byte === 0xa5));
  return writer.bytes.subarray(0, writer.position);
}

/** Stamps rise along a feed. */
function rising(events: PlainEvent[]): PlainEvent[] {
  const sorted = [...events].sort((a, b) => a.ms - b.ms || a.counter - b.counter);
  return sorted.filter(({ ms, counter }, i) => i === 0 || ms !== sorted[i - 1].ms || counter !== sorted[i - 1].counter);
}

describe("batches on the wire", () => {
  it("a batch has the bytes of PROTOCOL.md", () => {
    const author = authorOf(0x0a0b0c0d, 3);
    author.say({ ...logEvent(0), topic: "t", payload: "05" });
    author.say({ ...setEvent("k", 0, T + 1), topic: "t", payload: "06", ttlSeconds: 9 });
    author.say({ ...removeEvent("k", 0, T + 1), topic: "t", counter: 1 });
    author.say({ ...logEvent(0, T + 1), topic: "t", counter: 300, payload: "07" });
    const check = hex(author.truths.get(0x0a0b0c0d)!.tip(3, 4)).slice(0, 8);
    assert.equal(hex(write(author, 100, 1)), [
      "b3 01", // of the sender, generation 3, 4 events from 1 on
      "01 80a0d5edee66 74 05", // twice the milliseconds as a varint, "t", 5
      "00 c1 02 74 01 6b 09 06", // in full: 1 ms later, "t", "k", 9 s, 6
      "00 81 00 74 01 6b", // in full: 0 ms later and the next counter
      "b0 ac02 17 07", // as the first one, 23 bytes before: 0 ms later again, counter 300, 7
      check,
    ].join("").replaceAll(" ", ""));
  });

  const plain = fc.record({
    kind: fc.constantFrom(0, 1, 2), topic: fc.constantFrom("a", "topic"), key: fc.constantFrom("", "key"),
    ms: fc.oneof(fc.integer({ min: T, max: T + 5 }), fc.integer({ min: 0, max: 7258118399999 })),
    counter: fc.oneof(fc.nat(3), fc.nat(0xffff)), ttlSeconds: fc.constantFrom(0, 1, 0xffffffff),
    payload: fc.integer().map((value) => hex(cborOf(value))),
  });

  it("the reader gets the events that the writer wrote, in as many datagrams as they take", () => {
    const lists = fc.array(plain, { minLength: 1, maxLength: 60 });
    fc.assert(fc.property(lists, fc.constantFrom(0, 6, 7, 0xffffffff), fc.integer({ min: 60, max: 900 }),
      (any, generation, room) => {
        const list = rising(any);
        const author = authorOf(5, generation);
        for (const event of list) assert.ok(author.say(event));
        const expected = list.map((event) => decoded(bytesOf(event)));
        const found: PlainEvent[] = [];
        while (found.length < expected.length) {
          const runs = runsIn(write(author, room, found.length + 1), 5);
          assert.ok(runs.length > 0, "something always fits");
          for (const run of runs) {
            assert.deepEqual([run.author, run.generation, run.first], [5, generation, found.length + 1]);
            found.push(...run.events);
          }
        }
        assert.deepEqual(found, expected);
      }), propertyOptions(200));
  });
});

/** Bytes of events that are their author's: topic, key and payload. */
function ownBytes({ topic, key, payload }: PlainEvent): number {
  return topic.length + key.length + payload.length / 2;
}

/** Everything else of a section, for each event. */
function overhead(bytes: Uint8Array, events: PlainEvent[], headBytes: number): number {
  const own = events.reduce((sum, event) => sum + ownBytes(event), 0);
  return (bytes.length + headBytes - own) / events.length;
}

/** A node that holds the feeds of `count` authors, each of whom says one more event, seconds apart. */
function holderOf(count: number, event: (n: number) => PlainEvent): { holder: FeedNode; events: PlainEvent[] } {
  const ids = Array.from({ length: count }, (_, i) => 0x30000000 + i * 0x01234567);
  const truths = new Map([1, ...ids].map((id) => [id, new Truth(id)]));
  for (const truth of truths.values()) truth.begin(1);
  const holder = new FeedNode([1, ...ids], 1000000, truths);
  const events: PlainEvent[] = [];
  ids.forEach((id, i) => {
    const author = new FeedNode([id, 1], 100000, truths);
    author.feeds.begin(0, 1);
    for (let n = 0; n < 200; n++) author.say(event(n * 600 + i));
    while (holder.feeds.sequence(i + 1) < 200) {
      const section = author.sectionFor(holder, id, 1000)!;
      holder.handle(id, section.bytes, section.isChunk);
    }
    events.push(event(199 * 600 + i));
  });
  return { holder, events };
}

describe("the overhead of an event", () => {
  const reading = (n: number): PlainEvent => ({
    kind: KIND_LOG, topic: "temperature", key: "", ttlSeconds: 0, ms: T + n * 1000, counter: 0, payload: "f94d60",
  });
  const value = (n: number): PlainEvent => ({ ...reading(n), kind: KIND_SET, topic: "room", key: "temperature" });

  for (const { name, event, own, relayed } of [
    { name: "log", event: reading, own: 14, relayed: 18 },
    { name: "set", event: value, own: 15, relayed: 19 },
  ]) {
    it(`an event costs at most 16 bytes, or 18 or 19 when a relayed event travels alone: ${name}`, () => {
      const { holder, events } = holderOf(60, event);
      const author = authorOf(9, 1);
      for (let n = 0; n < 200; n++) author.say(event(n * 600));
      const alone = write(author, 1200, 200);
      assert.equal(overhead(alone, [event(199 * 600)], 0), own, "a run of one, of the sender");

      const writer = new Writer();
      writer.reset(new Uint8Array(1200), 0, 1200 - SECTION_HEAD_BYTES);
      holder.writer.begin();
      holder.writer.writeBatch(writer, 1, 200);
      assert.equal(overhead(writer.bytes.subarray(0, writer.position), events.slice(0, 1), 0), relayed,
        "a run of one, of another node");

      const datagram = write(author, 1200 - SECTION_HEAD_BYTES, 50);
      const inFull = runsIn(datagram, 9).flatMap((run) => run.events);
      assert.ok(inFull.length > 40);
      assert.ok(overhead(datagram, inFull, SECTION_HEAD_BYTES) <= 6, "a datagram of one author's");

      writer.reset(new Uint8Array(1200), 0, 1200 - SECTION_HEAD_BYTES);
      holder.writer.begin();
      let slot = 1;
      while (slot < 61 && holder.writer.writeBatch(writer, slot, 200) > 200) slot++;
      const mixed = overhead(writer.bytes.subarray(0, writer.position), events.slice(0, slot - 1), SECTION_HEAD_BYTES);
      assert.ok(slot > 30 && mixed <= 16, "a datagram of runs of one, each of another node");
    });
  }
});
