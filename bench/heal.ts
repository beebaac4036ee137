import { checkValues, split } from "../desktop/simulator/index.js";
import { RETRY_ROUNDS } from "../src/engine/membership/rounds.js";
import type { NodeState } from "../src/gossip.js";
import { type Measurement, percentile, rounded } from "./measurement.js";
import { BenchNetwork, ROUND_MS } from "./network.js";

const LOSS = 0.1;
const REST_ROUNDS = 10;
/** How often it is looked whether all is well again, in rounds. */
const STEP_ROUNDS = 0.25;
const PATIENCE_ROUNDS = 200;

const SPLIT_NODES = 24;
const RESTART_NODES = 50;
const WIPED_PART = 0.1;

/** Rounds until something is the case. */
function roundsUntil(network: BenchNetwork, isSo: () => boolean): number {
  for (let steps = 1; steps * STEP_ROUNDS <= PATIENCE_ROUNDS; steps++) {
    network.runRounds(STEP_ROUNDS);
    if (isSo()) return steps * STEP_ROUNDS;
  }
  return Infinity;
}

/** A network in two halves, drawn, while each half goes on sharing values; until all hold all of them. */
function heal(name: string, rounds: number, seeds: { full: number; quick: number }): Measurement<number> {
  return {
    name: `heal.${name}`,
    seeds,
    nodes: SPLIT_NODES,
    sample(seed) {
      const network = new BenchNetwork({ nodes: SPLIT_NODES, seed });
      network.warmUp(REST_ROUNDS);
      network.sim.faults.lossProbability = LOSS;
      const nodes = network.dice.shuffled(network.nodes);
      const half = network.dice.between(1, nodes.length - 1);
      network.sim.faults.cuts = [split(nodes.slice(0, half), nodes.slice(half))];
      network.runRounds(rounds / 2);
      for (const node of nodes) node.push(network.dice.below(1000));
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

/** Everybody holds everybody in one of some states, as of this start. */
function isEverybody({ sim }: BenchNetwork, states: readonly NodeState[]): boolean {
  const revisions = new Map(sim.running.map((node) => [node.id, node.gossip?.revision]));
  return sim.running.every((node) => {
    const rows = node.gossip?.rows() ?? [];
    const there = rows.filter(({ id, state, revision }) => states.includes(state) && revisions.get(id) === revision);
    return there.length === sim.running.length;
  });
}

/** The power of all nodes fails at once and comes back, some without their storage; until all hold all. */
function massRestart(seed: number, lossProbability: number, states: readonly NodeState[]): number {
  const network = new BenchNetwork({ nodes: RESTART_NODES, seed });
  network.warmUp(REST_ROUNDS);
  network.sim.faults.lossProbability = lossProbability;
  for (const node of network.nodes) node.crash();
  network.dice.shuffled(network.nodes).forEach((node, nth) => {
    node.restart({ keepStorage: nth >= RESTART_NODES * WIPED_PART });
  });
  return roundsUntil(network, () => isEverybody(network, states));
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
