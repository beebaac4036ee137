import assert from "node:assert/strict";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import type { FeedEvent, GossipOptions } from "../src/gossip.js";
import { latestMap } from "../src/views/latest-map.js";
import { FakeNetwork, type FakeNode, joined } from "./support/fake-platform.js";

const T = 1767225600000;

function events(more: EventFeedOptions = {}): Partial<GossipOptions> {
  return { events: eventFeeds({ digest: nodeDigest, ...more }) };
}

describe("Gossip: subscribe", () => {
  it("a subscription gets the events of one topic, own ones too, after onEvent and until it ends", () => {
    const network = new FakeNetwork();
    const calls: unknown[] = [];
    const onEvent = ({ topic, value }: FeedEvent): void => void calls.push(["onEvent", topic, value]);
    const [a, b] = joined(network, [events({ onEvent }), events()]);
    const end = a.gossip.subscribe<number>("door", ({ author, value }) => calls.push([author & 255, value]));
    a.gossip.log("door", 1);
    b.gossip.log("bell", 2);
    b.gossip.log("door", 3);
    network.run(5000);
    assert.deepEqual(calls, [
      ["onEvent", "door", 1], [53, 1], ["onEvent", "bell", 2], ["onEvent", "door", 3], [54, 3],
    ]);
    end();
    end();
    b.gossip.log("door", 4);
    network.run(5000);
    assert.deepEqual(calls.at(-1), ["onEvent", "door", 4]);
  });

  it("subscribe() needs no onEvent, and keeps the order in which subscriptions were made", () => {
    const calls: string[] = [];
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    for (const name of ["a", "b", "c"]) gossip.subscribe("door", () => calls.push(name));
    gossip.log("door", 1);
    assert.deepEqual(calls, ["a", "b", "c"]);
  });

  it("callbacks can end subscriptions and make new ones, which get later events only", () => {
    const calls: string[] = [];
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    gossip.subscribe("door", () => {
      calls.push("a");
      endB();
      gossip.subscribe("door", () => calls.push("c"));
    });
    const endB = gossip.subscribe("door", () => calls.push("b"));
    gossip.log("door", 1);
    assert.deepEqual(calls, ["a"]);
    gossip.log("door", 2);
    assert.deepEqual(calls, ["a", "a", "c"]);
  });

  it("set refuses an option that it does not know, and a time to live that is none", () => {
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    for (const [options, name, option] of [
      [{ ttl: 5000 }, "TypeError", "options"], [5000, "TypeError", "options"], [null, "TypeError", "options"],
      [{ ttlMs: "1" }, "TypeError", "ttlMs"], [{ ttlMs: -1 }, "RangeError", "ttlMs"],
    ] as [never, string, string][]) {
      assert.throws(() => gossip.set("lamp", "hall", "on", options), { name, option, code: "ERR_ARGUMENT" });
    }
    assert.throws(() => gossip.eachEvent(5 as never), { name: "TypeError", option: "each", code: "ERR_ARGUMENT" });
    gossip.set("lamp", "hall", "on", { ttlMs: undefined } as never);
    assert.deepEqual(gossip.events().map(({ ttlMs }) => ttlMs), [0]);
  });

  it("a callback that throws does not stop the others, and each is called once", () => {
    const calls: string[] = [];
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    gossip.subscribe<number>("door", ({ value }) => {
      calls.push(`a${value}`);
      if (value === 1) throw new Error("of the application");
    });
    gossip.subscribe<number>("door", ({ value }) => calls.push(`b${value}`));
    assert.throws(() => gossip.log("door", 1), /of the application/);
    assert.deepEqual(calls, ["a1"]);
    gossip.log("door", 2);
    assert.deepEqual(calls, ["a1", "b1", "a2", "b2"]);
  });

  it("no subscription is called once the node is closed, even within one event", () => {
    const calls: string[] = [];
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    gossip.subscribe("door", () => {
      calls.push("a");
      gossip.close();
    });
    gossip.subscribe("door", () => calls.push("b"));
    gossip.log("door", 1);
    assert.deepEqual(calls, ["a"]);
  });

  it("subscribe() refuses a wrong topic or callback, and more than 64 subscriptions at a time", () => {
    const [{ gossip }] = joined(new FakeNetwork(), [events()]);
    const nothing = (): void => undefined;
    for (const [topic, callback, name, option] of [
      ["", nothing, "RangeError", "topic"], ["t".repeat(32), nothing, "RangeError", "topic"],
      [5, nothing, "TypeError", "topic"], ["t", undefined, "TypeError", "callback"],
    ] as const) {
      const act = (): unknown => gossip.subscribe(topic as never, callback as never);
      assert.throws(act, { name, code: "ERR_ARGUMENT", option, message: new RegExp(`^subscribe: ${option}: `) });
    }
    const ends = Array.from({ length: 64 }, () => gossip.subscribe("t", nothing));
    assert.throws(() => gossip.subscribe("t", nothing), { name: "Error", code: "ERR_NO_ROOM" });
    ends[7]();
    gossip.subscribe("t", nothing);
  });
});

describe("Gossip: views of events", () => {
  interface Watched {
    node: FakeNode;
    changes: unknown[][];
    map: ReturnType<typeof latestMap>;
  }

  /** Two nodes that know the time, of which one watches. */
  function watched(network: FakeNetwork, hasTime = true): Watched & { other: FakeNode } {
    const changes: unknown[][] = [];
    const map = latestMap({ onChange: (topic, key, value) => changes.push([network.nowMs, topic, key, value]) });
    const [node, other] = joined(network, [events({ views: [map] }), events()]);
    if (hasTime) for (const { clock } of [node, other]) clock.physicalMs = () => T + network.nowMs;
    return { node, other, changes, map };
  }

  it("views notify once at the end of a time to live, by the node's timer", () => {
    const network = new FakeNetwork();
    const { node, other, changes, map } = watched(network);
    const startMs = network.nowMs;
    node.gossip.set("lamp", "hall", "on", { ttlMs: 3000 });
    other.gossip.set("lamp", "roof", "on", { ttlMs: 1000 });
    network.run(20000);
    assert.deepEqual(changes, [
      [startMs, "lamp", "hall", "on"], [startMs + 1, "lamp", "roof", "on"],
      [startMs + 1000, "lamp", "roof", undefined], [startMs + 3000, "lamp", "hall", undefined],
    ]);
    assert.deepEqual(map.entries(), []);
    assert.equal(node.clock.timers, 1);
  });

  it("views notify at an end that is further away than the longest timer", () => {
    const network = new FakeNetwork();
    const { node, changes } = watched(network);
    const startMs = network.nowMs;
    node.gossip.set("lamp", "hall", "on", { ttlMs: 2 * 86400000 });
    network.run(2 * 86400000 + 1000);
    assert.deepEqual(changes.slice(1), [[startMs + 2 * 86400000, "lamp", "hall", undefined]]);
  });

  it("get() and entries() show the values of the node's time", () => {
    const network = new FakeNetwork();
    const { node, map } = watched(network);
    node.gossip.set("lamp", "hall", "on", { ttlMs: 3000 });
    network.run(2999);
    assert.equal(map.get("lamp", "hall"), "on");
    network.run(1);
    assert.equal(map.get("lamp", "hall"), undefined);
  });

  it("views end a time to live so long after the node learnt of the event, while no node knows the time", () => {
    const network = new FakeNetwork();
    const { node, changes, map } = watched(network, false);
    node.gossip.set("lamp", "hall", "on", { ttlMs: 1000 });
    network.run(999);
    assert.deepEqual([changes.length, map.get("lamp", "hall")], [1, "on"]);
    network.run(1);
    assert.equal(map.get("lamp", "hall"), undefined);
    network.run(10000);
    node.clock.physicalMs = () => T + network.nowMs;
    network.run(10000);
    assert.equal(map.get("lamp", "hall"), undefined);
    assert.deepEqual(changes.slice(1).map((change) => change.slice(1)), [["lamp", "hall", undefined]]);
  });

  it("views notify of a removal", () => {
    const network = new FakeNetwork();
    const { other, changes } = watched(network);
    other.gossip.set("lamp", "hall", "on");
    other.gossip.set("lamp", "roof", "on");
    network.run(2000);
    other.gossip.remove("lamp", "hall");
    network.run(2000);
    assert.deepEqual(changes.map((change) => change.slice(1)), [
      ["lamp", "hall", "on"], ["lamp", "roof", "on"], ["lamp", "hall", undefined],
    ]);
  });

  it("onChange may publish, and is then called for that too", () => {
    const network = new FakeNetwork();
    const values: unknown[] = [];
    const map = latestMap({
      onChange: (_topic, key, value) => {
        values.push([key, value]);
        if (key === "in") nodes[0].gossip.set("lamp", "out", value);
      },
    });
    const nodes = joined(network, [events({ views: [map] })]);
    nodes[0].gossip.set("lamp", "in", 1);
    assert.deepEqual(values, [["in", 1], ["out", 1]]);
  });

  it("views continue to notify at an end after a callback threw", () => {
    const network = new FakeNetwork();
    const keys: unknown[] = [];
    const map = latestMap({
      onChange: (_topic, key, value) => {
        keys.push([key, value]);
        if (value === "on") throw new Error("of the application");
      },
    });
    const [node] = joined(network, [events({ views: [map] })]);
    node.clock.physicalMs = () => T + network.nowMs;
    assert.throws(() => node.gossip.set("lamp", "hall", "on", { ttlMs: 1000 }), /of the application/);
    network.run(1000);
    assert.deepEqual(keys, [["hall", "on"], ["hall", undefined]]);
  });
});
