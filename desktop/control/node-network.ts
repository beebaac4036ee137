import type { FeedEvent } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import type { ChangeFeed } from "./changes.js";
import type { Member } from "./members.js";
import { type ControlledNode, callMethod } from "./methods.js";
import type {
  NetworkFeeds, NetworkLink, NetworkMinMax, NetworkNode, NetworkResource, NetworkView, WatchedNetwork,
} from "./network-view.js";
import { EVENTS_MAX, type NodeQueries } from "./node-queries.js";
import { ControlError, INVALID_PARAMS } from "./protocol.js";
import { RoundHistory } from "./round-history.js";

/** What may be done with a node over HTTP. A page cannot stop a node, nor send to others in its name. */
export const HTTP_ACTIONS = ["push", "withdraw", "log", "set", "remove", "forget"] as const;

export interface NodeNetworkOptions {
  node: ControlledNode;
  /** Time between rounds in ms. */
  roundMs: number;
  minMax: () => NetworkMinMax;
}

/** The network as a running node knows it. */
export class NodeNetwork implements WatchedNetwork {
  readonly changes: ChangeFeed;
  readonly resources: Record<string, NetworkResource> = { "/v1/actions": { post: (body) => this.act(body) } };
  private readonly options: NodeNetworkOptions;
  private readonly queries: NodeQueries;
  private readonly startMs = performance.now();
  private readonly history = new RoundHistory();
  private readonly stopListening: () => void;
  private readonly timer: NodeJS.Timeout;
  /** Nodes that are suspect; each round begins with those of the table. */
  private suspects = new Set<number>();
  private suspicions = 0;

  /** Counts rounds from now on, until `close`. */
  constructor(options: NodeNetworkOptions) {
    this.options = options;
    this.queries = options.node.queries;
    this.changes = options.node.changes;
    this.endRound();
    this.timer = setInterval(() => this.endRound(), options.roundMs).unref();
    this.stopListening = this.changes.listen((kind, change) => {
      if (kind !== "row") return;
      const { id, state } = change as Member;
      if (state !== "suspect") {
        this.suspects.delete(id);
      } else if (!this.suspects.has(id)) {
        this.suspects.add(id);
        this.suspicions++;
      }
    });
  }

  close(): void {
    clearInterval(this.timer);
    this.stopListening();
  }

  view(): NetworkView {
    const self = this.queries.id;
    const status = this.queries.status();
    const isNeighbour = new Set(status.neighbours.map(({ id }) => id));
    const ways = new Map(status.routes.map(({ id, nextHop }) => [id, nextHop]));
    const dropReasons = Object.fromEntries(Object.entries(status.stats.drops).filter(([, count]) => count > 0));
    const drops = Object.values(dropReasons).reduce((sum, count) => sum + count, 0);
    const nodes = this.queries.members().map((member): NetworkNode => {
      const via = ways.get(member.id);
      return {
        ...member,
        isNeighbour: isNeighbour.has(member.id),
        ...via !== undefined && { via },
        ...member.isSelf && { drops, dropReasons },
      };
    });
    const links = nodes.flatMap(({ id, isNeighbour: isNear, via }): NetworkLink[] => {
      if (isNear) return [{ from: self, to: id, kind: "neighbour" }];
      return via === undefined ? [] : [{ from: via, to: id, kind: "relay" }];
    });
    return {
      source: "node", self, roundMs: this.options.roundMs, nowMs: Math.round(performance.now() - this.startMs),
      nodes, links, feeds: this.feeds(), minMax: this.options.minMax(), rounds: this.history.list(),
    };
  }

  members(): Member[] {
    return this.queries.members();
  }

  events(): FeedEvent[] {
    return this.queries.events({ limit: EVENTS_MAX });
  }

  status(): GossipStatus {
    return this.queries.status();
  }

  /** A node knows only what it holds itself. */
  private feeds(): NetworkFeeds {
    const newest = new Map<number, { generation: number; sequence: number }>();
    for (const { author, generation, sequence } of this.queries.frontier()) {
      const known = newest.get(author);
      if (known === undefined || generation > known.generation) newest.set(author, { generation, sequence });
    }
    const authors = [...newest.keys()].sort((one, other) => one - other);
    const held = authors.map((author) => newest.get(author)?.sequence ?? 0);
    return { authors, newest: held, holders: [{ id: this.queries.id, held }] };
  }

  private async act({ action, ...params }: Record<string, unknown>): Promise<object> {
    if (!(HTTP_ACTIONS as readonly unknown[]).includes(action)) {
      throw new ControlError(INVALID_PARAMS, `action: ${JSON.stringify(action)} is none of ${HTTP_ACTIONS.join(", ")}`);
    }
    return await callMethod(this.options.node, action as string, params) as object;
  }

  private endRound(): void {
    const round = this.history.add(this.queries.stats(), this.suspicions);
    this.suspicions = 0;
    this.suspects = new Set(this.queries.rows().filter(({ state }) => state === "suspect").map(({ id }) => id));
    if (round !== undefined) this.changes.notify("round", round);
  }
}
