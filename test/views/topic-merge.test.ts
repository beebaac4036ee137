import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import type { FeedEvent } from "../../src/views/feed-event.js";
import { type Contribution, TopicMerge, topicMerge } from "../../src/views/topic-merge.js";
import { START_MS, at, event, histories, applyShuffled, applied, unsuperseded } from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";

const list = (contributions: Contribution[], key: string) => ({ key, all: contributions });
const sum = (contributions: Contribution[]) => contributions.reduce((total, { value }) => total + (value as number), 0);

const history = histories({
  topics: ["+voucher", "+other"],
  keys: ["1", "2", "ñ"],
  logProbability: 0.1,
  value: (random) => random.below(1000),
});

describe("topicMerge", () => {
  const set = (given: Partial<FeedEvent>) => event({ topic: "+voucher", key: "17", ...given });

  it("the view lets no author overwrite the values of others", () => {
    const taken = topicMerge({ topic: "+voucher", merge: sum });
    assert.ok(taken instanceof TopicMerge);
    assert.equal(taken.get("17"), undefined);
    // Neither of the two knew of the other.
    taken.apply(set({ author: 1, value: 5 }));
    taken.apply(set({ author: 2, value: 20 }));
    assert.equal(taken.get("17"), 25);
    taken.apply(set({ author: 1, sequence: 2, timeMs: START_MS + 1, value: 6 }));
    taken.apply(set({ author: 1, value: 5 }));
    assert.equal(taken.get("17"), 26);
    assert.deepEqual(taken.entries(), [{ key: "17", value: 26 }]);
  });

  it("a removal removes the older contributions of all authors, and an end that of its author", () => {
    const taken = topicMerge({ topic: "+voucher", merge: sum });
    taken.apply(set({ author: 1, timeMs: START_MS + 1, value: 5 }));
    taken.apply(set({ author: 2, timeMs: START_MS + 1, value: 20 }));
    taken.apply(set({ author: 3, timeMs: START_MS + 4, value: 100 }));
    taken.apply(set({ author: 2, timeMs: START_MS + 1, sequence: 2, kind: "withdraw" }));
    assert.equal(taken.get("17"), 105);
    taken.apply(set({ author: 2, timeMs: START_MS + 3, sequence: 3, kind: "remove" }));
    assert.equal(taken.get("17"), 100);
    taken.apply(set({ author: 2, timeMs: START_MS + 5, sequence: 4, value: 7 }));
    taken.apply(set({ author: 1, timeMs: START_MS + 2, sequence: 2, value: 6 }));
    assert.equal(taken.get("17"), 107, "the author's later contribution does not take the removal's place");
    taken.apply(set({ author: 4, timeMs: START_MS + 6, kind: "remove" }));
    assert.deepEqual([taken.get("17"), taken.entries()], [undefined, []]);
  });

  it("the view takes merge topics only, which begin with +", () => {
    assert.throws(() => topicMerge({ topic: "voucher", merge: sum }), {
      name: "RangeError", code: "ERR_OPTION",
      message: 'topic: "voucher" does not begin with "+", as merge topics do',
    });
  });

  it("the view gives the merge function one live contribution of each author, the oldest first", () => {
    const view = topicMerge({ topic: "+voucher", merge: list });
    view.apply(set({ author: 1, timeMs: START_MS + 3, value: "c" }));
    view.apply(set({ author: 4, timeMs: START_MS + 2, ttlMs: 3, value: "b" }));
    view.apply(set({ author: 5, timeMs: START_MS + 1, value: "a" }));
    const all = (atMs: number) => at(atMs, view).get("17")?.all.map(({ value }) => value);
    assert.deepEqual([all(START_MS + 4), all(START_MS + 5)], [["a", "b", "c"], ["a", "c"]]);
  });

  it("the view ignores other topics, log events, and keys for which merge gives undefined", () => {
    const view = topicMerge({ topic: "+voucher", merge: (all, key) => key === "2" ? undefined : sum(all) });
    for (const one of [
      event({ topic: "+voucher", value: 1 }), event({ topic: "+vouche", key: "1", value: 1 }),
      set({ key: "2", value: 1 }), set({ key: "3", value: 1 }), set({ key: "", value: 4 }),
    ]) view.apply(one);
    assert.deepEqual(view.entries(), [{ key: "", value: 4 }, { key: "3", value: 1 }]);
  });

  it("the view counts an event once, in whatever generation and feed it arrives", () => {
    const view = topicMerge({ topic: "+voucher", merge: sum });
    const contribution = set({ author: 1, generation: 1, value: 5 });
    view.apply(contribution);
    view.apply(set({ author: 2, generation: 1, value: 20 }));
    view.apply({ ...contribution, copiedBy: 2, generation: 1, sequence: 2 });
    view.apply({ ...contribution, generation: 2 });
    assert.equal(view.get("17"), 25);
    assert.equal(view.forget(1), false);
    assert.equal(view.get("17"), 20);
  });

  it("the view keeps the newest contributions beyond its capacity", () => {
    const view = topicMerge({ topic: "+voucher", merge: sum, capacity: 2 });
    for (const author of [2, 1, 3]) view.apply(set({ author, timeMs: START_MS + author, value: author }));
    assert.deepEqual([view.get("17"), view.isCut, view.forget(3)], [5, true, true]);
  });

  for (const capacity of [2, 64]) {
    it(`the view does not depend on the order of events, with a capacity of ${capacity}`, () => {
      fc.assert(fc.property(history, (all) => {
        const make = () => topicMerge({ topic: "+voucher", merge: list, capacity });
        const view = applied(make(), all.events);
        const expected = JSON.stringify(view.entries());
        for (const { key, value } of view.entries()) assert.deepEqual(view.get(key), value);
        for (let order = 0; order < 4; order++) {
          const other = make();
          applyShuffled(other, all, new SimRandom(all.seed, 2 + order));
          assert.equal(JSON.stringify(other.entries()), expected);
        }
        assert.equal(JSON.stringify(applied(make(), unsuperseded(all.events)).entries()), expected);
      }), propertyOptions(500));
    });
  }
});
