import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { type SimNode, SimNetwork } from "../desktop/simulator/index.js";
import { type CborValue, type Dialect, Gossip, type NodeRow, type View } from "../src/gossip.js";

export const ROUND_MS = 10000;
/** What a network may take to get to know itself. */
const WARM_UP_ROUNDS_MAX = 200;

export interface BenchNetworkOptions {
  nodes: number;
  seed: number;
  dialect?: Dialect;
  datagramBytesMax?: number;
  /** Told of each state that a node takes for that of another. */
  onState?: (row: NodeRow, by: SimNode) => void;
}

/** What one node knows, seen through its rows. */
class Knowledge implements View {
  /** Rows of live nodes, its own included. */
  live = 0;
  private isLive = new Uint8Array(0);
  private readonly told: (data: CborValue) => void;

  /** @param told is handed what nodes share, whenever a row changed */
  constructor(told: (data: CborValue) => void) {
    this.told = told;
  }

  bind(capacity: number): void {
    this.isLive = new Uint8Array(capacity);
  }

  rowChanged(slot: number, isLive: boolean, data: CborValue): void {
    this.live += (isLive ? 1 : 0) - this.isLive[slot];
    this.isLive[slot] = isLive ? 1 : 0;
    this.told(data);
  }

  settle(): void {
    // Each row is told as it changes; nothing is left to do for all of them.
  }
}

/**
 * A simulated network as the benchmark has it: every node shares a number, two
 * nodes are in the seed lists of all, and all are switched on within one round.
 * Faults and what nodes draw come from the seed.
 */
export class BenchNetwork {
  readonly sim: SimNetwork;
  /** For what the benchmark draws. */
  readonly random: SimRandom;
  private readonly knowledge: Knowledge[] = [];
  private news: CborValue;
  private newsMs = 0;
  /** When each node heard of the news, in ms after the push; only of those that did. */
  private readonly heardMs = new Map<SimNode, number>();

  constructor(options: BenchNetworkOptions) {
    const { nodes, seed, datagramBytesMax = 1200 } = options;
    this.sim = new SimNetwork({ seed, datagramBytesMax });
    this.random = new SimRandom(seed, STREAM_SCENARIO);
    for (let i = 0; i < nodes; i++) this.addNode(options);
  }

  get nodes(): SimNode[] { return this.sim.nodes; }

  /** Whether every node that runs holds as many live rows as there are nodes that run. */
  get isComplete(): boolean {
    const running = this.sim.running;
    return running.every((node) => this.knowledge[node.index].live === running.length);
  }

  /** @param rounds may have a fraction */
  runRounds(rounds: number): void {
    this.sim.runFor(rounds * ROUND_MS);
  }

  /** Lets all nodes get to know one another without faults, then rest until nothing is news any more. */
  warmUp(restRounds: number): void {
    for (let rounds = 0; !this.isComplete; rounds++) {
      if (rounds === WARM_UP_ROUNDS_MAX) {
        throw new Error(`${this.nodes.length} nodes do not know one another after ${rounds} rounds`);
      }
      this.runRounds(1);
    }
    this.runRounds(restRounds);
  }

  /**
   * Has one node share a new value and waits until all nodes hold it. Returns
   * when each of them heard of it, in rounds after the push and in that order;
   * shorter than there are nodes when some did not within `roundsMax`.
   */
  spread(from: SimNode, roundsMax: number): number[] {
    this.news = 1e9 + from.index;
    this.newsMs = this.sim.nowMs;
    this.heardMs.clear();
    from.push(this.news);
    this.heardMs.set(from, 0);
    const until = this.newsMs + roundsMax * ROUND_MS;
    while (this.heardMs.size < this.nodes.length && this.sim.nowMs < until) this.sim.runFor(ROUND_MS / 10);
    return [...this.heardMs.values()].map((ms) => ms / ROUND_MS);
  }

  private addNode({ nodes, dialect, onState }: BenchNetworkOptions): void {
    const value = this.random.between(-1000, 4000) / 100;
    const node = this.sim.addNode({
      options: { seedList: ["10.0.0.1", "10.0.0.2"], roundIntervalMs: ROUND_MS, capacity: Math.max(2, nodes) },
      startAfterMs: this.random.below(ROUND_MS),
      clockSkewPpm: this.random.between(-50, 50),
      start: (platform, storage) => {
        const knowledge = new Knowledge((data) => this.hear(node, data));
        this.knowledge[node.index] = knowledge;
        const gossip = new Gossip({
          ...platform, storage, views: [knowledge],
          onState: (row) => onState?.(row, node),
          ...dialect !== undefined && { dialect },
        });
        gossip.push(value);
        gossip.start();
        return gossip;
      },
    });
  }

  private hear(node: SimNode, data: CborValue): void {
    if (data !== this.news || this.news === undefined || this.heardMs.has(node)) return;
    this.heardMs.set(node, this.sim.nowMs - this.newsMs);
  }
}
