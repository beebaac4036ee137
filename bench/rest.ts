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
/** Sizes of networks in which each node shares another value in each round, as sensors do. */
export const SHARE_SIZES = [50, 200];
const SHARE_ROUNDS = 8;
/** Parts of a round in which nodes share their values. */
const PARTS = 100;

export interface Rest {
  /** Bytes of a node and round in the worst window. */
  worst: number;
  powerOn: number;
}

/** The worst rounds of a network that nobody uses, and its start, from the moment at which all are switched on. */
export function restOf(network: BenchNetwork): Rest {
  const bytes = Array.from({ length: REST_ROUNDS }, () => network.bytesInRound());
  const windows = bytes.slice(START_ROUNDS + WINDOW_ROUNDS - 1)
    .map((_, at) => mean(bytes.slice(START_ROUNDS + at, START_ROUNDS + at + WINDOW_ROUNDS)));
  const { from, to } = POWER_ON_ROUNDS;
  return { worst: Math.max(...windows), powerOn: bytes.slice(from, to).reduce((sum, each) => sum + each, 0) };
}

/** One node, another one each round, shares another value: bytes of a node and round. */
export function changeOf(network: BenchNetwork): number {
  network.warmUp(WARM_UP_ROUNDS);
  const bytes = Array.from({ length: START_ROUNDS + CHANGE_ROUNDS }, (_, at) => {
    network.random.pick(network.nodes).push((at - START_ROUNDS) / 100);
    return network.bytesInRound();
  });
  return mean(bytes.slice(START_ROUNDS));
}

/**
 * Each node shares another value once in each round, at a time of its own: bytes of a node and round. Rounds in which
 * early probes are owed send less, so their number is even.
 */
export function shareOf(network: BenchNetwork): number {
  network.warmUp(WARM_UP_ROUNDS);
  const parts = network.nodes.map(() => network.random.below(PARTS));
  const bytes = Array.from({ length: SHARE_ROUNDS }, (_, round) => {
    const before = network.sim.counts.bytes;
    for (let part = 0; part < PARTS; part++) {
      network.nodes.filter((_node, at) => parts[at] === part)
        .forEach((node) => node.push(round + node.index / network.nodes.length));
      network.runRounds(1 / PARTS);
    }
    return (network.sim.counts.bytes - before) / network.nodes.length;
  });
  return mean(bytes);
}

function rest(nodes: number): Measurement<Rest> {
  return {
    name: `rest.n${nodes}`,
    seeds: { full: 3, quick: nodes === 50 ? 1 : 0 },
    nodes,
    sample: (seed) => restOf(new BenchNetwork({ nodes, seed })),
    figures: (samples) => ({
      [`wire.bytesPerNodePerRound.rest8.n${nodes}`]: rounded(Math.max(...samples.map(({ worst }) => worst)), 1),
      ...nodes === REST_SIZES.at(-1) && {
        [`wire.bytesPerNode.powerOn.n${nodes}`]: rounded(mean(samples.map(({ powerOn }) => powerOn)), 0),
      },
    }),
  };
}

export const restMeasurements = REST_SIZES.map(rest);

/** Bytes of a node and round, the median of all seeds. @param name in that of the figure */
function perRound(
  name: string, nodes: number, bytesOf: (network: BenchNetwork) => number, decimals: number,
): Measurement<number> {
  return {
    name: `${name}.n${nodes}`,
    seeds: { full: 3, quick: nodes === 50 ? 1 : 0 },
    nodes,
    sample: (seed) => bytesOf(new BenchNetwork({ nodes, seed })),
    figures: (samples) => ({
      [`wire.bytesPerNodePerRound.${name}.n${nodes}`]: rounded(percentile(samples, 0.5), decimals),
    }),
  };
}

export const changeMeasurements = CHANGE_SIZES.map((nodes) => perRound("change", nodes, changeOf, 1));
export const shareMeasurements = SHARE_SIZES.map((nodes) => perRound("share", nodes, shareOf, 0));
