import type { SimNode } from "../../desktop/simulator/index.js";
import { type Modules, isGone } from "./adapter.js";
import type { AgainstFigure, Measure } from "./measure.js";
import { Network, ROUND_MS } from "./network.js";

/*
 * Bytes and rounds of whole networks. They are as in `rest.ts`, `converge.ts` and `detect.ts`, and have the same names.
 */

/** Of memberlist 0.2.2 with Lifeguard, one gossip and one probe a round, in virtual time. */
const MEMBERLIST = "memberlist 0.2.2";

function memberlist(value: number | undefined): Pick<AgainstFigure, "peer"> {
  return value === undefined ? {} : { peer: { name: MEMBERLIST, value } };
}

const START_ROUNDS = 16;
const WINDOW_ROUNDS = 8;
const REST_ROUNDS = 192;
const POWER_ON = { from: 8, to: 64 };

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The worst rounds of a network that nobody uses, and its start, from the moment at which all are switched on. */
function rest(nodes: number, peer: number | undefined, quick: number): Measure {
  const isLargest = nodes === 500;
  return {
    figures: [
      {
        name: `wire.bytesPerNodePerRound.rest8.n${nodes}`, unit: "bytes", summary: "most", decimals: 1,
        ...memberlist(peer),
      },
      ...isLargest ? [{
        name: `wire.bytesPerNode.powerOn.n${nodes}`, unit: "bytes", summary: "mean", decimals: 0,
      } as const] : [],
    ],
    nodes,
    seeds: { full: isLargest ? 1 : 3, quick },
    way: "together",
    sample(modules, seed) {
      const network = new Network(modules, nodes, seed);
      const bytes = Array.from({ length: REST_ROUNDS }, () => network.bytesIn(1));
      const windows = bytes.slice(START_ROUNDS + WINDOW_ROUNDS - 1)
        .map((_, at) => sum(bytes.slice(START_ROUNDS + at, START_ROUNDS + at + WINDOW_ROUNDS)) / WINDOW_ROUNDS);
      return [Math.max(...windows), ...isLargest ? [sum(bytes.slice(POWER_ON.from, POWER_ON.to))] : []];
    },
  };
}

const CHANGE_ROUNDS = 32;

/** One node, another one each round, shares another value. */
function change(nodes: number, peer: number, quick: number): Measure {
  return {
    figures: [{
      name: `wire.bytesPerNodePerRound.change.n${nodes}`, unit: "bytes", summary: "median", decimals: 1,
      ...memberlist(peer),
    }],
    nodes,
    seeds: { full: 3, quick },
    way: "together",
    sample(modules, seed) {
      const network = new Network(modules, nodes, seed);
      const pushSome = (round: number): void => network.random.pick(network.nodes).push(round / 100);
      network.warmUp(START_ROUNDS);
      network.bytesIn(START_ROUNDS, (round) => pushSome(round - START_ROUNDS));
      return [network.bytesIn(CHANGE_ROUNDS, pushSome)];
    },
  };
}

const LOSS_ROUNDS = 20;
const SPREAD_ROUNDS_MAX = 100;

function converge(nodes: number, lossPercent: number): Measure {
  const suffix = `n${nodes}loss${lossPercent}`;
  return {
    figures: [
      { name: `converge.medianRounds.${suffix}`, unit: "rounds", summary: "median", decimals: 2, ...memberlist(2.5) },
      { name: `converge.p95Rounds.${suffix}`, unit: "rounds", summary: "p95", decimals: 2, ...memberlist(4) },
    ],
    nodes,
    seeds: { full: 40, quick: 2 },
    way: "together",
    sample(modules, seed) {
      const network = new Network(modules, nodes, seed);
      network.warmUp(5);
      network.sim.faults.lossProbability = lossPercent / 100;
      network.runRounds(LOSS_ROUNDS + network.random.real(0, 1));
      const rounds = network.spread(network.random.pick(network.nodes), SPREAD_ROUNDS_MAX);
      return [rounds, rounds];
    },
  };
}

const PATIENCE_ROUNDS = 200;

function crashOf(modules: Modules, nodes: number, loss: number, seed: number): { first: number; last: number } {
  const knowing = new Set<SimNode>();
  const known = { first: Infinity, last: Infinity };
  let crashedId = -1;
  let crashedMs = 0;
  const network = new Network(modules, nodes, seed, ({ id, state }, by) => {
    if (id !== crashedId || !isGone(state) || knowing.has(by)) return;
    const rounds = (network.sim.nowMs - crashedMs) / ROUND_MS;
    knowing.add(by);
    if (knowing.size === 1) known.first = rounds;
    if (knowing.size === nodes - 1) known.last = rounds;
  });
  network.warmUp(0);
  network.sim.faults.lossProbability = loss;
  network.runRounds(LOSS_ROUNDS);
  const node = network.random.pick(network.nodes);
  network.sim.runFor(network.random.below(ROUND_MS));
  crashedId = node.id;
  crashedMs = network.sim.nowMs;
  node.crash();
  for (let round = 0; round < PATIENCE_ROUNDS && known.last === Infinity; round++) network.runRounds(1);
  return known;
}

function crash(nodes: number, lossPercent: number, peers: readonly number[]): Measure {
  const suffix = `n${nodes}loss${lossPercent}`;
  const figure = (name: string, summary: "median" | "p95", peer?: number): AgainstFigure => ({
    name: `detect.${name}.${suffix}`, unit: "rounds", summary, decimals: 2, ...memberlist(peer),
  });
  return {
    figures: [
      figure("crashFirstRounds", "median", peers[0]), figure("crashLastRounds", "median", peers[1]),
      figure("crashLastP95Rounds", "p95"),
    ],
    nodes,
    seeds: { full: 40, quick: lossPercent === 0 ? 4 : 0 },
    way: "together",
    sample(modules, seed) {
      const { first, last } = crashOf(modules, nodes, lossPercent / 100, seed);
      return [first, last, last];
    },
  };
}

export const networkMeasures: readonly Measure[] = [
  rest(8, 104, 1), rest(50, 114, 1), rest(200, 118, 0), rest(500, undefined, 0),
  change(50, 639, 1), change(200, 867, 0), converge(200, 10), crash(50, 0, [7.8, 8]), crash(50, 30, []),
];
