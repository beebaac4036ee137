import assert from "node:assert/strict";
import { Arrivals } from "../../../desktop/simulator/arrivals.js";
import { EventQueue } from "../../../desktop/simulator/queue.js";

function runAll(queue: EventQueue): void {
  for (let event = queue.take(Infinity); event !== undefined; event = queue.take(Infinity)) event.run?.();
}

describe("datagrams in flight", () => {
  it("each arrives at its time, as it was sent, also where one is sent while another arrives", () => {
    const queue = new EventQueue();
    const seen: string[] = [];
    const arrivals = new Arrivals<string>(queue, (to, bytes, length, address, port) => {
      seen.push(`${to} ${[...bytes].join(",")} ${length} ${address}:${port}`);
      if (to === "first") arrivals.add(9, "answer", Uint8Array.of(9), 1, 3, 30);
    });
    const sent = Uint8Array.of(1, 2, 3);
    arrivals.add(8, "second", sent, 3, 2, 20);
    arrivals.add(7, "first", sent, 2, 1, 10);
    sent.fill(0);
    runAll(queue);
    assert.deepEqual(seen, ["first 1,2 2 1:10", "second 1,2,3 3 2:20", "answer 9 1 3:30"]);
  });

  it("the objects are reused: one is enough where datagrams come one after the other", () => {
    const queue = new EventQueue();
    const arrivals = new Arrivals<number>(queue, () => undefined);
    const used = new Set<unknown>();
    for (let i = 0; i < 100; i++) {
      arrivals.add(i, i, Uint8Array.of(i), 1, 0, 0);
      const event = queue.take(i);
      used.add(event);
      event?.run?.();
    }
    assert.equal(used.size, 1);
  });

  it("one whose receiver throws is lost, and the others arrive", () => {
    const queue = new EventQueue();
    const seen: number[] = [];
    const arrivals = new Arrivals<number>(queue, (to) => {
      if (to === 0) throw new Error("application");
      seen.push(to);
    });
    for (let to = 0; to < 3; to++) arrivals.add(to, to, Uint8Array.of(to), 1, 0, 0);
    assert.throws(() => runAll(queue), { message: "application" });
    runAll(queue);
    assert.deepEqual(seen, [1, 2]);
  });
});
