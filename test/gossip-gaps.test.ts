import assert from "node:assert/strict";
import { eventFeeds } from "../src/events/index.js";
import type { FeedEvent, GossipOptions } from "../src/gossip.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { type RecordsView, records } from "../src/views/records.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const ROUND_MS = 10000;
const BOARD: Partial<GossipOptions> = {
  events: eventFeeds({ bytes: 2048, eventBytesMax: 128, digest: nodeDigest }), roundIntervalMs: ROUND_MS,
};

interface Desktop {
  node: FakeNode;
  latest: LatestMap;
  records: RecordsView;
  notified: FeedEvent[];
}

function desktop(network: FakeNetwork, address: string): Desktop {
  const latest = latestMap({ capacity: 1000 });
  const view = records({ capacity: 1000 });
  const notified: FeedEvent[] = [];
  const node = new FakeNode(network, address, {
    roundIntervalMs: ROUND_MS, seedList: ["192.168.0.53"],
    events: eventFeeds({
      bytes: 65536, eventBytesMax: 128, fillGaps: true, digest: nodeDigest, views: [latest, view],
      onEvent: (event) => notified.push(event),
    }),
  });
  node.gossip.start();
  return { node, latest, records: view, notified };
}

describe("two desktops and boards", () => {
  it("two desktops hold all events and the same views after one was away while the boards evicted events", () => {
    const network = new FakeNetwork();
    const boards = ["192.168.0.53", "192.168.0.54", "192.168.0.55"].map((address) => {
      const node = new FakeNode(network, address, { ...BOARD, seedList: ["192.168.0.53"] });
      node.gossip.start();
      return node;
    });
    const stays = desktop(network, "192.168.0.60");
    const leaves = desktop(network, "192.168.0.61");
    network.run(5 * ROUND_MS);
    const { address } = leaves.node.socket;
    network.sockets.delete(address);
    leaves.node.clock.stop();
    for (let n = 0; n < 150; n++) {
      const { gossip } = boards[n % 3];
      const record = `record ${n % 4}`;
      if (n % 5 === 0) gossip.log("field.set", { record, field: "name", value: n });
      else if (n % 5 === 1) gossip.log("note.add", { record, text: `note ${n}` });
      else if (n === 72) gossip.remove("light", "kitchen");
      else gossip.set("light", n === 62 ? "kitchen" : `lamp ${n % 3}`, n);
      network.run(1000);
    }
    // Its memory is gone. It comes back through a board, and meets the other desktop after that.
    const stillMeet = network.loses;
    network.loses = (from, to) => [from, to].every((end) => [address, stays.node.socket.address].includes(end));
    const back = desktop(network, "192.168.0.61");
    network.run(5 * ROUND_MS);
    assert.ok(back.node.gossip.events().length < 75, "boards forgot the most");
    assert.notEqual(JSON.stringify(back.records.records()), JSON.stringify(stays.records.records()));
    const notified = back.notified.length;
    network.loses = stillMeet;
    // Every eighth round tries a node that was out of reach.
    network.run(40 * ROUND_MS);
    assert.deepEqual(back.node.gossip.events(), stays.node.gossip.events());
    assert.equal(back.node.gossip.events().length, 150);
    assert.equal(JSON.stringify(back.latest.entries()), JSON.stringify(stays.latest.entries()));
    assert.equal(JSON.stringify(back.records.records()), JSON.stringify(stays.records.records()));
    assert.equal(back.notified.length, notified, "onEvent is notified in the order of the feeds");
    assert.deepEqual([...back.node.errors, ...stays.node.errors], []);
  });
});
