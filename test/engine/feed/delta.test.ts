import assert from "node:assert/strict";
import fc from "fast-check";
import type { CborValue } from "../../../src/cbor/cbor.js";
import { Writer } from "../../../src/engine/wire/cursor.js";
import { COPY_BYTES } from "../../../src/engine/feed/event.js";
import { KIND_LOG, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { propertyOptions } from "../../support/random.js";
import { FeedNode, type PlainEvent, T, Truth, cborOf, hex } from "./feed-support.js";

const A = 0x0a0b0c0d;
const B = 0x77777777;

/** The author, and a node that knows it. */
function pair(eventBytesMax = 400): { author: FeedNode; reader: FeedNode } {
  const truths = new Map([A, B].map((id) => [id, new Truth(id)]));
  for (const truth of truths.values()) truth.begin(0);
  return {
    author: new FeedNode([A, B], 200000, truths, 400), reader: new FeedNode([B, A], 200000, truths, eventBytesMax),
  };
}

function log(n: number, value: CborValue, topic = "t"): PlainEvent {
  const payload = hex(cborOf(value));
  return { kind: KIND_LOG, topic, key: "", ttlSeconds: 0, ms: T + n * 1000, counter: 0, payload };
}

/** The bytes of one section with all events of these values, each a second later. The reader gets them as they are. */
function sent(values: CborValue[]): number {
  const { author, reader } = pair();
  values.forEach((value, n) => assert.ok(author.say(log(n, value))));
  let bytes = 0;
  while (reader.feeds.sequence(1) < values.length) {
    const section = author.sectionFor(reader, A, 1200)!;
    bytes += section.bytes.length;
    assert.ok(reader.handle(A, section.bytes, false).every((reason) => reason === 0));
  }
  reader.check();
  return bytes;
}

/** What one more event of such a value takes in a section. */
function cost(first: CborValue, second: CborValue): number {
  return sent([first, second]) - sent([first]);
}

describe("deltas", () => {
  it("an event with other numbers takes its numbers, its step and three bytes", () => {
    const line = (door: number, card: number): string => `door ${door} opened by card ${card}, lock ok`;
    assert.equal(cost(line(12, 4711), line(7, 1234)), 1 + 2 + 1 + 1 + 2);
    assert.equal(cost({ a: 1, b: [200, 1.5] }, { a: 300, b: [null, true] }), 1 + 2 + 1 + 3 + 1 + 1);
    assert.equal(cost(Uint8Array.from({ length: 48 }, (_, i) => i), new Uint8Array(48)), 1 + 2 + 1 + 48);
  });

  it("the next like event has its step only if that is another one", () => {
    const values = [1, 2, 3, 4].map((n) => `lamp ${n} is on`);
    assert.equal(sent(values) - sent(values.slice(0, 2)), 2 + 2, "the head and the number");
  });

  it("zeros in front of a number stay, as far as the reference has them", () => {
    assert.equal(cost("at 07:05 all is well, as ever", "at 08:15 all is well, as ever"), 1 + 2 + 1 + 2);
    // "05" would come out as "5": it is a patch of two bytes behind two numbers that say where.
    assert.equal(cost("at 17:15 all is well, as ever", "at 18:05 all is well, as ever"), 1 + 2 + 1 + 1 + 3 + 2);
  });

  it("a word that differs is a patch, and the numbers behind it are numbers", () => {
    assert.equal(cost("garage: 21 degrees, 48 percent", "kitchen: 22 degrees, 50 percent"), 1 + 2 + 1 + 3 + 7 + 2);
    assert.equal(cost({ line: "the hall is dark", n: 1 }, { line: "the cellar is dark", n: 2 }), 1 + 2 + 1 + 3 + 6 + 1);
  });

  it("an event that is not like any other is written in full", () => {
    const full = (value: CborValue): number => 1 + 1 + 2 + 1 + cborOf(value).length;
    const texts: CborValue[] = ["something is on", "nothing like it", 7, { a: 1 }, { b: 1 }, [1], [1, 2], "x"];
    for (let i = 1; i < texts.length; i++) assert.equal(cost(texts[i - 1], texts[i]), full(texts[i]), `value ${i}`);
  });

  it("long events are written in full, and are references of others", () => {
    const long = (bytes: number): Uint8Array => new Uint8Array(bytes);
    // 9 bytes of head and stamp, 1 of topic, 2 of the head of the value.
    assert.equal(cost(long(130), long(130)), 1 + 2 + 2 + 130);
    assert.equal(cost(long(131), long(131)), 1 + 1 + 2 + 1 + 2 + 131);
  });

  it("sets and removals of one name are deltas, those of others are not", () => {
    const { author, reader } = pair();
    const set = (n: number, key: string): PlainEvent => ({ ...log(n, n), kind: KIND_SET, key });
    for (let n = 0; n < 8; n++) author.say(set(n, n % 2 === 0 ? "in" : "out"));
    const section = author.sectionFor(reader, A, 1200)!;
    assert.deepEqual(reader.handle(A, section.bytes, false), [0]);
    reader.check();
    assert.ok(section.bytes.length < 2 * 16 + 6 * 5 + 8);
  });

  it("a node whose events are shorter goes on behind deltas that are too long for it", () => {
    const { author, reader } = pair(40);
    for (let n = 0; n < 6; n++) author.say(log(n, n % 2 === 0 ? `lamp ${n}` : "x".repeat(60) + String(n)));
    // It does so once the application was notified of those before.
    for (let n = 0; n < 6; n++) reader.handle(A, author.sectionFor(reader, A, 1200)?.bytes ?? new Uint8Array(0), false);
    assert.equal(reader.feeds.sequence(1), 6);
    assert.equal(hex(new Uint8Array(author.truths.get(A)!.tip(0, 6))).slice(0, 8),
      reader.feeds.tipFirst(1).toString(16).padStart(8, "0"));
  });

  const word = fc.constantFrom("a", "door", "gate", "ä", "007", "0", "12", "4711", "1234567890123", " ", ": ", ".");
  const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(""));
  const value = fc.oneof(
    text, fc.integer(), fc.boolean(), fc.double({ noNaN: true }), fc.uint8Array({ maxLength: 20 }),
    fc.record({ a: fc.oneof(text, fc.integer()), b: text }), fc.tuple(text, fc.integer(), text),
  );

  it("a reader gets the events that a writer wrote, whatever is like what", () => {
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), (values) => {
      sent(values);
    }), propertyOptions(300));
  });

  it("a section with any changed byte gives no other event, and nothing is written beside the scratch", () => {
    const { author } = pair();
    const lines = ["door 12 opened by card 4711", "door 7 opened by card 1234", "gate 3 opened by card 0815"];
    [...lines, { a: 1, b: "x1" }, { a: 300, b: "x77" }].forEach((line, n) => author.say(log(n, line)));
    const bytes = author.sectionFor(pair().reader, A, 1200)!.bytes;
    fc.assert(fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = bytes.slice();
      changed[at] ^= change;
      const { reader } = pair();
      const scratchEnd = reader.feeds.chain.eventAt + 400 + COPY_BYTES;
      const behind = reader.feeds.arena.bytes.slice(scratchEnd);
      reader.handle(A, changed, false);
      reader.check();
      if (reader.feeds.sequence(1) === 0) assert.deepEqual(reader.feeds.arena.bytes.slice(scratchEnd), behind);
    }), propertyOptions(500));
  });

  it("a writer writes no more than fits", () => {
    const { author } = pair();
    for (let n = 0; n < 40; n++) author.say(log(n, `door ${n} opened by card ${n * 177}`));
    for (let room = 20; room < 120; room++) {
      const writer = new Writer();
      writer.reset(new Uint8Array(room + 8).fill(0xa5), 0, room);
      author.writer.begin();
      author.writer.writeBatch(writer, 0, 1);
      assert.ok(!writer.failed && writer.bytes.subarray(room).every((byte) => byte === 0xa5));
      if (writer.position === 0) continue;
      assert.ok(room - writer.position < 50, "and not much less");
      assert.deepEqual(pair().reader.handle(A, writer.bytes.slice(0, writer.position), false), [0]);
    }
  });
});
