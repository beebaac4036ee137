import assert from "node:assert/strict";
import {
  MAILBOX_DATAGRAMS, SimNetwork, type SimNode, type TapEntry, checkAgreement,
} from "../../../desktop/simulator/index.js";
import { Gossip, type NodeRow } from "../../../src/gossip.js";
import { ROUND_MS, addNodes, assertNone } from "./support.js";

function network(nodes: number, seed = 1, seedList?: string[]): SimNetwork {
  const made = new SimNetwork({ seed });
  addNodes(made, nodes, seedList);
  return made;
}

function revision(node: SimNode): number {
  return node.gossip?.revision ?? -1;
}

describe("simulated network", () => {
  it("nodes that have a seed find each other", () => {
    const net = network(8);
    net.runFor(8 * ROUND_MS);
    assertNone(checkAgreement(net));
    assert.equal(net.nodes[0].gossip?.rows().length, 8);
  });

  it("nodes without seeds find each other by broadcast", () => {
    const net = network(8, 1, []);
    net.faults.lossProbability = 0.1;
    net.runFor(8 * ROUND_MS);
    net.faults.lossProbability = 0;
    net.runFor(4 * ROUND_MS);
    assertNone(checkAgreement(net));
  });

  it("the network echoes a broadcast to its sender", () => {
    const net = network(1, 1, []);
    net.runFor(2 * ROUND_MS);
    assert.ok((net.nodes[0].gossip?.stats().drops.echo ?? 0) > 0);
  });

  it("the network runs an application with its callbacks", () => {
    const net = new SimNetwork({ seed: 1 });
    const seen: NodeRow[] = [];
    net.addNode();
    net.addNode({
      options: { seedList: ["10.0.0.1"] },
      start: (platform, storage) => {
        const gossip = new Gossip({ ...platform, storage, onUpdate: (rows) => seen.push(...rows) });
        gossip.start();
        gossip.push("hello");
        return gossip;
      },
    });
    net.runFor(2 * ROUND_MS);
    net.nodes[0].push(21.5);
    net.runFor(2 * ROUND_MS);
    assert.equal(seen.at(-1)?.data, 21.5);
    assert.equal(net.nodes[0].gossip?.rows().find(({ id }) => id === net.nodes[1].id)?.data, "hello");
  });

  it("the network passes on what an application throws", () => {
    const net = new SimNetwork({ seed: 1 });
    net.addNode({ start: () => { throw new Error("out of paint"); } });
    assert.throws(() => net.runFor(1), /out of paint/);
  });

  it("refuses options and arguments that are wrong, with their names", () => {
    const network = new SimNetwork({ seed: 1 });
    for (const [act, name, code, option] of [
      [() => new SimNetwork(undefined as never), "TypeError", "ERR_OPTION", "options"],
      [() => new SimNetwork({} as never), "TypeError", "ERR_OPTION", "seed"],
      [() => new SimNetwork({ seed: -1 }), "RangeError", "ERR_OPTION", "seed"],
      [() => new SimNetwork({ seed: 1, fault: {} } as never), "TypeError", "ERR_OPTION", "fault"],
      [() => new SimNetwork({ seed: 1, faults: { loss: 1 } as never }), "TypeError", "ERR_OPTION", "faults.loss"],
      [() => new SimNetwork({ seed: 1, faults: { lossProbability: 30 } }), "RangeError", "ERR_OPTION",
        "faults.lossProbability"],
      [() => network.addNode({ adress: "10.0.0.1" } as never), "TypeError", "ERR_OPTION", "adress"],
      [() => network.addNode({ address: "10.0.0" }), "RangeError", "ERR_OPTION", "address"],
      [() => network.runFor(undefined as never), "TypeError", "ERR_ARGUMENT", "durationMs"],
      [() => network.runFor(Infinity), "RangeError", "ERR_ARGUMENT", "durationMs"],
      [() => network.runUntil(NaN), "RangeError", "ERR_ARGUMENT", "timeMs"],
      [() => network.schedule(NaN, () => undefined), "RangeError", "ERR_ARGUMENT", "delayMs"],
    ] as [() => unknown, string, string, string][]) {
      assert.throws(act, { name, code, option });
    }
  });

  it("the network refuses a second node at an address and port", () => {
    const net = new SimNetwork({ seed: 1 });
    net.addNode({ address: "10.0.0.1" });
    net.addNode({ address: "10.0.0.1" });
    assert.throws(() => net.runFor(1), /node 1.*is taken by node 0/);
  });

  it("a tap gets all inputs and datagrams of the nodes", () => {
    const net = network(2);
    const kinds = new Set<TapEntry["kind"]>();
    let sent = 0;
    net.tap = (entry) => {
      kinds.add(entry.kind);
      if (entry.kind === "sent") sent++;
    };
    net.runFor(2 * ROUND_MS);
    net.nodes[0].push(1);
    net.nodes[0].crash();
    assert.deepEqual([...kinds].sort(), ["crash", "datagram", "push", "sent", "start", "timer"]);
    assert.equal(sent, net.counts.datagrams);
  });
});

describe("simulated node", () => {
  it("the node forgets its rows in a crash, and keeps its storage if that is kept", () => {
    const net = network(4);
    net.runFor(4 * ROUND_MS);
    const node = net.nodes[2];
    node.restart({ keepStorage: true });
    assert.equal(node.gossip?.rows().length, 1);
    assert.equal(revision(node), 1);
    net.runFor(6 * ROUND_MS);
    assertNone(checkAgreement(net));
  });

  it("the node takes a revision beyond its former one when its storage is wiped", () => {
    const net = network(4);
    const node = net.nodes[2];
    for (let i = 0; i < 3; i++) {
      net.runFor(6 * ROUND_MS);
      node.restart({ keepStorage: true });
    }
    net.runFor(6 * ROUND_MS);
    assert.equal(revision(node), 3);
    node.restart({ keepStorage: false });
    assert.equal(revision(node), 0);
    net.runFor(6 * ROUND_MS);
    assert.ok(revision(node) > 3);
    assert.equal(node.storage.readRevision(), revision(node));
    assertNone(checkAgreement(net));
  });

  it("its peers find the node at another address", () => {
    const net = network(4);
    net.runFor(6 * ROUND_MS);
    net.nodes[3].restart({ keepStorage: true, address: "10.0.7.7" });
    net.runFor(6 * ROUND_MS);
    assertNone(checkAgreement(net));
    assert.equal(net.nodes[0].gossip?.rows().find(({ id }) => id === net.nodes[3].id)?.address, "10.0.7.7");
  });

  it("the node sends nothing after its crash, even if its application continues", () => {
    const net = network(2);
    net.runFor(4 * ROUND_MS);
    const { gossip } = net.nodes[1];
    net.nodes[0].crash();
    net.nodes[1].crash();
    const sent = net.counts.datagrams;
    gossip?.push(1);
    net.runFor(4 * ROUND_MS);
    assert.equal(net.counts.datagrams, sent);
  });

  it("the node keeps six datagrams while it stands still, and loses the rest", () => {
    const net = network(2);
    net.runFor(4 * ROUND_MS);
    const node = net.nodes[1];
    const before = node.gossip?.stats().datagramsReceived ?? 0;
    node.stall(1000);
    for (let i = 0; i < 10; i++) net.inject(node, Uint8Array.of(0), 0x0a000001, 5000);
    net.runFor(900);
    assert.equal(node.gossip?.stats().datagramsReceived, before);
    assert.equal(net.counts.mailboxOverflows, 10 - MAILBOX_DATAGRAMS);
    net.runFor(200);
    assert.equal(node.gossip?.stats().drops.magic, MAILBOX_DATAGRAMS);
  });

  it("the node keeps the bytes of waiting datagrams while others are delivered", () => {
    const net = network(3);
    net.runFor(4 * ROUND_MS);
    const node = net.nodes[1];
    const seen: string[] = [];
    node.stall(2 * ROUND_MS);
    for (let i = 1; i <= 3; i++) net.inject(node, new Uint8Array(100 * i).fill(i), 0x0a000001, 5000, i);
    net.runFor(ROUND_MS);
    net.nodes[0].push("others go by");
    net.tap = (entry) => {
      if (entry.kind !== "datagram" || entry.node !== node) return;
      seen.push(`${entry.length}: ${[...new Set(entry.bytes.subarray(0, entry.length))].join()}`);
    };
    net.runFor(ROUND_MS);
    assert.deepEqual(seen.slice(0, 3), ["100: 1", "200: 2", "300: 3"]);
  });

  it("the node has a clock that jumps and runs at its own speed", () => {
    const net = new SimNetwork({ seed: 1 });
    const node = net.addNode({ clockStartMs: 0xfffffff0, clockSkewPpm: 1000 });
    net.runFor(1);
    assert.equal(node.localMs(), 0xfffffff1);
    net.runFor(10_000_000);
    assert.equal(node.localMs(), 10_010_000 - 15);
    node.jumpClock(-5000);
    assert.equal(node.localMs(), 10_005_000 - 15);
  });
});
