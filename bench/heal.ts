import { checkValues, split } from "../desktop/simulator/index.js";
import { RETRY_ROUNDS } from "../src/engine/membership/rounds.js";
import type { NodeState } from "../src/gossip.js";
import { type Measurement, percentile, rounded } from "./measurement.js";
import { BenchNetwork, ROUND_MS } from "./network.js";

const LOSS = 0.1;
const REST_ROUNDS = 10;
/** Rounds between two checks of the condition. */
const STEP_ROUNDS = 0.25;
const PATIENCE_ROUNDS = 200;

const SPLIT_NODES = 24;
const RESTART_NODES = 50;
const WIPED_PART = 0.1;

/** Rounds until a condition is true. */
function roundsUntil(network: BenchNetwork, isSo: () => boolean): number {
  for (let steps = 1; steps * STEP_ROUNDS <= PATIENCE_ROUNDS; steps++) {
    network.runRounds(STEP_ROUNDS);
    if (isSo()) return steps * STEP_ROUNDS;
  }
  return Infinity;
}

/** Measures the time from the end of a random split until all nodes hold the values that were shared meanwhile. */
function heal(name: string, rounds: number, seeds: { full: number; quick: number }): Measurement<number> {
  return {
    name: `heal.${name}`,
    seeds,
    nodes: SPLIT_NODES,
    sample(seed) {
      const network = new BenchNetwork({ nodes: SPLIT_NODES, seed });
      network.warmUp(REST_ROUNDS);
      network.sim.faults.lossProbability = LOSS;
      const nodes = network.random.shuffled(network.nodes);
      const half = network.random.between(1, nodes.length - 1);
      network.sim.faults.cuts = [split(nodes.slice(0, half), nodes.slice(half))];
      network.runRounds(rounds / 2);
      for (const node of nodes) node.push(network.random.below(1000));
      network.runRounds(rounds / 2);
      network.sim.faults.cuts = [];
      return roundsUntil(network, () => checkValues(network.sim).length === 0) / RETRY_ROUNDS;
    },
    figures: (samples) => ({ [`heal.${name}RetryPeriods`]: rounded(Math.max(...samples), 2) }),
  };
}

const ROUNDS_OF_HOUR = 3600000 / ROUND_MS;

export const healMeasurements = [
  heal("partition7d", 7 * 24 * ROUNDS_OF_HOUR, { full: 10, quick: 0 }),
  heal("partition1h", ROUNDS_OF_HOUR, { full: 100, quick: 10 }),
  heal("partition10m", ROUNDS_OF_HOUR / 6, { full: 100, quick: 10 }),
];

/** Whether all nodes hold all nodes in one of some states, with their current revisions. */
function isComplete({ sim }: BenchNetwork, states: readonly NodeState[]): boolean {
  const revisions = new Map(sim.running.map((node) => [node.id, node.gossip?.revision]));
  return sim.running.every((node) => {
    const rows = node.gossip?.rows() ?? [];
    const there = rows.filter(({ id, state, revision }) => states.includes(state) && revisions.get(id) === revision);
    return there.length === sim.running.length;
  });
}

/** Rounds from a restart of all nodes at once, some with their storage wiped, until all hold all. */
function massRestart(seed: number, lossProbability: number, states: readonly NodeState[]): number {
  const network = new BenchNetwork({ nodes: RESTART_NODES, seed });
  network.warmUp(REST_ROUNDS);
  network.sim.faults.lossProbability = lossProbability;
  for (const node of network.nodes) node.crash();
  network.random.shuffled(network.nodes).forEach((node, nth) => {
    node.restart({ keepStorage: nth >= RESTART_NODES * WIPED_PART });
  });
  return roundsUntil(network, () => isComplete(network, states));
}

export const massRestarts: Measurement<{ clean: number; lossy: number }> = {
  name: "massRestart",
  seeds: { full: 100, quick: 10 },
  nodes: RESTART_NODES,
  sample: (seed) => ({
    clean: massRestart(seed, 0, ["up", "probed"]),
    // Under loss there is always a suspicion somewhere that is not refuted yet.
    lossy: massRestart(seed, LOSS, ["up", "probed", "suspect"]),
  }),
  figures: (samples) => ({
    "restart.massRounds": Math.max(...samples.map(({ clean }) => clean)),
    "restart.massP95Rounds.loss10": percentile(samples.map(({ lossy }) => lossy), 0.95),
  }),
};
