import assert from "node:assert/strict";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** In place of the broadcast address: nobody is there. */
const NOWHERE = "10.9.9.9";

/** Counts its writes, and can refuse them. */
class CountingStorage extends MemoryStorage {
  writes = 0;
  isBroken = false;

  override writePeers(bytes: Uint8Array, length: number): void {
    if (this.isBroken) throw new Error("the medium refuses");
    this.writes++;
    super.writePeers(bytes, length);
  }
}

function makeNetwork(seed: number, nodes: number, seedList = ["10.0.0.1"], seedCapacity = 16): SimNetwork {
  const network = new SimNetwork({ seed });
  for (let i = 0; i < nodes; i++) {
    network.addNode({
      makeStorage: () => new CountingStorage(),
      options: { seedList, broadcastAddress: NOWHERE, seedCapacity },
    });
  }
  return network;
}

function liveRows(node: SimNode): number {
  return node.gossip!.rows().filter(({ state }) => state === "up" || state === "probed").length;
}

function storageOf(node: SimNode): CountingStorage {
  return node.storage as CountingStorage;
}

function stored(node: SimNode): string[] {
  const bytes = node.storage.readPeers?.() ?? new Uint8Array(0);
  return Array.from({ length: bytes.length / 6 }, (_, i) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + i * 6, 6);
    return `${Array.from(bytes.subarray(i * 6, i * 6 + 4)).join(".")}:${view.getUint16(4)}`;
  });
}

describe("The last peers are in the storage", function () {
  this.timeout(600_000);

  for (const nodes of [3, 8, 40]) {
    it(`after a power cut ${nodes - 1} of ${nodes} nodes find each other without their seed`, () => {
      const network = makeNetwork(nodes, nodes);
      network.runFor(10 * MINUTE_MS);
      for (const node of network.nodes) assert.equal(liveRows(node), nodes);
      for (const node of network.nodes) node.crash();
      network.runFor(MINUTE_MS);
      for (const node of network.nodes.slice(1)) node.start();
      network.runFor(20 * MINUTE_MS);
      for (const node of network.nodes.slice(1)) assert.equal(liveRows(node), nodes - 1, node.name);
    });
  }

  it("without stored peers these nodes stay alone", () => {
    const network = makeNetwork(8, 8);
    network.runFor(10 * MINUTE_MS);
    for (const node of network.nodes) node.crash();
    for (const node of network.nodes.slice(1)) {
      storageOf(node).writePeers(new Uint8Array(0), 0);
      node.start();
    }
    network.runFor(20 * MINUTE_MS);
    for (const node of network.nodes.slice(1)) assert.equal(liveRows(node), 1);
  });

  it("a node stores the first peers after 8 rounds, then nothing while half of them live", () => {
    const network = makeNetwork(1, 6);
    network.runFor(75_000);
    assert.deepEqual(network.nodes.map((node) => storageOf(node).writes), [0, 0, 0, 0, 0, 0]);
    network.runFor(2 * MINUTE_MS);
    assert.deepEqual(network.nodes.map((node) => storageOf(node).writes), [1, 1, 1, 1, 1, 1]);
    assert.deepEqual(stored(network.nodes[5]).sort(), [1, 2, 3, 4, 5].map((i) => `10.0.0.${i}:5000`));
    for (const node of network.nodes.slice(0, 2)) node.crash();
    network.runFor(2 * DAY_MS);
    assert.deepEqual(network.nodes.map((node) => storageOf(node).writes), [1, 1, 1, 1, 1, 1]);
  });

  it("after a split the node keeps addresses of the other side", () => {
    const network = makeNetwork(1, 7);
    network.runFor(5 * MINUTE_MS);
    for (const node of network.nodes.slice(2)) node.crash();
    network.runFor(12 * HOUR_MS);
    const [one, two] = network.nodes;
    assert.equal(storageOf(two).writes, 2);
    assert.equal(stored(two)[0], "10.0.0.1:5000");
    assert.equal(stored(two).length, 2, "one that lives, and one that is away");
    assert.deepEqual([liveRows(one), liveRows(two)], [2, 2]);
    network.runFor(DAY_MS);
    assert.equal(storageOf(two).writes, 2);
  });

  it("a node stores at most seedCapacity peers, and all nodes together all of them", () => {
    const network = makeNetwork(1, 40, ["10.0.0.1"], 4);
    network.runFor(10 * MINUTE_MS);
    const all = network.nodes.flatMap((node) => stored(node));
    assert.equal(all.length, 160);
    assert.equal(new Set(all).size, 40);
  });

  it("a node writes at most once in 6 hours after the first time, however addresses change: 4 times a day", () => {
    const network = makeNetwork(1, 5);
    const [watched, ...others] = network.nodes;
    const writes: number[] = [];
    for (let hour = 0; hour < 96; hour++) {
      for (const [i, node] of others.entries()) node.move(`10.1.${hour % 250}.${i + 1}`);
      network.runFor(HOUR_MS);
      writes.push(storageOf(watched).writes);
    }
    const days = [0, 1, 2, 3].map((day) => writes[day * 24 + 23] - (day === 0 ? 0 : writes[day * 24 - 1]));
    assert.ok(days.every((day) => day <= 4 && day >= 3), String(days));
  });

  it("close stores peers that changed, and nothing otherwise", () => {
    const network = makeNetwork(1, 3);
    network.runFor(30_000);
    const [one, two] = network.nodes;
    one.run(() => one.gossip!.close());
    assert.equal(storageOf(one).writes, 1);
    one.crash();
    one.start();
    network.runFor(30_000);
    one.run(() => one.gossip!.close());
    assert.equal(storageOf(one).writes, 1);
    storageOf(two).isBroken = true;
    two.run(() => two.gossip!.close());
    assert.deepEqual(two.errors, []);
  });

  it("a write that fails is reported once and tried again after an hour, and its success is reported", () => {
    const network = makeNetwork(1, 3);
    const node = network.nodes[1];
    storageOf(node).isBroken = true;
    network.runFor(5 * MINUTE_MS);
    assert.deepEqual(node.errors, [{ code: "storage", message: "the medium refuses" }]);
    storageOf(node).isBroken = false;
    network.runFor(50 * MINUTE_MS);
    assert.equal(node.errors.length, 1);
    network.runFor(10 * MINUTE_MS);
    assert.equal(node.errors.length, 2);
    assert.equal(node.errors[1].message, "the last peers are stored again after failures");
    assert.equal(storageOf(node).writes, 1);
  });

  it("a new revision is stored although the last peers cannot be", () => {
    const network = makeNetwork(1, 3);
    const node = network.nodes[1];
    storageOf(node).isBroken = true;
    network.runFor(5 * MINUTE_MS);
    node.gossip!.setRevision(7);
    // A peer shows a later life of the node: it takes the revision after that.
    const peer = network.nodes[0].gossip!.engine;
    peer.rows.setStatement(peer.rows.find(node.id), 11, 0, 0);
    network.runFor(5 * MINUTE_MS);
    assert.ok(node.gossip!.revision >= 12);
    assert.equal(node.storage.readRevision(), node.gossip!.revision);
  });

  it("addresses that no node can have are ignored, as an end that is cut off", () => {
    const network = makeNetwork(1, 2, []);
    const [one, two] = network.nodes;
    const bytes = [0, 0, 0, 0, 19, 136, 255, 255, 255, 255, 19, 136, 10, 0, 0, 2, 0, 0, 10, 0, 0, 2, 19, 136, 10, 0, 0];
    for (const node of [one, two]) node.crash();
    storageOf(one).writePeers(Uint8Array.from(bytes), bytes.length);
    one.start();
    const { seeds } = one.gossip!.engine;
    assert.equal(seeds.count, 1);
    assert.deepEqual([seeds.address(0), seeds.port(0), seeds.pinned], [0x0a000002, 5000, 0]);
  });
});
