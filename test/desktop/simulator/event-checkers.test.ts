import assert from "node:assert/strict";
import { checkKeepers } from "../../../desktop/simulator/event-checkers.js";
import type { HeldRecord, Holding } from "../../../desktop/simulator/held-records.js";

/** What a node holds of the feed of author 7: records with these numbers. */
function holding(id: number, numbers: number[], given: Partial<HeldRecord> = {}): Holding {
  const records = numbers.map((sequence): HeldRecord => ({
    keeper: 7, generation: 0, sequence, kind: "log", identity: `7 ${sequence}:0 log`, hasTimeToLive: false,
    isLive: false, ...given,
  }));
  return { id, name: `node ${id}`, records, frontier: [{ author: 7, generation: 0, sequence: Math.max(...numbers) }] };
}

describe("the checker of nodes that keep everything", () => {
  it("the checker reports events that one node lacks and any other holds", () => {
    const [keeper, other] = [holding(1, [1, 3, 4]), holding(2, [2, 3, 4])];
    const violations = checkKeepers([keeper, other], [keeper], false);
    assert.deepEqual(violations.map(({ check, node }) => [check, node]), [["gaps", "node 1"]]);
    assert.equal(violations[0].detail, "holds undefined as 7 0:2; node 2 holds log 7 2:0 log");
  });

  it("the checker reports events that no node holds when all should be held", () => {
    const keeper = holding(1, [2, 3, 5]);
    assert.deepEqual(checkKeepers([keeper], [keeper], false), []);
    const details = checkKeepers([keeper], [keeper], true).map(({ detail }) => detail);
    assert.deepEqual(details, ["lacks 7 0:1", "lacks 7 0:4"]);
  });

  it("the checker reports events that differ", () => {
    const [keeper, other] = [holding(1, [1]), holding(2, [1], { identity: "7 9:0 log" })];
    assert.equal(checkKeepers([keeper, other], [keeper], true).length, 1);
  });

  it("the checker ignores a node's own feed, and events whose time to live is over", () => {
    const [keeper, other] = [holding(7, [3]), holding(2, [1, 2, 3])];
    assert.deepEqual(checkKeepers([keeper, other], [keeper], false), []);
    const brief = holding(2, [1, 2, 3], { kind: "set", hasTimeToLive: true });
    assert.deepEqual(checkKeepers([brief], [holding(1, [9])], false), []);
  });
});
