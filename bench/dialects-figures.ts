import { SimNetwork } from "../desktop/simulator/index.js";
import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { Gossip, type MinMax, minMax } from "../src/gossip.js";
import { espgossip } from "../src/espgossip/index.js";

/** One dialect at one size. */
export interface DialectFigures {
  nodes: number;
  /** Bytes that a node sends in a round, on average, while no node shares a new value. */
  bytesPerNodeAndRound: number;
  /** The same while one node in eight shares a new value in each round. */
  busyBytesPerNodeAndRound: number;
  /** Rounds from switching on all nodes until all know minimum, maximum and number of values. */
  roundsUntilAllKnow: number;
  /** Rounds from a new minimum until all nodes know it: the median of 15 updates. */
  roundsUntilUpdateIsKnown: number;
  largestDatagramBytes: number;
}

export interface DialectsResult {
  seed: number;
  roundIntervalMs: number;
  datagramBytesMax: number;
  lossProbability: number;
  espgossip: DialectFigures[];
  compact: DialectFigures[];
}

export const SIZES = [8, 16, 24, 60];
const ROUND_MS = 10000;
const DATAGRAM_BYTES_MAX = 1472;
const QUIET_ROUNDS = 50;
const UPDATES = 15;
const PATIENCE_ROUNDS = 100;

export function measureDialects(seed: number): DialectsResult {
  return {
    seed, roundIntervalMs: ROUND_MS, datagramBytesMax: DATAGRAM_BYTES_MAX, lossProbability: 0,
    espgossip: SIZES.map((nodes) => new DialectRun("espgossip", nodes, seed).measure()),
    compact: SIZES.map((nodes) => new DialectRun("compact", nodes, seed).measure()),
  };
}

/** A network in one dialect. All random decisions are drawn from the same seed in both dialects. */
class DialectRun {
  private readonly network: SimNetwork;
  private readonly views: MinMax[] = [];
  private readonly values: number[] = [];
  private readonly nodes: number;

  constructor(dialect: "espgossip" | "compact", nodes: number, seed: number) {
    this.nodes = nodes;
    this.network = new SimNetwork({ seed, datagramBytesMax: DATAGRAM_BYTES_MAX });
    const random = new SimRandom(seed, STREAM_SCENARIO);
    for (let i = 0; i < nodes; i++) {
      this.values.push(random.between(1000, 3000) / 100);
      this.network.addNode({
        options: { seedList: ["10.0.0.1"], roundIntervalMs: ROUND_MS, capacity: nodes + 1 },
        startAfterMs: random.below(ROUND_MS),
        clockStartMs: 0,
        start: (platform, storage) => {
          this.views[i] = minMax({});
          const more = dialect === "espgossip" ? { dialect: espgossip() } : {};
          const gossip = new Gossip({ ...platform, storage, views: [this.views[i]], ...more });
          gossip.push(this.values[i]);
          gossip.start();
          return gossip;
        },
      });
    }
  }

  measure(): DialectFigures {
    const roundsUntilAllKnow = this.untilAllKnow();
    this.network.runFor(10 * ROUND_MS);
    const bytesPerNodeAndRound = this.bytesPerNodeAndRound(() => undefined);
    const busyBytesPerNodeAndRound = this.bytesPerNodeAndRound((round) => {
      for (let i = round % 8; i < this.nodes; i += 8) this.share(i, 20 + ((round * 31 + i) % 100) / 50);
    });
    return {
      nodes: this.nodes, bytesPerNodeAndRound, busyBytesPerNodeAndRound, roundsUntilAllKnow,
      roundsUntilUpdateIsKnown: this.medianOfUpdates(),
      largestDatagramBytes: this.network.counts.largestBytes,
    };
  }

  private share(index: number, value: number): void {
    this.values[index] = value;
    this.network.nodes[index].push(value);
  }

  private bytesPerNodeAndRound(beforeRound: (round: number) => void): number {
    const before = this.network.counts.bytes;
    for (let round = 0; round < QUIET_ROUNDS; round++) {
      beforeRound(round);
      this.network.runFor(ROUND_MS);
    }
    return Math.round((this.network.counts.bytes - before) / this.nodes / QUIET_ROUNDS);
  }

  private medianOfUpdates(): number {
    const rounds: number[] = [];
    for (let i = 0; i < UPDATES; i++) {
      this.share(i * 7 % this.nodes, -i);
      rounds.push(this.untilAllKnow());
    }
    return rounds.sort((a, b) => a - b)[UPDATES >> 1];
  }

  private untilAllKnow(): number {
    const minimum = Math.min(...this.values);
    const maximum = Math.max(...this.values);
    const knows = (view: MinMax | undefined): boolean =>
      view !== undefined && view.minimum === minimum && view.maximum === maximum && view.count === this.nodes;
    for (let rounds = 1; rounds <= PATIENCE_ROUNDS; rounds++) {
      this.network.runFor(ROUND_MS);
      if (this.network.nodes.every((_, i) => knows(this.views[i]))) return rounds;
    }
    return Infinity;
  }
}
