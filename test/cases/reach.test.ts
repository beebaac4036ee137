import assert from "node:assert/strict";
import { SimNetwork } from "../../desktop/simulator/index.js";
import { Gossip } from "../../src/gossip.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";

const MINUTE_MS = 60_000;
const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const sealed = { key: KEY, sealing: nodeSealing };
const networks = [{}, { network: "x" }, sealed, { ...sealed, network: "x" }];

describe("Nodes that are hard to reach", function () {
  this.timeout(120_000);

  for (const options of networks) {
    const kind = Object.keys(options).filter((name) => name !== "sealing").join(" and ") || "neither name nor key";

    it(`a node with room for 64 rows is told of tables with 4 rows that have no place for it, with ${kind}`, () => {
      // Sealing takes long.
      for (let seed = 1; seed <= ("key" in options ? 1 : 3); seed++) {
        const network = new SimNetwork({ seed });
        for (let i = 0; i < 12; i++) {
          const capacity = i < 6 ? 4 : 64;
          const seedList = ["10.0.0.1", "10.0.0.8"];
          network.addNode({ options: { capacity, seedList, broadcastAddress: "none", ...options } });
        }
        network.runFor(60 * MINUTE_MS);
        for (const node of network.nodes.slice(6)) {
          const told = node.errors.filter(({ code }) => code === "limits");
          assert.equal(told.length, 1, `seed ${seed}, ${node.name}`);
          assert.match(told[0].message, /room for 4 rows/);
        }
      }
    });

    it(`a node that comes back under another advertised address, cut off at first, joins, with ${kind}`, () => {
      for (let seed = 1; seed <= 3; seed++) {
        const network = new SimNetwork({ seed });
        let address = "10.0.0.4";
        for (let i = 0; i < 4; i++) {
          network.addNode({
            start: (platform, storage) => {
              const gossip = new Gossip({
                ...platform, storage, seedList: ["10.0.0.1", "10.0.0.2"], broadcastAddress: "none", ...options,
                advertise: i === 3 ? address : `10.0.0.${i + 1}`, onError: () => undefined,
              });
              gossip.start();
              return gossip;
            },
          });
        }
        network.runFor(10 * MINUTE_MS);
        const node = network.nodes[3];
        node.crash();
        network.runFor(10 * MINUTE_MS);
        address = "10.0.0.44";
        network.faults.cuts = [(from, to) => from.index === node.index || to.index === node.index];
        node.restart({ keepStorage: true, address });
        network.runFor(3 * MINUTE_MS);
        network.faults.cuts = [];
        network.runFor(3 * MINUTE_MS);
        for (const other of network.nodes.slice(0, 3)) {
          const row = other.gossip!.row(node.id);
          assert.deepEqual([row?.address, row?.state], [address, "up"], `seed ${seed}, ${other.name}`);
        }
      }
    });
  }
});
