import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import { type FeedEvent, compareEvents } from "../../src/views/feed-event.js";
import { LatestMap, latestMap } from "../../src/views/latest-map.js";
import {
  NOW_MS, START_MS, applied, applyShuffled, at, event, histories, unsuperseded,
} from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";

const history = histories({
  topics: ["", "lamp", "lampe", "ñ", "+lamp"],
  keys: ["", "1", "2", "\u{1f4a1}", "\uffff"],
  logProbability: 0.1,
  value: (random) => random.below(1000),
});

/** What the map must hold, from its definition and with no regard for time. */
function naive(events: readonly FeedEvent[], capacity: number, nowMs: number): unknown[] {
  const keyed = events.filter(({ key, topic }) => key !== undefined && topic !== "" && topic !== "+lamp");
  const latest = keyed.filter((one) => {
    return keyed.every((other) => other.topic !== one.topic || other.key !== one.key || other.author !== one.author ||
      compareEvents(other, one) <= 0);
  });
  const held = latest.toSorted((a, b) => compareEvents(b, a)).slice(0, capacity)
    .filter(({ kind, ttlMs, timeMs }) => kind !== "withdraw" && (ttlMs === 0 || nowMs < timeMs + ttlMs));
  const winners = held.filter((one) => held.every((other) => {
    return other.topic !== one.topic || other.key !== one.key || compareEvents(other, one) <= 0;
  }));
  const bytes = ({ topic, key }: FeedEvent) => Buffer.from(`${topic}\0${key}`);
  return winners.filter(({ kind }) => kind === "set").sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
    .map(({ topic, key, value, author, timeMs }) => ({ topic, key, value, author, timeMs }));
}

describe("latestMap", () => {
  const set = (given: Partial<FeedEvent>) => event({ topic: "lamp", key: "1", ...given });

  it("the map is empty at first", () => {
    const map = latestMap();
    assert.ok(map instanceof LatestMap);
    assert.deepEqual([map.get("lamp", "1"), map.entries(), map.isCut], [undefined, [], false]);
  });

  it("the map shows the value with the highest stamp, of any author", () => {
    const map = latestMap();
    map.apply(set({ author: 2, value: "on" }));
    map.apply(set({ author: 1, timeMs: START_MS - 1, value: "off" }));
    assert.equal(map.get("lamp", "1"), "on");
    map.apply(set({ author: 3, value: "dim" }));
    assert.equal(map.get("lamp", "1"), "dim", "at the same clock the higher id wins");
    map.apply(set({ author: 1, timeMs: START_MS, counter: 1, value: "red" }));
    assert.deepEqual(map.entries(), [
      { topic: "lamp", key: "1", value: "red", author: 1, timeMs: START_MS },
    ]);
    assert.equal(map.get("lamp", "2"), undefined);
    assert.equal(map.get("lam", "1"), undefined);
  });

  it("the map shows nothing after a removal, until a value is set again", () => {
    const map = latestMap();
    map.apply(set({ author: 2, timeMs: START_MS + 1, kind: "remove" }));
    map.apply(set({ value: "on" }));
    assert.deepEqual([map.get("lamp", "1"), map.entries()], [undefined, []]);
    map.apply(set({ timeMs: START_MS + 2, sequence: 2, value: "on" }));
    assert.equal(map.get("lamp", "1"), "on");
  });

  it("the map shows the earlier value when a time to live is over", () => {
    const map = latestMap();
    map.apply(set({ value: "off" }));
    map.apply(set({ author: 2, timeMs: START_MS + 1, ttlMs: 5, value: "on" }));
    map.apply(set({ author: 3, timeMs: START_MS + 2, ttlMs: 2, kind: "remove" }));
    const after = (ms: number) => at(START_MS + ms, map).get("lamp", "1");
    assert.deepEqual([0, 3, 4, 5, 6].map(after), [undefined, undefined, "on", "on", "off"]);
  });

  it("the map ignores log events, the reserved topic, merge topics, and topics that it was not given", () => {
    const events = [
      event({ topic: "lamp", value: 1 }), event({ topic: "", key: "", value: 2 }), set({ value: 3 }),
      event({ topic: "door", key: "1", value: 4 }), event({ topic: "+door", key: "1", value: 5 }),
    ];
    assert.deepEqual(applied(latestMap(), events).entries().map(({ value }) => value), [4, 3]);
    const topics = ["door", "", "+door"];
    assert.deepEqual(applied(latestMap({ topics }), events).entries().map(({ value }) => value), [2, 4]);
  });

  it("the map forgets an author, and shows the value that the author's had displaced", () => {
    const map = latestMap();
    map.apply(set({ author: 1, value: "off" }));
    map.apply(set({ author: 2, generation: 3, timeMs: START_MS + 5, value: "on" }));
    assert.equal(map.forget(2), false);
    assert.equal(map.get("lamp", "1"), "off");
  });

  it("the map shows a copy with the author and time of the original", () => {
    const map = latestMap();
    const original = set({ author: 7, value: "on" });
    map.apply({ ...original, copiedBy: 2, generation: 3, sequence: 8 });
    map.apply(original);
    assert.deepEqual(map.entries(), [{ topic: "lamp", key: "1", value: "on", author: 7, timeMs: START_MS }]);
  });

  it("an end takes its author's event out of the map, and no event of other authors", () => {
    const map = latestMap();
    map.apply(set({ author: 1, value: "off" }));
    map.apply(set({ author: 2, timeMs: START_MS + 5, value: "on" }));
    map.apply(set({ author: 2, timeMs: START_MS + 5, sequence: 2, kind: "withdraw" }));
    assert.equal(map.get("lamp", "1"), "off");
    map.apply(set({ author: 2, timeMs: START_MS + 5, value: "on" }));
    assert.equal(map.get("lamp", "1"), "off", "in any order");
  });

  it("the map keeps the newest events beyond its capacity, and requests all events again when it has room", () => {
    const map = latestMap({ capacity: 2 });
    for (const i of [3, 1, 2]) map.apply(set({ author: i, key: String(i), timeMs: START_MS + i, value: i }));
    assert.deepEqual(map.entries().map(({ value }) => value), [2, 3]);
    assert.ok(map.isCut);
    assert.equal(map.forget(3), true);
  });

  for (const capacity of [1, 5, 64]) {
    it(`the map equals its definition in any order of events, with a capacity of ${capacity}`, () => {
      fc.assert(fc.property(history, (all) => {
        const map = applied(latestMap({ capacity }), all.events);
        const expected = naive(all.events, capacity, NOW_MS);
        assert.deepEqual(map.entries(), expected);
        for (const { topic, key, value } of map.entries()) assert.equal(map.get(topic, key), value);
        for (let order = 0; order < 4; order++) {
          const other = latestMap({ capacity });
          applyShuffled(other, all, new SimRandom(all.seed, 2 + order));
          assert.equal(JSON.stringify(other.entries()), JSON.stringify(expected));
          assert.equal(other.get("lamp", "1"), map.get("lamp", "1"));
        }
      }), propertyOptions(500));
    });
  }

  it("the map does not depend on superseded and expired events", () => {
    fc.assert(fc.property(history, ({ events }) => {
      const expected = applied(latestMap(), events).entries();
      const few = unsuperseded(events);
      assert.deepEqual(applied(latestMap(), few).entries(), expected);
      const alive = few.filter(({ endMs }) => NOW_MS < endMs);
      assert.deepEqual(applied(latestMap(), alive).entries(), expected);
    }), propertyOptions(500));
  });
});
