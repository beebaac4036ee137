import type { FeedEvent, NodeRow } from "../../../src/gossip.js";
import { ChangeFeed } from "../../../desktop/control/changes.js";
import type { Member } from "../../../desktop/control/members.js";
import type { NetworkNode, NetworkView, WatchedNetwork } from "../../../desktop/control/network-view.js";

/** A network of so many nodes that real ones would slow down what is measured: the page. */
export class ManyNodes implements WatchedNetwork {
  readonly changes = new ChangeFeed();
  private readonly nodes: NetworkNode[];
  private step = 0;

  constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_none, index) => ({
      id: index + 1, name: `node ${index + 1}`, address: `10.0.${index >> 8}.${index & 255}`, port: 5000, revision: 1,
      heartbeat: 0, state: "up", data: { temp: index % 40, hum: index % 90 }, isSelf: index === 0, inStateMs: 0,
      isNeighbour: index > 0 && index < 100, ...index >= 100 && { via: 2 + index % 98 },
    }));
  }

  view(): NetworkView {
    const { nodes } = this;
    const authors = nodes.slice(0, 200).map(({ id }) => id);
    return {
      source: "node", self: 1, roundMs: 1000, nowMs: 0, nodes,
      links: nodes.slice(1).map(({ id, via }) =>
        via === undefined ? { from: 1, to: id, kind: "neighbour" } : { from: via, to: id, kind: "relay" }),
      feeds: { authors, newest: authors, holders: [{ id: 1, held: authors }] },
      minMax: { minimum: 0, maximum: 39, count: nodes.length, field: "temp" }, rounds: [],
    };
  }

  members(): Member[] {
    return this.nodes;
  }

  events(): FeedEvent[] {
    return [];
  }

  /** Changes the state or the value of one node after another, and says so. */
  change(): void {
    this.step++;
    const node = this.nodes[1 + this.step * 7 % (this.nodes.length - 1)];
    const states = ["up", "up", "suspect", "down", "up", "left", "asleep"] as const;
    node.state = states[this.step % states.length];
    node.data = { temp: this.step % 40, hum: this.step % 90 };
    const { id, name = "", address, port, revision, heartbeat, state, data } = node;
    const row: NodeRow = { id, name, address, port, revision, heartbeat, state, data };
    this.changes.notify("row", row);
  }
}
