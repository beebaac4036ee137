import assert from "node:assert/strict";
import { EngineNetwork } from "../../support/engine-network.js";

const ROUND = 10000;
/** An early probe comes within a 64th of the interval, and two follow each other. */
const EARLY_MS = 2 * (ROUND >> 6);
const isSyn = (bytes: Uint8Array): boolean => (bytes[1] & 7) === 1;

/** So many nodes that know each other. Node 1 publishes, so its SYNs are not counted. */
function makeNetwork(nodes: number, randomSeed = 1): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= nodes; node++) network.add(node, { randomSeed }, [1]);
  network.run(20 * ROUND);
  network.sent.length = 0;
  return network;
}

/** SYNs of each node but the first, by node. */
function syns(network: EngineNetwork, nodes: number): number[] {
  return Array.from({ length: nodes - 1 }, (_, index) => {
    return network.sent.filter(({ from, bytes }) => from === index + 2 && isSyn(bytes)).length;
  });
}

describe("Engine: early probes", () => {
  it("a node that receives a value sends two SYNs within a 32nd of the interval", () => {
    const network = makeNetwork(40);
    network.publish(1, [0x05]);
    network.run(EARLY_MS);
    const reached = network.sent.filter(({ from, bytes }) => from === 1 && isSyn(bytes)).map(({ to }) => to);
    assert.ok(reached.length >= 3);
    const counts = syns(network, 40);
    // The next round of a node may have been due in that time anyway.
    assert.ok(reached.filter((node) => counts[node - 2] >= 2).length >= 2, counts.join(" "));
  });

  it("a node has as many rounds as without news, however many come", () => {
    const quiet = makeNetwork(20);
    quiet.run(200 * ROUND);
    const busy = makeNetwork(20);
    for (let tenth = 0; tenth < 2000; tenth++) {
      busy.publish(1, [tenth % 24]);
      busy.run(ROUND / 10);
    }
    const usual = syns(quiet, 20);
    // At most two probes are early in the end.
    syns(busy, 20).forEach((count, node) => assert.ok(Math.abs(count - usual[node]) <= 0.05 * usual[node], `${count}`));
  });

  it("a node with fewer than 16 others to probe sends none early, one with 16 does", () => {
    for (const [nodes, isLarge] of [[16, false], [17, true]] as const) {
      const network = makeNetwork(nodes);
      network.publish(1, [0x05]);
      network.run(EARLY_MS);
      const early = syns(network, nodes).filter((count) => count >= 2).length;
      assert.equal(early > 0, isLarge, `${nodes} nodes: ${early}`);
    }
  });

  it("a node that can't reach a third of its network sends none early", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const network = makeNetwork(40, seed);
      const isBroken = (one: number, other: number): boolean => one === 40 && other >= 2 && other <= 20;
      network.lose = ({ from, to }) => isBroken(from, to) || isBroken(to, from);
      network.run(60 * ROUND);
      let [partial, whole] = [0, 0];
      for (let change = 0; change < 20; change++) {
        network.run(5 * ROUND);
        network.sent.length = 0;
        // A round that is due may send two SYNs: one is a try of another address.
        const isDue = network.engines.get(40)!.nextDeadline() <= network.nowMs + EARLY_MS;
        network.publish(1, [change % 24]);
        network.run(EARLY_MS);
        const counts = syns(network, 40);
        if (!isDue && counts[38] >= 2) partial++;
        whole += counts.slice(19, 38).filter((count) => count >= 2).length;
      }
      // Of 19 nodes that reach all, after 20 changes.
      assert.ok(partial === 0 && whole > 60, `seed ${seed}: ${partial} times, and ${whole} times those that reach all`);
    }
  });

  it("a node that sent two early probes sends no other for an interval", () => {
    const network = makeNetwork(20);
    network.publish(1, [0x05]);
    network.run(ROUND / 8);
    const early = syns(network, 20).map((count) => count >= 2);
    assert.ok(early.filter((each) => each).length >= 10);
    network.sent.length = 0;
    for (let eighth = 0; eighth < 7; eighth++) {
      network.publish(1, [eighth]);
      network.run(ROUND / 8);
    }
    // A try of another address is the one that is allowed.
    syns(network, 20).forEach((count, node) => assert.ok(!early[node] || count <= 1, `${count}`));
  });

  it("rounds stay spread over the interval", () => {
    const network = makeNetwork(40);
    for (let change = 0; change < 50; change++) {
      network.publish(1, [change % 24]);
      network.run(3 * ROUND);
    }
    network.run(10 * ROUND);
    // In some of these rounds a node ends its rest, which is news.
    const most = Array.from({ length: 15 }, () => {
      const counts = Array.from({ length: 10 }, () => {
        network.sent.length = 0;
        network.run(ROUND / 10);
        return network.sent.filter(({ bytes }) => isSyn(bytes)).length;
      });
      return Math.max(...counts);
    }).sort((a, b) => a - b);
    assert.ok(most[7] <= 12, `most SYNs of 40 nodes in a tenth of an interval: ${most.join(" ")}`);
  });
});
