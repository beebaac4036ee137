import assert from "node:assert/strict";
import { nextHop } from "../../../src/engine/membership/routes.js";
import { FLAG_CONFIRMED, FLAG_HEARD } from "../../../src/engine/table/row-flags.js";
import { FLAG_NEIGHBOUR, FLAG_REMOTE, ROW_BYTES, RowData } from "../../../src/engine/table/rows.js";
import { DOWN, PROBED, SUSPECT, UP } from "../../../src/engine/table/states.js";
import { BROADCAST_ADDRESS, type Engine, NOTIFY_STATE, type Notification } from "../../../src/engine/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { held } from "../../support/engine-state.js";

const ROUND = 10000;

/** Engines 1 to `nodes`. A datagram arrives where `reaches` says so. */
function linked(nodes: number, reaches: (from: number, to: number) => boolean): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= nodes; node++) network.add(node, { capacity: nodes + 4 }, node > 1 ? [node - 1] : []);
  network.lose = ({ from, to }) => to === BROADCAST_ADDRESS || !reaches(from, to);
  return network;
}

/** Each node reaches the nodes before and after it. */
function line(nodes: number): EngineNetwork {
  return linked(nodes, (from, to) => Math.abs(from - to) === 1);
}

function rowsOf(network: EngineNetwork, node: number): Engine["rows"] {
  return network.engines.get(node)!.rows;
}

/** What `at` knows of its link to `of`. */
function link(network: EngineNetwork, at: number, of: number): string {
  const rows = rowsOf(network, at);
  const slot = rows.find(of);
  const isNeighbour = rows.hasFlag(slot, FLAG_NEIGHBOUR);
  return isNeighbour ? "neighbour" : rows.hasFlag(slot, FLAG_REMOTE) ? "remote" : "unknown";
}

/** The neighbour to which `at` would send a datagram for `to`; 0: none. */
function hop(network: EngineNetwork, at: number, to: number): number {
  const rows = rowsOf(network, at);
  const slot = nextHop(rows, rows.find(to));
  return slot < 0 ? 0 : rows.id(slot);
}

function statesAt(network: EngineNetwork, at: number, nodes: number): (number | undefined)[] {
  return Array.from({ length: nodes }, (_, i) => held(rowsOf(network, at), i + 1)?.state);
}

function stop(network: EngineNetwork, node: number): void {
  network.engines.delete(node);
}

describe("Engine: neighbours", () => {
  it("a row takes 35 bytes without its value, two of them for the way to its node", () => {
    assert.equal(ROW_BYTES, 35);
  });

  it("in a line, the nodes before and after are neighbours, all others are remote, and nobody is suspected", () => {
    const network = line(8);
    network.run(300 * ROUND);
    for (let at = 1; at <= 8; at++) {
      for (let of = 1; of <= 8; of++) {
        if (at === of) continue;
        assert.equal(link(network, at, of), Math.abs(at - of) === 1 ? "neighbour" : "remote", `${of} at ${at}`);
        assert.equal(held(rowsOf(network, at), of)?.state, UP);
      }
    }
    assert.deepEqual(network.notified.filter(({ state }) => state > PROBED), []);
  });

  it("a node that hears another but is not heard by it is no neighbour of it, and each shows the direction", () => {
    const network = linked(4, (from, to) => !(from === 1 && to === 4));
    network.run(60 * ROUND);
    const heard = (at: number, of: number): boolean => {
      const rows = rowsOf(network, at);
      return rows.hasFlag(rows.find(of), FLAG_HEARD);
    };
    assert.notEqual(link(network, 1, 4), "neighbour");
    assert.notEqual(link(network, 4, 1), "neighbour");
    for (const [at, of] of [[1, 2], [2, 1], [4, 3]]) {
      assert.deepEqual([link(network, at, of), heard(at, of)], ["neighbour", true]);
    }
    assert.deepEqual(network.notified.filter(({ state }) => state > PROBED), []);
  });

  it("a link that breaks makes two nodes remote, which stay up for all; it is found again when it works", () => {
    let isBroken = false;
    const network = linked(6, (from, to) => !(isBroken && from + to === 3));
    network.run(30 * ROUND);
    assert.equal(link(network, 1, 2), "neighbour");
    isBroken = true;
    network.run(60 * ROUND);
    assert.deepEqual([link(network, 1, 2), link(network, 2, 1)], ["remote", "remote"]);
    assert.deepEqual(network.notified.filter(({ state }) => state > PROBED), []);
    isBroken = false;
    network.run(40 * ROUND);
    assert.deepEqual([link(network, 1, 2), link(network, 2, 1)], ["neighbour", "neighbour"]);
  });

  it("a node that moves along a line finds its new neighbours, and is up all the time", () => {
    let place = 1.5;
    const where = (node: number): number => (node === 1 ? place : node);
    const network = linked(7, (from, to) => Math.abs(where(from) - where(to)) <= 1);
    network.run(100 * ROUND);
    for (place = 1.5; place <= 6.5; place += 0.5) network.run(60 * ROUND);
    // Few tries are for nodes that never were neighbours: one in 16 rounds or so, at random.
    network.run(120 * ROUND);
    assert.deepEqual([link(network, 1, 7), link(network, 1, 2)], ["neighbour", "remote"]);
    assert.deepEqual(network.notified.filter(({ state }) => state === DOWN), []);
  });

  it("the application is not notified of a doubt that is refuted", () => {
    const network = line(5);
    network.run(100 * ROUND);
    network.notified.length = 0;
    const engine = network.engines.get(1)!;
    engine.raiseState(engine.rows.find(5), PROBED);
    const seen: Notification = { kind: 0, slot: 0, detail: 0 };
    while (engine.pollNotification(seen)) assert.notEqual(seen.kind, NOTIFY_STATE);
    const before = held(engine.rows, 5)!.heartbeat;
    network.run(12 * ROUND);
    assert.ok(held(engine.rows, 5)!.heartbeat > before, "its node made a new statement");
    assert.equal(held(engine.rows, 5)!.state, UP);
    assert.deepEqual(network.notified.filter(({ kind, state }) => kind === NOTIFY_STATE || state > PROBED), []);
  });
});

describe("Engine: who is gone in a network where not all reach all", () => {
  const NODES = 8;
  /** 3 suspicion periods of 3 + log2(8) rounds, and a round a hop. */
  const BOUND = (3 * 6 + NODES) * ROUND;

  it("a node in the middle that dies is down at its neighbours, and so is all behind it", () => {
    const network = line(NODES);
    network.run(120 * ROUND);
    stop(network, 4);
    network.run(BOUND);
    assert.deepEqual(statesAt(network, 1, NODES), [UP, UP, UP, DOWN, DOWN, DOWN, DOWN, DOWN]);
    assert.deepEqual(statesAt(network, 8, NODES), [DOWN, DOWN, DOWN, DOWN, UP, UP, UP, UP]);
  });

  it("a node that dies with all its neighbours is down for all, although nobody is left who asked it", () => {
    // 1, 2, 3 all reach each other; 4 to 6 too; 6 alone reaches 7, and 7 reaches 8.
    const group = (node: number): number => (node <= 3 ? 0 : node <= 6 ? 1 : 2);
    const bridges = ["3 4", "6 7", "7 8"];
    const network = linked(NODES, (from, to) => (group(from) === group(to) && from !== to && group(from) < 2)
      || bridges.includes(`${Math.min(from, to)} ${Math.max(from, to)}`));
    network.run(120 * ROUND);
    assert.deepEqual(statesAt(network, 1, NODES), new Array(NODES).fill(UP));
    for (const node of [6, 7, 8]) stop(network, node);
    network.run(BOUND);
    assert.deepEqual(statesAt(network, 1, NODES), [UP, UP, UP, UP, UP, DOWN, DOWN, DOWN]);
  });

  it("an end of a line that dies while its only neighbour starts again is down for all", () => {
    const network = line(NODES);
    network.run(120 * ROUND);
    stop(network, 8);
    stop(network, 7);
    network.add(7, { capacity: 12 }, [6], 1);
    network.run(BOUND);
    assert.deepEqual(statesAt(network, 1, NODES), [UP, UP, UP, UP, UP, UP, UP, DOWN]);
  });

  it("a row of a node that never was is down for all in time, in a line and where all reach all", () => {
    for (const network of [line(NODES), linked(NODES, () => true)]) {
      network.run(120 * ROUND);
      const engine = network.engines.get(3)!;
      const row = Object.assign(new RowData(), { id: 99, address: 99, port: 5000, heartbeat: 5 });
      engine.mergeRow(row, new Uint8Array(0));
      network.run(5 * ROUND);
      assert.equal(held(rowsOf(network, 8), 99)?.state !== undefined, true);
      assert.equal(rowsOf(network, 8).hasFlag(rowsOf(network, 8).find(99), FLAG_CONFIRMED), false);
      network.run(2 * BOUND);
      for (let at = 1; at <= NODES; at++) assert.equal(held(rowsOf(network, at), 99)?.state, DOWN, `at ${at}`);
      assert.deepEqual(network.notified.filter(({ id, state }) => id !== 99 && state >= SUSPECT), []);
    }
  });
});

describe("Engine: the way to a node out of reach", () => {
  it("in a line each node's next hop is its neighbour in that direction", () => {
    const network = line(8);
    network.run(200 * ROUND);
    for (let at = 1; at <= 8; at++) {
      for (let to = 1; to <= 8; to++) {
        if (at !== to) assert.equal(hop(network, at, to), at < to ? at + 1 : at - 1, `from ${at} to ${to}`);
      }
    }
  });

  it("a node that starts knows the way to all that it hears of from the first node that it meets", () => {
    for (let from = 2; from <= 32; from += 3) {
      // Their rows come in another order each time.
      const others = [from, from + 1, from + 2];
      const network = new EngineNetwork();
      network.lose = ({ from: sender, to }) => to > 50 || Math.abs(sender - to) > 1;
      network.add(from + 1, { capacity: 8 });
      for (const other of [from, from + 2]) network.add(other, { capacity: 8 }, [from + 1]);
      network.run(100 * ROUND);
      network.add(from - 1, { capacity: 8 }, [from]);
      network.run(4 * ROUND);
      assert.deepEqual(others.map((other) => hop(network, from - 1, other)), [from, from, from], `from ${from}`);
    }
  });

  it("after a detour opens, datagrams take it", () => {
    let isOpen = true;
    const network = linked(5, (from, to) => Math.abs(from - to) === 1 ? isOpen || from + to !== 5 : from + to === 6);
    network.run(150 * ROUND);
    isOpen = false;
    network.run(150 * ROUND);
    // 2 and 3 do not reach each other any more: the way is over 1, 5 and 4.
    const path = [2];
    while (path[path.length - 1] !== 3 && path.length < 8) path.push(hop(network, path[path.length - 1], 3));
    assert.equal(path[path.length - 1], 3, path.join(" "));
  });

  it("a node knows no way to itself and, with nobody in reach, to nobody", () => {
    const network = line(3);
    network.run(60 * ROUND);
    assert.equal(hop(network, 1, 1), 0);
    network.lose = () => true;
    network.run(100 * ROUND);
    assert.equal(hop(network, 1, 3), 0);
  });
});

describe("Engine: a limit of neighbours", () => {
  it("with neighboursMax each node asks so many others at most, and a crash is known to all in time", () => {
    const nodes = 20;
    const network = new EngineNetwork();
    for (let node = 1; node <= nodes; node++) {
      network.add(node, { capacity: nodes + 4, neighboursMax: 4 }, node > 1 ? [1] : []);
    }
    network.run(100 * ROUND);
    for (let at = 1; at <= nodes; at++) assert.deepEqual(statesAt(network, at, nodes), new Array(nodes).fill(UP));
    network.sent.length = 0;
    network.run(40 * ROUND);
    const asked = network.sent.filter(({ from, bytes }) => from === 7 && (bytes[1] & 7) === 1).map(({ to }) => to);
    assert.equal(new Set(asked).size, 4, asked.join(" "));
    stop(network, 7);
    network.run((3 * 7 + 4) * ROUND);
    for (const at of network.engines.keys()) assert.equal(held(rowsOf(network, at), 7)?.state, DOWN, `at ${at}`);
  });
});
