import assert from "node:assert/strict";
import { SimRandom, SimNetwork, oneWay, split } from "../../../desktop/simulator/index.js";
import { corrupted, passesChecksum } from "../../../desktop/simulator/faults.js";
import type { SimNode } from "../../../desktop/simulator/index.js";
import { Gossip } from "../../../src/gossip.js";

/** Two devices that do not gossip: the first sends 1000 datagrams, the second counts. */
function countArrivals(faults: ConstructorParameters<typeof SimNetwork>[0]["faults"]): number[] {
  const network = new SimNetwork({ seed: 1, ...faults !== undefined && { faults } });
  const arrivals: number[] = [];
  const mute = { options: { seedList: ["10.0.0.9"], roundIntervalMs: 3600000 } };
  const sender = network.addNode(mute);
  network.addNode({
    ...mute,
    start: ({ socket, clock, ...platform }) => {
      const gossip = new Gossip({ ...platform, clock, socket });
      socket.bind(5000, (bytes) => arrivals.push(bytes[0] * 256 + bytes[1]), () => undefined);
      return gossip;
    },
  });
  network.runFor(1);
  for (let i = 0; i < 1000; i++) {
    network.send(sender, Uint8Array.of(i >>> 8, i), 2, 0x0a000002, 5000);
    network.runFor(1);
  }
  network.runFor(1000);
  return arrivals;
}

describe("faults", () => {
  it("there are no faults by default", () => {
    assert.deepEqual(countArrivals(undefined).sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  });

  it("the network loses the configured share of the datagrams", () => {
    const arrived = countArrivals({ lossProbability: 0.3 }).length;
    assert.ok(arrived > 650 && arrived < 750, String(arrived));
  });

  it("the network duplicates the configured share of the datagrams", () => {
    const arrived = countArrivals({ duplicateProbability: 0.5 }).length;
    assert.ok(arrived > 1450 && arrived < 1550, String(arrived));
  });

  it("datagrams are reordered when delays differ by more than the time between them", () => {
    const inOrder = (values: number[]): boolean => values.every((value, i) => i === 0 || value > values[i - 1]);
    assert.ok(inOrder(countArrivals({ delayMs: { min: 5, max: 5 } })));
    assert.ok(!inOrder(countArrivals({ delayMs: { min: 1, max: 100 } })));
  });

  it("the network corrupts a copy, which the UDP checksum detects", () => {
    const found = countArrivals({ corruptProbability: 0.5 }).length;
    assert.ok(found > 430 && found < 570, String(found));
    const delivered = countArrivals({ corruptProbability: 0.5, udpChecksum: false }).length;
    assert.ok(delivered > 950, String(delivered));
  });

  it("corruption changes bits or the length, and never the original", () => {
    const random = new SimRandom(1, 1);
    const original = Uint8Array.from({ length: 40 }, (_, i) => i);
    for (let i = 0; i < 1000; i++) {
      const copy = corrupted(original, random);
      assert.ok(copy.length <= 40);
      if (copy.length < 40) assert.ok(!passesChecksum(original, copy));
    }
    assert.deepEqual(original, Uint8Array.from({ length: 40 }, (_, i) => i));
  });

  it("cuts separate links both ways, or one way", () => {
    const network = new SimNetwork({ seed: 1 });
    const [a, b, c]: SimNode[] = [network.addNode(), network.addNode(), network.addNode()];
    const both = split([a], [b]);
    assert.deepEqual([both(a, b), both(b, a), both(a, c), both(a, a)], [true, true, false, false]);
    const one = oneWay([a], [b, c]);
    assert.deepEqual([one(a, b), one(b, a), one(a, c), one(b, c)], [true, false, true, false]);
  });

  it("faults may differ from link to link", () => {
    const all = { lossProbability: 1, duplicateProbability: 0, corruptProbability: 0, delayMs: { min: 1, max: 1 } };
    assert.equal(countArrivals({ link: (from, to) => from.index === 0 && to.index === 1 ? all : undefined }).length, 0);
    assert.equal(countArrivals({ link: (from) => from.index === 1 ? all : undefined }).length, 1000);
  });
});
