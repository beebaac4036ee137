import assert from "node:assert/strict";
import { espgossip } from "../src/espgossip/index.js";
import { eventFeeds } from "../src/events/index.js";
import type { FeedEvent, Gossip, GossipOptions } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, FakeNode, joined } from "./support/fake-platform.js";

const FEEDS: Partial<GossipOptions> = { feeds: eventFeeds, feedBytes: 4096, digest: nodeDigest };

/** A node that notes its events. */
function noting(options: Partial<GossipOptions> = {}): { events: FeedEvent[]; options: Partial<GossipOptions> } {
  const events: FeedEvent[] = [];
  return { events, options: { ...FEEDS, onEvent: (event) => events.push(event), ...options } };
}

function short({ author, sequence, topic, key, value }: FeedEvent): unknown[] {
  return [author & 255, sequence, topic, key, value];
}

describe("Gossip: events", () => {
  it("are told to all, in feed order, own ones too, with all they have", () => {
    const network = new FakeNetwork();
    const noted = [noting(), noting(), noting()];
    const nodes = joined(network, noted.map(({ options }) => options));
    nodes[0].gossip.log("door", { open: true });
    nodes[0].gossip.set("light", "kitchen", 21.5, { ttlMs: 1500 });
    nodes[0].gossip.remove("light", "kitchen");
    network.run(5000);
    for (const { events } of noted) {
      assert.deepEqual(events.map(short), [
        [53, 1, "door", undefined, { open: true }], [53, 2, "light", "kitchen", 21.5],
        [53, 3, "light", "kitchen", undefined],
      ]);
      assert.deepEqual(events.map(({ kind, ttlMs }) => [kind, ttlMs]), [["log", 0], ["set", 2000], ["remove", 0]]);
    }
    for (const { gossip } of nodes) {
      assert.deepEqual(gossip.frontier(), [{ author: 0xc0a80035, generation: 0, sequence: 3 }]);
      assert.deepEqual(gossip.events().map(short), noted[0].events.map(short));
    }
  });

  it("can be published in callbacks", () => {
    const network = new FakeNetwork();
    const echo: FeedEvent[] = [];
    const nodes: FakeNode[] = joined(network, [FEEDS, {
      ...FEEDS,
      onEvent: (event) => {
        echo.push(event);
        if (event.topic === "ping") nodes[1].gossip.log("pong", event.value);
      },
    }]);
    nodes[0].gossip.log("ping", 1);
    nodes[0].gossip.log("ping", 2);
    network.run(20000);
    assert.deepEqual(echo.map(({ topic, value }) => [topic, value]), [
      ["ping", 1], ["pong", 1], ["ping", 2], ["pong", 2],
    ]);
    assert.equal(nodes[0].gossip.events().length, 4);
  });

  it("keep views up to date, and forget what a generation superseded", () => {
    const network = new FakeNetwork();
    const view: LatestMap = latestMap();
    const nodes = joined(network, [{ ...FEEDS, eventViews: [view] }, FEEDS]);
    nodes[1].gossip.set("light", "hall", 1);
    nodes[1].gossip.set("light", "roof", 1);
    network.run(2000);
    assert.deepEqual(view.entries(0).map(({ key }) => key), ["hall", "roof"]);
    // It starts again without any memory.
    nodes[1].gossip.close();
    const again = new FakeNode(network, "192.168.0.54", { ...FEEDS, seedList: ["192.168.0.53"] });
    again.gossip.start();
    again.gossip.set("light", "hall", 2);
    network.run(60000);
    assert.deepEqual(view.entries(0).map(({ key, value }) => [key, value]), [["hall", 2]]);
    assert.deepEqual(nodes[0].errors, []);
  });

  const refused: [string, (gossip: Gossip) => void, RegExp][] = [
    ["no topic", (gossip) => gossip.log("", 1), /log: topic: .*1 to 31 bytes/],
    ["a topic that is too long", (gossip) => gossip.log("ü".repeat(16), 1), /log: topic: .*1 to 31 bytes/],
    ["a key that is no text", (gossip) => gossip.set("a", 7 as never, 1), /set: key: 7 .*0 to 31 bytes/],
    ["a key that is too long", (gossip) => gossip.remove("a", "k".repeat(32)), /remove: key: .*0 to 31 bytes/],
    ["a negative time to live", (gossip) => gossip.set("a", "b", 1, { ttlMs: -1001 }), /ttlMs: -1001 .*0 to 4294967295000/],
    ["a value that is no CBOR", (gossip) => gossip.log("a", (() => 1) as never), /log: value: .*function/],
    ["a value that is too long", (gossip) => gossip.log("a", "x".repeat(200)), /log: value: .*128 .*eventBytesMax/],
    ["an event that is too long", (gossip) => gossip.log("topic", "x".repeat(120)), /log: topic, key and value .*128/],
  ];
  for (const [name, publish, error] of refused) {
    it(`refuse ${name}`, () => {
      const { gossip } = joined(new FakeNetwork(), [FEEDS])[0];
      assert.throws(() => publish(gossip), error);
      assert.deepEqual(gossip.frontier(), []);
      gossip.log("a", 1);
      assert.equal(gossip.frontier()[0].sequence, 1);
    });
  }

  it("say when the arena is full", () => {
    const { gossip } = joined(new FakeNetwork(), [{ ...FEEDS, feedBytes: 512 }])[0];
    assert.throws(() => {
      for (let n = 0; n < 100; n++) gossip.set("value", `key ${n}`, n);
    }, /set: the arena \(feedBytes\) is full/);
    gossip.set("value", "key 1", 2);
    gossip.remove("value", "key 2");
    gossip.set("value", "another", 3);
  });

  it("need the option feeds, a running node, and compact frames", () => {
    const network = new FakeNetwork();
    const [off] = joined(network, [{}]);
    assert.throws(() => off.gossip.log("a", 1), /log: there are no events without the option feeds/);
    assert.throws(() => off.gossip.now(), /now: there are no events/);
    assert.deepEqual([off.gossip.frontier(), off.gossip.events(), off.gossip.stats().clock], [[], [], "none"]);
    const node = new FakeNode(network, "192.168.0.60", FEEDS);
    assert.throws(() => node.gossip.log("a", 1), /log: the node is not running/);
    assert.throws(() => new FakeNode(network, "192.168.0.61", { ...FEEDS, dialect: espgossip() }), /feeds: this dialect/);
    for (const [options, error] of [
      [{ feedBytes: 512, feeds: undefined }, /feedBytes: needs feeds, eventFeeds of chisme\/events/],
      [{ ...FEEDS, feeds: {} as never }, /feeds: an object is not eventFeeds/],
      [{ feedBytes: 100 }, /feedBytes: 100/], [{ feedBytes: -4 }, /feedBytes: -4/], [{ feedBytes: 1.5 }, /feedBytes: 1.5/],
      [{ fillGaps: true }, /fillGaps: needs feeds/],
      [{ ...FEEDS, fillGaps: 1 as unknown as boolean }, /fillGaps: 1 is neither true nor false/],
      [{ feeds: eventFeeds, eventBytesMax: 1100 }, /eventBytesMax: 1100 .*32 to 1095/],
      [{ feeds: eventFeeds, datagramBytesMax: 130, valueBytesMax: 4 }, /datagramBytesMax: 130/],
      [{ eventViews: [{}] as never }, /eventViews\[0\]: .*apply/], [{ onEvent: 1 as never }, /onEvent: 1/],
    ] as [Partial<GossipOptions>, RegExp][]) {
      assert.throws(() => new FakeNode(network, "192.168.0.62", options), error);
    }
  });

  it("have stamps of the network's clock, which boards without one take from peers", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [FEEDS, FEEDS]);
    const T = 1767225600000;
    nodes[0].clock.physicalMs = () => T + network.nowMs;
    assert.deepEqual(nodes.map(({ gossip }) => gossip.stats().clock), ["none", "none"]);
    nodes[0].gossip.log("a", 1);
    network.run(1000);
    assert.deepEqual(nodes.map(({ gossip }) => gossip.stats().clock), ["own", "peers"]);
    const stamp = nodes[1].gossip.now();
    assert.ok(Math.abs(stamp.timeMs - T - network.nowMs) < 2000, `${stamp.timeMs}`);
    nodes[1].gossip.log("b", 2);
    network.run(1000);
    const [a, b] = nodes[0].gossip.events().map(({ timeMs }) => timeMs);
    assert.ok(b > a && b <= T + network.nowMs);
  });
});

describe("Gossip: the log of events", () => {
  interface Device {
    log: MemoryLog;
    /** Starts the device again, or for the first time. */
    start: () => { node: FakeNode; events: FeedEvent[] };
  }

  function device(network: FakeNetwork, address: string, options: Partial<GossipOptions> = {}): Device {
    let revision: number | undefined;
    const made: Device = {
      log: new MemoryLog(),
      start: () => {
        const noted = noting(options);
        const storage = {
          log: made.log, readRevision: () => revision, writeRevision: (written: number) => { revision = written; },
        };
        const node = new FakeNode(network, address, { seedList: ["192.168.0.53"], ...noted.options, storage });
        node.gossip.start();
        return { node, events: noted.events };
      },
    };
    return made;
  }

  it("has a node go on where it stopped", () => {
    const network = new FakeNetwork();
    const { log, start } = device(network, "192.168.0.54");
    for (let run = 0; run < 4; run++) {
      const { node, events } = start();
      node.gossip.log("run", run);
      assert.deepEqual(events.map(({ value }) => value), Array.from({ length: run + 1 }, (_, i) => i));
      assert.deepEqual(node.gossip.frontier(), [{ author: 0xc0a80036, generation: 0, sequence: run + 1 }]);
      node.gossip.close();
    }
    let records = 0;
    log.read(() => records++);
    assert.equal(records, 4);
  });

  it("has each event before it is sent, and none that could not be stored", () => {
    const network = new FakeNetwork();
    const { log, start } = device(network, "192.168.0.54");
    const { node } = start();
    let sentBefore = -1;
    const append = log.append.bind(log);
    log.append = (bytes, length) => {
      sentBefore = node.socket.sent.length;
      return append(bytes, length);
    };
    network.run(1000);
    node.gossip.log("a", 1);
    assert.ok(sentBefore >= 0 && node.socket.sent.length >= sentBefore);
    log.append = () => { throw new Error("flash is worn out"); };
    const sent = node.socket.sent.length;
    assert.throws(() => node.gossip.log("a", 2), /flash is worn out/);
    assert.deepEqual([node.gossip.frontier()[0].sequence, node.socket.sent.length], [1, sent]);
  });

  it("is made shorter when it is full, and keeps the latest values and the tail", () => {
    const network = new FakeNetwork();
    const made = device(network, "192.168.0.54", { feedBytes: 1024 });
    made.log = new MemoryLog({ bytesMax: 3000 });
    const first = made.start();
    first.node.gossip.set("name", "", "kept");
    for (let n = 0; n < 300; n++) first.node.gossip.log("n", n);
    const held = first.node.gossip.events();
    const frontier = first.node.gossip.frontier();
    first.node.gossip.close();
    const second = made.start();
    assert.deepEqual(second.node.gossip.frontier(), frontier);
    const again = second.node.gossip.events();
    assert.deepEqual(again.slice(-10), held.slice(-10));
    assert.deepEqual(short(again[0]), [54, 1, "name", "", "kept"]);
    second.node.gossip.log("n", 300);
    assert.equal(second.node.gossip.frontier()[0].sequence, 302);
  });

  /** A device, an image of its flash after three events, and a peer that has five. */
  function withOldImage(): { network: FakeNetwork; peer: FakeNode; device: Device; heard: FeedEvent[] } {
    const network = new FakeNetwork();
    const heard = noting();
    const peer = new FakeNode(network, "192.168.0.53", heard.options);
    peer.gossip.start();
    const made = device(network, "192.168.0.54");
    const { node } = made.start();
    for (let n = 1; n <= 3; n++) node.gossip.log("n", n);
    network.run(30000);
    const image: Uint8Array[] = [];
    made.log.read((bytes, length) => image.push(bytes.slice(0, length)));
    for (let n = 4; n <= 5; n++) node.gossip.log("n", n);
    network.run(30000);
    network.sockets.delete(node.socket.address);
    node.clock.stop();
    made.log.rewrite((put) => {
      for (const record of image) put(record, record.length);
    });
    return { network, peer, device: made, heard: heard.events };
  }

  it("is not forked by an old image of the flash: later events come back from peers", () => {
    const { network, peer, device: old } = withOldImage();
    const { node, events } = old.start();
    assert.deepEqual(events.map(({ value }) => value), [1, 2, 3]);
    network.run(60000);
    assert.deepEqual(events.map(({ value }) => value), [1, 2, 3, 4, 5]);
    node.gossip.log("n", 6);
    network.run(20000);
    assert.deepEqual(peer.gossip.events().map(({ value }) => value), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(peer.gossip.frontier(), [{ author: 0xc0a80036, generation: 0, sequence: 6 }]);
    assert.deepEqual([peer.errors, node.errors], [[], []]);
    node.gossip.close();
    assert.equal(old.start().events.length, 6, "all of them are in the log");
  });

  it("is not forked when the old image publishes before it hears of anybody: all it holds begins a generation", () => {
    const { network, peer, device: old } = withOldImage();
    const { node, events } = old.start();
    node.gossip.log("n", "new");
    network.run(60000);
    const { generation } = peer.gossip.frontier()[0];
    assert.ok(generation > 0);
    assert.equal(node.gossip.revision, generation);
    assert.deepEqual(peer.gossip.events().map(({ value }) => value), [1, 2, 3, "new"]);
    assert.deepEqual(node.gossip.events(), peer.gossip.events());
    assert.deepEqual(events.map(({ value }) => value), [1, 2, 3, "new"], "nothing is told twice");
    node.gossip.close();
    assert.deepEqual(old.start().node.gossip.frontier(), [{ author: 0xc0a80036, generation, sequence: 4 }]);
  });

  it("is made anew from what peers hold when the flash was wiped", () => {
    const { network, peer, device: wiped } = withOldImage();
    wiped.log = new MemoryLog();
    const { node, events } = wiped.start();
    network.run(60000);
    assert.deepEqual(events.map(({ value }) => value), [1, 2, 3, 4, 5]);
    node.gossip.log("n", 6);
    network.run(20000);
    assert.deepEqual(peer.gossip.events().map(({ value }) => value), [1, 2, 3, 4, 5, 6]);
    let records = 0;
    wiped.log.read(() => records++);
    assert.equal(records, 6);
  });
});
