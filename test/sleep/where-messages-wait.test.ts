import assert from "node:assert/strict";
import { SimNetwork, type SimNode, SimSleeper } from "../../desktop/simulator/index.js";
import { Gossip, type GossipOptions } from "../../src/gossip.js";
import { type MessageOutcome, messages } from "../../src/messages/index.js";

const SLEEP_SECONDS = 300;
const AWAKE = 6;
const SLEEPERS = 4;
/** Networks with loss. */
const SEEDS = 6;
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/** Six nodes that are awake and four that sleep. Each awake node in turn sends a message to each that sleeps. */
class SleepersNetwork {
  readonly sim: SimNetwork;
  readonly nodes: SimNode[] = [];
  readonly outcomes: MessageOutcome[] = [];
  /** Of each message that arrived: its value and the wakings since it was sent, begun ones included. */
  readonly got: { value: number; wakings: number }[] = [];
  readonly sleepers: SimSleeper[] = [];
  private readonly sent = new Map<number, number>();

  constructor(seed: number, isDeep: boolean, keptBytesMax: number, options: Partial<GossipOptions>, loss: number) {
    this.sim = new SimNetwork({ seed });
    this.sim.faults.lossProbability = loss;
    const all: Partial<GossipOptions> = { seedList: ["10.0.0.1"], ...options };
    for (let i = 0; i < AWAKE; i++) {
      this.nodes.push(this.sim.addNode({
        start: (platform, storage) => {
          const gossip = new Gossip({ ...platform, storage, ...all, name: `n${i}`, messages: messages({ queue: 16 }) });
          gossip.start();
          return gossip;
        },
      }));
    }
    for (let i = 0; i < SLEEPERS; i++) {
      const sleeper = new SimSleeper({
        isDeep, sleepSeconds: SLEEP_SECONDS, firstSleepMs: 120000, sleep: { keptBytesMax },
        options: { ...all, name: `s${i}` }, value: (waking) => ({ waking, pad: "x".repeat(i) }),
        makeOptions: () => ({
          messages: messages({
            onMessage: ({ value }) => {
              this.got.push({ value: Number(value), wakings: sleeper.wakings - this.sent.get(Number(value))! });
            },
          }),
        }),
      });
      this.sleepers.push(sleeper);
      this.nodes.push(this.sim.addNode({ start: sleeper.start }));
    }
    this.sim.runFor(600000);
  }

  sendAll(timeoutMs?: number): void {
    for (let i = 0; i < AWAKE; i++) {
      const node = this.nodes[i];
      for (let j = 0; j < SLEEPERS; j++) {
        const value = i * SLEEPERS + j;
        this.sent.set(value, this.sleepers[j].wakings);
        node.run(() => node.gossip!.send(`s${j}`, "set", value, {
          ...timeoutMs !== undefined && { timeoutMs }, onOutcome: (outcome) => { this.outcomes.push(outcome); },
        }));
      }
      this.sim.runFor(400000);
    }
    this.sim.runFor(1000000);
  }
}

describe("where messages for a node that sleeps wait", () => {
  for (const { name, isDeep, kept, options } of [
    { name: "with RAM", isDeep: false, kept: 4096, options: {} },
    { name: "with RAM, sealed", isDeep: false, kept: 4096, options: { key: KEY } },
    { name: "deep, room for one row", isDeep: true, kept: 48, options: {} },
    { name: "deep, sealed, room for one row", isDeep: true, kept: 48, options: { key: KEY } },
    { name: "deep, without a row", isDeep: true, kept: 28, options: {} },
    { name: "deep, sealed, without a row", isDeep: true, kept: 28, options: { key: KEY } },
  ]) {
    for (const seed of [4, 8]) {
      it(`no loss: each arrives in the next waking, once: ${name}, seed ${seed}`, () => {
        const network = new SleepersNetwork(seed, isDeep, kept, options, 0);
        network.sendAll();
        assert.deepEqual(network.outcomes.filter((outcome) => outcome !== "delivered"), []);
        assert.equal(network.got.length, AWAKE * SLEEPERS);
        assert.deepEqual(network.got.filter(({ wakings }) => wakings !== 1), []);
      });
    }
  }

  for (const isDeep of [false, true]) {
    it(`10 % loss and time for more wakings: all arrive, 19 of 20 within two wakings, isDeep ${isDeep}`, () => {
      let inTime = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const network = new SleepersNetwork(seed, isDeep, 4096, {}, 0.1);
        network.sendAll(5 * SLEEP_SECONDS * 1000);
        assert.deepEqual(network.outcomes.filter((outcome) => outcome !== "delivered"), [], `seed ${seed}`);
        const early = network.got.filter(({ wakings }) => wakings <= 2).map(({ value }) => value);
        assert.equal(new Set(network.got.map(({ value }) => value)).size, AWAKE * SLEEPERS, `seed ${seed}`);
        inTime += new Set(early).size;
      }
      // Of seeds 101 to 132, 759 of 768 with RAM and 758 after deep sleep.
      assert.ok(inTime >= 0.95 * SEEDS * AWAKE * SLEEPERS, `${inTime} of ${SEEDS * AWAKE * SLEEPERS} messages`);
    }).timeout(60000);
  }
});
