import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION, DROP_VALUE,
} from "../../../src/engine/wire/drops.js";
import { propertyOptions } from "../../support/random.js";
import {
  FeedNode, type PlainEvent, T, Truth, cborOf, endEvent, hex, logEvent, removeEvent, setEvent,
} from "./feed-support.js";

const A = 0x0a0b0c0d;
const B = 0x22222222;

/** An author, and another node that has its feed in slot 1. */
function pair(feedBytes = 10000, otherBytes = 10000): { author: FeedNode; other: FeedNode; truth: Truth } {
  const truth = new Truth(A);
  truth.begin(0);
  const none = new Truth(B);
  none.begin(0);
  const truths = new Map([[A, truth], [B, none]]);
  return { author: new FeedNode([A, B], feedBytes, truths), other: new FeedNode([B, A], otherBytes, truths), truth };
}

function beginAgain(author: FeedNode, truth: Truth, generation: number): void {
  truth.begin(generation);
  author.feeds.begin(0, generation);
}

function say(author: FeedNode, from: number, count: number): void {
  for (let n = from; n < from + count; n++) assert.ok(author.say(logEvent(n)));
}

/** What a node sends to another; throws when that is nothing. */
function section(from: FeedNode, to: FeedNode, room = 1100): { bytes: Uint8Array; isChunk: boolean } {
  return from.sectionFor(to, A, room)!;
}

function deliver(from: FeedNode, to: FeedNode, room = 1100): number[] {
  const { bytes, isChunk } = section(from, to, room);
  return to.handle(from.ids[0], bytes, isChunk);
}

/** All that can be told of a node. */
function state(node: FeedNode): unknown {
  const { feeds } = node;
  return node.ids.map((_, slot) => [
    feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot), feeds.tipSecond(slot), feeds.floor(slot),
    feeds.lastRemoval(slot), node.held(slot), [...node.told[slot].told],
  ]);
}

describe("batches of events", () => {
  it("batches bring a node as far as their author, through other nodes", () => {
    const { author, other, truth } = pair();
    const third = new FeedNode([0x33, A], 10000, new Map([[0x33, new Truth(0x33)], [A, truth]]));
    third.truths.get(0x33)!.begin(0);
    say(author, 1, 5);
    assert.deepEqual(deliver(author, other), [DROP_NONE]);
    assert.deepEqual(deliver(other, third), [DROP_NONE], "who never met the author");
    assert.deepEqual([...third.told[1].told], [1, 2, 3, 4, 5]);
    third.check();
    assert.equal(author.sectionFor(third, A, 1000), undefined, "lacks nothing");
  });

  it("the application is notified of each event once, in whatever way batches overlap", () => {
    const { author, other } = pair();
    say(author, 1, 3);
    const first = section(author, other);
    say(author, 4, 3);
    const all = section(author, other);
    assert.deepEqual(other.handle(A, first.bytes, false), [DROP_NONE]);
    assert.deepEqual(other.handle(A, first.bytes, false), [DROP_DUPLICATE]);
    assert.deepEqual(other.handle(A, all.bytes, false), [DROP_NONE]);
    assert.deepEqual(other.handle(A, all.bytes, false), [DROP_DUPLICATE]);
    assert.deepEqual(other.handle(A, first.bytes, false), [DROP_DUPLICATE]);
    other.check();
  });

  it("a node refuses a batch if an event before it is missing", () => {
    const { author, other } = pair();
    const bystander = new FeedNode([B, A], 10000, author.truths);
    say(author, 1, 3);
    deliver(author, bystander);
    say(author, 4, 2);
    const { bytes } = section(author, bystander);
    const before = state(other);
    assert.deepEqual(other.handle(A, bytes, false), [DROP_GAP]);
    assert.deepEqual(state(other), before);
  });

  it("a batch with any changed bit changes nothing", () => {
    const { author, other } = pair();
    say(author, 1, 2);
    author.say(setEvent("key", 3));
    deliver(author, other);
    author.say(setEvent("key", 4));
    author.say(removeEvent("key", 5));
    say(author, 6, 2);
    const { bytes } = section(author, other);
    const before = state(other);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      // The author is the sender here; another one is a row that is not held.
      if ((changed[0] & 0x80) === 0) continue;
      const reasons = other.handle(A, changed, false);
      assert.ok(reasons.every((reason) => reason !== DROP_NONE), `bit ${bit}`);
      assert.deepEqual(state(other), before, `bit ${bit}`);
    }
    assert.deepEqual(other.handle(A, bytes, false), [DROP_NONE]);
  });

  it("a node throws on no bytes of a batch", () => {
    const { author, other } = pair();
    say(author, 1, 3);
    author.say(setEvent("key", 4));
    const { bytes } = section(author, other);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    const changes4 = fc.array(change, { maxLength: 4 });
    fc.assert(fc.property(changes4, fc.nat(bytes.length), fc.boolean(), (changes, cut, isChunk) => {
      const changed = bytes.slice(0, cut);
      for (const [at, value] of changes) if (at < cut) changed[at] = value;
      if (cut > 0) changed[0] |= 0x80;
      other.handle(A, changed, isChunk);
      if (other.feeds.sequence(1) > 0) other.check();
    }), propertyOptions(3000));
  });

  it("a node refuses a batch if its author published two events under one number", () => {
    const { author, other, truth } = pair();
    say(author, 1, 3);
    deliver(author, other);
    const twin = new FeedNode([A, B], 10000, new Map([[A, new Truth(A)], [B, truth]]));
    twin.truths.get(A)!.begin(0);
    say(twin, 11, 3);
    const fresh = pair().other;
    const same = section(twin, fresh);
    assert.deepEqual(other.handle(A, same.bytes, false), [DROP_FORK], "up to the same number");
    say(twin, 14, 1);
    assert.deepEqual(other.handle(A, section(twin, fresh).bytes, false), [DROP_FORK], "and beyond");
    assert.deepEqual(other.handle(A, section(twin, other).bytes, false), [DROP_FORK], "from there on");
    other.check();
  });

  it("a batch of another branch is a fork, also if its events are older than those that are held", () => {
    const { author, other, truth } = pair();
    say(author, 11, 3);
    deliver(author, other);
    const twin = new FeedNode([A, B], 10000, new Map([[A, new Truth(A)], [B, truth]]));
    twin.truths.get(A)!.begin(0);
    say(twin, 1, 5);
    assert.deepEqual(other.handle(A, section(twin, other).bytes, false), [DROP_FORK], "events 4 and 5 of 1 to 5");
    other.check();
  });

  it("a batch of a later generation replaces all events of the one before", () => {
    const { author, other, truth } = pair();
    say(author, 1, 3);
    author.say(setEvent("key", 4));
    const old = section(author, other);
    deliver(author, other);
    beginAgain(author, truth, 9);
    say(author, 10, 2);
    assert.deepEqual(deliver(author, other), [DROP_NONE]);
    assert.deepEqual([other.feeds.generation(1), other.held(1)], [9, [1, 2]]);
    assert.deepEqual(other.handle(A, old.bytes, false), [DROP_OLD_GENERATION]);
    other.check();
  });

  it("a batch from the middle of a later generation does not begin that generation", () => {
    const { author, other, truth } = pair();
    const bystander = new FeedNode([B, A], 10000, author.truths);
    say(author, 1, 3);
    deliver(author, other);
    beginAgain(author, truth, 9);
    say(author, 10, 2);
    deliver(author, bystander);
    say(author, 12, 1);
    const before = state(other);
    assert.deepEqual(other.handle(A, section(author, bystander).bytes, false), [DROP_GAP]);
    assert.deepEqual(state(other), before);
  });

  it("a node stores the events of a batch as far as there is room", () => {
    const { author, other } = pair(10000, 400);
    for (let n = 0; n < 16; n++) author.say(setEvent(`key ${n}`, n));
    assert.deepEqual(deliver(author, other), [DROP_ARENA_FULL]);
    assert.ok(other.feeds.sequence(1) > 3 && other.feeds.sequence(1) < 16);
    other.check();
    const before = state(other);
    assert.deepEqual(deliver(author, other), [DROP_ARENA_FULL]);
    assert.deepEqual(state(other), before);
  });

  /** A node that has the feed in slot 1 and holds events of at most 40 bytes. */
  function smallOf({ author, truth }: { author: FeedNode; truth: Truth }): FeedNode {
    return new FeedNode([B, A], 10000, new Map([[A, truth], [B, author.truths.get(B)!]]), 40);
  }

  const longEvent = (n: number): PlainEvent => ({ ...logEvent(n), payload: hex(cborOf("x".repeat(60))) });

  it("a node goes on behind an event that is too long for it, and checks it all the same", () => {
    const all = pair();
    const small = smallOf(all);
    all.author.say(longEvent(1));
    const { bytes, isChunk } = section(all.author, small);
    const changed = bytes.slice();
    changed[changed.length - 20] ^= 1;
    assert.deepEqual(small.handle(A, changed, isChunk), [DROP_FORK]);
    assert.equal(small.feeds.sequence(1), 0);
    assert.deepEqual(small.handle(A, bytes, isChunk), [DROP_NONE]);
    const { feeds } = small;
    assert.deepEqual([feeds.sequence(1), feeds.floor(1), feeds.isCut(1)], [1, 2, true]);
    assert.deepEqual([feeds.tipFirst(1), feeds.tipSecond(1)], [
      all.author.feeds.tipFirst(0), all.author.feeds.tipSecond(0),
    ]);
    say(all.author, 2, 2);
    assert.deepEqual(deliver(all.author, small), [DROP_NONE]);
    assert.deepEqual([feeds.sequence(1), feeds.tipFirst(1)], [3, all.author.feeds.tipFirst(0)]);
  });

  it("a node keeps events that its application was not notified of, and goes on behind a long one later", () => {
    const all = pair();
    const small = smallOf(all);
    say(all.author, 1, 1);
    all.author.say(longEvent(2));
    say(all.author, 3, 1);
    assert.deepEqual(deliver(all.author, small), [DROP_EVENT]);
    assert.equal(small.feeds.sequence(1), 1);
    assert.deepEqual(deliver(all.author, small), [DROP_NONE]);
    assert.deepEqual([small.feeds.sequence(1), small.feeds.floor(1)], [3, 3]);
  });

  it("a node that went on behind a long event sends no snapshot, until the next generation", () => {
    const all = pair();
    const small = smallOf(all);
    all.author.say(longEvent(1));
    assert.deepEqual(deliver(all.author, small), [DROP_NONE]);
    const third = new FeedNode([B, A], 10000, small.truths);
    assert.equal(small.sectionFor(third, A, 1100), undefined);
    beginAgain(all.author, all.truth, 1);
    say(all.author, 1, 1);
    assert.deepEqual(deliver(all.author, small), [DROP_NONE]);
    assert.equal(small.feeds.isCut(1), false);
  });
});

/** Runs in the form that the grammar has, with what is wrong with them. */
const malformed: { name: string; bytes: string; isChunk?: boolean; reason?: number }[] = [
  { name: "that ends in its head", bytes: "80" },
  { name: "from event 0 on", bytes: "80 00 01 0000 61 00 00000000" },
  { name: "that passes the last sequence number", bytes: "81 feffffff0f 01 00 61 00 01 02 61 00 00000000" },
  { name: "whose generation has a shorter form", bytes: "f0 06 01 01 00 61 00 00000000" },
  { name: "without its last event", bytes: "81 01 01 00 61 00" },
  { name: "without its check", bytes: "80 01 01 00 61 00 0000" },
  { name: "with a step that is not in its shortest form", bytes: "80 01 01 8000 61 00 00000000" },
  { name: "with a step of more than 49 bits", bytes: "80 01 01 ffffffffffffff01 61 00 00000000" },
  { name: "before 1970", bytes: "80 01 01 01 61 00 00000000" },
  { name: "beyond 48 bits of milliseconds", bytes: "81 01 01 feffffffffff7f 61 00 01 02 61 00 00000000" },
  { name: "with a counter beyond 16 bits", bytes: "80 01 21 02 808004 61 00 00000000" },
  { name: "with a counter that needs not be there", bytes: "80 01 21 02 00 61 00 00000000" },
  { name: "with a payload whose text is not UTF-8", bytes: "80 01 01 02 61 61ff 00000000", reason: DROP_VALUE },
  { name: "with an unknown flag", bytes: "81 02 00 05 00 01 41 02 61 00 00 00000000", isChunk: true },
  { name: "without base", bytes: "81 00 00 00 00 01 41 02 61 00 00 00000000", isChunk: true },
  { name: "that starts after its base", bytes: "81 00 06 05 00 01 41 02 61 00 00 00000000", isChunk: true },
  { name: "with an event after its base", bytes: "81 00 00 05 00 06 41 02 61 00 00 00000000", isChunk: true },
  { name: "with an event twice", bytes: "82 00 00 05 00 01 41 02 61 00 00 00 41 02 61 00 00 00000000", isChunk: true },
  { name: "with a loss after its base", bytes: "81 00 00 05 06 01 41 02 61 00 00 00000000", isChunk: true },
  { name: "that is the last one, without a tip", bytes: "80 01 00 05 00 0000000000000000 00000000", isChunk: true },
  { name: "that says nothing", bytes: "80 00 00 05 00 00000000", isChunk: true },
];

describe("malformed batches and snapshot chunks", () => {
  for (const { name, bytes, isChunk, reason } of malformed) {
    it(`a node refuses one ${name}`, () => {
      const { other } = pair();
      const before = state(other);
      const reasons = other.handle(A, Buffer.from(bytes.replaceAll(" ", ""), "hex"), isChunk ?? false);
      assert.deepEqual(reasons, [reason ?? DROP_EVENT]);
      assert.deepEqual(state(other), before);
    });
  }

  it("a node accepts well-formed batches and chunks that are like them", () => {
    const { other } = pair();
    const take = (text: string, isChunk: boolean): number[] =>
      other.handle(A, Buffer.from(text.replaceAll(" ", ""), "hex"), isChunk);
    assert.deepEqual(take("80 01 01 02 61 00 00000000", false), [DROP_FORK]);
    assert.deepEqual(take("80 01 21 02 05 61 00 00000000", false), [DROP_FORK]);
    assert.deepEqual(take("80 fdffffff0f 01 02 61 00 00000000", false), [DROP_GAP]);
    assert.deepEqual(take("80 00 00 05 00 01 41 02 61 00 00 00000000".replace("80", "81"), true), [DROP_EVENT]);
  });
});

describe("snapshots", () => {
  /** An author whose arena is small, so that its floor rises soon. */
  function forgetful(): ReturnType<typeof pair> {
    return pair(1200, 10000);
  }

  function sync(from: FeedNode, to: FeedNode, room = 1100): number {
    let datagrams = 0;
    while (from.sectionFor(to, A, room) !== undefined) {
      deliver(from, to, room);
      assert.ok(++datagrams < 200);
    }
    to.check();
    return datagrams;
  }

  function sayMany(author: FeedNode, count: number, event: (n: number) => PlainEvent = logEvent): void {
    const from = author.feeds.sequence(0) + 1;
    for (let n = from; n < from + count; n++) assert.ok(author.say(event(n)));
  }

  for (const room of [1100, 100]) {
    it(`a snapshot gives a new node the same values and the same tail, in sections of ${room} bytes`, () => {
      const { author, other } = forgetful();
      for (let n = 0; n < 6; n++) author.say(setEvent(`key ${n}`, n));
      author.say(removeEvent("key 2", 6));
      author.say(setEvent("key 3", 7));
      sayMany(author, 100);
      assert.ok(author.feeds.floor(0) > 50);
      sync(author, other, room);
      assert.deepEqual(other.held(1), author.held(0));
      assert.deepEqual(other.feeds.floor(1), author.feeds.floor(0));
      const found = [...other.told[1].values].filter(([name]) => name.startsWith("value")).map(([, number]) => number);
      assert.deepEqual(found, [1, 2, 5, 6, 8]);
      assert.deepEqual(other.held(1).slice(0, 6), [1, 2, 5, 6, 7, 8], "the removal, too");
    });
  }

  for (const [name, makeEvent, lastRemoval] of [
    ["removed", removeEvent, 0],
    ["ended", (key: string, n: number) => endEvent(key, n, T + 2000), 3],
  ] as const) {
    it(`a snapshot leaves no ${name} value with a node that was away`, () => {
      const { author, other } = forgetful();
      author.say(setEvent("kept", 1));
      author.say(setEvent("gone", 2));
      sync(author, other);
      author.say(makeEvent("gone", 3));
      sayMany(author, 100);
      assert.equal(author.feeds.lastRemoval(0), lastRemoval, "a removal stays, an end does not");
      assert.equal(author.held(0).includes(3), name === "removed");
      sync(author, other);
      assert.deepEqual([...other.told[1].values], [["value/kept", 1]]);
      assert.deepEqual(other.held(1), author.held(0));
    });
  }

  it("a node sends values again only if one of them may have been removed", () => {
    const { author, other } = forgetful();
    for (let n = 0; n < 6; n++) author.say(setEvent(`key ${n}`, n));
    sync(author, other);
    sayMany(author, 100);
    const { bytes, isChunk } = section(author, other, 1100);
    assert.ok(isChunk);
    other.handle(A, bytes, true);
    assert.equal(other.intake.applied, 0, "nothing but the tip was new");
    assert.ok(bytes.length < 30, `${bytes.length} bytes`);
    assert.deepEqual(other.held(1), [1, 2, 3, 4, 5, 6]);
    sync(author, other);
  });

  it("a snapshot starts over if a second node no longer has values that the first one still held", () => {
    const { author, other, truth } = pair(10000, 10000);
    const early = new FeedNode([B, A], 1200, author.truths);
    const late = new FeedNode([B, A], 1200, author.truths);
    for (let n = 0; n < 12; n++) author.say(setEvent(`key ${n}`, n));
    sync(author, early);
    sayMany(author, 20);
    sync(author, early);
    author.say(endEvent("key 1", 33, T + 1000));
    sync(author, late);
    for (let n = 0; n < 8; n++) {
      sayMany(author, 10);
      sync(author, late);
    }
    assert.ok(early.feeds.floor(1) > 12 && late.feeds.lastRemoval(1) === 33);
    deliver(early, other, 150);
    assert.ok(!other.feeds.isComplete(1) && other.held(1).includes(2), "has a part, with the value");
    sync(late, other, 150);
    assert.ok(!other.held(1).includes(2));
    assert.deepEqual(other.held(1), late.held(1));
    assert.deepEqual(truth.latest(0, 113).size, 11);
  });

  it("a chunk with any changed bit changes nothing", () => {
    const { author, other } = forgetful();
    author.say(setEvent("a", 1));
    author.say(setEvent("b", 2));
    sayMany(author, 60);
    const { bytes } = section(author, other);
    const before = state(other);
    for (let bit = 8; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      const reasons = other.handle(A, changed, true);
      assert.ok(reasons.every((reason) => reason !== DROP_NONE), `bit ${bit}`);
      assert.deepEqual(state(other), before, `bit ${bit}`);
    }
    assert.deepEqual(other.handle(A, bytes, true), [DROP_NONE]);
  });

  it("events follow a snapshot if both nodes hold them", () => {
    const { author, other } = pair(10000, 10000);
    const early = new FeedNode([B, A], 1200, author.truths);
    for (let n = 0; n < 12; n++) author.say(setEvent(`key ${n}`, n));
    sayMany(author, 60);
    while (early.feeds.sequence(1) < 72) deliver(author, early, 300);
    deliver(early, other, 150);
    assert.ok(!other.feeds.isComplete(1));
    const at = other.feeds.sequence(1);
    sync(author, other, 300);
    assert.equal(other.feeds.floor(1), at + 1, "the author, who forgot nothing, goes on from there");
  });
});
