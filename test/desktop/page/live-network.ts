import { Contributions } from "../../../desktop/control/contributions.js";
import { ChangeFeed } from "../../../desktop/control/changes.js";
import { HeardLinks, MemberTimes } from "../../../desktop/control/members.js";
import { NodeActions } from "../../../desktop/control/node-actions.js";
import { NodeNetwork } from "../../../desktop/control/node-network.js";
import { NodeQueries } from "../../../desktop/control/node-queries.js";
import { Gossip, type NodeGossipOptions } from "../../../desktop/platform/node.js";
import { eventFeeds } from "../../../src/events/index.js";
import { minMax } from "../../../src/gossip.js";
import { messages } from "../../../src/messages/index.js";
import { networkTime } from "../../../src/time/index.js";
import { latestMap } from "../../../src/views/latest-map.js";

const ROUND_MS = 200;

/** A node on 127.0.0.1 or another address of this computer, with events. */
export function liveNode(options: NodeGossipOptions): Gossip {
  const node = new Gossip({
    broadcastAddress: "none", roundIntervalMs: ROUND_MS, messages: messages({}), valueBytesMax: 128,
    events: eventFeeds({ bytes: 65536 }), time: networkTime({ clock: true }), ...options,
  });
  node.start();
  return node;
}

/** A node, and what `chisme node` adds to it so that others can look at it. */
export class WatchedNode {
  readonly gossip: Gossip;
  readonly network: NodeNetwork;

  constructor(options: NodeGossipOptions) {
    const latest = latestMap({ capacity: 1024 });
    const contributions = new Contributions();
    const times = new MemberTimes(() => performance.now());
    const changes = new ChangeFeed();
    const view = minMax({ field: "temp" });
    this.gossip = liveNode({
      ...options, views: [view], links: new HeardLinks((id) => times.heard(id)),
      events: eventFeeds({
        bytes: 262144, views: [latest, contributions], onEvent: (event) => changes.notify("event", event),
      }),
      onUpdate: (rows) => {
        for (const row of rows) {
          times.updated(row);
          changes.notify("row", row);
        }
      },
      onState: (row) => {
        times.changed(row);
        changes.notify("row", row);
      },
      onForget: (row) => {
        times.forget(row.id);
        changes.notify("forgotten", row);
      },
    });
    const { gossip } = this;
    const queries = new NodeQueries({ gossip, latest, contributions, times });
    const share = (value: Parameters<Gossip["push"]>[0]): void => {
      gossip.push(value);
      const row = gossip.row(gossip.id);
      if (row !== undefined) changes.notify("row", row);
    };
    const actions = new NodeActions({ gossip, share, leave: () => undefined });
    this.network = new NodeNetwork({
      node: { queries, actions, changes }, roundMs: ROUND_MS,
      minMax: () => {
        const { minimum, maximum, count } = view;
        return {
          ...minimum !== undefined && { minimum }, ...maximum !== undefined && { maximum }, count, field: "temp",
        };
      },
    });
  }

  async close(): Promise<void> {
    this.network.close();
    await this.gossip.close();
  }
}
