import { SimNetwork, SimSleeper, type SimSleeperOptions } from "../desktop/simulator/index.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip, type GossipOptions, type GossipStorage } from "../src/gossip.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import { suspicionMs } from "./detect.js";
import { type Measurement, mean, rounded } from "./measurement.js";
import { ROUND_MS } from "./network.js";

const NODES = 50;
const AWAKE = 10;
const SLEEP_SECONDS = 900;
const HOUR_MS = 3600000;
const DAY_HOURS = { full: 24, quick: 3 };
/** The sleepers fall asleep one after the other: the first ones learn at their next waking that the last ones sleep. */
const FIRST_SLEEP_MS = 120000;
const STAGGER_MS = 7700;
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const MINUTE_MS = 60000;
const LOSS = 0.1;

/** A network in which most nodes sleep. The two seeds never do. */
class SleepNetwork {
  readonly sim: SimNetwork;
  readonly sleepers: SimSleeper[] = [];
  /** State changes that applications of nodes that are awake were notified of. */
  told = 0;
  /** Nodes that hold a node as DOWN, by its id. */
  readonly down = new Map<number, number>();
  writes = 0;
  private readonly awake: number;

  constructor(seed: number, awake: number, sleepers: number, options: Partial<GossipOptions>, how: SimSleeperOptions) {
    this.awake = awake;
    this.sim = new SimNetwork({ seed });
    const { events } = options;
    const all: Partial<GossipOptions> = { seedList: ["10.0.0.1", "10.0.0.2"], ...options };
    for (let i = 0; i < awake; i++) {
      this.sim.addNode({
        start: (platform, storage, node) => {
          const gossip = new Gossip({
            ...platform, storage, ...all, ...events !== undefined && { events: eventFeeds() },
            onState: ({ id, state }) => {
              this.told++;
              if (state === "down") this.down.set(id, (this.down.get(id) ?? 0) + 1);
            },
          });
          gossip.start();
          gossip.push(node.index);
          return gossip;
        },
      });
    }
    for (let i = 0; i < sleepers; i++) {
      const sleeper = new SimSleeper({ firstSleepMs: FIRST_SLEEP_MS + STAGGER_MS * i, ...how, options: all });
      this.sleepers.push(sleeper);
      this.sim.addNode({ start: sleeper.start, makeStorage: () => this.storage() });
    }
    // Until each of them slept twice.
    this.sim.runFor(FIRST_SLEEP_MS + STAGGER_MS * sleepers + 2 * SLEEP_SECONDS * 1000);
    this.told = 0;
    this.writes = 0;
  }

  /** How many of the values of sleepers the nodes that are awake count, 0 to 1. */
  counted(): number {
    let counted = 0;
    const ids = new Set(this.sim.nodes.slice(this.awake).map(({ id }) => id));
    for (const { gossip } of this.sim.nodes.slice(0, this.awake)) {
      for (const { id, state, data } of gossip!.rows()) {
        const isLive = state === "up" || state === "asleep" || state === "probed" || state === "suspect";
        if (ids.has(id) && isLive && data !== undefined) counted++;
      }
    }
    return counted / (this.awake * ids.size);
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

interface Day {
  told: number;
  counted: number;
  longestMs: number;
  radioSecondsPerDay: number;
  bytesPerDay: number;
  writes: number;
}

function day(key: string, options: Partial<GossipOptions>, loss: number): Measurement<Day> {
  return {
    name: `sleepDay${key}`,
    seeds: { full: 2, quick: 1 },
    nodes: NODES,
    sample(seed, isQuick) {
      const hours = isQuick ? DAY_HOURS.quick : DAY_HOURS.full;
      const network = new SleepNetwork(seed, AWAKE, NODES - AWAKE, options, {});
      const { sim, sleepers } = network;
      sim.faults.lossProbability = loss;
      const sum = (of: (sleeper: SimSleeper) => number): number => sleepers.reduce((all, one) => all + of(one), 0);
      const radioMs = sum((sleeper) => sleeper.radioMs);
      const bytes = sum((sleeper) => sleeper.bytes);
      const counts: number[] = [];
      for (let ms = 0; ms < hours * HOUR_MS; ms += MINUTE_MS) {
        sim.runFor(MINUTE_MS);
        counts.push(network.counted());
      }
      const days = hours / 24 * sleepers.length;
      return {
        told: network.told,
        counted: mean(counts),
        longestMs: Math.max(...sleepers.map((sleeper) => sleeper.longestMs)),
        radioSecondsPerDay: (sum((sleeper) => sleeper.radioMs) - radioMs) / 1000 / days,
        bytesPerDay: (sum((sleeper) => sleeper.bytes) - bytes) / days,
        writes: network.writes,
      };
    },
    figures(samples) {
      const most = (of: (day: Day) => number): number => Math.max(...samples.map(of));
      return {
        [`sleep.statesTold${key}`]: most(({ told }) => told),
        [`sleep.countedPercent${key}`]: rounded(100 * Math.min(...samples.map(({ counted }) => counted)), 3),
        [`sleep.longestWakingMs${key}`]: most(({ longestMs }) => longestMs),
        [`sleep.radioSecondsPerDay${key}`]: rounded(mean(samples.map((one) => one.radioSecondsPerDay)), 1),
        [`sleep.bytesPerDay${key}`]: rounded(mean(samples.map(({ bytesPerDay }) => bytesPerDay)), 0),
        [`sleep.writesPerWaking${key}`]: most(({ writes }) => writes),
      };
    },
  };
}

/** Rounds from the moment at which a sleeper's word and a round are over until all that are awake hold it as DOWN. */
const death: Measurement<number> = {
  name: "sleepDeath",
  seeds: { full: 20, quick: 2 },
  nodes: NODES,
  sample(seed) {
    const network = new SleepNetwork(seed, AWAKE, NODES - AWAKE, {}, {});
    const { sim, sleepers } = network;
    const [victim] = sleepers;
    const { wakings } = victim;
    while (victim.wakings === wakings) sim.runFor(100);
    sim.runFor(2000);
    victim.stop();
    // The word is 5 s longer than the sleep. It was given at most 2.1 s ago.
    const wordMs = sim.nowMs + (SLEEP_SECONDS + 5) * 1000;
    const { id } = sim.nodes[AWAKE];
    while ((network.down.get(id) ?? 0) < AWAKE && sim.nowMs < wordMs + HOUR_MS) sim.runFor(1000);
    return (sim.nowMs - wordMs) / ROUND_MS - 1;
  },
  figures(samples) {
    const allowed = 3 * suspicionMs(NODES) / ROUND_MS;
    return { "sleep.downRoundsBeyond": rounded(Math.max(0, Math.max(...samples) - allowed), 2) };
  },
};

interface Waking { trips: number; datagrams: number; bytes: number; isComplete: boolean }

/** One waking of the only sleeper among nodes that are awake. @param isComplete whether it got what was new */
function wakingOf(network: SleepNetwork, isComplete: () => boolean): Waking {
  const { sim, sleepers: [sleeper] } = network;
  const device = sim.nodes[sim.nodes.length - 1];
  const { wakings, datagrams, bytes } = sleeper;
  let trips = 0;
  let wasComplete = false;
  sim.tap = ({ kind, node }) => {
    if (node !== device) return;
    if (kind === "sent") trips++;
    if (kind === "datagram") sim.schedule(0, () => { wasComplete ||= isComplete(); });
  };
  while (sleeper.wakings === wakings) sim.runFor(1000);
  sim.runFor(3000);
  sim.tap = undefined;
  return { trips, datagrams: sleeper.datagrams - datagrams, bytes: sleeper.bytes - bytes, isComplete: wasComplete };
}

interface Exchange { nothing: Waking; values: Waking; events: Waking }

function exchange(key: string, options: Partial<GossipOptions>): Measurement<Exchange> {
  return {
    name: `sleepExchange${key}`,
    seeds: { full: 20, quick: 3 },
    nodes: 12,
    sample(seed) {
      const network = new SleepNetwork(seed, 10, 1, options, { value: () => 21.5 });
      const device = network.sim.nodes[10];
      const nothing = wakingOf(network, () => true);
      for (let i = 0; i < 10; i++) network.sim.nodes[i].push(500 + i);
      const values = wakingOf(network, () => (
        device.gossip?.rows().filter(({ data }) => Number(data) >= 500).length === 10
      ));
      const feeds = new SleepNetwork(seed, 10, 1, { ...options, events: eventFeeds() }, { isDeep: false });
      for (let i = 0; i < 20; i++) feeds.sim.nodes[i % 10].log("reading", i);
      const reader = feeds.sim.nodes[10];
      const events = wakingOf(feeds, () => reader.gossip?.events().length === 20);
      return { nothing, values, events };
    },
    figures(samples) {
      const most = (of: (sample: Exchange) => number): number => Math.max(...samples.map(of));
      const trips = ({ isComplete, trips: count }: Waking): number => isComplete ? count : Infinity;
      return {
        [`sleep.nothingNewRoundTrips${key}`]: most(({ nothing }) => trips(nothing)),
        [`sleep.nothingNewDatagrams${key}`]: most(({ nothing }) => nothing.datagrams),
        [`sleep.nothingNewBytes${key}`]: most(({ nothing }) => nothing.bytes),
        [`sleep.values10RoundTrips${key}`]: most(({ values }) => trips(values)),
        [`sleep.events20RoundTrips${key}`]: most(({ events }) => trips(events)),
      };
    },
  };
}

export const sleepMeasurements: readonly Measurement<never>[] = [
  day("", {}, 0), day(".sealed", { key: KEY }, 0), day(".loss10", {}, LOSS), death, exchange("", {}),
  exchange(".sealed", { key: KEY }),
] as Measurement<never>[];
