import { SimNetwork, makeTopology } from "../desktop/simulator/index.js";
import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { RowData } from "../src/engine/table/row-data.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { SECTION_HEAD_BYTES, SECTION_TIME } from "../src/engine/wire/frame.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { Gossip } from "../src/gossip.js";
import { type NetworkTime, networkTime } from "../src/time/index.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { ROUND_MS } from "./network.js";

/** 2026-01-01: the time at the start. */
const START_MS = 1767225600000;
const DRIFT_PPM = 50;
const LOSS = 0.1;
/** Of one datagram, as on a Wi-Fi whose boards save power. */
const DELAY_MS = { min: 2, max: 50 };
const ROUNDS = { full: 360, quick: 60 };
const KNOWN_ROUNDS_MAX = 400;
/** The time without its source: 6 hours. */
const ALONE_MS = 6 * 3600000;

/** A network in which only the first node has the time. The clocks of all others drift. */
class TimeNetwork {
  readonly sim: SimNetwork;
  readonly times: NetworkTime[] = [];
  /** Shown times that were further off than the node said. */
  beyond = 0;
  /** Of requests and answers, sent by all nodes. */
  bytes = 0;
  private readonly frame = new FrameReader();
  private readonly row = new RowData();

  constructor(seed: number, nodes: number, shape: "all" | "line") {
    this.sim = new SimNetwork({ seed, faults: { lossProbability: LOSS, delayMs: DELAY_MS } });
    this.sim.tap = (entry) => {
      if (entry.kind === "sent") this.count(entry.bytes, entry.length);
    };
    const random = new SimRandom(seed, STREAM_SCENARIO);
    if (shape === "line") this.sim.topology = makeTopology({ shape, nodes, seed });
    for (let i = 0; i < nodes; i++) {
      const seedList = shape === "line" ? [`10.0.0.${i === 0 ? 2 : i}`] : ["10.0.0.1", "10.0.0.2"];
      this.sim.addNode({
        startAfterMs: random.between(0, ROUND_MS),
        ...i === 0 ? { physicalStartMs: START_MS } : { clockSkewPpm: random.between(-DRIFT_PPM, DRIFT_PPM) },
        start: (platform, storage) => {
          const time = networkTime({ clock: i === 0, clockErrorMs: 1 });
          this.times[i] = time;
          const gossip = new Gossip({ ...platform, storage, seedList, time });
          gossip.start();
          gossip.push(i);
          return gossip;
        },
      });
    }
  }

  get knowing(): number { return this.times.filter((time) => time.now() !== undefined).length; }

  /** How far each node that knows the time is off, in ms; 0 and more. */
  errors(): number[] {
    const trueMs = START_MS + this.sim.nowMs;
    return this.times.slice(1).flatMap((time) => {
      const now = time.now();
      const quality = time.quality();
      if (now === undefined || quality === undefined) return [];
      const errorMs = Math.abs(now - trueMs);
      if (errorMs > quality.errorMs) this.beyond++;
      return [errorMs];
    });
  }

  /** Runs rounds, and collects the errors in each. */
  runRounds(rounds: number): number[] {
    const errors: number[] = [];
    for (let i = 0; i < rounds; i++) {
      this.sim.runFor(ROUND_MS);
      for (const error of this.errors()) errors.push(error);
    }
    return errors;
  }

  private count(bytes: Uint8Array, length: number): void {
    if (this.frame.parse(bytes, length, this.row) !== DROP_NONE) return;
    this.frame.rewind();
    while (this.frame.nextSection()) {
      if (this.frame.section === SECTION_TIME) this.bytes += SECTION_HEAD_BYTES + this.frame.end - this.frame.position;
    }
  }
}

interface Sample {
  knownRounds: number;
  median: number;
  p95: number;
  max: number;
  hopsMax: number;
  bytes: number;
  aloneMax: number;
  beyond: number;
}

function course(shape: "all" | "line", nodes: number): Measurement<Sample> {
  return {
    name: `time.${shape}${nodes}`,
    seeds: { full: 20, quick: 2 },
    nodes,
    sample(seed, isQuick) {
      const network = new TimeNetwork(seed, nodes, shape);
      let knownRounds = 0;
      while (network.knowing < nodes && knownRounds < KNOWN_ROUNDS_MAX) {
        network.runRounds(1);
        knownRounds++;
      }
      const rounds = isQuick ? ROUNDS.quick : ROUNDS.full;
      const { bytes } = network;
      const errors = network.runRounds(rounds);
      const more = network.bytes - bytes;
      const hopsMax = Math.max(...network.times.map((time) => time.quality()?.hops ?? 0));
      network.sim.nodes[0].crash();
      network.sim.runFor(isQuick ? ALONE_MS / 6 : ALONE_MS);
      return {
        knownRounds, median: percentile(errors, 0.5), p95: percentile(errors, 0.95), max: Math.max(...errors), hopsMax,
        bytes: more / rounds / nodes, aloneMax: Math.max(...network.errors()), beyond: network.beyond,
      };
    },
    figures(samples) {
      const key = `.${shape}${nodes}`;
      const of = (pick: (sample: Sample) => number): number[] => samples.map(pick);
      return {
        [`time.errorMsMedian${key}`]: percentile(of(({ median }) => median), 0.5),
        [`time.errorMsP95${key}`]: percentile(of(({ p95 }) => p95), 0.95),
        [`time.errorMsMax${key}`]: Math.max(...of(({ max }) => max)),
        [`time.beyondBound${key}`]: of(({ beyond }) => beyond).reduce((sum, one) => sum + one, 0),
        [`time.knownRounds${key}`]: percentile(of(({ knownRounds }) => knownRounds), 0.95),
        [`time.hopsMax${key}`]: Math.max(...of(({ hopsMax }) => hopsMax)),
        [`time.bytes${key}`]: rounded(mean(of(({ bytes }) => bytes)), 2),
        [`time.aloneErrorMsMax${key}`]: Math.max(...of(({ aloneMax }) => aloneMax)),
      };
    },
  };
}

export const timeMeasurements: readonly Measurement<never>[] = [
  course("all", 50), course("line", 16),
] as Measurement<never>[];
