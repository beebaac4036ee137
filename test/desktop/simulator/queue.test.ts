import assert from "node:assert/strict";
import fc from "fast-check";
import { EventQueue } from "../../../desktop/simulator/queue.js";

describe("event queue", () => {
  it("the queue gives events in the order of time, and events of one time in the order of adding", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const queue = new EventQueue();
      const seen: [number, number][] = [];
      times.forEach((time, index) => queue.add(time, () => seen.push([time, index])));
      for (let event = queue.take(20); event !== undefined; event = queue.take(20)) event.run?.();
      const expected = times.map((time, index): [number, number] => [time, index]).sort((a, b) => a[0] - b[0]);
      assert.deepEqual(seen, expected);
    }));
  });

  it("the queue keeps events that are not due", () => {
    const queue = new EventQueue();
    queue.add(5, () => undefined);
    assert.equal(queue.take(4), undefined);
    assert.equal(queue.length, 1);
    assert.equal(queue.take(5)?.timeMs, 5);
    assert.equal(queue.length, 0);
  });
});
