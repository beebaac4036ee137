import { SimNetwork, type TopologyOptions, makeTopology } from "../desktop/simulator/index.js";
import { addressOfIndex } from "../desktop/simulator/node.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { Gossip, type MessageOutcome } from "../src/gossip.js";
import { messages } from "../src/messages/index.js";
import { SECTION_HEAD_BYTES, SECTION_MESSAGE, SECTION_TAG_SHIFT } from "../src/engine/wire/frame.js";
import { messageSection } from "../test/support/message-frames.js";
import { type Measurement, percentile, rounded } from "./measurement.js";

const ROUND_MS = 1000;
const LOSS = 0.1;
const PATIENCE_ROUNDS = 400;
const REST_ROUNDS = 30;
/** A message over so many hops has to arrive within so long. */
const HOPS = 8;
const TIMEOUT_MS = 10000;
const SENDS = { full: 500, quick: 100 };
/** With fewer in the quick benchmark, one node that misses one broadcast would miss the bound of 99.9 %. */
const BROADCASTS = { full: 40, quick: 30 };
/** From the kind to the number, which the tries of a message have in common. */
const IDENTITY_AT = 4;
const IDENTITY_END = 17;

/** The networks of the figures `mesh.messages.broadcast…`. */
export const BROADCAST_MESHES: readonly { name: string; about: string; options: TopologyOptions }[] = [
  { name: "all64", about: "64 nodes that all reach each other", options: { shape: "all", nodes: 64 } },
  { name: "line16", about: "16 nodes in a line", options: { shape: "line", nodes: 16 } },
  { name: "grid49", about: "49 nodes in a grid of 7 × 7", options: { shape: "grid", nodes: 49 } },
  { name: "cells3x16", about: "3 cells of 16 nodes", options: { shape: "cells", nodes: 48, cellSize: 16 } },
];

/** Nodes with messages on a network of a shape, at rounds of 1 s. */
class MessageNetwork {
  readonly sim: SimNetwork;
  /** Called when a message arrives at a node. */
  onMessage: (at: number, value: unknown) => void = () => undefined;

  constructor(options: TopologyOptions, seed: number) {
    this.sim = new SimNetwork({ seed });
    const topology = makeTopology({ ...options, seed });
    this.sim.topology = topology;
    for (let i = 0; i < options.nodes; i++) {
      const seedList = [formatAddress(addressOfIndex(topology.parent(i)))];
      this.sim.addNode({
        start: (platform, storage) => {
          const gossip = new Gossip({
            ...platform, storage, seedList, roundIntervalMs: ROUND_MS,
            messages: messages({ onMessage: ({ value }) => this.onMessage(i, value) }),
          });
          gossip.start();
          return gossip;
        },
      });
    }
    this.warmUp();
  }

  gossip(index: number): Gossip {
    return this.sim.nodes[index].gossip as Gossip;
  }

  /** Runs until each node knows a way to each, then with loss. */
  private warmUp(): void {
    const { sim } = this;
    sim.runFor(ROUND_MS);
    for (let rounds = 1; !this.hasWays(); rounds++) {
      if (rounds === PATIENCE_ROUNDS) throw new Error(`no ways to all nodes after ${rounds} rounds`);
      sim.runFor(ROUND_MS);
    }
    sim.faults.lossProbability = LOSS;
    sim.runFor(REST_ROUNDS * ROUND_MS);
  }

  private hasWays(): boolean {
    const { nodes } = this.sim;
    return nodes.every((from) => nodes.every((to) =>
      from === to || this.gossip(from.index).route(to.id) !== undefined));
  }
}

interface Sends {
  sent: number;
  delivered: number;
  twice: number;
  /** Datagrams with a message or an answer to one, of each relay for a message and its receipt; mean. */
  relayDatagrams: number;
  /** The most datagrams with one try of a message that a node sent. */
  triesMax: number;
}

/** One end of a line sends to the other. */
function sends(seed: number, count: number): Sends {
  const net = new MessageNetwork({ shape: "line", nodes: HOPS + 1 }, seed);
  const { sim } = net;
  const arrived = new Map<unknown, number>();
  net.onMessage = (_at, value) => arrived.set(value, (arrived.get(value) ?? 0) + 1);
  let datagrams = 0;
  const tries = new Map<string, number>();
  sim.tap = (entry) => {
    if (entry.kind !== "sent") return;
    const section = messageSection(entry.bytes, entry.length);
    if (section < 0) return;
    if (entry.node.index > 0 && entry.node.index < HOPS) datagrams++;
    if (entry.bytes[section] >>> (SECTION_TAG_SHIFT - 8) !== SECTION_MESSAGE) return;
    const at = section + SECTION_HEAD_BYTES;
    const tryOf = entry.bytes[at] >>> 5;
    const identity = Buffer.from(entry.bytes.subarray(at + IDENTITY_AT, at + IDENTITY_END)).toString("hex");
    const key = `${entry.node.index} ${tryOf} ${identity}`;
    tries.set(key, (tries.get(key) ?? 0) + 1);
  };
  let delivered = 0;
  for (let value = 0; value < count; value++) {
    let outcome: MessageOutcome | undefined;
    net.gossip(0).send(sim.nodes[HOPS].id, "bench", value, {
      timeoutMs: TIMEOUT_MS, onOutcome: (told) => (outcome = told),
    });
    const endMs = sim.nowMs + TIMEOUT_MS;
    while (!arrived.has(value) && sim.nowMs < endMs) sim.runFor(ROUND_MS / 100);
    if (arrived.has(value)) delivered++;
    while (outcome === undefined) sim.runFor(ROUND_MS / 10);
  }
  sim.runFor(TIMEOUT_MS);
  const twice = [...arrived.values()].filter((times) => times > 1).length;
  return {
    sent: count, delivered, twice, relayDatagrams: datagrams / (HOPS - 1) / count,
    triesMax: Math.max(...tries.values()),
  };
}

interface Broadcasts {
  /** Nodes that had to get one, and did. */
  wanted: number;
  arrived: number;
  twice: number;
  /** Rounds until the last node got each. */
  rounds: number[];
}

function broadcasts(options: TopologyOptions, seed: number, count: number): Broadcasts {
  const net = new MessageNetwork(options, seed);
  const { sim } = net;
  const result: Broadcasts = { wanted: 0, arrived: 0, twice: 0, rounds: [] };
  for (let value = 0; value < count; value++) {
    const startMs = sim.nowMs;
    const arrived = new Map<number, number>();
    net.onMessage = (at) => {
      if (arrived.has(at)) result.twice++;
      arrived.set(at, sim.nowMs - startMs);
    };
    net.gossip(value % options.nodes).broadcast("bench", value);
    sim.runFor(TIMEOUT_MS);
    result.wanted += options.nodes - 1;
    result.arrived += arrived.size;
    result.rounds.push(Math.max(...arrived.values()) / ROUND_MS);
  }
  return result;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const messageSends: Measurement<Sends> = {
  name: "meshMessages", seeds: { full: 20, quick: 1 }, nodes: HOPS + 1,
  sample: (seed, isQuick) => sends(seed, isQuick ? SENDS.quick : SENDS.full),
  figures: (samples) => ({
    "mesh.messages.deliveredPercent": rounded(
      100 * sum(samples.map(({ delivered }) => delivered)) / sum(samples.map(({ sent }) => sent)), 3,
    ),
    "mesh.messages.deliveredTwice": sum(samples.map(({ twice }) => twice)),
    "mesh.messages.relayDatagrams": rounded(
      sum(samples.map(({ relayDatagrams }) => relayDatagrams)) / samples.length, 2,
    ),
    "mesh.messages.hopTries": Math.max(...samples.map(({ triesMax }) => triesMax)),
  }),
};

function broadcastMeasurement(mesh: typeof BROADCAST_MESHES[number]): Measurement<Broadcasts> {
  const { name, options } = mesh;
  return {
    name: `meshBroadcast.${name}`, seeds: { full: 10, quick: 1 }, nodes: options.nodes,
    sample: (seed, isQuick) => broadcasts(options, seed, isQuick ? BROADCASTS.quick : BROADCASTS.full),
    figures: (samples) => ({
      [`mesh.messages.broadcastPercent.${name}`]: rounded(
        100 * sum(samples.map(({ arrived }) => arrived)) / sum(samples.map(({ wanted }) => wanted)), 3,
      ),
      [`mesh.messages.broadcastTwice.${name}`]: sum(samples.map(({ twice }) => twice)),
      [`mesh.messages.broadcastP95Rounds.${name}`]: rounded(
        percentile(samples.flatMap(({ rounds }) => rounds), 0.95), 2,
      ),
    }),
  };
}

export const meshMessageMeasurements = [messageSends, ...BROADCAST_MESHES.map(broadcastMeasurement)];
