import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import type { SimNode } from "../desktop/simulator/index.js";
import type { NodeRow } from "../src/gossip.js";
import { type Measurement, percentile, rounded } from "./measurement.js";
import { BenchNetwork, ROUND_MS } from "./network.js";
import { Peer } from "./pair.js";
import { statements } from "./wire.js";

const NODES = 50;
const LOSS = 0.2;
const STALL_MS = 5000;
/** Rounds between two stalls of a node, on average. */
const STALL_EVERY_ROUNDS = 20;
const REST_ROUNDS = 20;
const DAY_ROUNDS = 8640;
/** Of a small benchmark: half an hour. */
const QUICK_ROUNDS = 180;
const PATIENCE_ROUNDS = 200;

/** Has each running node stand still at times, for one round. */
function stallSome({ sim, dice }: BenchNetwork): void {
  for (const node of sim.running) {
    const atMs = dice.below(ROUND_MS);
    if (dice.below(STALL_EVERY_ROUNDS) === 0) sim.schedule(atMs, () => node.stall(STALL_MS));
  }
}

function faultyNetwork(seed: number, onState: (row: NodeRow, by: SimNode) => void): BenchNetwork {
  const network = new BenchNetwork({ nodes: NODES, seed, onState });
  network.warmUp(0);
  network.sim.faults.lossProbability = LOSS;
  return network;
}

interface FalseAlarms {
  downs: number;
  suspicions: number;
}

/** Nobody crashes, so whoever is called DOWN is so wrongly. */
export const falseDown: Measurement<FalseAlarms> = {
  name: "falseDown",
  seeds: { full: 20, quick: 2 },
  nodes: NODES,
  sample(seed, isQuick) {
    // By statement of the accused, so that an accusation counts once, however many nodes believe it.
    const down = new Set<string>();
    const suspect = new Set<string>();
    const network = faultyNetwork(seed, ({ id, revision, heartbeat, state }) => {
      const statement = `${id} ${revision} ${heartbeat}`;
      if (isGone(state)) down.add(statement);
      else if (state === "suspect") suspect.add(statement);
    });
    for (let round = isQuick ? QUICK_ROUNDS : DAY_ROUNDS; round > 0; round--) {
      stallSome(network);
      network.runRounds(1);
    }
    return { downs: down.size, suspicions: suspect.size };
  },
  figures: (samples) => ({
    "detect.falseDown.n50loss20h24": samples.reduce((sum, { downs }) => sum + downs, 0),
    "detect.suspicions.n50loss20h24": samples.reduce((sum, { suspicions }) => sum + suspicions, 0),
  }),
};

/** One node loses its power; until the last of the others calls it DOWN. In suspicion periods. */
export const crash: Measurement<number> = {
  name: "crash",
  seeds: { full: 200, quick: 20 },
  nodes: NODES,
  sample(seed) {
    const knowing = new Set<SimNode>();
    let crashedId = -1;
    let knownMs = Infinity;
    const network = faultyNetwork(seed, ({ id, state }, by) => {
      if (id !== crashedId || !isGone(state)) return;
      knowing.add(by);
      if (knowing.size === NODES - 1) knownMs = Math.min(knownMs, network.sim.nowMs);
    });
    for (let round = 0; round < REST_ROUNDS; round++) {
      stallSome(network);
      network.runRounds(1);
    }
    const node = network.dice.pick(network.nodes);
    network.sim.runFor(network.dice.below(ROUND_MS));
    crashedId = node.id;
    const crashedMs = network.sim.nowMs;
    node.crash();
    for (let round = 0; round < PATIENCE_ROUNDS && knownMs === Infinity; round++) {
      stallSome(network);
      network.runRounds(1);
    }
    return (knownMs - crashedMs) / suspicionMs();
  },
  figures: (samples) => ({ "detect.crashP95SuspicionPeriods": rounded(percentile(samples, 0.95), 2) }),
};

/** How long a node of this network lets a suspicion stand. */
function suspicionMs(): number {
  const rows = statements(NODES, new SimRandom(1, STREAM_SCENARIO), () => new Uint8Array(0));
  return new Peer(rows, 1).engine.suspicion.suspicionMs();
}

function isGone(state: NodeRow["state"]): boolean {
  return state === "down" || state === "removed" || state === "left";
}
