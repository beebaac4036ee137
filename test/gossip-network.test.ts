import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../desktop/simulator/index.js";
import { nodeSealing } from "../desktop/platform/node-sealing.js";
import { auto, espgossip } from "../src/espgossip/index.js";
import type { ChismeError, GossipOptions } from "../src/gossip.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const MINUTE_MS = 60000;
const KEY = new Uint8Array(32).fill(7);

/** Nodes of a simulated network, each with its own options. */
function simulate(options: Partial<GossipOptions>[], seed = 4): SimNetwork {
  const network = new SimNetwork({ seed });
  for (const each of options) network.addNode({ options: each });
  return network;
}

/** The addresses of the nodes that a node holds as up, without its own. */
function upOf(node: SimNode): string[] {
  const rows = node.gossip!.rows().filter(({ id, state }) => id !== node.id && ["up", "probed"].includes(state));
  return rows.map(({ address }) => address).sort();
}

function errorsOf(node: SimNode): string[] {
  return node.errors.map(({ code, message }) => `${code}: ${message}`);
}

function refusal(run: () => unknown): [string, string] {
  try {
    run();
  } catch (error) {
    const { code, message } = error as ChismeError;
    return [code, message];
  }
  return ["", ""];
}

describe("the option network", () => {
  it("two sites with the same seeds and addresses stay two networks, and each is told once", () => {
    const network = simulate(["north", "south", "north", "south", undefined].map((name) => ({
      seedList: ["10.0.0.1", "10.0.0.2"], ...name !== undefined && { network: name },
    })));
    network.runFor(60 * MINUTE_MS);
    assert.deepEqual(network.nodes.map(upOf), [["10.0.0.3"], ["10.0.0.4"], ["10.0.0.1"], ["10.0.0.2"], []]);
    const told = network.nodes.map((node) => errorsOf(node).map((text) => text.replace(/10\.0\.0\.\d/, "ADDRESS")));
    const other = "network: ADDRESS is of a network with another name";
    const none = "network: ADDRESS is of a network without a name, this node's has one";
    for (const each of told.slice(0, 4)) {
      assert.ok(each.length === 1 && [other, none].includes(each[0]), each.join());
    }
    // Nobody sends to the fifth. A broadcast of a node that lacks a seed tells it, at the latest one of a lone node.
    network.addNode({ options: { network: "west", seedList: [] } });
    network.runFor(MINUTE_MS);
    const fifth = errorsOf(network.nodes[4]).sort();
    assert.equal(fifth.length, 2);
    assert.ok(fifth[0].startsWith("alone: "), fifth[0]);
    assert.match(fifth[1], /^network: 10\.0\.0\.\d is of a network that has a name, this node's has none$/);
    assert.ok(network.nodes.slice(0, 5).every((node) => node.gossip!.stats().drops.network > 0));
  });

  it("a bridge of a network with a name takes its name for compact frames only", () => {
    const network = simulate([
      { network: "north", dialect: auto(), seedList: ["10.0.0.2"] }, { network: "north", seedList: ["10.0.0.1"] },
      { network: "south", seedList: ["10.0.0.1"] }, { dialect: espgossip(), seedList: ["10.0.0.1"] },
    ]);
    network.runFor(10 * MINUTE_MS);
    assert.deepEqual(upOf(network.nodes[1]), ["10.0.0.1", "10.0.0.4"]);
    assert.deepEqual(upOf(network.nodes[2]), []);
  });

  it("a name that is none is refused", () => {
    const node = (network: unknown, more = {}) => refusal(() => (
      new FakeNode(new FakeNetwork(), "192.168.0.53", { network: network as string, ...more })
    ));
    const range = "is not a text of 1 to 31 bytes";
    assert.deepEqual(node(""), ["ERR_OPTION", `network: "" ${range}`]);
    assert.deepEqual(node("ü".repeat(16)), ["ERR_OPTION", `network: "${"ü".repeat(16)}" ${range}`]);
    assert.deepEqual(node(7), ["ERR_OPTION", `network: 7 ${range}`]);
    assert.deepEqual(node("ü".repeat(15)), ["", ""]);
    assert.deepEqual(node("a", { dialect: espgossip() }), ["ERR_OPTION", "network: ESPGossip has no network names"]);
    const long = node("a", { datagramBytesMax: 128, valueBytesMax: 55 });
    assert.equal(long[1], "valueBytesMax: 55 is not an integer from 0 to 54 (74 less than datagramBytesMax)");
    assert.deepEqual(node("a", { datagramBytesMax: 128, valueBytesMax: 46 }), ["", ""]);
  });
});

describe("nodes whose seeds are dead", () => {
  for (const [name, seeds] of [
    ["one", ["10.0.0.1"]], ["two", ["10.0.0.1", "10.0.0.2"]],
  ] as const) {
    it(`after a power cut find each other by broadcast: ${name}`, () => {
      const network = simulate(Array.from({ length: 8 }, () => ({ seedList: [...seeds] })));
      network.runFor(10 * MINUTE_MS);
      assert.ok(network.nodes.every((node) => upOf(node).length === 7));
      for (const node of network.nodes) node.crash();
      network.runFor(MINUTE_MS);
      const others = network.nodes.slice(seeds.length);
      for (const node of others) node.start();
      network.runFor(5 * MINUTE_MS);
      assert.deepEqual(others.map((node) => upOf(node).length), others.map(() => others.length - 1));
    });
  }

  it('with broadcastAddress "none" a node sends no broadcast, and stays alone', () => {
    for (const seedList of [["10.0.0.9"], []]) {
      const network = simulate([1, 2].map(() => ({ seedList, broadcastAddress: "none" })));
      let broadcasts = 0;
      network.tap = (entry) => {
        if (entry.kind === "sent" && (entry.address === 0xffffffff || entry.address === 0)) broadcasts++;
      };
      network.runFor(60 * MINUTE_MS);
      assert.equal(broadcasts, 0);
      assert.deepEqual(network.nodes.map(upOf), [[], []]);
    }
    const board = simulate([{ dialect: espgossip(), broadcastAddress: "none" }]);
    board.runFor(10 * MINUTE_MS);
    assert.equal(board.counts.datagrams, 0);
  });

  it("goes on with its seeds in turn: one that comes late is found", () => {
    const network = simulate([{ seedList: ["10.0.0.2"] }]);
    const times: number[] = [];
    network.tap = (entry) => {
      if (entry.kind === "sent" && entry.address === 0xffffffff) times.push(network.nowMs);
    };
    network.runFor(20 * MINUTE_MS);
    assert.ok(times[0] > 70000 && times[0] < 93000, `the first one after ${times[0]} ms`);
    // 120 rounds, of which every second one after the eighth is a broadcast.
    assert.ok(times.length >= 52 && times.length <= 60, `${times.length} broadcasts`);
    network.tap = undefined;
    network.addNode({ options: { seedList: [], broadcastAddress: "none" } });
    network.runFor(MINUTE_MS);
    assert.deepEqual(network.nodes.map(upOf), [["10.0.0.2"], ["10.0.0.1"]]);
  });
});

describe("nodes with less room than the network needs", () => {
  it("a desktop with room for 1,000 rows beside full boards of 16 learns why they do not know it", () => {
    const boards = Array.from({ length: 16 }, () => ({ seedList: ["10.0.0.1"], capacity: 16 }));
    const network = simulate(boards);
    network.runFor(10 * MINUTE_MS);
    assert.deepEqual(network.nodes.map((node) => errorsOf(node)), network.nodes.map(() => []));
    const desktop = network.addNode({ options: { seedList: ["10.0.0.1"], capacity: 1000 } });
    network.runFor(30 * MINUTE_MS);
    assert.equal(upOf(desktop).length, 16);
    assert.ok(network.nodes.slice(0, 16).every((node) => node.gossip!.row(desktop.id) === undefined));
    const [text, ...more] = errorsOf(desktop);
    assert.match(text, /^limits: node 10\.0\.0\.\d+:5000 \(id \d+\) has room for 16 rows; this network has 17, so /);
    assert.deepEqual(more, []);
    const told = network.nodes.slice(0, 16).flatMap(errorsOf);
    assert.ok(told.length > 0);
    assert.deepEqual([...new Set(told)], ["tableFull: more live nodes than rows: capacity is 16"]);
  });

  it("a node is told also when its table grows beyond a peer's room later", () => {
    const network = simulate([
      { capacity: 4 }, { capacity: 64 }, { capacity: 64 }, { capacity: 64 },
    ].map((options) => ({ ...options, seedList: ["10.0.0.1", "10.0.0.2"] })));
    network.runFor(10 * MINUTE_MS);
    assert.deepEqual(network.nodes.flatMap(errorsOf), []);
    network.addNode({ options: { capacity: 64, seedList: ["10.0.0.2"] } });
    network.runFor(20 * MINUTE_MS);
    const told = errorsOf(network.nodes[1]);
    assert.deepEqual(told.map((text) => text.replace(/id \d+/, "id")), [
      "limits: node 10.0.0.1:5000 (id) has room for 4 rows; this network has 5, so it lacks some",
    ]);
  });
});

describe("a node without a key among sealed ones", () => {
  it("is told once that the network is sealed", () => {
    const sealed = { key: KEY, sealing: nodeSealing, seedList: ["10.0.0.1"] };
    const network = simulate([sealed, sealed, { seedList: ["10.0.0.1"] }]);
    network.runFor(30 * MINUTE_MS);
    assert.deepEqual(upOf(network.nodes[2]), []);
    const told = errorsOf(network.nodes[2]);
    assert.equal(told.length, 2);
    assert.match(told[0], /^seal: the network at 10\.0\.0\.[12] is sealed, and this node has no key$/);
    assert.match(told[1], /^alone: .*; sealed frames arrive: this node has no key$/);
    assert.ok(network.nodes[2].gossip!.stats().drops.unsealed > 0);
  });
});
