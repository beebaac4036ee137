import assert from "node:assert/strict";
import { SimRandom } from "../../desktop/simulator/random.js";
import { count } from "../support/random.js";
import { MessageNetwork, all, grid, line } from "./message-network.js";

const FIRST_SEED = Number(process.env.CHISME_TEST_SEED ?? 1);
const NODES = 9;
const STEPS = 250;
const SHAPES = [all, line, grid(3)];

/**
 * Nine nodes send, broadcast and ask at random, while datagrams are lost, doubled and overtaken, nodes restart with
 * and without their storage, receivers refuse, and there is hardly room for messages and senders. No message, and no
 * answer, may reach one life of its receiver twice.
 */
function run(seed: number): { deliveries: number; delivered: number; contradictions: string[] } {
  const seen = new Map<string, number>();
  const contradictions: string[] = [];
  let deliveries = 0;
  let delivered = 0;
  const note = (what: string): void => {
    seen.set(what, (seen.get(what) ?? 0) + 1);
    if (seen.get(what)! > 1) contradictions.push(`${what} came twice`);
  };
  const net = new MessageNetwork({
    nodes: NODES, shape: SHAPES[seed % SHAPES.length], seed,
    messages: { queue: 2 + seed % 7, senders: 1 + seed % 5 },
    faults: { lossProbability: 0.15, duplicateProbability: 0.2, delayMs: { min: 1, max: 400 } },
    onMessage: (at, { value, reply }) => {
      const node = net.network.nodes[at];
      deliveries++;
      note(`message ${value as number} in life ${node.starts} of node ${at}`);
      if ((value as number) % 17 === 0) throw new Refusal();
      reply?.(value);
    },
  });
  const random = new SimRandom(seed, 77);
  const runFor = (ms: number): void => {
    const endMs = net.network.nowMs + ms;
    while (net.network.nowMs < endMs) {
      try {
        net.network.runUntil(endMs);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
  };
  runFor(30000);
  for (let value = 1; value <= STEPS; value++) {
    const from = random.below(NODES);
    const to = random.below(NODES);
    const node = net.network.nodes[from];
    const life = node.starts;
    const kind = random.below(20);
    if (kind === 0) {
      node.restart({ keepStorage: random.below(2) === 0 });
    } else if (kind < 3) {
      net.gossip(from).broadcast("news", value);
    } else if (kind < 5) {
      net.gossip(from).query("who", value, {
        timeoutMs: 5000, onAnswer: (answer) => note(`answer of ${answer.from} to ${value} of life ${life} of ${from}`),
      });
    } else if (from !== to) {
      net.gossip(from).send(1000 + to, "one", value, {
        timeoutMs: 500 + random.below(9000),
        onOutcome: (outcome) => {
          note(`outcome of ${value}`);
          if (outcome !== "delivered") return;
          delivered++;
          const lives = Array.from({ length: net.network.nodes[to].starts }, (_, i) => i + 1);
          const isThere = lives.some((one) => seen.has(`message ${value} in life ${one} of node ${to}`));
          if (!isThere) contradictions.push(`${value} is delivered and did not arrive`);
        },
      });
    }
    runFor(random.below(600));
  }
  runFor(20000);
  return { deliveries, delivered, contradictions };
}

class Refusal extends Error {}

describe("messages under faults", () => {
  const runs = count(12, 3);
  it(`are delivered once to each life of a receiver, and only then told as delivered: ${runs} runs`, function () {
    this.timeout(120000);
    for (let seed = FIRST_SEED; seed < FIRST_SEED + runs; seed++) {
      const { deliveries, delivered, contradictions } = run(seed);
      assert.deepEqual(contradictions, [], `seed ${seed}`);
      // The runs show something.
      assert.ok(deliveries > 50 && delivered > 10, `seed ${seed}: ${deliveries} deliveries, ${delivered} told`);
    }
  });
});
