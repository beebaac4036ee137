import { type CborValue, Gossip, type GossipOptions, type Message, type MessageOutcome } from "../../src/gossip.js";
import { type MessageOptions, messages } from "../../src/messages/index.js";
import type { Faults, LinkEnd } from "../../desktop/simulator/faults.js";
import { SimNetwork } from "../../desktop/simulator/network.js";

/** Which nodes reach each other, by index. */
export type Shape = (a: number, b: number) => boolean;

export const line: Shape = (a, b) => Math.abs(a - b) <= 1;
export const all: Shape = () => true;
export function grid(width: number): Shape {
  return (a, b) => {
    const across = Math.abs((a % width) - (b % width));
    const down = Math.abs(Math.floor(a / width) - Math.floor(b / width));
    return across + down <= 1;
  };
}
/** Cells of `size` nodes; the first node of each reaches the last one of the cell before. */
export function cells(size: number): Shape {
  return (a, b) => {
    if (Math.floor(a / size) === Math.floor(b / size)) return true;
    const [low, high] = a < b ? [a, b] : [b, a];
    return high - low === 1;
  };
}
/** The first node reaches all, the others only it. */
export const star: Shape = (a, b) => a === b || a === 0 || b === 0;

export interface Delivery {
  at: number;
  nowMs: number;
  message: Message;
}

export interface MessageNetworkOptions {
  nodes: number;
  shape: Shape;
  seed: number;
  faults?: Partial<Faults>;
  roundIntervalMs?: number;
  messages?: MessageOptions;
  options?: Partial<GossipOptions>;
  onMessage?: (at: number, message: Message) => void;
}

/** Nodes with messages on a simulated network of some shape. */
export class MessageNetwork {
  readonly network: SimNetwork;
  readonly deliveries: Delivery[] = [];

  constructor(given: MessageNetworkOptions) {
    const { shape } = given;
    this.network = new SimNetwork({ seed: given.seed, faults: given.faults ?? {} });
    this.network.faults.cuts.push((from: LinkEnd, to: LinkEnd) => !shape(from.index, to.index));
    for (let i = 0; i < given.nodes; i++) {
      this.network.addNode({
        id: 1000 + i,
        start: (platform, storage) => {
          const gossip = new Gossip<CborValue>({
            ...platform, storage, roundIntervalMs: given.roundIntervalMs ?? 1000, ...given.options,
            seedList: [addressOf(firstNeighbour(i, given.nodes, shape))],
            messages: messages({
              ...given.messages,
              onMessage: (message) => {
                this.deliveries.push({ at: i, nowMs: this.network.nowMs, message });
                given.onMessage?.(i, message);
              },
            }),
          });
          gossip.start();
          return gossip;
        },
      });
    }
  }

  gossip(index: number): Gossip {
    return this.network.nodes[index].gossip as Gossip;
  }

  /** Runs until each node holds all rows and knows a way to each, or so many rounds passed. */
  settle(rounds = 200): void {
    for (let round = 0; round < rounds; round++) {
      this.network.runFor(1000);
      const isDone = this.network.nodes.every((from) => this.network.nodes.every((to) =>
        from === to || this.gossip(from.index).route(to.id) !== undefined));
      if (isDone) return;
    }
    throw new Error("no ways to all nodes");
  }

  /** Sends, runs until the outcome, and returns it and the time that it took. */
  send(from: number, to: number, value: CborValue, timeoutMs = 10000): { outcome: MessageOutcome; ms: number } {
    let outcome: MessageOutcome | undefined;
    const startMs = this.network.nowMs;
    this.gossip(from).send(1000 + to, "test", value, { timeoutMs, onOutcome: (told) => (outcome = told) });
    while (outcome === undefined && this.network.nowMs < startMs + 2 * timeoutMs) this.network.runFor(10);
    if (outcome === undefined) throw new Error("no outcome");
    return { outcome, ms: this.network.nowMs - startMs };
  }
}

function firstNeighbour(index: number, nodes: number, shape: Shape): number {
  for (let other = 0; other < nodes; other++) if (other !== index && shape(index, other)) return other;
  throw new Error(`node ${index} has no neighbour`);
}

export function addressOf(index: number): string {
  return `10.0.${index >> 8}.${(index & 255) + 1}`;
}
