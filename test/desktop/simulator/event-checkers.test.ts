import assert from "node:assert/strict";
import { checkKeepers } from "../../../desktop/simulator/event-checkers.js";
import type { SimNode } from "../../../desktop/simulator/node.js";
import type { FeedEvent } from "../../../src/gossip.js";
import { event } from "../../support/feed-history.js";

/** A node that holds events of author 7 with these numbers. */
function holder(id: number, numbers: number[], given: Partial<FeedEvent> = {}): SimNode {
  const events = numbers.map((sequence) => event({ author: 7, sequence, value: sequence, ...given }));
  const gossip = {
    eachEvent: (each: (one: FeedEvent) => void) => events.forEach(each),
    frontier: () => [{ author: 7, generation: 0, sequence: Math.max(...numbers) }],
  };
  return { id, name: `node ${id}`, gossip } as unknown as SimNode;
}

describe("the checker of nodes that keep everything", () => {
  it("the checker reports events that one node lacks and any other holds", () => {
    const [keeper, other] = [holder(1, [1, 3, 4]), holder(2, [2, 3, 4])];
    const violations = checkKeepers([keeper, other], [keeper], false);
    assert.deepEqual(violations.map(({ check, node }) => [check, node]), [["gaps", "node 1"]]);
    assert.match(violations[0].detail, /^holds undefined; node 2 holds .*"sequence":2/);
  });

  it("the checker reports events that no node holds when all should be held", () => {
    const keeper = holder(1, [2, 3, 5]);
    assert.deepEqual(checkKeepers([keeper], [keeper], false), []);
    const details = checkKeepers([keeper], [keeper], true).map(({ detail }) => detail);
    assert.deepEqual(details, ["lacks 7 0:1", "lacks 7 0:4"]);
  });

  it("the checker reports events that differ", () => {
    const [keeper, other] = [holder(1, [1]), holder(2, [1], { value: 5 })];
    assert.equal(checkKeepers([keeper, other], [keeper], true).length, 1);
  });

  it("the checker ignores a node's own feed, and events whose time to live is over", () => {
    const [keeper, other] = [holder(7, [3]), holder(2, [1, 2, 3])];
    assert.deepEqual(checkKeepers([keeper, other], [keeper], false), []);
    const brief = holder(2, [1, 2, 3], { key: "k", ttlMs: 1000 });
    assert.deepEqual(checkKeepers([brief], [holder(1, [9])], false), []);
  });
});
