import assert from "node:assert/strict";
import fc from "fast-check";
import { EventSet, compareSubjects, insertByAge } from "../../src/views/event-set.js";
import { type FeedEvent, compareEvents, compareTexts, isAlive } from "../../src/views/feed-event.js";
import { START_MS, event } from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";

describe("the order of events", () => {
  it("events are ordered by time, counter and author, and an event is older than its end", () => {
    const inOrder = [
      event({ timeMs: 0 }),
      event({ timeMs: 1, counter: 9, author: 9 }),
      event({ timeMs: 2 ** 47, counter: 0, author: 0xffffffff, sequence: 7 }),
      event({ timeMs: 2 ** 47, counter: 1, author: 1, generation: 9, sequence: 9 }),
      event({ timeMs: 2 ** 47, counter: 1, author: 0x80000000, generation: 5 }),
      event({ timeMs: 2 ** 47, counter: 1, author: 0x80000000, generation: 0, kind: "withdraw" }),
      event({ timeMs: 2 ** 47, counter: 2, author: 0x80000000, generation: 0, sequence: 1 }),
    ];
    for (const [i, a] of inOrder.entries()) {
      for (const [j, b] of inOrder.entries()) assert.equal(Math.sign(compareEvents(a, b)), Math.sign(i - j));
    }
    const sorted: FeedEvent[] = [];
    for (const one of [4, 2, 6, 0, 1, 5, 3]) insertByAge(sorted, inOrder[one]);
    assert.deepEqual(sorted, inOrder);
  });

  it("an event is the same one in another generation of its feed and as a copy", () => {
    const one = event({ generation: 1, sequence: 9 });
    for (const other of [{ ...one, generation: 7, sequence: 1 }, { ...one, copiedBy: 2, generation: 3, sequence: 4 }]) {
      assert.equal(compareEvents(one, other), 0);
    }
  });

  it("texts are ordered by their bytes", () => {
    const text = fc.string({ unit: "binary", maxLength: 4 });
    fc.assert(fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareTexts(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }), propertyOptions(2000));
    for (const [a, b] of [["\uffff", "\u{10000}"], ["a", "a\0"], ["", "\0"], ["\ue000", "\u{10ffff}"]]) {
      assert.ok(compareTexts(a, b) < 0 && compareTexts(b, a) > 0);
    }
  });

  it("an event is over when its time to live ends", () => {
    assert.ok(isAlive(event({}), Number.MAX_VALUE));
    assert.ok(isAlive(event({ ttlMs: 10 }), START_MS + 9));
    assert.ok(!isAlive(event({ ttlMs: 10 }), START_MS + 10));
  });
});

describe("EventSet", () => {
  it("the set refuses a capacity that is out of its range", () => {
    for (const capacity of [0, -1, 1.5, NaN, 65536]) {
      assert.throws(() => new EventSet(capacity, compareSubjects), /capacity: .+ is not an integer from 1 to 65535/);
    }
  });

  it("the set has one event of an author for a topic and key: the newest, in any order of arrival", () => {
    const set = new EventSet(4, compareSubjects);
    const at = (ms: number) => event({ key: "k", sequence: ms, timeMs: START_MS + ms });
    const [old, middle, newest] = [at(1), at(2), at(3)];
    for (const one of [middle, old, newest, middle]) set.add(one);
    set.add(event({ key: "k", author: 2 }));
    assert.deepEqual(set.events, [newest, event({ key: "k", author: 2 })]);
    assert.equal(set.isCut, false);
  });

  it("the set keeps the newest events, and shows that it does not have all", () => {
    const set = new EventSet(2, compareSubjects);
    for (const i of [5, 1, 9, 7, 2]) set.add(event({ key: `k${i}`, timeMs: START_MS + i }));
    assert.deepEqual(set.events.map(({ key }) => key), ["k7", "k9"]);
    assert.ok(set.isCut && set.forget(2), "some of those that were dropped may have room now");
    set.clear();
    assert.ok(!set.isCut && set.events.length === 0);
  });

  it("the set forgets an author's events of all generations, also its copies", () => {
    const set = new EventSet(9, compareSubjects);
    for (const author of [1, 2]) {
      for (const generation of [3, 4, 5]) {
        set.add(event({ author, copiedBy: generation === 5 ? 2 : undefined, generation, key: `k${generation}` }));
      }
    }
    assert.equal(set.forget(1), false);
    const left = set.events.map(({ author, generation }) => [author, generation]);
    assert.deepEqual(left, [[2, 3], [2, 4], [2, 5]]);
  });
});
