import { spreadIn } from "../converge.js";
import { crashOf } from "../detect.js";
import { BenchNetwork } from "../network.js";
import { changeOf, restOf, shareOf } from "../rest.js";
import { isGone } from "./adapter.js";
import type { AgainstFigure, Measure } from "./measure.js";

/*
 * Bytes and rounds of whole networks: the samples of `rest.ts`, `converge.ts` and `detect.ts`, under the same names.
 */

/** Of memberlist 0.2.2 with Lifeguard, one gossip and one probe a round, in virtual time. */
const MEMBERLIST = "memberlist 0.2.2";

function memberlist(value: number | undefined): Pick<AgainstFigure, "peer"> {
  return value === undefined ? {} : { peer: { name: MEMBERLIST, value } };
}

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
      const { worst, powerOn } = restOf(new BenchNetwork({ nodes, seed, modules }));
      return isLargest ? [worst, powerOn] : [worst];
    },
  };
}

function change(nodes: number, peer: number | undefined, quick: number): Measure {
  return {
    figures: [{
      name: `wire.bytesPerNodePerRound.change.n${nodes}`, unit: "bytes", summary: "median", decimals: 1,
      ...memberlist(peer),
    }],
    nodes,
    seeds: { full: nodes === 500 ? 1 : 3, quick },
    way: "together",
    sample: (modules, seed) => [changeOf(new BenchNetwork({ nodes, seed, modules }))],
  };
}

function share(nodes: number): Measure {
  return {
    figures: [{
      name: `wire.bytesPerNodePerRound.share.n${nodes}`, unit: "bytes", summary: "median", decimals: 0,
    }],
    nodes,
    seeds: { full: 3, quick: 0 },
    way: "together",
    sample: (modules, seed) => [shareOf(new BenchNetwork({ nodes, seed, modules }))],
  };
}

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
      const rounds = spreadIn(new BenchNetwork({ nodes, seed, modules }), lossPercent / 100).arrivals[nodes - 1];
      return [rounds, rounds];
    },
  };
}

function crash(lossPercent: number, peers: readonly number[]): Measure {
  const nodes = 50;
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
      const { first, last } = crashOf(seed, lossPercent / 100, false, { modules, isGone });
      return [first, last, last];
    },
  };
}

export const networkMeasures: readonly Measure[] = [
  rest(8, 104, 1), rest(50, 114, 1), rest(200, 118, 0), rest(500, undefined, 0),
  change(50, 639, 1), change(200, 867, 0), change(500, undefined, 0), share(50), share(200), converge(200, 10),
  crash(0, [7.8, 8]), crash(30, []),
];
