import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { type SimNode, SimNetwork, type Topology } from "../desktop/simulator/index.js";
import { addressOfIndex } from "../desktop/simulator/node.js";
import { formatAddress } from "../src/engine/wire/address.js";
import { type CborValue, type Dialect, Gossip, type NodeRow, type View } from "../src/gossip.js";

export const ROUND_MS = 10000;
/** Rounds within which all nodes must hold all nodes. */
const WARM_UP_ROUNDS_MAX = 200;

/** What a network is made of. */
export interface NetworkModules {
  readonly SimNetwork: typeof SimNetwork;
  readonly Gossip: typeof Gossip;
}

export interface BenchNetworkOptions {
  nodes: number;
  seed: number;
  /** By default those of this tree. */
  modules?: NetworkModules;
  dialect?: Dialect;
  datagramBytesMax?: number;
  /** Which nodes reach which; each node then has one in its seed list that it reaches. */
  topology?: Topology;
  /** Called when a node changes the state of another node. */
  onState?: (row: NodeRow, by: SimNode) => void;
}

/** A view that counts a node's live rows and reports their values. */
class Knowledge implements View {
  /** Rows of live nodes, its own included. */
  live = 0;
  private isLive = new Uint8Array(0);
  private readonly onValue: (data: CborValue) => void;

  /** @param onValue called with the value of each row that changed */
  constructor(onValue: (data: CborValue) => void) {
    this.onValue = onValue;
  }

  bind(capacity: number): void {
    this.isLive = new Uint8Array(capacity);
  }

  rowChanged(slot: number, isLive: boolean, data: CborValue): void {
    this.live += (isLive ? 1 : 0) - this.isLive[slot];
    this.isLive[slot] = isLive ? 1 : 0;
    this.onValue(data);
  }

  settle(): void {
    // Each row is handled when it changes.
  }
}

/**
 * The benchmark's simulated network: each node shares a number, two nodes are in
 * all seed lists, and all nodes start within one round. All random decisions are
 * drawn from the seed.
 */
export class BenchNetwork {
  readonly sim: SimNetwork;
  /** The benchmark's own random generator. */
  readonly random: SimRandom;
  private readonly modules: NetworkModules;
  private readonly knowledge: Knowledge[] = [];
  private pushed: CborValue;
  private pushedMs = 0;
  /** When each node received the pushed value, in ms after the push. */
  private readonly receivedMs = new Map<SimNode, number>();

  constructor(options: BenchNetworkOptions) {
    const { nodes, seed, modules = { SimNetwork, Gossip }, datagramBytesMax = 1200, topology } = options;
    this.modules = modules;
    this.sim = new modules.SimNetwork({ seed, datagramBytesMax });
    this.sim.topology = topology;
    this.random = new SimRandom(seed, STREAM_SCENARIO);
    for (let i = 0; i < nodes; i++) this.addNode(options);
  }

  get nodes(): SimNode[] { return this.sim.nodes; }

  /** Whether all nodes run, and each holds all of them as live. Before the first round no node runs yet. */
  get isComplete(): boolean {
    const running = this.sim.running;
    return running.length === this.nodes.length
      && running.every((node) => this.knowledge[node.index].live === running.length);
  }

  /** @param rounds may have a fraction */
  runRounds(rounds: number): void {
    this.sim.runFor(rounds * ROUND_MS);
  }

  /** Bytes that each node sends in the next round. */
  bytesInRound(): number {
    const before = this.sim.counts.bytes;
    this.runRounds(1);
    return (this.sim.counts.bytes - before) / this.nodes.length;
  }

  /** Runs without faults until all nodes hold all nodes, then for `restRounds` more. */
  warmUp(restRounds: number): void {
    for (let rounds = 0; !this.isComplete; rounds++) {
      if (rounds === WARM_UP_ROUNDS_MAX) {
        throw new Error(`${this.nodes.length} nodes do not hold one another after ${rounds} rounds`);
      }
      this.runRounds(1);
    }
    this.runRounds(restRounds);
  }

  /**
   * Lets one node share a new value and waits until all nodes hold it, at most
   * `roundsMax`.
   *
   * @returns when each node received it, in rounds after the push, in ascending
   * order; shorter than the number of nodes when some did not receive it in time
   */
  spread(from: SimNode, roundsMax: number): number[] {
    this.pushed = 1e9 + from.index;
    this.pushedMs = this.sim.nowMs;
    this.receivedMs.clear();
    from.push(this.pushed);
    this.receivedMs.set(from, 0);
    const until = this.pushedMs + roundsMax * ROUND_MS;
    while (this.receivedMs.size < this.nodes.length && this.sim.nowMs < until) this.sim.runFor(ROUND_MS / 10);
    return [...this.receivedMs.values()].map((ms) => ms / ROUND_MS);
  }

  private addNode({ nodes, dialect, topology, onState }: BenchNetworkOptions): void {
    const value = this.random.between(-1000, 4000) / 100;
    const seedList = topology === undefined
      ? ["10.0.0.1", "10.0.0.2"]
      : [formatAddress(addressOfIndex(topology.parent(this.sim.nodes.length)))];
    const node = this.sim.addNode({
      options: { seedList, roundIntervalMs: ROUND_MS, capacity: Math.max(2, nodes) },
      startAfterMs: this.random.below(ROUND_MS),
      clockSkewPpm: this.random.between(-50, 50),
      start: (platform, storage) => {
        const knowledge = new Knowledge((data) => this.receive(node, data));
        this.knowledge[node.index] = knowledge;
        const gossip = new this.modules.Gossip({
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

  private receive(node: SimNode, data: CborValue): void {
    if (data !== this.pushed || this.pushed === undefined || this.receivedMs.has(node)) return;
    this.receivedMs.set(node, this.sim.nowMs - this.pushedMs);
  }
}
