import assert from "node:assert/strict";
import { type SimNode, SimNetwork, SimSleeper, type SimSleeperOptions } from "../../desktop/simulator/index.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip, type GossipOptions, type GossipStorage, type NodeRow, minMax } from "../../src/gossip.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import { sleeping } from "../../src/sleep/index.js";

const ROUND_MS = 10000;
const SLEEP_SECONDS = 900;
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/** Nodes that are always awake, and sleepers behind them. */
class SleepNetwork {
  readonly sim: SimNetwork;
  readonly sleepers: SimSleeper[] = [];
  readonly awake: SimNode[] = [];
  readonly asleep: SimNode[] = [];
  /** State changes that the nodes that are awake were told, as "node: state". */
  readonly told: string[] = [];
  /** When the last node was told that a node is down. */
  readonly downMs = new Map<number, number>();
  /** Writes of the revision by sleepers. */
  writes = 0;
  /** Largest value in `minMax` of each node that is awake. */
  readonly maxima: (number | undefined)[] = [];
  /** Events that the nodes that are awake got, and the sleepers. */
  events = 0;
  sleeperEvents = 0;
  private readonly hasEvents: boolean;

  constructor(
    awake: number, sleepers: number, sleeper: SimSleeperOptions = {}, options: Partial<GossipOptions> = {},
    hasEvents = false,
  ) {
    this.hasEvents = hasEvents;
    this.sim = new SimNetwork({ seed: 11 });
    const shared: Partial<GossipOptions> = { seedList: ["10.0.0.1", "10.0.0.2"], ...options };
    for (let i = 0; i < awake; i++) this.awake.push(this.sim.addNode({ start: this.starter(i, shared) }));
    for (let i = 0; i < sleepers; i++) {
      const events = hasEvents ? { events: eventFeeds({ onEvent: () => { this.sleeperEvents++; } }) } : {};
      const sim = new SimSleeper({ firstSleepMs: 120000 + 977 * i, ...sleeper, options: { ...shared, ...events } });
      this.sleepers.push(sim);
      this.asleep.push(this.sim.addNode({ start: sim.start, makeStorage: () => this.storage() }));
    }
    this.sim.runFor(120000 + 977 * sleepers + 5000);
    this.told.length = 0;
    this.writes = 0;
  }

  row(by: SimNode, of: SimNode): NodeRow | undefined {
    return by.gossip?.rows().find(({ id }) => id === of.id);
  }

  private starter(index: number, options: Partial<GossipOptions>) {
    return (platform: Partial<GossipOptions>, storage: GossipStorage, node: SimNode): Gossip => {
      const gossip = new Gossip({
        ...platform, storage, ...options,
        views: [minMax({ onChange: (_, maximum) => { this.maxima[index] = maximum ?? undefined; } })],
        onState: ({ id, state }) => {
          const of = this.sim.nodes.findIndex((other) => other.id === id);
          this.told.push(`${of}: ${state}`);
          if (state === "down") this.downMs.set(of, this.sim.nowMs);
        },
        ...this.hasEvents && { events: eventFeeds({ onEvent: () => { this.events++; } }) },
      } as GossipOptions);
      gossip.start();
      gossip.push(node.index);
      return gossip;
    };
  }

  private storage(): GossipStorage {
    const storage = new MemoryStorage();
    return {
      readRevision: () => storage.readRevision(),
      writeRevision: (revision) => {
        this.writes++;
        storage.writeRevision(revision);
      },
    };
  }
}

describe("Gossip.sleep", () => {
  for (const { name, options, isDeep } of [
    { name: "in deep sleep", options: {}, isDeep: true },
    { name: "with its RAM", options: {}, isDeep: false },
    { name: "in deep sleep, sealed", options: { key: KEY }, isDeep: true },
  ]) {
    it(`a sleeper ${name} counts as live, and nobody is told of a change`, () => {
      const network = new SleepNetwork(4, 2, { isDeep, sleepSeconds: SLEEP_SECONDS, value: () => 1000 }, options);
      const { sim, awake, asleep } = network;
      for (let minute = 0; minute < 120; minute++) {
        sim.runFor(60000);
        for (const node of awake) {
          assert.equal(network.maxima[node.index], 1000, `the value in minute ${minute}`);
          for (const other of asleep) assert.equal(network.row(node, other)?.state, "asleep");
        }
      }
      assert.deepEqual(network.told, []);
      assert.equal(network.writes, 0);
      assert.ok(network.sleepers[0].wakings >= 8, "it woke up");
      assert.equal(network.sleepers[0].unheard, 0);
    });
  }

  it("a waking with nothing new is one round trip of at most 80 bytes", () => {
    const network = new SleepNetwork(9, 1, { value: () => 21.5 });
    const [sleeper] = network.sleepers;
    network.sim.runFor(3 * SLEEP_SECONDS * 1000);
    const { wakings, datagrams, bytes } = sleeper;
    network.sim.runFor(5 * SLEEP_SECONDS * 1000);
    assert.equal(sleeper.wakings - wakings, 5);
    assert.equal(sleeper.datagrams - datagrams, 10);
    assert.ok(sleeper.bytes - bytes <= 5 * 80, `${(sleeper.bytes - bytes) / 5} bytes a waking`);
  });

  it("10 new values come in the same round trip", () => {
    const network = new SleepNetwork(11, 1);
    const [sleeper] = network.sleepers;
    network.sim.runFor(2 * SLEEP_SECONDS * 1000);
    const { wakings, datagrams } = sleeper;
    for (const node of network.awake.slice(0, 10)) node.push(500 + node.index);
    let seen = 0;
    network.sim.tap = ({ kind, node }) => {
      if (kind !== "datagram" || node !== network.asleep[0]) return;
      network.sim.schedule(0, () => {
        seen = Math.max(seen, node.gossip?.rows().filter(({ data }) => Number(data) >= 500).length ?? 0);
      });
    };
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.equal(sleeper.wakings - wakings, 1);
    assert.equal(sleeper.datagrams - datagrams, 2);
    assert.equal(seen, 10);
  });

  it("20 new events come within two round trips, to a sleeper that keeps its RAM", () => {
    const network = new SleepNetwork(4, 1, { isDeep: false }, {}, true);
    const [sleeper] = network.sleepers;
    network.sim.runFor(2 * SLEEP_SECONDS * 1000);
    const { wakings, datagrams } = sleeper;
    for (let i = 0; i < 20; i++) network.awake[i % 4].log("reading", i);
    network.sim.runFor(SLEEP_SECONDS * 1000);
    assert.equal(sleeper.wakings - wakings, 1);
    assert.equal(network.sleeperEvents, 20);
    assert.ok(sleeper.datagrams - datagrams <= 6, `${sleeper.datagrams - datagrams} datagrams`);
  });

  it("a sleeper's events reach the others in its waking", () => {
    const network = new SleepNetwork(3, 1, {
      isDeep: false, onWaking: (gossip, waking) => { gossip.log("door", waking); },
    }, {}, true);
    network.sim.runFor(3 * SLEEP_SECONDS * 1000 + 60000);
    const [sleeper] = network.sleepers;
    assert.equal(network.events, 3 * sleeper.wakings);
  });

  it("a sleeper that is not back in time is down everywhere soon after its word", () => {
    const network = new SleepNetwork(6, 2);
    const { sim, sleepers, asleep } = network;
    sim.runFor(SLEEP_SECONDS * 1000);
    sleepers[0].stop();
    const word = sim.nowMs + (SLEEP_SECONDS + 5) * 1000;
    const period = (3 + 3) * ROUND_MS;
    sim.runFor(word + ROUND_MS + 3 * period - sim.nowMs);
    for (const node of network.awake) assert.equal(network.row(node, asleep[0])?.state, "down");
    assert.ok(network.downMs.get(asleep[0].index)! > word - SLEEP_SECONDS * 1000, "it kept its word");
    assert.deepEqual(network.told.filter((text) => !text.startsWith(`${asleep[0].index}:`)), []);
  });

  it("a sleeper that comes back late refutes the suspicion", () => {
    const network = new SleepNetwork(4, 1);
    const { sim, asleep: [node], awake, sleepers: [sleeper] } = network;
    sim.runFor(SLEEP_SECONDS * 1000);
    sleeper.stop();
    sim.runFor((SLEEP_SECONDS + 5) * 1000 + 4 * ROUND_MS);
    assert.equal(network.row(awake[0], node)!.state, "suspect");
    // It wakes up, as nothing tells it to sleep.
    node.start();
    sim.runFor(5 * ROUND_MS);
    assert.equal(network.row(awake[0], node)!.state, "up");
    assert.equal(network.writes, 0);
    assert.ok(!network.told.includes(`${node.index}: down`));
  });

  it("tells that nobody answered, and asks again", () => {
    const network = new SleepNetwork(2, 1);
    const [sleeper] = network.sleepers;
    for (const node of network.awake) node.crash();
    network.sim.runFor((SLEEP_SECONDS + 120) * 1000);
    assert.ok(sleeper.unheard >= 2, `${sleeper.unheard} unheard wakings`);
    assert.ok(sleeper.longestMs <= 2000, `awake for ${sleeper.longestMs} ms`);
  });

  for (const [name, options, loss] of [
    ["a network with a name", { network: "home" }, 0], ["a network with a name, 20 % loss", { network: "home" }, 0.2],
    ["a sealed network, 20 % loss", { key: KEY }, 0.2],
  ] as const) {
    it(`a waking brings the word to a node that restarted and knows nobody: ${name}`, () => {
      for (let nodes = 1; nodes <= 3; nodes++) {
        const network = new SleepNetwork(nodes, 1, { sleepSeconds: 300 }, options);
        network.sim.faults.lossProbability = loss;
        for (let turn = 0; turn < 6; turn++) {
          for (const node of network.awake) node.restart({ keepStorage: true });
          const [sleeper] = network.sleepers;
          const before = sleeper.wakings;
          // If nobody hears it, it knows that, and tries again 30 s later.
          network.sim.runFor(420000);
          assert.ok(sleeper.wakings > before);
          const rows = network.awake.map((node) => network.row(node, network.asleep[0]));
          assert.deepEqual(rows.map((row) => row?.state), rows.map(() => "asleep"), `${nodes} nodes, turn ${turn}`);
        }
      }
    });
  }

  it("what was kept by another node, or was damaged, is ignored", () => {
    const network = new SleepNetwork(2, 1);
    let kept: Uint8Array = new Uint8Array(0);
    const [node] = network.awake;
    const start = (given: Uint8Array): number => {
      const sim = new SimNetwork({ seed: 3 });
      const added = sim.addNode({
        id: 77,
        start: (platform, storage) => {
          storage.writeRevision(6);
          const gossip = new Gossip({ ...platform, storage, sleep: sleeping({ kept: given }) });
          gossip.start();
          gossip.sleep(60, (bytes) => { kept = bytes; });
          return gossip;
        },
      });
      sim.runFor(3000);
      return added.gossip!.revision;
    };
    assert.ok(node.isRunning);
    assert.equal(start(new Uint8Array(512)), 7, "an empty memory");
    const good = kept.slice();
    assert.equal(start(good), 7, "the storage has revision 6, not 7");
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at] ^= 0x10;
      assert.equal(start(bad), 7, `byte ${at}`);
    }
    assert.equal(start(good.slice(0, -1)), 7, "a byte is missing");
  });

  it("an answer of another node that sleeps is none: it may forget the word", () => {
    for (const seed of [25, 27]) {
      const sim = new SimNetwork({ seed });
      const told: string[] = [];
      const options = { seedList: ["10.0.0.1"] };
      for (let i = 0; i < 6; i++) {
        sim.addNode({
          options: { ...options, onState: ({ address, state }) => { told.push(`${address}: ${state}`); } },
        });
      }
      // Both wake up at the same time, and keep no rows, so that they ask any node.
      for (let i = 0; i < 2; i++) {
        const sleeper = new SimSleeper({
          sleepSeconds: 300, firstSleepMs: 120000, options, sleep: { keptBytesMax: 28 },
        });
        sim.addNode({ start: sleeper.start });
      }
      sim.runFor(125000);
      told.length = 0;
      sim.runFor(3000000);
      assert.deepEqual(told, [], `seed ${seed}`);
    }
  });

  it("wake ends the sleep: the node is up and does rounds again", () => {
    const network = new SleepNetwork(3, 1, { isDeep: false });
    const { sim, awake, asleep: [node] } = network;
    sim.runFor(20000);
    assert.equal(network.row(awake[0], node)!.state, "asleep");
    node.listen();
    node.run(() => node.gossip!.wake());
    sim.runFor(60000);
    assert.equal(network.row(awake[0], node)!.state, "up");
    assert.deepEqual(network.told, []);
  });

  it("refuses wrong arguments, and a node without the option", () => {
    const network = new SleepNetwork(2, 0);
    const gossip = network.awake[0].gossip!;
    assert.throws(() => gossip.sleep(10, () => undefined), { code: "ERR_STATE", message: /without the option sleep/ });
    const sim = new SimNetwork({ seed: 1 });
    const node = sim.addNode({ options: { sleep: sleeping() } });
    sim.runFor(0);
    const own = node.gossip!;
    for (const seconds of [0, -1, 1.5, 1728001, Number.NaN]) {
      assert.throws(() => own.sleep(seconds, () => undefined), { name: "RangeError", message: /sleep: seconds: / });
    }
    assert.throws(() => own.sleep(1, undefined as never), { name: "TypeError", message: /onReady/ });
    assert.throws(() => sleeping({ keptBytesMax: 27 }), { name: "RangeError", message: /sleep.keptBytesMax/ });
    assert.throws(() => sleeping({ kept: "x" as never }), { name: "TypeError", message: /sleep.kept/ });
  });
});
