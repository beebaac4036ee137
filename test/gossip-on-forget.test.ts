import assert from "node:assert/strict";
import { SimNetwork } from "../desktop/simulator/index.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import type { NodeRow } from "../src/gossip.js";
import { DOWN, LEFT, UP } from "../src/engine/table/states.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { FakeNetwork, FakeNode, frameHex, rowHex, rowsHex, started } from "./support/fake-platform.js";

const MINUTE_MS = 60000;
/** Rows that are removed in one input, as the option's documentation says. */
const REMOVED_MAX = 8;

/** A frame of the node 99 with `count` rows from id `first` on, in one state. */
function frameOfRows(counter: number, first: number, count: number, state: number): string {
  const rows = Array.from({ length: count }, (_, i) => rowHex(first + i, 100 + i, "00", "01", "", state));
  return frameHex(1, 99, 0, counter, rowsHex(rowHex(99, 99, "00", "05"), ...rows));
}

function idsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

describe("onForget", () => {
  it("gets the last row of a node, with its name and value, when its time as a tombstone is over", () => {
    const network = new SimNetwork({ seed: 3 });
    const forgotten: NodeRow[][] = [];
    for (let i = 0; i < 4; i++) {
      const rows: NodeRow[] = [];
      forgotten.push(rows);
      network.addNode({
        options: {
          seedList: ["10.0.0.1"], removeAfterMs: 30 * MINUTE_MS, onForget: (row) => rows.push(row),
          ...i === 3 && { name: "kitchen" },
        },
      });
    }
    network.runFor(5 * MINUTE_MS);
    const gone = network.nodes[3];
    gone.push(21.5);
    network.runFor(MINUTE_MS);
    gone.crash();
    network.runFor(59 * MINUTE_MS);
    assert.deepEqual(forgotten.map(({ length }) => length), [0, 0, 0, 0]);
    network.runFor(15 * MINUTE_MS);
    for (const [i, rows] of forgotten.slice(0, 3).entries()) {
      assert.deepEqual(rows.map(({ id, name, address, state, data }) => ({ id, name, address, state, data })), [
        { id: gone.id, name: "kitchen", address: "10.0.0.4", state: "removed", data: 21.5 },
      ]);
      assert.equal(network.nodes[i].gossip!.row(gone.id), undefined);
    }
  });

  it("gets each of many rows once whose time is over at once; an input removes 8 at most", () => {
    const forgotten: number[] = [];
    const held: number[] = [];
    const { network, node } = started({
      removeAfterMs: MINUTE_MS,
      onForget: ({ id }) => {
        forgotten.push(id);
        held.push(node.gossip.rows().length);
        assert.equal(node.gossip.row(id), undefined);
        // A callback may call any method.
        node.gossip.push(forgotten.length);
      },
    });
    node.arrive(frameOfRows(1, 1000, 30, DOWN));
    assert.equal(node.gossip.rows().length, 32);
    network.run(2 * MINUTE_MS + 30000);
    assert.deepEqual([...forgotten].sort((a, b) => a - b).slice(-30), idsFrom(1000, 30));
    assert.equal(new Set(forgotten).size, forgotten.length);
    // The rows that are still held, and those notified of before: at most 8 more were removed.
    for (const [i, count] of held.entries()) {
      assert.ok(count + i >= 32 - REMOVED_MAX && count + i <= 32, `${count} rows at the row ${i}`);
    }
  });

  it("gets the rows that new nodes replace in a full table; the next frames bring further nodes", () => {
    const forgotten: NodeRow[] = [];
    const states: string[] = [];
    const { node } = started({
      capacity: 32,
      onForget: (row) => forgotten.push(row),
      onState: ({ id, state }) => states.push(`${id} ${state}`),
    });
    node.arrive(frameOfRows(1, 1000, 30, LEFT));
    states.length = 0;
    for (let frame = 0; frame < 3; frame++) {
      node.arrive(frameOfRows(2 + frame, 2000, 20, UP));
      const count = Math.min(20, (frame + 1) * REMOVED_MAX);
      assert.equal(forgotten.length, count);
      assert.equal(states.length, count);
    }
    assert.deepEqual(new Set(forgotten.map(({ state }) => state)), new Set(["left"]));
    assert.equal(new Set(forgotten.map(({ id }) => id)).size, 20);
    for (const { id } of forgotten) assert.ok(id >= 1000 && id < 1030, String(id));
    for (const id of idsFrom(2000, 20)) assert.equal(node.gossip.row(id)?.state, "up");
    assert.equal(node.errors.length, 0);
    // Full of live nodes and rows that left: one that finds no place is an error still.
    node.arrive(frameOfRows(5, 3000, 20, UP));
    node.arrive(frameOfRows(6, 3000, 20, UP));
    assert.deepEqual(node.errors.map(([code]) => code), ["tableFull"]);
  });

  it("is not called after close, nor by a callback that closes the node", () => {
    let calls = 0;
    const { network, node } = started({
      removeAfterMs: MINUTE_MS,
      onForget: () => {
        calls++;
        void node.gossip.close();
      },
    });
    node.arrive(frameOfRows(1, 1000, 20, DOWN));
    network.run(3 * MINUTE_MS);
    assert.equal(calls, 1);
  });

  it("goes on with the next row when it throws", () => {
    const forgotten: number[] = [];
    const { network, node } = started({
      removeAfterMs: MINUTE_MS,
      onForget: ({ id }) => {
        forgotten.push(id);
        if (forgotten.length === 1) throw new Error("of the application");
      },
    });
    node.arrive(frameOfRows(1, 1000, 5, DOWN));
    assert.throws(() => network.run(3 * MINUTE_MS), /of the application/);
    network.run(MINUTE_MS);
    assert.deepEqual(forgotten.slice(0, 5).sort((a, b) => a - b), idsFrom(1000, 5));
  });

  for (const [name, dialect] of [["espgossip", espgossip()], ["auto", auto()]] as const) {
    it(`gets rows that new boards replace in the dialect ${name}`, () => {
      const forgotten: NodeRow[] = [];
      const network = new FakeNetwork();
      const node = new FakeNode(network, "192.168.0.53", {
        dialect, capacity: 4, seedList: ["192.168.0.99"], removeAfterMs: MINUTE_MS,
        onForget: (row) => forgotten.push(row),
      });
      node.gossip.start();
      const board = (host: number, state: number): string => Buffer.from(JSON.stringify({
        type: "SYN", [`192.168.0.${host}`]: { revision: 1, heartbeat: 1, state, data: { n: host } },
      })).toString("hex");
      for (const host of [60, 61, 62]) node.arrive(board(host, 0), `192.168.0.${host}`);
      assert.equal(node.gossip.rows().length, 4);
      // No board answers: after some rounds all of them are gone.
      network.run(40 * MINUTE_MS);
      node.arrive(board(70, 0), "192.168.0.70");
      assert.ok(forgotten.length >= 1, "no row was replaced");
      const [first] = forgotten;
      assert.ok(["192.168.0.60", "192.168.0.61", "192.168.0.62"].includes(first.address), first.address);
      assert.equal(first.address, formatAddress(first.id));
      assert.deepEqual(first.data, { n: Number(first.address.slice(-2)) });
      assert.equal(node.row(first.address), undefined);
      assert.equal(node.row("192.168.0.70")?.state, "up");
    });
  }
});
