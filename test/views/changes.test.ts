import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import type { CborValue } from "../../src/cbor/cbor.js";
import type { FeedEvent, FeedView } from "../../src/views/feed-event.js";
import { latestMap } from "../../src/views/latest-map.js";
import { type FeedRecord, records } from "../../src/views/records.js";
import { topicMerge } from "../../src/views/topic-merge.js";
import { START_MS, at, event, histories } from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";

const history = histories({
  topics: ["lamp", "note.add"],
  keys: ["1", "2", "ñ"],
  logProbability: 0.2,
  value: (random) => ({ record: random.pick(["r", "s"]), text: `text ${random.below(5)}`, n: random.below(5) }),
});

/** Has a view notify of all changes. Returns how many there were. */
function settle(view: FeedView): number {
  let changes = 0;
  while (view.settle()) changes++;
  return changes;
}

describe("onChange of views", () => {
  const set = (given: Partial<FeedEvent>) => event({ topic: "lamp", key: "1", ...given });

  it("onChange is called once for each value that is set, replaced and removed", () => {
    const changes: unknown[][] = [];
    const map = latestMap({ onChange: (...change) => changes.push(change) });
    map.apply(set({ value: "on" }));
    map.apply(set({ key: "2", value: "off" }));
    assert.deepEqual(changes, [], "not before all events of an input were applied");
    assert.equal(settle(map), 2);
    assert.equal(settle(map), 0);
    map.apply(set({ author: 2, timeMs: START_MS + 1, value: "dim" }));
    map.apply(set({ timeMs: START_MS - 1, value: "older" }));
    settle(map);
    map.apply(set({ author: 3, timeMs: START_MS + 2, kind: "remove" }));
    settle(map);
    assert.deepEqual(changes, [
      ["lamp", "1", "on"], ["lamp", "2", "off"], ["lamp", "1", "dim"], ["lamp", "1", undefined],
    ]);
  });

  it("onChange is called once with undefined at the end of a time to live, which endMs gives", () => {
    const changes: unknown[][] = [];
    const map = at(START_MS, latestMap({ onChange: (...change) => changes.push(change) }));
    assert.equal(map.endMs, Infinity);
    map.apply(set({ value: "on", ttlMs: 5000 }));
    settle(map);
    assert.equal(map.endMs, START_MS + 5000);
    assert.equal(settle(at(START_MS + 4999, map)), 0);
    assert.equal(settle(at(START_MS + 5000, map)), 1);
    assert.equal(settle(at(START_MS + 6000, map)), 0);
    assert.deepEqual(changes, [["lamp", "1", "on"], ["lamp", "1", undefined]]);
    assert.equal(map.endMs, Infinity);
  });

  it("onChange is called with the earlier value when the time to live of a removal or of a later value ends", () => {
    const values: unknown[] = [];
    const map = at(START_MS, latestMap({ onChange: (_topic, _key, value) => values.push(value) }));
    map.apply(set({ value: "off" }));
    map.apply(set({ author: 2, timeMs: START_MS + 1, ttlMs: 5, value: "on" }));
    map.apply(set({ author: 3, timeMs: START_MS + 2, ttlMs: 2, kind: "remove" }));
    settle(map);
    assert.deepEqual([values, map.endMs], [[], START_MS + 4]);
    settle(at(map.endMs, map));
    settle(at(map.endMs, map));
    assert.deepEqual(values, ["on", "off"]);
  });

  it("onChange is not called again for events that an author takes along into a new generation", () => {
    const values: unknown[] = [];
    const ids: string[] = [];
    const map = latestMap({ onChange: (_topic, _key, value) => values.push(value) });
    const view = records({ onChange: (id) => ids.push(id) });
    const feed = [
      set({ value: { n: 1 } }),
      event({ topic: "note.add", sequence: 2, counter: 1, value: { record: "r", text: "a" } }),
    ];
    for (const each of [map, view]) {
      for (const one of feed) each.apply(one);
      settle(each);
      each.forget(1);
      for (const one of feed) each.apply({ ...one, generation: 5, sequence: one.sequence + 3 });
      settle(each);
      each.forget(1);
      for (const one of feed) each.apply({ ...one, copiedBy: 2, generation: 3, sequence: one.sequence + 7 });
      settle(each);
    }
    assert.deepEqual([values, ids], [[{ n: 1 }], ["r"]], "nor for copies of them");
    map.forget(1);
    map.apply(set({ generation: 6, counter: 2, value: { n: 2 } }));
    settle(map);
    assert.deepEqual(values, [{ n: 1 }, { n: 2 }]);
  });

  it("the view continues after a callback that throws, and notifies of each change once", () => {
    const keys: string[] = [];
    const map = latestMap({
      onChange: (_topic, key) => {
        keys.push(key);
        if (key === "1") throw new Error("of the application");
      },
    });
    for (const key of ["1", "2", "3"]) map.apply(set({ key }));
    assert.throws(() => settle(map), /of the application/);
    settle(map);
    assert.deepEqual(keys, ["1", "2", "3"]);
  });

  it("onChange of topicMerge gets the merged value, and undefined when no contribution is left", () => {
    const changes: unknown[][] = [];
    const sum = (given: Partial<FeedEvent>) => set({ topic: "+lamp", ...given });
    const taken = at(START_MS, topicMerge({
      topic: "+lamp",
      merge: (all) => all.reduce((sum, { value }) => sum + (value as number), 0),
      onChange: (...change) => changes.push(change),
    }));
    taken.apply(sum({ value: 5 }));
    taken.apply(sum({ author: 2, value: 20, ttlMs: 1000 }));
    settle(taken);
    settle(at(taken.endMs, taken));
    taken.apply(sum({ author: 3, value: 1 }));
    taken.apply(sum({ sequence: 2, kind: "withdraw" }));
    settle(taken);
    taken.apply(sum({ author: 4, timeMs: START_MS + 1, kind: "remove" }));
    settle(taken);
    assert.deepEqual(changes, [["1", 25], ["1", 5], ["1", 1], ["1", undefined]]);
  });

  it("onChange of records gets the record, and undefined when no event about it is left", () => {
    const changes: [string, FeedRecord | undefined][] = [];
    const view = at(START_MS, records({ onChange: (...change) => changes.push(change) }));
    view.apply(event({ topic: "note.add", key: "k", value: { record: "r", text: "a" }, ttlMs: 1000 }));
    settle(view);
    view.apply(event({ topic: "note.add", key: "k", sequence: 2, counter: 1, value: { record: "s", text: "b" } }));
    settle(view);
    assert.deepEqual(changes.map(([id, record]) => [id, record?.notes[0].text]), [
      ["r", "a"], ["r", undefined], ["s", "b"],
    ]);
  });

  it("onChange of records gets the earlier record when the time to live of a removal ends, which endMs gives", () => {
    const changes: [string, FeedRecord | undefined][] = [];
    const view = at(START_MS, records({ onChange: (...change) => changes.push(change) }));
    view.apply(event({ topic: "note.add", key: "k", value: { record: "r", text: "a" } }));
    settle(view);
    view.apply(event({ author: 2, timeMs: START_MS + 1, topic: "note.add", key: "k", kind: "remove", ttlMs: 1000 }));
    settle(view);
    assert.equal(view.endMs, START_MS + 1001);
    settle(at(START_MS + 1001, view));
    assert.deepEqual(changes.map(([id, record]) => [id, record?.notes[0].text]), [
      ["r", "a"], ["r", undefined], ["r", "a"],
    ]);
  });

  it("the calls of onChange add up to what the view shows, at any time and in any order of events", () => {
    fc.assert(fc.property(history, ({ events, seed }) => {
      const random = new SimRandom(seed, 9);
      const values = new Map<string, CborValue>();
      const folded = new Map<string, FeedRecord | undefined>();
      const map = latestMap({ capacity: 4, onChange: (topic, key, value) => values.set(`${topic} ${key}`, value) });
      const view = records({ capacity: 4, onChange: (id, record) => folded.set(id, record) });
      let nowMs = START_MS;
      for (const each of [map, view]) each.bind(() => nowMs);
      for (const one of random.shuffled(events)) {
        map.apply(one);
        view.apply(one);
        if (random.chance(0.3)) nowMs += random.below(10);
        if (random.chance(0.3)) continue;
        for (const each of [map, view]) {
          settle(each);
          assert.ok(each.endMs > nowMs);
        }
        const shown = map.entries().map(({ topic, key, value }) => [`${topic} ${key}`, value]);
        const noted = [...values].filter(([, value]) => value !== undefined);
        assert.deepEqual(new Map(noted), new Map(shown as [string, CborValue][]));
        assert.deepEqual([...folded.values()].filter((record) => record !== undefined)
          .sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))), view.records());
      }
    }), propertyOptions(300));
  });
});
