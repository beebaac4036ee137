import assert from "node:assert/strict";
import { SimNetwork, type SimNode, makeTopology, split } from "../../desktop/simulator/index.js";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";

const ROUND_MS = 10_000;
const START_MS = 1_767_225_600_000;
const NODES = 5;

/** A line of nodes, each with a log in its storage. */
function lineOf(seed: number): SimNetwork {
  const network = new SimNetwork({ seed, faults: { lossProbability: 0.1 } });
  network.topology = makeTopology({ shape: "line", nodes: NODES });
  for (let i = 0; i < NODES; i++) {
    network.addNode({
      makeStorage: () => new MemoryStorage(new MemoryLog()),
      // Without a clock two lives of a node may give one stamp to two events.
      physicalStartMs: START_MS,
      start: (platform, storage) => {
        const gossip = new Gossip({
          ...platform, storage, seedList: [`10.0.0.${i === 0 ? 2 : i}`],
          events: eventFeeds({ bytes: 8192, digest: nodeDigest }), onError: () => undefined,
        });
        gossip.start();
        return gossip;
      },
    });
  }
  return network;
}

/** The values of the log events that a node holds, each once. */
function logsOf(node: SimNode): number[] {
  const values: number[] = [];
  node.gossip!.eachEvent((event) => { if (event.kind === "log") values.push(event.value as number); });
  return values.sort((a, b) => a - b);
}

describe("Events that only nodes far from their author hold", function () {
  this.timeout(60_000);

  it("log events stay when the author and its neighbours come back without them, and nobody can ask the author", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const network = lineOf(seed);
      const [author, neighbour] = network.nodes;
      network.runFor(20 * ROUND_MS);
      for (let value = 1; value <= 4; value++) author.gossip!.log("door", value);
      network.runFor(20 * ROUND_MS);
      assert.deepEqual(logsOf(network.nodes[4]), [1, 2, 3, 4], `seed ${seed}`);
      // The author and its neighbour lose what they hold, and are cut off from the others for a while.
      const lost = [author, neighbour];
      for (const node of lost) node.crash();
      network.faults.cuts = [split(lost, network.nodes.slice(2))];
      for (const node of lost) node.restart({ keepStorage: false });
      network.runFor(10 * ROUND_MS);
      for (let value = 5; value <= 10; value++) author.gossip!.log("door", value);
      network.runFor(10 * ROUND_MS);
      network.faults.cuts = [];
      network.runFor(60 * ROUND_MS);
      const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
      for (const node of network.nodes) assert.deepEqual(logsOf(node), all, `seed ${seed}, ${node.name}`);
    }
  });
});
