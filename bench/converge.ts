import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { BenchNetwork } from "./network.js";

/** Rounds without faults, so that no update is left to send. */
const REST_ROUNDS = 5;
/** Rounds with loss before the push, so that the number of suspicions is in its steady state. */
const LOSS_ROUNDS = 20;
const PATIENCE_ROUNDS = 100;

export interface Spread {
  /** When each node received the new value, in rounds after the push, in ascending order. */
  arrivals: number[];
  bytesPerNode: number;
}

/** One push in a network after its warm-up. The time of a node that never receives the value is infinite. */
export function spreadIn(network: BenchNetwork, lossProbability: number): Spread {
  const nodes = network.nodes.length;
  network.warmUp(REST_ROUNDS);
  network.sim.faults.lossProbability = lossProbability;
  network.runRounds(LOSS_ROUNDS + network.random.real(0, 1));
  const before = network.sim.counts.bytes;
  const arrivals = network.spread(network.random.pick(network.nodes), PATIENCE_ROUNDS);
  while (arrivals.length < nodes) arrivals.push(Infinity);
  return { arrivals, bytesPerNode: (network.sim.counts.bytes - before) / nodes };
}

interface Converged {
  rounds: number;
  bytesPerNode: number;
}

function converge(nodes: number, lossPercent: number, quickSeeds: number): Measurement<Converged> {
  const suffix = `n${nodes}loss${lossPercent}`;
  return {
    name: `converge.${suffix}`,
    seeds: { full: nodes < 500 ? 200 : 50, quick: quickSeeds },
    nodes,
    sample(seed) {
      const { arrivals, bytesPerNode } = spreadIn(new BenchNetwork({ nodes, seed }), lossPercent / 100);
      return { rounds: arrivals[nodes - 1], bytesPerNode };
    },
    figures: (samples) => ({
      [`converge.medianRounds.${suffix}`]: rounded(percentile(samples.map(({ rounds }) => rounds), 0.5), 2),
      [`converge.p95Rounds.${suffix}`]: rounded(percentile(samples.map(({ rounds }) => rounds), 0.95), 2),
      [`converge.bytesPerNode.${suffix}`]: rounded(mean(samples.map(({ bytesPerNode }) => bytesPerNode)), 0),
    }),
  };
}

export const convergeMeasurements = [
  converge(50, 10, 20), converge(200, 10, 6), converge(500, 10, 1), converge(500, 30, 1),
];

/** Sizes of the networks in the plot. */
export const CURVE_SIZES = [50, 500, 5000];
/** Number of samples behind the curve of each size. */
const CURVE_SEEDS: Record<number, number> = { 50: 40, 500: 10, 5000: 1 };

/** Measures when each node receives a value without loss. */
function curve(nodes: number): Measurement<number[]> {
  return {
    name: `curve.n${nodes}`,
    seeds: { full: CURVE_SEEDS[nodes], quick: 0 },
    nodes,
    sample(seed) {
      return spreadIn(new BenchNetwork({ nodes, seed }), 0).arrivals.map((rounds) => rounded(rounds, 3));
    },
    figures: (samples) => ({
      [`converge.medianRounds.n${nodes}`]: rounded(percentile(samples.map((arrivals) => arrivals[nodes - 1]), 0.5), 2),
    }),
  };
}

export const curveMeasurements = CURVE_SIZES.map(curve);

/**
 * The ideal push-pull: once a round, at its own phase, each node exchanges all rows
 * with a uniformly random other node, in no time. No node sends between rounds.
 */
export function idealSpread(nodes: number, seed: number): number[] {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const phases = Array.from({ length: nodes }, (_, node) => ({ node, phase: random.real(0, 1) }));
  phases.sort((a, b) => a.phase - b.phase);
  const knows = new Uint8Array(nodes);
  knows[random.below(nodes)] = 1;
  const arrivals = [0];
  for (let round = 0; arrivals.length < nodes; round++) {
    for (const { node, phase } of phases) {
      const other = (node + 1 + random.below(nodes - 1)) % nodes;
      if (knows[node] === knows[other]) continue;
      knows[node] = knows[other] = 1;
      arrivals.push(rounded(round + phase, 3));
    }
  }
  return arrivals;
}

function ideal(nodes: number): Measurement<number[]> {
  return {
    name: `ideal.n${nodes}`,
    seeds: { full: CURVE_SEEDS[nodes] * 5, quick: 0 },
    nodes: 0,
    sample: (seed) => idealSpread(nodes, seed),
    figures: (samples) => ({
      [`ideal.medianRounds.n${nodes}`]: rounded(percentile(samples.map((arrivals) => arrivals[nodes - 1]), 0.5), 2),
    }),
  };
}

export const idealMeasurements = CURVE_SIZES.map(ideal);
