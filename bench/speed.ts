import { simulate } from "../desktop/simulator/index.js";
import type { Measurement } from "./measurement.js";

const ROUND_MS = 10000;
const SIZES = { full: { nodes: 1000, rounds: 100 }, quick: { nodes: 100, rounds: 50 } };

/** The simulation of `npm start`, larger: 10 % loss, and readings in about half of its rounds. */
export const speed: Measurement<number> = {
  name: "speed",
  seeds: { full: 1, quick: 1 },
  nodes: 1000,
  isAlone: true,
  sample(seed, isQuick) {
    const { nodes, rounds } = isQuick ? SIZES.quick : SIZES.full;
    const started = performance.now();
    const run = simulate({
      nodes, seed, rounds, lossProbability: 0.1, datagramBytesMax: 1200, roundIntervalMs: ROUND_MS,
      dialect: "compact",
    });
    while (run.next().done !== true);
    return nodes * rounds / (performance.now() - started) * 1000;
  },
  figures: (samples) => ({ "sim.nodeRoundsPerSecond": Math.round(samples[0]) }),
};
