import { type NodePlatform, type SimNode, SimNetwork } from "../../desktop/simulator/index.js";
import type { Gossip, GossipOptions } from "../../src/gossip.js";

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const SEEDS = [1, 2];

/** What an application gets: the platform's part of the options, with storage, a name and a seed. */
export type Start<App> = (options: GossipOptions, node: SimNode) => App;

/** A network of applications, with the loss of 10 % that the examples have to live with. */
export class Simulation<App> {
  readonly network: SimNetwork;
  private readonly apps = new Map<SimNode, App>();
  private readonly gossipOf: (app: App) => Gossip;

  constructor(seed: number, gossipOf: (app: App) => Gossip, more: { radio?: { lossProbability: number } } = {}) {
    this.network = new SimNetwork({ seed, faults: { lossProbability: 0.1 }, ...more });
    this.gossipOf = gossipOf;
  }

  /** Adds a node that is switched on at once, and knows the time of day. */
  add(name: string, start: Start<App>, more: { media?: "udp" | "radio" | "both" } = {}): SimNode {
    const seedList = more.media === "radio" ? [] : ["10.0.0.1"];
    return this.network.addNode({
      physicalStartMs: Date.UTC(2026, 5, 1),
      ...more,
      start: (platform: NodePlatform, storage, node) => {
        const app = start({ ...platform, storage, name, seedList }, node);
        this.apps.set(node, app);
        return this.gossipOf(app);
      },
    });
  }

  /** Calls functions of a node's application as the node itself. */
  at<Result>(node: SimNode, act: (app: App, nowMs: number) => Result): Result {
    const app = this.apps.get(node);
    if (app === undefined || !node.isRunning) throw new Error(`${node.name} does not run`);
    return node.run(() => act(app, node.physicalMs() ?? 0));
  }

  /** Lets minutes pass. */
  pass(minutes: number): void {
    this.network.runFor(minutes * MINUTE_MS);
  }
}
