import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader } from "../../../src/engine/wire/cursor.js";
import { RECORD_SUPERSEDED, recordWords } from "../../../src/engine/feed/arena.js";
import { EventData, readEvent } from "../../../src/engine/feed/event.js";
import { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { rechain } from "../../../src/engine/feed/rechain.js";
import { Hlc } from "../../../src/engine/feed/hlc.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { firstNamed, nextNamed } from "../../../src/engine/feed/names.js";
import { isFeedAhead, reserveAnew, stampAnew, stepClockBack } from "../../../src/engine/feed/step-back.js";
import { propertyOptions } from "../../support/random.js";
import { type PlainEvent, T, bytesOf, nodeDigest, plainOf, tipAfter } from "./feed-support.js";

const OWN = 7;
const OTHER = 9;
const HOUR = 3600000;
const YEAR = 365 * 24 * HOUR;
const GENERATION = 3;

interface Record {
  event: PlainEvent;
  bytes: Uint8Array;
  /** Its index in the arena. */
  record: number;
}

/** Records of the feed in a slot, oldest first, and their bytes. */
function recordsOf(feeds: FeedStore, slot: number): Record[] {
  const { arena } = feeds;
  const found: Record[] = [];
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const at = arena.eventAt(record);
    const bytes = arena.bytes.slice(at, at + arena.eventLength(record));
    const reader = new Reader();
    const event = new EventData();
    reader.reset(bytes, 0, bytes.length);
    readEvent(reader, event);
    found.push({ event: plainOf(bytes, event), bytes, record });
  }
  return found;
}

/** What an event is, whatever feed and record hold it: identity, name, time to live and payload. */
function identityOf({ kind, topic, key, ttlSeconds, payload, ms, counter, origin }: PlainEvent): unknown {
  const order = origin ?? { ms, counter };
  return [kind, topic, key, ttlSeconds, payload, origin?.author ?? OWN, order.ms, order.counter];
}

const some = fc.record({
  kind: fc.constantFrom(KIND_LOG, KIND_SET, KIND_SET, KIND_REMOVE, KIND_END), name: fc.nat(5), size: fc.nat(20),
  isCopy: fc.boolean(), isOther: fc.boolean(), stepMs: fc.constantFrom(0, 1, HOUR, YEAR / 4), ttl: fc.nat(3),
});

type Given = typeof some extends fc.Arbitrary<infer Type> ? Type : never;

function eventOf({ kind, name, size, isCopy, ttl }: Given, ms: number, counter: number): PlainEvent {
  const hasPayload = kind === KIND_LOG || kind === KIND_SET;
  const event: PlainEvent = {
    kind, topic: "t", key: kind === KIND_LOG ? "" : `${name}`, ms, counter,
    ttlSeconds: kind === KIND_SET && ttl === 0 ? 60 : 0,
    payload: hasPayload ? `${(0x60 + size % 20).toString(16)}${"61".repeat(size % 20)}` : "",
  };
  if (isCopy) return { ...event, origin: { author: OTHER, ms: ms + YEAR, counter: 3 } };
  return kind === KIND_END ? { ...event, origin: { ms: ms - 5, counter: 3 } } : event;
}

describe("the step back of a feed", () => {
  it("records from the future get stamps of the clock, and keep their order, identity and content", () => {
    fc.assert(fc.property(fc.array(some, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1000, max: 9000 }),
      fc.nat(8), (events, feedBytes, quarters) => {
        const feeds = new FeedStore({ id: (slot) => [OWN, OTHER][slot] }, 2, feedBytes & ~3, 64, nodeDigest);
        feeds.begin(0, GENERATION);
        feeds.begin(1, GENERATION);
        let [ms, counter] = [T, 0];
        for (const given of events) {
          ms += given.stepMs;
          counter++;
          const bytes = bytesOf(eventOf({ ...given, isCopy: given.isCopy && !given.isOther }, ms, counter));
          const slot = given.isOther ? 1 : 0;
          if (feeds.reserve(recordWords(bytes.length))) feeds.append(slot, bytes, 0, bytes.length);
          feeds.arena.nextUnnotified();
        }
        const hlc = new Hlc();
        const nowMs = T + quarters * YEAR / 4;
        hlc.setPhysical(0, nowMs);
        hlc.recall(ms, counter);
        rechain(feeds, 0, GENERATION + 1);
        const others = recordsOf(feeds, 1).map(({ event }) => event);
        if (!isFeedAhead(feeds, hlc, 0) || !reserveAnew(feeds, hlc, 0)) return;
        const before = recordsOf(feeds, 0);
        stampAnew(feeds, hlc, 0);
        rechain(feeds, 0, GENERATION + 1);
        const after = recordsOf(feeds, 0);
        assert.deepEqual(after.map(({ event }) => identityOf(event)), before.map(({ event }) => identityOf(event)));
        let tip: Uint8Array = new Uint8Array(8);
        after.forEach(({ event, bytes, record }, i) => {
          const last = i === 0 ? { ms: 0, counter: -1 } : after[i - 1].event;
          assert.ok(event.ms > last.ms || (event.ms === last.ms && event.counter > last.counter), "stamps rise");
          if (before[i].event.ms <= nowMs) assert.deepEqual(event, before[i].event);
          else assert.ok(event.ms >= nowMs - 2 && event.ms <= nowMs + 2 * after.length + 2, "the clock's stamps");
          assert.equal(feeds.arena.sequence(record), i + 1);
          tip = tipAfter(OWN, GENERATION + 1, i + 1, tip, bytes);
        });
        const words = [feeds.tipFirst(0), feeds.tipSecond(0)];
        assert.deepEqual(words, [0, 4].map((at) => Buffer.from(tip).readUInt32BE(at)));
        assert.equal(hlc.isFarAhead(0, hlc.ms), false);
        checkStore(feeds);
        const held = new Set(recordsOf(feeds, 1).map(({ event }) => JSON.stringify(event)));
        assert.ok(others.every((event) => held.has(JSON.stringify(event)) || event.kind !== KIND_SET));
      }), propertyOptions(500));
  });

  it("a clock that is ahead of its feed steps back alone", () => {
    const feeds = new FeedStore({ id: () => OWN }, 1, 1000, 64, nodeDigest);
    feeds.begin(0, GENERATION);
    const bytes = bytesOf({ kind: KIND_LOG, topic: "t", key: "", ttlSeconds: 0, ms: T, counter: 4, payload: "00" });
    feeds.append(0, bytes, 0, bytes.length);
    const hlc = new Hlc();
    hlc.setPhysical(0, T - HOUR);
    hlc.recall(T + YEAR, 0);
    hlc.adopt(T + HOUR, 2);
    assert.equal(isFeedAhead(feeds, hlc, 0), false);
    stepClockBack(feeds, hlc, 0);
    hlc.now(0);
    assert.ok(hlc.ms >= T + HOUR && hlc.ms < T + HOUR + 3);
  });
});

/** The index finds all records that are not superseded, and the count of words that may be freed is right. */
function checkStore(feeds: FeedStore): void {
  const { arena } = feeds;
  let spare = 0;
  const others = arena.capacity > 1 ? recordsOf(feeds, 1) : [];
  for (const { record } of others) if (!feeds.isLive(record)) spare += arena.wordsAt(record);
  for (const { record, event } of recordsOf(feeds, 0)) {
    if (!feeds.isLive(record)) spare += arena.wordsAt(record);
    if (event.kind === KIND_LOG || arena.hasFlag(record, RECORD_SUPERSEDED)) continue;
    let found = false;
    const at = arena.eventAt(record);
    const { bytes } = arena;
    for (let other = firstNamed(arena, bytes, at); other !== 0; other = nextNamed(arena, other, bytes, at)) {
      if (other === record) found = true;
    }
    assert.ok(found, "the index finds it");
  }
  assert.equal(feeds.arena.spareWords, spare);
}
