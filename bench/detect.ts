import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import type { SimNode } from "../desktop/simulator/index.js";
import { Clock } from "../src/engine/clock.js";
import { Suspicion } from "../src/engine/membership/suspicion.js";
import type { NodeRow } from "../src/gossip.js";
import { type Measurement, percentile, rounded } from "./measurement.js";
import { BenchNetwork, type NetworkModules, ROUND_MS } from "./network.js";
import { Peer } from "./pair.js";
import { statements } from "./wire.js";

const NODES = 50;
const LOSS = 0.2;
const STALL_MS = 5000;
/** Rounds between two stalls of a node, on average. */
const STALL_EVERY_ROUNDS = 20;
const REST_ROUNDS = 20;
const DAY_ROUNDS = 8640;
/** Half an hour, with `--quick`. */
const QUICK_ROUNDS = 180;
const PATIENCE_ROUNDS = 200;

/** Stalls some of the running nodes in this round. */
function stallSome({ sim, random }: BenchNetwork): void {
  for (const node of sim.running) {
    const atMs = random.below(ROUND_MS);
    if (random.below(STALL_EVERY_ROUNDS) === 0) sim.schedule(atMs, () => node.stall(STALL_MS));
  }
}

function faultyNetwork(
  seed: number, onState: (row: NodeRow, by: SimNode) => void, modules?: NetworkModules,
): BenchNetwork {
  const network = new BenchNetwork({ nodes: NODES, seed, onState, ...modules !== undefined && { modules } });
  network.warmUp(0);
  network.sim.faults.lossProbability = LOSS;
  return network;
}

interface FalseAlarms {
  downs: number;
  suspicions: number;
}

/** Counts nodes held as DOWN. No node crashes, so each is an error. */
export const falseDown: Measurement<FalseAlarms> = {
  name: "falseDown",
  seeds: { full: 20, quick: 2 },
  nodes: NODES,
  sample(seed, isQuick) {
    // By statement of the suspected node, so that a suspicion counts once, however many nodes hold it.
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

interface Crash {
  /** Rounds from the crash until one other node, and until all other nodes hold the node as DOWN. */
  first: number;
  last: number;
}

/** Measures the time from a crash until the other nodes hold the node as DOWN. */
export function crashOf(
  seed: number, loss: number, withStalls: boolean, revision?: { modules: NetworkModules; isGone: typeof isGone },
): Crash {
  const isDown = revision?.isGone ?? isGone;
  const knowing = new Set<SimNode>();
  let crashedId = -1;
  let crashedMs = 0;
  const known = { first: Infinity, last: Infinity };
  const network = faultyNetwork(seed, ({ id, state }, by) => {
    if (id !== crashedId || !isDown(state)) return;
    const rounds = (network.sim.nowMs - crashedMs) / ROUND_MS;
    if (knowing.size === 0) known.first = rounds;
    knowing.add(by);
    if (knowing.size === NODES - 1) known.last = Math.min(known.last, rounds);
  }, revision?.modules);
  network.sim.faults.lossProbability = loss;
  for (let round = 0; round < REST_ROUNDS; round++) {
    if (withStalls) stallSome(network);
    network.runRounds(1);
  }
  const node = network.random.pick(network.nodes);
  network.sim.runFor(network.random.below(ROUND_MS));
  crashedId = node.id;
  crashedMs = network.sim.nowMs;
  node.crash();
  for (let round = 0; round < PATIENCE_ROUNDS && known.last === Infinity; round++) {
    if (withStalls) stallSome(network);
    network.runRounds(1);
  }
  return known;
}

/** In suspicion periods, in a network with faults. */
export const crash: Measurement<number> = {
  name: "crash",
  seeds: { full: 200, quick: 20 },
  nodes: NODES,
  sample: (seed) => crashOf(seed, LOSS, true).last * ROUND_MS / suspicionMs(NODES),
  figures: (samples) => ({ "detect.crashP95SuspicionPeriods": rounded(percentile(samples, 0.95), 2) }),
};

/** Percents of datagrams that are lost while a node crashes. */
export const CRASH_LOSSES = [0, 10, 30];

/** In rounds, in a network that loses datagrams. */
function crashRounds(lossPercent: number): Measurement<Crash> {
  return {
    name: `crash.loss${lossPercent}`,
    seeds: { full: 100, quick: 10 },
    nodes: NODES,
    sample: (seed) => crashOf(seed, lossPercent / 100, false),
    figures(samples) {
      const last = samples.map((sample) => sample.last);
      return {
        [`detect.crashFirstRounds.n50loss${lossPercent}`]:
          rounded(percentile(samples.map(({ first }) => first), 0.5), 2),
        [`detect.crashLastRounds.n50loss${lossPercent}`]: rounded(percentile(last, 0.5), 2),
        [`detect.crashLastP95Rounds.n50loss${lossPercent}`]: rounded(percentile(last, 0.95), 2),
      };
    },
  };
}

export const crashMeasurements = CRASH_LOSSES.map(crashRounds);

/** The time after which a node of a network of this size holds a suspected node as DOWN. */
export function suspicionMs(nodes: number): number {
  const rows = statements(nodes, new SimRandom(1, STREAM_SCENARIO), () => new Uint8Array(0));
  return new Suspicion(new Peer(rows, 1).engine.rows, new Clock(ROUND_MS), 0).suspicionMs();
}

export function isGone(state: NodeRow["state"]): boolean {
  return state === "down" || state === "removed" || state === "left";
}
