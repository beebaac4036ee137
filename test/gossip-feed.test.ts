import assert from "node:assert/strict";
import { espgossip } from "../src/espgossip/index.js";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import type { ChismeError, FeedEvent, Gossip, GossipOptions } from "../src/gossip.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, FakeNode, joined } from "./support/fake-platform.js";

const EVENTS: EventFeedOptions = { bytes: 4096, eventBytesMax: 128, digest: nodeDigest };
const FEEDS: Partial<GossipOptions> = { events: eventFeeds(EVENTS) };

/** A node that notes its events. */
function noting(more: EventFeedOptions = {}): { events: FeedEvent[]; options: Partial<GossipOptions> } {
  const events: FeedEvent[] = [];
  const onEvent = (event: FeedEvent): void => void events.push(event);
  return { events, options: { events: eventFeeds({ ...EVENTS, onEvent, ...more }) } };
}

function short({ author, sequence, topic, key, value }: FeedEvent): unknown[] {
  return [author & 255, sequence, topic, key, value];
}

describe("Gossip: events", () => {
  it("events reach all nodes in feed order, with all their fields", () => {
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

  it("callbacks may publish events", () => {
    const network = new FakeNetwork();
    const echo: FeedEvent[] = [];
    const onEvent = (event: FeedEvent): void => {
      echo.push(event);
      if (event.topic === "ping") nodes[1].gossip.log("pong", event.value);
    };
    const nodes: FakeNode[] = joined(network, [FEEDS, noting({ onEvent }).options]);
    nodes[0].gossip.log("ping", 1);
    nodes[0].gossip.log("ping", 2);
    network.run(20000);
    assert.deepEqual(echo.map(({ topic, value }) => [topic, value]), [
      ["ping", 1], ["pong", 1], ["ping", 2], ["pong", 2],
    ]);
    assert.equal(nodes[0].gossip.events().length, 4);
  });

  it("views follow the events into a generation that joins two lives of a node", () => {
    const network = new FakeNetwork();
    const view: LatestMap = latestMap();
    const nodes = joined(network, [{ events: eventFeeds({ ...EVENTS, views: [view] }) }, FEEDS]);
    nodes[1].gossip.set("light", "hall", 1);
    nodes[1].gossip.set("light", "roof", 1);
    network.run(2000);
    assert.deepEqual(view.entries().map(({ key }) => key), ["hall", "roof"]);
    // It starts again without any memory.
    nodes[1].gossip.close();
    const again = new FakeNode(network, "192.168.0.54", { ...FEEDS, seedList: ["192.168.0.53"] });
    again.gossip.start();
    again.gossip.set("light", "hall", 2);
    network.run(60000);
    assert.deepEqual(view.entries().map(({ key, value }) => [key, value]), [["hall", 2], ["roof", 1]]);
    assert.deepEqual(nodes[0].errors, []);
  });

  const refused: [string, (gossip: Gossip) => void, RegExp][] = [
    ["no topic", (gossip) => gossip.log("", 1), /log: topic: .*1 to 31 bytes/],
    ["a topic that is too long", (gossip) => gossip.log("ü".repeat(16), 1), /log: topic: .*1 to 31 bytes/],
    ["a key that is no text", (gossip) => gossip.set("a", 7 as never, 1), /set: key: 7 .*0 to 31 bytes/],
    ["a key that is too long", (gossip) => gossip.remove("a", "k".repeat(32)), /remove: key: .*0 to 31 bytes/],
    ["a negative time to live", (gossip) => gossip.set("a", "b", 1, { ttlMs: -1001 }), /set: ttlMs: -1001 .*0 to 4294967295000/],
    ["a value that is no CBOR", (gossip) => gossip.log("a", (() => 1) as never), /log: value: .*function/],
    ["a value that is too long", (gossip) => gossip.log("a", "x".repeat(200)), /log: value: .*128 .*events.eventBytesMax/],
    ["an event that is too long", (gossip) => gossip.log("topic", "x".repeat(120)), /log: value: takes more than 128 bytes with topic and key \(events.eventBytesMax\)/],
  ];
  for (const [name, publish, error] of refused) {
    it(`the node refuses ${name}, and publishes nothing`, () => {
      const { gossip } = joined(new FakeNetwork(), [FEEDS])[0];
      assert.throws(() => publish(gossip), (thrown: ChismeError) => {
        assert.match(thrown.message, error);
        assert.equal(thrown.code, "ERR_ARGUMENT");
        assert.equal(thrown.option, thrown.message.split(": ")[1]);
        return thrown instanceof RangeError || thrown instanceof TypeError;
      });
      assert.deepEqual(gossip.frontier(), []);
      gossip.log("a", 1);
      assert.equal(gossip.frontier()[0].sequence, 1);
    });
  }

  it("the node refuses an event with ERR_NO_ROOM when the event buffer is full of latest values", () => {
    const { gossip } = joined(new FakeNetwork(), [{ events: eventFeeds({ ...EVENTS, bytes: 512 }) }])[0];
    assert.throws(() => {
      for (let n = 0; n < 100; n++) gossip.set("value", `key ${n}`, n);
    }, { code: "ERR_NO_ROOM", message: "set: the event buffer (events.bytes) is full of latest values" });
    gossip.set("value", "key 1", 2);
    gossip.remove("value", "key 2");
    gossip.set("value", "another", 3);
  });

  it("events need the option events, a running node, and a dialect that has events", () => {
    const network = new FakeNetwork();
    const [off] = joined(network, [{}]);
    const state = { name: "Error", code: "ERR_STATE" };
    const without = "there are no events without the option events";
    assert.throws(() => off.gossip.log("a", 1), { ...state, message: `log: ${without}` });
    assert.throws(() => off.gossip.now(), { ...state, message: `now: ${without}` });
    assert.throws(() => off.gossip.subscribe("a", () => undefined), { ...state, message: `subscribe: ${without}` });
    assert.deepEqual([off.gossip.frontier(), off.gossip.events(), off.gossip.stats().clock], [[], [], "none"]);
    const node = new FakeNode(network, "192.168.0.60", FEEDS);
    assert.throws(() => node.gossip.log("a", 1), { ...state, message: "log: the node is not running" });
    assert.throws(() => new FakeNode(network, "192.168.0.61", { ...FEEDS, dialect: espgossip() }), {
      name: "TypeError", code: "ERR_OPTION", option: "events", message: "events: the option dialect has none",
    });
  });

  it("events have stamps of the network's clock, which boards without a clock take from peers", () => {
    const network = new FakeNetwork();
    const nodes = joined(network, [FEEDS, FEEDS]);
    const T = 1767225600000;
    nodes[0].clock.physicalMs = () => T + network.nowMs;
    assert.deepEqual(nodes.map(({ gossip }) => gossip.stats().clock), ["none", "none"]);
    nodes[0].gossip.log("a", 1);
    network.run(5000);
    nodes[0].gossip.log("a", 1);
    network.run(680000);
    assert.deepEqual(nodes.map(({ gossip }) => gossip.stats().clock), ["own", "peers"]);
    const stamp = nodes[1].gossip.now();
    assert.ok(Math.abs(stamp.timeMs - T - network.nowMs) < 2000, `${stamp.timeMs}`);
    nodes[1].gossip.log("b", 2);
    network.run(1000);
    const [, a, b] = nodes[0].gossip.events().map(({ timeMs }) => timeMs);
    assert.ok(b > a && b <= T + network.nowMs);
  });
});

describe("Gossip: the log of events", () => {
  interface Device {
    log: MemoryLog;
    /** Starts the device again, or for the first time. */
    start: () => { node: FakeNode; events: FeedEvent[] };
  }

  function device(network: FakeNetwork, address: string, options: EventFeedOptions = {}): Device {
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

  it("a node with a log continues where it stopped", () => {
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

  it("the log holds each event before it is sent, and no event is sent that could not be stored", () => {
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

  it("the log is rewritten when it is full, and keeps the latest values and the tail", () => {
    const network = new FakeNetwork();
    const made = device(network, "192.168.0.54", { bytes: 1024 });
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
  function withOldImage(): { network: FakeNetwork; peer: FakeNode; device: Device; receivedEvents: FeedEvent[] } {
    const network = new FakeNetwork();
    const receivedEvents = noting();
    const peer = new FakeNode(network, "192.168.0.53", receivedEvents.options);
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
    return { network, peer, device: made, receivedEvents: receivedEvents.events };
  }

  it("an old image of the flash forks no feed: peers give the later events back", () => {
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

  it("a node with an old image that publishes before any peer answers begins a generation with all events", () => {
    const { network, peer, device: old } = withOldImage();
    const { node, events } = old.start();
    node.gossip.log("n", "new");
    network.run(60000);
    const { generation } = peer.gossip.frontier()[0];
    assert.ok(generation > 0);
    assert.equal(node.gossip.revision, generation);
    assert.deepEqual(peer.gossip.events().map(({ value }) => value), [1, 2, 3, 4, 5, "new"]);
    assert.deepEqual(node.gossip.events(), peer.gossip.events());
    assert.deepEqual(events.map(({ value }) => value), [1, 2, 3, "new", 4, 5], "nothing is told twice");
    node.gossip.close();
    assert.deepEqual(old.start().node.gossip.frontier(), [{ author: 0xc0a80036, generation, sequence: 6 }]);
  });

  it("the log is made anew from the events of peers when the flash was wiped", () => {
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
