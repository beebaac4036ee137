import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader } from "../../../src/engine/wire/cursor.js";
import { DROP_EVENT, DROP_NONE, DROP_VALUE } from "../../../src/engine/wire/drops.js";
import { Chain, chainBytes } from "../../../src/engine/feed/chain.js";
import {
  COPY_BYTES, EncodedEvent, EventData, NO_NAME, canonicalBytes, checkBody, hasSameName, isCopyAt, isMergeAt, isStamp,
  kindAt, logHash, nameHash, nameStart, orderAt, originAuthorAt, readBody, stampCounter, stampMs, ttlSecondsAt,
  writeCanonical, writeCopy, writeEnd, writeStamp,
} from "../../../src/engine/feed/event.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { type Digest, Sha256 } from "../../../src/digest/sha256.js";
import { propertyOptions } from "../../support/random.js";
import {
  type PlainEvent, T, bytesOf, cborOf, hex, plainOf, setEvent, tipAfter, wordsHex,
} from "./feed-support.js";

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
  writeCanonical(out, 1, event);
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
  {
    name: "the end of a value",
    event: {
      kind: KIND_END, topic: "ab", key: "k", ttlSeconds: 0, ms: T, counter: 3, payload: "",
      origin: { ms: 1, counter: 2 },
    },
    bytes: "c2 019b76daa800 0003 6162 016b 00 000000000001 0002",
  },
  {
    name: "a copy of a value",
    event: {
      kind: KIND_SET, topic: "ab", key: "k", ttlSeconds: 0, ms: T, counter: 3, payload: "07",
      origin: { author: 0xdeadbeef, ms: T - 1, counter: 2 },
    },
    bytes: "40 019b76daa800 0003 0c deadbeef 019b76daa7ff 0002 02 6162 016b 07",
  },
  {
    name: "a copy of a value that lives 300 seconds more",
    event: {
      kind: KIND_SET, topic: "ab", key: "", ttlSeconds: 300, ms: T, counter: 0, payload: "f6",
      origin: { author: 1, ms: T - 1, counter: 0 },
    },
    bytes: "c0 019b76daa800 0000 0c 00000001 019b76daa7ff 0000 02 6162 00 ac02 f6",
  },
  {
    name: "a copy of a removal",
    event: {
      kind: KIND_REMOVE, topic: "a", key: "k", ttlSeconds: 0, ms: T, counter: 0, payload: "",
      origin: { author: 1, ms: 0, counter: 65535 },
    },
    bytes: "80 019b76daa800 0000 0c 00000001 000000000000 ffff 01 61 016b",
  },
  {
    name: "a copy of a log event",
    event: {
      kind: KIND_LOG, topic: "a", key: "", ttlSeconds: 0, ms: T, counter: 0, payload: "00",
      origin: { author: 1, ms: T + 1, counter: 0 },
    },
    bytes: "00 019b76daa800 0000 0c 00000001 019b76daa801 0000 01 61 00",
  },
  {
    name: "the end of a copy",
    event: {
      kind: KIND_END, topic: "a", key: "k", ttlSeconds: 0, ms: T, counter: 0, payload: "",
      origin: { author: 1, ms: T - 1, counter: 0 },
    },
    bytes: "c0 019b76daa800 0000 0c 00000001 019b76daa7ff 0000 01 61 016b 00",
  },
];

/** The copy of a value, up to its topic. */
const COPY = "40 000000000000 0000 0c 00000001 0000000000000000";

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
  { name: "an end without the stamp of what it ends", bytes: "c1 000000000000 0000 61 00 00" },
  { name: "an end whose stamp is cut off", bytes: "c1 000000000000 0000 61 00 00 00000000000000" },
  { name: "an end with a payload", bytes: "c1 000000000000 0000 61 00 00 0000000000000000 00" },
  { name: "an end without a topic", bytes: "c0 000000000000 0000 00 00 0000000000000000" },
  { name: "a copy without a topic", bytes: `${COPY} 00 00 00` },
  { name: "a copy of a log event without a topic", bytes: "00 000000000000 0000 0c 00000001 0000000000000000 00 00" },
  { name: "a copy with a topic of 32 bytes", bytes: `${COPY} 20${"61".repeat(32)} 00 00` },
  { name: "a copy that is cut off in its author", bytes: "40 000000000000 0000 0c 000000" },
  { name: "a copy that is cut off in the stamp of the original", bytes: COPY.slice(0, -2) },
  { name: "a copy that is cut off in its topic", bytes: `${COPY} 02 61` },
  { name: "a copy that is cut off in its key", bytes: `${COPY} 01 61 02 6b` },
  { name: "a copy whose topic is not UTF-8", bytes: `${COPY} 01 ff 00 00` },
  {
    name: "the end of a copy with a stamp behind it",
    bytes: "c0 000000000000 0000 0c 00000001 0000000000000000 01 61 00 00 0000000000000000",
  },
  { name: "another mark than that of a copy", bytes: "40 000000000000 0000 0d 00000001 0000000000000000 01 61 00 00" },
  { name: "a copy of a value without its payload", bytes: `${COPY} 01 61 00`, reason: DROP_VALUE },
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
const stamps = { ms: fc.integer({ min: 0, max: 7258118399999 }), counter: fc.nat(0xffff) };
const anyEvent: fc.Arbitrary<PlainEvent> = fc.record({
  kind: fc.constantFrom(KIND_LOG, KIND_SET, KIND_REMOVE, KIND_END), topic: names.filter((name) => name !== ""),
  key: names, ttlSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffffffff })), ...stamps,
  payload: payloads.map(hex), isCopy: fc.boolean(), author: fc.nat(0xffffffff), origin: fc.record(stamps),
}).map(({ isCopy, author, origin, ...event }) => ({
  ...event,
  key: event.kind === KIND_LOG ? "" : event.key,
  ttlSeconds: event.kind === KIND_SET ? event.ttlSeconds : 0,
  payload: event.kind === KIND_REMOVE || event.kind === KIND_END ? "" : event.payload,
  ...(isCopy ? { origin: { author, ...origin } } : event.kind === KIND_END ? { origin: { ...origin } } : {}),
}));

/** An event among other bytes, with where it starts and how long it is. */
function placed(event: PlainEvent): [bytes: Uint8Array, at: number, length: number] {
  const bytes = bytesOf(event);
  const all = new Uint8Array(bytes.length + 20).fill(0x17);
  all.set(bytes, 10);
  return [all, 10, bytes.length];
}

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

  it("what is read of an event in place is what was written", () => {
    fc.assert(fc.property(anyEvent, fc.nat(0xffffffff), (event, holder) => {
      const { kind, topic, key, origin } = event;
      const [bytes, at, length] = placed(event);
      const order = orderAt(bytes, at, length);
      const identity = origin ?? event;
      assert.deepEqual([kindAt(bytes, at), isCopyAt(bytes, at)], [kind, origin?.author !== undefined]);
      assert.equal(ttlSecondsAt(bytes, at), event.ttlSeconds);
      assert.equal(originAuthorAt(bytes, at, holder), origin?.author ?? holder);
      assert.deepEqual([stampMs(bytes, order), stampCounter(bytes, order)], [identity.ms, identity.counter]);
      assert.equal(isMergeAt(bytes, at), topic.startsWith("+"));
      const name = Buffer.from(topic);
      assert.equal(hex(bytes.subarray(nameStart(bytes, at), nameStart(bytes, at) + name.length)), name.toString("hex"));
      if (kind === KIND_LOG) {
        // A copy is found by its identity.
        const found = origin === undefined ? NO_NAME : logHash(bytes, order, origin.author ?? 0);
        return assert.equal(nameHash(bytes, at), found);
      }
      const [others, other] = placed({ ...setEvent(key, 1), topic });
      assert.ok(hasSameName(bytes, at, others, other) && nameHash(bytes, at) === nameHash(others, other));
      const [changed, place] = placed({ ...event, key: key === "" ? "k" : key.slice(1) });
      assert.ok(!hasSameName(bytes, at, changed, place));
    }), propertyOptions(1000));
  });

  it("a topic and key of the same bytes with another border are another name", () => {
    const [bytes, at] = placed({ ...setEvent("bc", 1), topic: "a" });
    const [others, other] = placed({ ...setEvent("c", 1), topic: "ab" });
    assert.ok(!hasSameName(bytes, at, others, other));
  });

  it("a copy keeps all of an event but its record stamp, and the copy of a copy is one of the original", () => {
    fc.assert(fc.property(anyEvent, fc.nat(0xffffffff), (event, holder) => {
      if (event.kind === KIND_END) return;
      const [bytes, at, length] = placed(event);
      const seconds = event.ttlSeconds === 0 ? 0 : Math.ceil(event.ttlSeconds / 2);
      const { origin = { author: holder, ms: event.ms, counter: event.counter } } = event;
      const out = new Uint8Array(length + 40).fill(0xa5);
      const copied = writeCopy(out, 3, bytes, at, length, holder, seconds);
      writeStamp(out, 3, T, 9);
      assert.ok(copied <= length + COPY_BYTES);
      assert.equal(hex(out), `a5a5a5${hex(bytesOf({ ...event, ttlSeconds: seconds, ms: T, counter: 9, origin }))}`
        .padEnd(out.length * 2, "a5"));
      assert.deepEqual(read(out.subarray(3, 3 + copied)), { ...event, ttlSeconds: seconds, ms: T, counter: 9, origin });
    }), propertyOptions(1000));
  });

  it("an end has name and order of what it ends: of a copy here, or of an own event that is copied elsewhere", () => {
    fc.assert(fc.property(anyEvent, (event) => {
      if (event.kind === KIND_LOG || event.kind === KIND_END) return;
      const [bytes, at, length] = placed(event);
      const { topic, key, origin = { ms: event.ms, counter: event.counter } } = event;
      const end = { kind: KIND_END, topic, key, ttlSeconds: 0, ms: T, counter: 9, payload: "" };
      for (const isCopyEnd of event.origin === undefined ? [false] : [true, false]) {
        const out = new Uint8Array(length + 40).fill(0xa5);
        const ended = writeEnd(out, 3, bytes, at, length, isCopyEnd);
        writeStamp(out, 3, T, 9);
        const expected = { ...end, origin: isCopyEnd ? origin : { ms: origin.ms, counter: origin.counter } };
        assert.equal(hex(out), `a5a5a5${hex(bytesOf(expected))}`.padEnd(out.length * 2, "a5"));
        assert.deepEqual(read(out.subarray(3, 3 + ended)), expected);
      }
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
    return new Chain(digest, bytes, 5);
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
