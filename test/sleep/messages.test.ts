import assert from "node:assert/strict";
import { type SimNode, SimNetwork, SimSleeper } from "../../desktop/simulator/index.js";
import { Gossip, type GossipOptions } from "../../src/gossip.js";
import { type MessageOutcome, messages } from "../../src/messages/index.js";

const SLEEP_SECONDS = 900;
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/** Nodes that are awake, and one that sleeps; all have messages. */
class MessageNetwork {
  readonly sim: SimNetwork;
  readonly awake: SimNode[] = [];
  readonly node: SimNode;
  readonly sleeper: SimSleeper;
  /** What the sleeper's application got, and in which waking, counted from 1. */
  readonly got: string[] = [];
  /** What the awake nodes got. */
  readonly gotAwake: string[] = [];
  readonly outcomes: MessageOutcome[] = [];

  constructor(awake: number, isDeep: boolean, options: Partial<GossipOptions> = {}, loss = 0, queue = 8) {
    this.sim = new SimNetwork({ seed: 23 });
    this.sim.faults.lossProbability = loss;
    const all: Partial<GossipOptions> = { seedList: ["10.0.0.1", "10.0.0.2"], ...options };
    for (let i = 0; i < awake; i++) {
      this.awake.push(this.sim.addNode({
        start: (platform, storage) => {
          const gossip = new Gossip({
            ...platform, storage, ...all,
            messages: messages({
              queue, onMessage: ({ topic, value }) => { this.gotAwake.push(`${i} ${topic} ${Number(value)}`); },
            }),
          });
          gossip.start();
          return gossip;
        },
      }));
    }
    this.sleeper = new SimSleeper({
      isDeep, sleepSeconds: SLEEP_SECONDS, firstSleepMs: 120000, value: () => 7,
      options: {
        ...all,
        messages: messages({
          onMessage: ({ topic, value }) => { this.got.push(`${this.sleeper.wakings}: ${topic} ${Number(value)}`); },
        }),
      },
    });
    this.node = this.sim.addNode({ start: this.sleeper.start });
    this.sim.runFor(120000 + (2 * SLEEP_SECONDS + 60) * 1000);
    assert.equal(this.sleeper.wakings, 3);
  }

  send(from: number, value: number, options: { timeoutMs?: number } = {}): void {
    const node = this.awake[from];
    node.run(() => node.gossip!.send(this.node.id, "set", value, {
      ...options, onOutcome: (outcome) => { this.outcomes.push(outcome); },
    }));
  }
}

describe("messages for a node that sleeps", () => {
  for (const { name, isDeep, options } of [
    { name: "in deep sleep", isDeep: true, options: {} },
    { name: "with its RAM", isDeep: false, options: {} },
    { name: "in deep sleep, sealed", isDeep: true, options: { key: KEY } },
  ]) {
    it(`a message of each node waits for the next waking, and the sender gets its receipt: ${name}`, () => {
      const network = new MessageNetwork(4, isDeep, options);
      for (let i = 0; i < 4; i++) network.send(i, i);
      network.sim.runFor((SLEEP_SECONDS - 120) * 1000);
      assert.deepEqual([network.got, network.outcomes], [[], []], "it sleeps");
      network.sim.runFor(120000);
      assert.deepEqual(network.got.sort(), ["4: set 0", "4: set 1", "4: set 2", "4: set 3"]);
      assert.deepEqual(network.outcomes, ["delivered", "delivered", "delivered", "delivered"]);
      assert.ok(network.sleeper.longestMs < 2000, `awake for ${network.sleeper.longestMs} ms`);
      network.sim.runFor(2 * SLEEP_SECONDS * 1000);
      assert.equal(network.got.length, 4, "once each");
    });
  }

  it("a waking without messages is as short as without the option", () => {
    const network = new MessageNetwork(4, true);
    const { datagrams, bytes, wakings } = network.sleeper;
    network.sim.runFor(3 * SLEEP_SECONDS * 1000);
    assert.equal(network.sleeper.wakings - wakings, 3);
    assert.equal(network.sleeper.datagrams - datagrams, 6);
    assert.ok(network.sleeper.bytes - bytes <= 3 * 80);
  });

  it("the default time considers the sleep; a shorter one ends as timeout", () => {
    const network = new MessageNetwork(3, true);
    network.send(1, 1);
    network.send(2, 2, { timeoutMs: 60000 });
    network.sim.runFor(120000);
    assert.deepEqual(network.outcomes, ["timeout"]);
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.deepEqual(network.got, ["4: set 1"]);
    assert.deepEqual(network.outcomes, ["timeout", "delivered"]);
  });

  it("the sleeper's own message goes out in its waking, and its receipt comes in the next one", () => {
    const network = new MessageNetwork(3, false);
    const outcomes: MessageOutcome[] = [];
    network.node.run(() => network.node.gossip!.send(network.awake[2].id, "door", 1, {
      onOutcome: (outcome) => { outcomes.push(outcome); },
    }));
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.deepEqual(network.gotAwake, ["2 door 1"]);
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.deepEqual(outcomes, ["delivered"]);
  });

  it("a queue keeps room for others: own messages for sleepers take half of it", () => {
    const network = new MessageNetwork(3, true);
    for (let i = 0; i < 6; i++) network.send(0, i);
    assert.deepEqual(network.outcomes, ["refused", "refused"]);
    const [first, second] = network.awake;
    const onOutcome = (outcome: MessageOutcome): void => { network.outcomes.push(outcome); };
    first.run(() => first.gossip!.send(second.id, "light", 1, { onOutcome }));
    network.sim.runFor(60000);
    assert.deepEqual(network.outcomes, ["refused", "refused", "delivered"]);
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.equal(network.got.length, 4);
  });

  it("with 10 % loss, and when the node that it wakes to is gone, all arrive within a few wakings", () => {
    const network = new MessageNetwork(4, false, {}, 0.1);
    for (let i = 1; i < 4; i++) network.send(i, i, { timeoutMs: 4 * SLEEP_SECONDS * 1000 });
    network.sim.runFor(60000);
    network.awake[0].crash();
    network.sim.runFor(4 * SLEEP_SECONDS * 1000);
    assert.deepEqual(network.got.map((text) => text.slice(3)).sort(), ["set 1", "set 2", "set 3"]);
    assert.deepEqual(network.outcomes, ["delivered", "delivered", "delivered"]);
  });

  it("a sleeper that never comes back: the message ends as timeout", () => {
    const network = new MessageNetwork(3, true);
    network.send(1, 1);
    network.sleeper.stop();
    network.sim.runFor((SLEEP_SECONDS + 200) * 1000);
    assert.deepEqual(network.outcomes, ["timeout"]);
    for (const { gossip } of network.awake) assert.equal(gossip!.stats().messages!.waiting, 0);
  });
});
