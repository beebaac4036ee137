import { BenchNetwork } from "../network.js";
import type { Modules } from "./adapter.js";
import type { Measure } from "./measure.js";

/*
 * The speed and the memory of the simulator.
 */

const NODES = 1000;
/** Rounds after which the updates of the start have ended. */
const REST_AFTER_ROUNDS = 16;

/** One sample is one round, so that both revisions meet the same load of the machine. */
function speed(name: string, rounds: number, before: (network: BenchNetwork, round: number) => void): Measure {
  let network: BenchNetwork | undefined;
  return {
    figures: [{ name: `sim.${name}NodeRoundsPerSecond.n${NODES}`, unit: "1/s", summary: "mean", decimals: 0 }],
    nodes: NODES,
    seeds: { full: rounds, quick: 0 },
    way: "in turn",
    sample(modules, seed, nth) {
      if (network === undefined) {
        network = new BenchNetwork({ nodes: NODES, seed, modules });
        network.warmUp(REST_AFTER_ROUNDS);
      }
      before(network, nth);
      const started = process.cpuUsage();
      network.runRounds(1);
      const { user, system } = process.cpuUsage(started);
      return [NODES / (user + system) * 1e6];
    },
  };
}

const RUN_ROUNDS = 50;

/** As `chisme simulate --nodes N --rounds 50`. */
function run(nodes: number): Measure {
  return {
    figures: [
      { name: `sim.peakMegabytes.n${nodes}`, unit: "MB", summary: "most", decimals: 0 },
      { name: `sim.cpuSeconds.n${nodes}rounds${RUN_ROUNDS}`, unit: "s", summary: "mean", decimals: 1 },
    ],
    nodes,
    seeds: { full: 1, quick: 0 },
    way: "alone",
    sample: (modules, seed) => simulateOnce(modules, nodes, seed),
  };
}

function simulateOnce(modules: Modules, nodes: number, seed: number): number[] {
  const started = process.cpuUsage();
  const rounds = modules.simulate({ ...modules.simulateDefaults, seed, nodes, rounds: RUN_ROUNDS });
  while (rounds.next().done !== true) continue;
  const { user, system } = process.cpuUsage(started);
  return [process.resourceUsage().maxRSS / 1000, (user + system) / 1e6];
}

export const simulatorMeasures: readonly Measure[] = [
  speed("rest", 64, () => undefined),
  speed("push", 4, (network, round) => {
    for (const node of network.nodes) node.push(round + node.index / NODES);
  }),
  run(1000), run(5000),
];
