import assert from "node:assert/strict";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { SimNetwork } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip } from "../../src/gossip.js";
import { pinnedKeys, signedFeeds } from "../../src/signing/index.js";

const NODES = 16;
const EVENTS = 12;
const ROUND_MS = 10000;

/** A network in which nodes publish one event after the other, and how many batches arrived that were held. */
function course(isSigned: boolean, lossProbability: number): { gossips: Gossip[]; duplicates: number } {
  const sim = new SimNetwork({ seed: 1, faults: { lossProbability } });
  const gossips: Gossip[] = [];
  for (let i = 0; i < NODES; i++) {
    sim.addNode({
      startAfterMs: 500 * i, options: { seedList: ["10.0.0.1", "10.0.0.2"], roundIntervalMs: ROUND_MS },
      start: (platform, storage) => {
        const signing = signedFeeds({
          identity: nodeIdentity(new Uint8Array(32).fill(i)), verify: nodeVerify, keys: pinnedKeys(),
        });
        const events = eventFeeds({ bytes: 16384, digest: nodeDigest, ...isSigned && { signing } });
        const gossip = new Gossip({ ...platform, storage, events });
        gossips[i] = gossip;
        gossip.start();
        return gossip;
      },
    });
  }
  sim.runFor(30 * ROUND_MS);
  for (let i = 0; i < EVENTS; i++) {
    sim.nodes[i % NODES].log("n", i);
    sim.runFor(ROUND_MS);
  }
  sim.runFor(10 * ROUND_MS);
  const duplicates = gossips.reduce((sum, gossip) => sum + gossip.stats().drops.duplicate, 0);
  return { gossips, duplicates };
}

describe("how signed events spread", () => {
  it("a peer that shows that it holds them does not get them again, and the last frames have the row alone", () => {
    const unsigned = course(false, 0).duplicates;
    const signed = course(true, 0).duplicates;
    assert.ok(signed * 4 < unsigned * 3, `${signed} duplicates, ${unsigned} without signatures`);
  });

  it("all nodes get all events, also if datagrams are lost", () => {
    for (const gossip of course(true, 0.3).gossips) {
      const values = gossip.events().map(({ value }) => value as number).sort((a, b) => a - b);
      assert.deepEqual(values, Array.from({ length: EVENTS }, (_, i) => i));
    }
  });
});
