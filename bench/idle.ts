import { espgossip } from "../src/espgossip/index.js";
import { type Measurement, mean, rounded } from "./measurement.js";
import { BenchNetwork } from "./network.js";

/** Sizes of networks; up to 60 nodes they are measured in ESPGossip's dialect, too. */
export const IDLE_SIZES = [8, 16, 24, 60, 120, 250, 500];
export const ESPGOSSIP_SIZES = [8, 16, 24, 60];
/** Rows at which the reference of ESPGossip stops to send; chisme goes on in parts. */
export const ESPGOSSIP_ROWS_MAX = 24;
const QUICK_SIZES = [8, 24];
/** Enough for what was news in the beginning to be none any more, with 500 nodes, too. */
const REST_ROUNDS = 64;
/** Twice what a node takes to say that its row still stands: that is part of what being idle costs. */
const IDLE_ROUNDS = 128;

interface Idle {
  compact: number;
  /** NaN where it is not measured. */
  espgossip: number;
}

/** What a node sends in a round where nobody has anything to say and nothing is lost, in one dialect. */
function bytesPerNodeAndRound(nodes: number, seed: number, isCompact: boolean): number {
  const dialect = isCompact ? {} : { dialect: espgossip(), datagramBytesMax: 1472 };
  const network = new BenchNetwork({ nodes, seed, ...dialect });
  network.warmUp(REST_ROUNDS);
  const before = network.sim.counts.bytes;
  network.runRounds(IDLE_ROUNDS);
  return (network.sim.counts.bytes - before) / nodes / IDLE_ROUNDS;
}

function idle(nodes: number): Measurement<Idle> {
  const isCompared = ESPGOSSIP_SIZES.includes(nodes);
  return {
    name: `idle.n${nodes}`,
    seeds: { full: 3, quick: QUICK_SIZES.includes(nodes) ? 1 : 0 },
    nodes,
    sample: (seed) => ({
      compact: bytesPerNodeAndRound(nodes, seed, true),
      espgossip: isCompared ? bytesPerNodeAndRound(nodes, seed, false) : NaN,
    }),
    figures(samples) {
      const compact = mean(samples.map((sample) => sample.compact));
      const old = mean(samples.map((sample) => sample.espgossip));
      return {
        [`wire.bytesPerNodePerRound.idle.n${nodes}`]: rounded(compact, 1),
        ...isCompared && { [`espgossip.bytesPerNodePerRound.idle.n${nodes}`]: rounded(old, 0) },
        ...nodes === ESPGOSSIP_ROWS_MAX && { [`wire.idleRatio.n${nodes}`]: rounded(old / compact, 1) },
      };
    },
  };
}

export const idleMeasurements: Measurement<Idle>[] = IDLE_SIZES.map(idle);
