import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { BenchNetwork } from "./network.js";

/** Sizes of networks that nobody uses. */
export const REST_SIZES = [8, 50, 200, 500];
/** Sizes of networks in which one node shares another value in each round. */
export const CHANGE_SIZES = [50, 200, 500];
/** Rounds that belong to the start, and are not at rest. */
const START_ROUNDS = 16;
/** Rounds that are summed up: a wave of a few rounds shows, single datagrams do not. */
const WINDOW_ROUNDS = 8;
/** After 64 rounds nodes that rested in step would announce themselves together. */
const REST_ROUNDS = 192;
const POWER_ON_ROUNDS = { from: 8, to: 64 };
const WARM_UP_ROUNDS = 16;
const CHANGE_ROUNDS = 32;

/** Bytes that each node sends in each round, from the moment at which all are switched on. */
function bytesByRound(nodes: number, seed: number, rounds: number): number[] {
  const network = new BenchNetwork({ nodes, seed });
  return Array.from({ length: rounds }, () => {
    const before = network.sim.counts.bytes;
    network.runRounds(1);
    return (network.sim.counts.bytes - before) / nodes;
  });
}

interface Rest {
  /** Bytes of a node and round in the worst window. */
  worst: number;
  powerOn: number;
}

function rest(nodes: number): Measurement<Rest> {
  return {
    name: `rest.n${nodes}`,
    seeds: { full: 3, quick: nodes === 50 ? 1 : 0 },
    nodes,
    sample(seed) {
      const bytes = bytesByRound(nodes, seed, REST_ROUNDS);
      const windows = bytes.slice(START_ROUNDS + WINDOW_ROUNDS - 1)
        .map((_, at) => mean(bytes.slice(START_ROUNDS + at, START_ROUNDS + at + WINDOW_ROUNDS)));
      const { from, to } = POWER_ON_ROUNDS;
      return { worst: Math.max(...windows), powerOn: bytes.slice(from, to).reduce((sum, each) => sum + each, 0) };
    },
    figures: (samples) => ({
      [`wire.bytesPerNodePerRound.rest8.n${nodes}`]: rounded(Math.max(...samples.map(({ worst }) => worst)), 1),
      ...nodes === REST_SIZES.at(-1) && {
        [`wire.bytesPerNode.powerOn.n${nodes}`]: rounded(mean(samples.map(({ powerOn }) => powerOn)), 0),
      },
    }),
  };
}

export const restMeasurements = REST_SIZES.map(rest);

/** One node, another one each round, shares another value: bytes of a node and round. */
function change(nodes: number): Measurement<number> {
  return {
    name: `change.n${nodes}`,
    seeds: { full: 3, quick: nodes === 50 ? 1 : 0 },
    nodes,
    sample(seed) {
      const network = new BenchNetwork({ nodes, seed });
      network.warmUp(WARM_UP_ROUNDS);
      let before = 0;
      for (let round = -START_ROUNDS; round < CHANGE_ROUNDS; round++) {
        if (round === 0) before = network.sim.counts.bytes;
        network.random.pick(network.nodes).push(round / 100);
        network.runRounds(1);
      }
      return (network.sim.counts.bytes - before) / nodes / CHANGE_ROUNDS;
    },
    figures: (samples) => ({
      [`wire.bytesPerNodePerRound.change.n${nodes}`]: rounded(percentile(samples, 0.5), 1),
    }),
  };
}

export const changeMeasurements = CHANGE_SIZES.map(change);
