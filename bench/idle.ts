import { espgossip } from "../src/espgossip/index.js";
import { type Measurement, mean, rounded } from "./measurement.js";
import { BenchNetwork } from "./network.js";

/** Sizes of networks. Up to 60 nodes, ESPGossip's dialect is also measured. */
export const IDLE_SIZES = [8, 16, 24, 60, 120, 250, 500];
export const ESPGOSSIP_SIZES = [8, 16, 24, 60];
/** With more rows ESPGossip's reference stops sending; chisme divides the table into several datagrams. */
export const ESPGOSSIP_ROWS_MAX = 24;
const QUICK_SIZES = [8, 24];
/** Rounds after which no update of the start is left to send, with 500 nodes too. */
const REST_ROUNDS = 64;
/** Twice the time after which a node announces that its row is still valid, which is part of the idle cost. */
const IDLE_ROUNDS = 128;

interface Idle {
  compact: number;
  /** NaN if it is not measured. */
  espgossip: number;
}

/** Bytes that a node sends in a round in one dialect, without loss and without new values. */
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
