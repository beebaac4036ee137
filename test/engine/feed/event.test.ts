import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader } from "../../../src/engine/wire/cursor.js";
import { DROP_EVENT, DROP_NONE, DROP_VALUE } from "../../../src/engine/wire/drops.js";
import { Chain, chainBytes } from "../../../src/engine/feed/chain.js";
import {
  EncodedEvent, EventData, canonicalBytes, checkBody, isStamp, readBody, writeCanonical,
} from "../../../src/engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { type Digest, Sha256 } from "../../../src/digest/sha256.js";
import { propertyOptions } from "../../support/random.js";
import { type PlainEvent, T, bytesOf, cborOf, hex, plainOf, tipAfter, wordsHex } from "./feed-support.js";

/** Parses an event that lies among other bytes. Returns the event in plain words, or the drop reason. */
function read(bytes: Uint8Array): PlainEvent | number {
  const all = new Uint8Array(bytes.length + 20).fill(0x17);
  all.set(bytes, 10);
  const reader = new Reader();
  const event = new EventData();
  reader.reset(all, 10, 10 + bytes.length);
  event.head = reader.u8();
  event.ms = reader.u16() * 2 ** 32 + reader.u32();
  event.counter = reader.u16();
  readBody(reader, event);
  if (!reader.failed && event.end !== reader.end) return DROP_EVENT;
  const reason = checkBody(reader, event);
  if (reason !== DROP_NONE) return reason;
  if (!isStamp(event.ms, event.counter)) return DROP_EVENT;
  const out = new Uint8Array(canonicalBytes(event) + 2).fill(0xa5);
  writeCanonical(out, 1, all, event);
  assert.equal(hex(out), `a5${hex(bytes)}a5`, "writing it again gives the same bytes and no others");
  return plainOf(all, event);
}

function readHex(text: string): PlainEvent | number {
  return read(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

const vectors: { name: string; event: PlainEvent; bytes: string }[] = [
  {
    name: "a log event",
    event: { kind: KIND_LOG, topic: "a", key: "", ttlSeconds: 0, ms: 0, counter: 0, payload: "00" },
    bytes: "01 000000000000 0000 61 00",
  },
  {
    name: "a value",
    event: { kind: KIND_SET, topic: "ab", key: "ñ", ttlSeconds: 0, ms: T, counter: 258, payload: "f94d60" },
    bytes: "42 019b76daa800 0102 6162 02c3b1 f94d60",
  },
  {
    name: "a value that lives 300 seconds",
    event: { kind: KIND_SET, topic: "ab", key: "", ttlSeconds: 300, ms: T, counter: 0, payload: "f6" },
    bytes: "c2 019b76daa800 0000 6162 00 ac02 f6",
  },
  {
    name: "a removal",
    event: { kind: KIND_REMOVE, topic: "a", key: "k", ttlSeconds: 0, ms: 7258118399999, counter: 65535, payload: "" },
    bytes: "81 0699e991a7ff ffff 61 016b",
  },
  {
    name: "the value that a node shares",
    event: { kind: KIND_SET, topic: "", key: "", ttlSeconds: 0, ms: T, counter: 0, payload: "07" },
    bytes: "40 019b76daa800 0000 00 07",
  },
];

const refusals: { name: string; bytes: string; reason?: number }[] = [
  { name: "nothing", bytes: "" },
  { name: "a head alone", bytes: "01" },
  { name: "a topic that is cut off", bytes: "05 000000000000 0000 6162" },
  { name: "the reserved bit", bytes: "21 000000000000 0000 61 00" },
  { name: "a log event without a topic", bytes: "00 000000000000 0000 00" },
  { name: "a key in the topic without a name", bytes: "40 000000000000 0000 016b 00" },
  { name: "a topic that is not UTF-8", bytes: "01 000000000000 0000 ff 00" },
  { name: "a key that is not UTF-8", bytes: "41 000000000000 0000 61 01c0 00" },
  { name: "a key of 32 bytes", bytes: `41 000000000000 0000 61 20${"6b".repeat(32)} 00` },
  { name: "no time to live", bytes: "c1 000000000000 0000 61 00 00 00" },
  { name: "a time to live that is not in its shortest form", bytes: "c1 000000000000 0000 61 00 8100 00" },
  { name: "a removal with a payload", bytes: "81 000000000000 0000 61 00 00" },
  { name: "bytes after the payload", bytes: "01 000000000000 0000 61 00 00" },
  { name: "no payload", bytes: "01 000000000000 0000 61", reason: DROP_VALUE },
  { name: "a payload that is cut off", bytes: "01 000000000000 0000 61 43 0102", reason: DROP_VALUE },
  { name: "a payload that is not deterministic", bytes: "01 000000000000 0000 61 1800", reason: DROP_VALUE },
  { name: "a float that has a shorter form", bytes: "01 000000000000 0000 61 fa3f800000", reason: DROP_VALUE },
  { name: "a payload nested too deep", bytes: "01 000000000000 0000 61 8181818181 00", reason: DROP_VALUE },
  { name: "an array that claims too much", bytes: "01 000000000000 0000 61 9bffffffffffffffff 00", reason: DROP_VALUE },
];

const names = fc.string({ unit: "grapheme", maxLength: 20 }).filter((name) => Buffer.byteLength(name) <= 31);
const payloads = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes("__proto__"))
  .map(cborOf);
const anyEvent: fc.Arbitrary<PlainEvent> = fc.record({
  kind: fc.constantFrom(KIND_LOG, KIND_SET, KIND_REMOVE), topic: names.filter((name) => name !== ""), key: names,
  ttlSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffffffff })),
  ms: fc.integer({ min: 0, max: 7258118399999 }), counter: fc.nat(0xffff), payload: payloads.map(hex),
}).map((event) => ({
  ...event,
  key: event.kind === KIND_LOG ? "" : event.key,
  ttlSeconds: event.kind === KIND_SET ? event.ttlSeconds : 0,
  payload: event.kind === KIND_REMOVE ? "" : event.payload,
}));

describe("EncodedEvent", () => {
  it("an event object holds an event of full length, refuses a longer one and is free then", () => {
    const event = new EncodedEvent(16);
    for (const [topic, key, isFit] of [["abc", "def", true], ["abc", "defg", false], ["ab", "defg", true]] as const) {
      assert.equal(event.begin(KIND_SET, topic, key, 0), isFit);
      assert.equal(event.length, isFit ? 16 : 0);
    }
  });

  it("an event object writes neither a key nor a time to live in kinds that have none", () => {
    const event = new EncodedEvent(64);
    const begun = (kind: number, key: string, ttlSeconds: number): string => {
      assert.ok(event.begin(kind, "t", key, ttlSeconds));
      return hex(event.bytes.subarray(0, event.length));
    };
    assert.equal(begun(KIND_LOG, "key", 9), begun(KIND_LOG, "", 0));
    assert.equal(begun(KIND_REMOVE, "key", 9), begun(KIND_REMOVE, "key", 0));
    assert.notEqual(begun(KIND_SET, "key", 9), begun(KIND_SET, "key", 0));
  });
});

describe("an event in canonical form", () => {
  for (const { name, event, bytes } of vectors) {
    it(`the encoder writes these bytes: ${name}`, () => {
      assert.equal(hex(bytesOf(event)), bytes.replaceAll(" ", ""));
      assert.deepEqual(readHex(bytes), event);
    });
  }

  for (const { name, bytes, reason } of refusals) {
    it(`the parser refuses ${name}`, () => {
      assert.equal(readHex(bytes), reason ?? DROP_EVENT);
    });
  }

  it("the parser gets the event that was written", () => {
    fc.assert(fc.property(anyEvent, (event) => {
      assert.deepEqual(read(bytesOf(event)), event);
    }), propertyOptions(1000));
  });

  it("no stamp is from 2200-01-01 on", () => {
    assert.ok(isStamp(Date.UTC(2200, 0, 1) - 1, 0xffff));
    assert.ok(!isStamp(Date.UTC(2200, 0, 1), 0));
  });

  it("the parser refuses an event that ends early, wherever that is", () => {
    fc.assert(fc.property(anyEvent, fc.nat(), (event, cut) => {
      const bytes = bytesOf(event);
      // A removal's key may end where a shorter one would not: its length stands before it.
      assert.equal(typeof read(bytes.subarray(0, cut % bytes.length)), "number");
    }), propertyOptions(1000));
  });

  it("an event has one form: the event parsed from changed bytes is written as these bytes", () => {
    fc.assert(fc.property(anyEvent, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (event, changes) => {
      const bytes = bytesOf(event);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      read(bytes);
    }), propertyOptions(3000));
  });

  it("the parser throws on no bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      read(bytes);
    }), propertyOptions(3000));
  });
});

describe("the chain of a feed", () => {
  const AUTHOR = 0xdeadbeef;

  function chain(digest: Digest, bytes = new Uint8Array(chainBytes(128) + 9)): Chain {
    return new Chain(digest, bytes, 5, 128);
  }

  it("the chain has the tips of its definition", () => {
    const all = [fc.array(anyEvent, { maxLength: 5 }), fc.nat(0xffffffff), fc.nat(127)] as const;
    fc.assert(fc.property(...all, (events, generation, cut) => {
      const bytes = new Uint8Array(chainBytes(128) + 9);
      const links = chain(new Sha256(), bytes);
      links.begin(AUTHOR, generation, 0, 0);
      let tip: Uint8Array = new Uint8Array(8);
      events.map(bytesOf).filter((event) => event.length <= 128).forEach((event, i) => {
        const half = Math.min(cut, event.length);
        if (i % 2 === 0) {
          bytes.set(event, links.eventAt);
          links.link(i + 1, event.length);
        } else {
          bytes.set(event.subarray(0, half), links.eventAt);
          links.linkParts(i + 1, half, event, half, event.length - half);
        }
        tip = tipAfter(AUTHOR, generation, i + 1, tip, event);
        assert.equal(wordsHex(links.first(), links.second()), hex(tip));
      });
    }), propertyOptions(100));
  });

  it("the chain never has zeros for a tip", () => {
    const links = chain({ sha256: (...[, , , , , , out, at]) => void out.fill(0, at, at + 32) });
    links.begin(AUTHOR, 0, 0, 0);
    links.link(1, 0);
    assert.equal(wordsHex(links.first(), links.second()), "0100000000000000");
  });
});
