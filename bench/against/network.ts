import { SimRandom, STREAM_SCENARIO } from "../../desktop/simulator/random.js";
import type { SimNetwork, SimNode } from "../../desktop/simulator/index.js";
import type { CborValue, NodeRow, View } from "../../src/gossip.js";
import type { Modules } from "./adapter.js";

export const ROUND_MS = 10000;
const WARM_UP_ROUNDS_MAX = 200;

/**
 * The network of `bench/network.ts` in any revision that the adapter drives. The same seed gives the same values and
 * times of the start in all of them.
 */
export class Network {
  readonly sim: SimNetwork;
  readonly random: SimRandom;
  private readonly live: number[] = [];
  private pushed: CborValue;
  private pushedMs = 0;
  private readonly receivedMs = new Map<SimNode, number>();

  /** @param onState called when a node changes the state of another node */
  constructor(modules: Modules, nodes: number, seed: number, onState?: (row: NodeRow, by: SimNode) => void) {
    this.sim = new modules.SimNetwork({ seed, datagramBytesMax: 1200 });
    this.random = new SimRandom(seed, STREAM_SCENARIO);
    for (let i = 0; i < nodes; i++) this.addNode(modules, nodes, onState);
  }

  get nodes(): SimNode[] { return this.sim.nodes; }

  runRounds(rounds: number): void {
    this.sim.runFor(rounds * ROUND_MS);
  }

  /** Bytes that a node sends in a round, in the next `rounds`. @param before called before each round */
  bytesIn(rounds: number, before?: (round: number) => void): number {
    const { counts } = this.sim;
    const start = counts.bytes;
    for (let round = 0; round < rounds; round++) {
      before?.(round);
      this.runRounds(1);
    }
    return (counts.bytes - start) / this.nodes.length / rounds;
  }

  /** Runs until all nodes run and hold all nodes, then for `restRounds` more. Before the first round no node runs. */
  warmUp(restRounds: number): void {
    const { nodes, live } = this;
    const isComplete = (): boolean => nodes.every(({ index, isRunning }) => isRunning && live[index] === nodes.length);
    for (let rounds = 0; !isComplete(); rounds++) {
      if (rounds === WARM_UP_ROUNDS_MAX) throw new Error(`nodes do not hold one another after ${rounds} rounds`);
      this.runRounds(1);
    }
    this.runRounds(restRounds);
  }

  /** Rounds from a push at one node until all nodes hold the value; Infinity if that takes more than `roundsMax`. */
  spread(from: SimNode, roundsMax: number): number {
    this.pushed = 1e9 + from.index;
    this.pushedMs = this.sim.nowMs;
    this.receivedMs.clear();
    from.push(this.pushed);
    this.receivedMs.set(from, 0);
    const until = this.pushedMs + roundsMax * ROUND_MS;
    while (this.receivedMs.size < this.nodes.length && this.sim.nowMs < until) this.sim.runFor(ROUND_MS / 10);
    if (this.receivedMs.size < this.nodes.length) return Infinity;
    return Math.max(...this.receivedMs.values()) / ROUND_MS;
  }

  private addNode(modules: Modules, capacity: number, onState?: (row: NodeRow, by: SimNode) => void): void {
    const value = this.random.between(-1000, 4000) / 100;
    const node = this.sim.addNode({
      options: { seedList: ["10.0.0.1", "10.0.0.2"], roundIntervalMs: ROUND_MS, capacity: Math.max(2, capacity) },
      startAfterMs: this.random.below(ROUND_MS),
      clockSkewPpm: this.random.between(-50, 50),
      start: (platform, storage) => {
        const gossip = new modules.Gossip({
          ...platform, storage, views: [this.viewOf(node)], onState: (row) => onState?.(row, node),
        });
        gossip.push(value);
        gossip.start();
        return gossip;
      },
    });
  }

  private viewOf(node: SimNode): View {
    let isLive = new Uint8Array(0);
    this.live[node.index] = 0;
    const bind = (capacity: number): void => {
      isLive = new Uint8Array(capacity);
    };
    const view: View & { open(capacity: number): void } = {
      bind,
      // The name that `bind` had once.
      open: bind,
      rowChanged: (slot, live, data) => {
        this.live[node.index] += (live ? 1 : 0) - isLive[slot];
        isLive[slot] = live ? 1 : 0;
        if (this.pushed === undefined || data !== this.pushed || this.receivedMs.has(node)) return;
        this.receivedMs.set(node, this.sim.nowMs - this.pushedMs);
      },
      settle: () => undefined,
    };
    return view;
  }
}
