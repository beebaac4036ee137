import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../../desktop/simulator/random.js";
import { type Arena, recordWords } from "../../../src/engine/feed/arena.js";
import { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import { firstNamed, hiderOf, hidesAny, latestNamed, nextNamed } from "../../../src/engine/feed/names.js";
import { propertyOptions } from "../../support/random.js";
import { type PlainEvent, T, bytesOf, cborOf, decoded, hex, nodeDigest, setEvent } from "./feed-support.js";

const IDS = [30, 20, 0x80000000];
const NAMES = [["a", "1"], ["a", ""], ["+m", "1"], ["", ""]] as const;

/** An event of a feed, with what decides about it. */
interface Said extends PlainEvent {
  slot: number;
  sequence: number;
  author: number;
  orderMs: number;
  orderCounter: number;
}

function storeOf(feedBytes: number): FeedStore {
  const feeds = new FeedStore({ id: (slot) => IDS[slot] }, IDS.length, feedBytes, 128, nodeDigest);
  for (let slot = 0; slot < IDS.length; slot++) feeds.begin(slot, 1);
  return feeds;
}

/** Appends an event to a feed. Returns false if there is no room. */
function append(feeds: FeedStore, slot: number, event: PlainEvent): boolean {
  const bytes = bytesOf(event);
  if (!feeds.reserve(recordWords(bytes.length)) || !feeds.append(slot, bytes, 0, bytes.length)) return false;
  while (feeds.arena.nextUnnotified() !== 0) continue;
  return true;
}

/** Orders events: negative if `a` is the older one. */
function order(a: Said, b: Said): number {
  return a.orderMs - b.orderMs || a.orderCounter - b.orderCounter || a.author - b.author;
}

function isSameName(a: PlainEvent, b: PlainEvent): boolean {
  return a.topic === b.topic && a.key === b.key;
}

function endOf({ ttlSeconds, ms }: PlainEvent): number {
  return ttlSeconds === 0 ? Infinity : ms + ttlSeconds * 1000;
}

/** Whether `one` takes the place of `other` in their feed, from the definition of slots (PROTOCOL 10.2). */
function supersedes(one: Said, other: Said): boolean {
  if (one.slot !== other.slot || one.author !== other.author || !isSameName(one, other)) return false;
  const difference = order(one, other);
  if (difference < 0) return false;
  if ((difference === 0 || one.kind === KIND_END) && one.sequence < other.sequence) return false;
  if (!one.topic.startsWith("+") || one.kind === other.kind) return true;
  if (other.kind === KIND_REMOVE) return one.kind === KIND_END && difference === 0;
  return one.kind !== KIND_REMOVE;
}

function said(slot: number, sequence: number, event: PlainEvent): Said {
  const { origin } = event;
  return {
    ...event, slot, sequence, author: origin?.author ?? IDS[slot], orderMs: origin?.ms ?? event.ms,
    orderCounter: origin?.counter ?? event.counter,
  };
}

/** A history of three feeds: sets, removals, log events, copies of each other's events, and ends. */
function drawHistory(random: SimRandom, count: number): Said[] {
  const all: Said[] = [];
  const sequences = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const slot = random.below(3);
    const [topic, key] = random.pick(NAMES);
    const stamp = { ms: T + i * 1000, counter: random.below(3) };
    const kind = random.pick([KIND_LOG, KIND_SET, KIND_SET, KIND_SET, KIND_REMOVE]);
    const own: PlainEvent = {
      kind, topic: kind === KIND_LOG ? "log" : topic, key: kind === KIND_LOG ? "" : key, ...stamp,
      ttlSeconds: kind === KIND_SET && random.chance(0.2) ? random.between(1, 40) : 0,
      payload: kind === KIND_REMOVE ? "" : hex(cborOf(i)),
    };
    const event = random.chance(0.4) ? aboutAnother(random, all, slot, stamp) ?? own : own;
    all.push(said(slot, ++sequences[slot], event));
  }
  return all;
}

/** A copy of another feed's event, or the end of one of this feed. */
function aboutAnother(
  random: SimRandom, all: readonly Said[], slot: number, stamp: { ms: number; counter: number },
): PlainEvent | undefined {
  const isEnd = random.chance(0.5);
  const candidates = all.filter(({ slot: holder, author, kind, topic }) => {
    return kind !== KIND_LOG && kind !== KIND_END && topic !== "" && (isEnd ? holder === slot : author !== IDS[slot]);
  });
  if (candidates.length === 0) return undefined;
  const { author, orderMs, orderCounter, kind, topic, key, payload } = random.pick(candidates);
  const origin = { ms: orderMs, counter: orderCounter, ...(author === IDS[slot] ? {} : { author }) };
  const rest = isEnd ? { kind: KIND_END, payload: "" } : { kind, payload };
  return { ...rest, topic, key, ...stamp, ttlSeconds: 0, origin };
}

/** The records of all feeds that are in the index, as sequence numbers by slot. */
function indexed(arena: Arena, topic: string, key: string): string[] {
  const bytes = bytesOf({ ...setEvent(key, 1), topic });
  const found: string[] = [];
  for (let record = firstNamed(arena, bytes, 0); record !== 0; record = nextNamed(arena, record, bytes, 0)) {
    found.push(`${arena.owner(record)}/${arena.sequence(record)}`);
  }
  return found.sort();
}

function nameOf({ slot, sequence }: Said): string {
  return `${slot}/${sequence}`;
}

/** What counts after another event, of what counted before it. */
function afterEvent(kept: readonly Said[], added: Said): Said[] {
  const rest = kept.filter((one) => !supersedes(added, one));
  return added.kind === KIND_LOG || kept.some((one) => supersedes(one, added)) ? rest : [...rest, added];
}

/** Compares what is held with what a scan of all that was said gives. */
function check(feeds: FeedStore, all: readonly Said[]): void {
  const { arena } = feeds;
  const kept = all.reduce<Said[]>(afterEvent, []);
  for (const [topic, key] of NAMES) {
    const about = kept.filter((one) => isSameName(one, { ...one, topic, key }));
    assert.deepEqual(indexed(arena, topic, key), about.map(nameOf).sort());
    if (about.length === 0) continue;
    const latest = latestNamed(arena, bytesOf({ ...setEvent(key, 1), topic }), 0);
    assert.equal(order(about.find((one) => nameOf(one) === nameIn(arena, latest))!, about.toSorted(order).at(-1)!), 0);
    for (const one of about) checkHiding(feeds, one, about);
  }
  for (const one of all) {
    const record = arena.find(one.slot, one.sequence);
    const isLive = kept.includes(one) && one.kind !== KIND_END;
    if (record !== 0) assert.equal(feeds.isLive(record), isLive, nameOf(one));
    else assert.ok(!isLive, `live ${nameOf(one)} is held`);
  }
}

function checkHiding(feeds: FeedStore, one: Said, named: readonly Said[]): void {
  const { arena } = feeds;
  const record = arena.find(one.slot, one.sequence);
  const hiders = named.filter((other) => {
    const isHiding = other.kind === KIND_REMOVE || (other.kind === KIND_SET && !one.topic.startsWith("+"));
    return isHiding && order(other, one) > 0 && endOf(other) >= endOf(one);
  }).sort(order);
  const hider = hiderOf(arena, record);
  assert.equal(hider !== 0, hiders.length > 0, `${nameOf(one)} is hidden`);
  if (hider !== 0) {
    const found = hiders.find((other) => nameOf(other) === nameIn(arena, hider))!;
    assert.equal(order(found, hiders.at(-1)!), 0, "by the latest");
  }
  if (one.kind !== KIND_REMOVE) return;
  const isHiding = named.some((other) => other.kind !== KIND_END && order(other, one) < 0);
  assert.equal(hidesAny(arena, record), isHiding, `${nameOf(one)} hides something`);
}

function nameIn(arena: Arena, record: number): string {
  return `${arena.owner(record)}/${arena.sequence(record)}`;
}

describe("the index by name", () => {
  it("the index and what hides what equal a scan of all records, after each event", () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, count) => {
      const random = new SimRandom(seed, 1);
      const feeds = storeOf(100000);
      const all: Said[] = [];
      for (const one of drawHistory(random, count)) {
        all.push(one);
        assert.ok(append(feeds, one.slot, one));
        if (random.chance(0.1)) feeds.arena.compact();
        check(feeds, all);
      }
    }), propertyOptions(200));
  });

  it("which event of a slot counts does not depend on the order in which feeds arrive", () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, count) => {
      const random = new SimRandom(seed, 2);
      const all = drawHistory(random, count);
      const states = [0, 1, 2].map(() => {
        const feeds = storeOf(100000);
        const left = [0, 1, 2].map((slot) => all.filter((one) => one.slot === slot));
        for (let i = 0; i < all.length; i++) {
          const next = random.pick(left.filter((events) => events.length > 0)).shift()!;
          assert.ok(append(feeds, next.slot, next));
        }
        check(feeds, all);
        return all.filter(({ slot, sequence }) => feeds.isLive(feeds.arena.find(slot, sequence))).map(nameOf);
      });
      assert.deepEqual(states[1], states[0]);
      assert.deepEqual(states[2], states[0]);
    }), propertyOptions(100));
  });

  it("a full arena drops no value, and the index has all that is held and nothing else", () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 20, max: 120 }), (seed, count) => {
      const random = new SimRandom(seed, 3);
      const feeds = storeOf(random.between(1000, 3000));
      const { arena } = feeds;
      // What is held and counts: a removal that was dropped for want of room supersedes no later copy.
      let kept: Said[] = [];
      const sequences = [0, 0, 0];
      for (const one of drawHistory(random, count)) {
        // An event for which there is no room is not published.
        if (!append(feeds, one.slot, one)) continue;
        const added = { ...one, sequence: ++sequences[one.slot] };
        const isHeld = ({ slot, sequence }: Said): boolean => arena.find(slot, sequence) !== 0;
        for (const it of kept) assert.ok(it.kind !== KIND_SET || supersedes(added, it) || isHeld(it), "values stay");
        kept = afterEvent(kept.filter(isHeld), added);
        for (const [topic, key] of NAMES) {
          const about = kept.filter((it) => isSameName(it, { ...it, topic, key }));
          assert.deepEqual(indexed(arena, topic, key), about.map(nameOf).sort());
        }
      }
    }), propertyOptions(100));
  });

  it("records of equal hash, or whose topic and key have another border, are other names", () => {
    const feeds = storeOf(10000);
    for (const [n, [topic, key]] of [["ab", "c"], ["a", "bc"], ["abc", ""], ["ab", "c"]].entries()) {
      assert.ok(append(feeds, 0, { ...setEvent(key, n), topic }));
    }
    const found = [["ab", "c"], ["a", "bc"], ["abc", ""], ["abc", "x"]].map(([topic, key]) => {
      return indexed(feeds.arena, topic, key);
    });
    assert.deepEqual(found, [["0/4"], ["0/2"], ["0/3"], []]);
  });

  it("all events are decoded as they were appended", () => {
    const feeds = storeOf(100000);
    const all = drawHistory(new SimRandom(1, 4), 100);
    for (const one of all) assert.ok(append(feeds, one.slot, one));
    for (const one of all) {
      const record = feeds.arena.find(one.slot, one.sequence);
      const start = feeds.arena.eventAt(record);
      const bytes = feeds.arena.bytes.slice(start, start + feeds.arena.eventLength(record));
      assert.equal(hex(bytes), hex(bytesOf(one)));
      assert.equal(decoded(bytes).kind, one.kind);
    }
  });
});
