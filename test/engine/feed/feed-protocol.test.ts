import assert from "node:assert/strict";
import {
  DROP_REASONS, NOTIFY_FORK, type Engine, type EngineOptions, dropReasonName,
} from "../../../src/engine/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { nodeSealing } from "../../../desktop/platform/node-sealing.js";
import { eventFeeds } from "../../../src/events/index.js";
import { nodeDigest } from "./feed-support.js";

const ROUND = 10000;

function feedsOf(feedBytes: number): Partial<EngineOptions> {
  return { feeds: eventFeeds({ bytes: feedBytes }).engineFeeds(1472, nodeDigest) };
}

const FEEDS = feedsOf(8192);

function drops(engine: Engine): Record<string, number> {
  const counted: Record<string, number> = {};
  for (let reason = 0; reason < DROP_REASONS; reason++) {
    if (engine.stats.drops(reason) > 0) counted[dropReasonName(reason)] = engine.stats.drops(reason);
  }
  return counted;
}

/** Nodes 1 to `count` that know each other, all with feeds. */
function makeNetwork(count: number, options: Partial<EngineOptions> = {}): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= count; node++) network.add(node, { ...FEEDS, ...options }, [1], 3);
  network.run(10 * ROUND);
  network.sent.length = 0;
  return network;
}

/** Sequence numbers of an author's events that a node was told of, in this order. */
function told(network: EngineNetwork, node: number, author: number): number[] {
  return (network.events.get(node) ?? []).filter((event) => event.author === author).map(({ sequence }) => sequence);
}

/** All have the same frontier, and of each feed hold the same. */
function assertEqualFeeds(network: EngineNetwork, authors: number[]): void {
  const [first, ...others] = [...network.engines.values()].filter(({ feed }) => feed !== undefined);
  for (const other of others) {
    for (const author of authors) assert.deepEqual(heldFeed(other, author), heldFeed(first, author));
    assert.equal(other.rows.feedsHash!.word(), first.rows.feedsHash!.word());
  }
}

describe("events in a network", () => {
  it("an event reaches all nodes within six rounds, and each application once and in order", () => {
    const network = makeNetwork(10);
    for (let n = 1; n <= 5; n++) {
      network.log(3, "door", `opened ${n}`);
      network.run(500);
    }
    network.set(7, "light", "kitchen", true);
    network.run(5 * ROUND);
    for (const node of network.engines.keys()) {
      assert.deepEqual(told(network, node, 3), [1, 2, 3, 4, 5], `node ${node}`);
      assert.deepEqual(told(network, node, 7), [1]);
    }
    assertEqualFeeds(network, [3, 7]);
  });

  it("an idle network with events is in sync: it sends a SYN and an ACK of at most 40 bytes each", () => {
    const network = makeNetwork(10);
    for (const node of network.engines.keys()) network.log(node, "start", node);
    network.run(15 * ROUND);
    network.sent.length = 0;
    network.run(10 * ROUND);
    const types = new Set(network.sent.map(({ bytes }) => bytes[1] & 15));
    assert.deepEqual([...types].sort(), [1, 2]);
    const longest = Math.max(...network.sent.map(({ bytes }) => bytes.length));
    assert.ok(longest <= 40, `${longest}`);
  });

  it("a node forwards events: C gets those of A from B, although A and C never meet", () => {
    const network = new EngineNetwork();
    network.lose = ({ from, to }) => from + to === 4;
    network.add(1, FEEDS, [2], 3);
    network.add(2, FEEDS, [], 3);
    network.run(3 * ROUND);
    for (let n = 0; n < 20; n++) network.log(1, "reading", n);
    network.set(1, "name", "", "A");
    network.run(5 * ROUND);
    network.engines.delete(1);
    network.add(3, FEEDS, [2], 3);
    network.run(10 * ROUND);
    assert.deepEqual(told(network, 3, 1), Array.from({ length: 21 }, (_, i) => i + 1));
    assertEqualFeeds(network, [1]);
  });

  it("the events of a node that left reach nodes that join later", () => {
    const network = makeNetwork(2);
    network.log(1, "a", 1);
    network.run(ROUND);
    network.leave(1);
    network.run(3 * ROUND);
    network.add(3, FEEDS, [2], 3);
    network.run(5 * ROUND);
    assert.deepEqual(told(network, 3, 1), [1]);
  });

  it("a node without feeds ignores events and is in sync with the others", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 8; node++) network.add(node, node % 4 === 0 ? {} : FEEDS, [1], 3);
    network.run(10 * ROUND);
    network.log(1, "a", 1);
    network.set(2, "b", "c", 2);
    network.run(10 * ROUND);
    assertEqualFeeds(network, [1, 2]);
    network.sent.length = 0;
    network.run(10 * ROUND);
    assert.deepEqual([...new Set(network.sent.map(({ bytes }) => bytes[1] & 15))].sort(), [1, 2]);
    for (const node of [4, 8]) assert.deepEqual({ ...drops(network.engines.get(node)!), echo: 0 }, { echo: 0 });
  });

  it("a node that was away gets many events in each datagram", () => {
    const network = makeNetwork(3, feedsOf(65536));
    const away = network.engines.get(3)!;
    network.engines.delete(3);
    for (let n = 0; n < 600; n++) {
      network.log(1, "reading", n);
      network.run(300);
    }
    network.engines.set(3, away);
    network.sent.length = 0;
    network.run(2 * ROUND);
    assert.deepEqual(told(network, 3, 1), Array.from({ length: 600 }, (_, i) => i + 1));
    assertEqualFeeds(network, [1]);
  });
});

/** A frame of node `from` with a section of events in it, as node 2 would have it from `network`. */
function tampered(network: EngineNetwork, sent: Uint8Array, change: (bytes: Uint8Array) => void): void {
  const bytes = sent.slice();
  change(bytes);
  network.deliver(2, 1, bytes);
}

describe("repeated, changed and missing events", () => {
  /** Two nodes, and the next frame with an event that 1 would send to 2. */
  function withEvent(): { network: EngineNetwork; frame: Uint8Array } {
    const network = makeNetwork(2);
    network.log(1, "door", "first");
    network.run(3 * ROUND);
    network.lose = () => true;
    network.sent.length = 0;
    network.log(1, "door", "second");
    const frame = network.sent.find(({ from, to }) => from === 1 && to === 2)!.bytes;
    return { network, frame };
  }

  it("a node applies an event once, however often it arrives", () => {
    const { network, frame } = withEvent();
    for (let i = 0; i < 3; i++) network.deliver(2, 1, frame);
    assert.deepEqual(told(network, 2, 1), [1, 2]);
    assert.equal(drops(network.engines.get(2)!).duplicate >= 2, true);
  });

  it("a datagram with a changed bit changes nothing but a counter, and the node reports a fork once", () => {
    const { network, frame } = withEvent();
    const before = heldFeed(network.engines.get(2)!, 1);
    const at = Buffer.from(frame).indexOf("second");
    tampered(network, frame, (bytes) => { bytes[at] ^= 0x01; });
    tampered(network, frame, (bytes) => { bytes[at + 1] ^= 0x01; });
    assert.deepEqual(heldFeed(network.engines.get(2)!, 1), before);
    assert.equal(drops(network.engines.get(2)!).fork, 2);
    const forks = network.notified.filter(({ kind }) => kind === NOTIFY_FORK);
    assert.deepEqual(forks.map(({ address, id }) => [address, id]), [[2, 1]]);
    network.deliver(2, 1, frame);
    assert.deepEqual(told(network, 2, 1), [1, 2]);
  });

  it("a node requests events again if the events before them are missing", () => {
    const network = makeNetwork(2);
    network.log(1, "a", 0);
    network.run(3 * ROUND);
    network.lose = ({ from }) => from === 1;
    for (let n = 1; n <= 20; n++) network.log(1, "a", n);
    network.lose = () => false;
    network.run(2 * ROUND);
    assert.deepEqual(told(network, 2, 1), Array.from({ length: 21 }, (_, i) => i + 1));
  });

  it("an unproven address gets at most three times the bytes that it sent", () => {
    const network = makeNetwork(2);
    for (let n = 0; n < 100; n++) network.log(1, "a", n);
    const empty = new EngineNetwork();
    empty.add(9, FEEDS, [1], 3);
    empty.run(ROUND);
    const syn = empty.sent[0].bytes;
    network.sent.length = 0;
    network.lose = ({ to }) => to === 9;
    network.deliver(1, 9, syn);
    const answers = network.sent.filter(({ to }) => to === 9);
    assert.equal(answers.length, 1);
    assert.ok(answers[0].bytes.length <= 3 * syn.length);
  });
});

describe("room for events", () => {
  /** Latest values by topic and key, as the application of a node knows them. */
  function values(network: EngineNetwork, node: number, author: number): Record<string, string> {
    const latest: Record<string, string> = {};
    for (const event of network.events.get(node)!) {
      if (event.author !== author || event.kind === 0) continue;
      if (event.kind === 1) latest[event.key] = event.payload;
      else delete latest[event.key];
    }
    return latest;
  }

  it("a full node forgets the oldest events, and one that was away ends with the same values and tail", () => {
    const network = makeNetwork(4, feedsOf(2048));
    for (let key = 0; key < 5; key++) network.set(1, "value", `key ${key}`, "old");
    network.run(3 * ROUND);
    const away = network.engines.get(4)!;
    network.engines.delete(4);
    for (let n = 0; n < 300; n++) {
      network.log(1, "reading", n);
      if (n === 50) network.remove(1, "value", "key 1");
      if (n === 60) network.set(1, "value", "key 2", "new");
      network.run(1000);
    }
    // The others have forgotten the row of the one that is away: their rows last a day.
    network.run(3 * 86400000);
    network.engines.set(4, away);
    network.run(10 * ROUND);
    // How much of the past is held depends on when there was no room: the end is the same.
    const ends = [...network.engines.values()].map((engine) => {
      const { frontier, events } = heldFeed(engine, 1);
      return { frontier, end: Object.entries(events).filter(([n, event]) => Number(n) > 280 || event[0] === "v") };
    });
    for (const end of ends) assert.deepEqual(end, ends[0]);
    assert.ok(network.engines.get(2)!.feed!.feeds.floor(network.engines.get(2)!.rows.find(1)) > 200);
    assert.deepEqual(Object.keys(values(network, 2, 1)).sort(), ["key 0", "key 2", "key 3", "key 4"]);
    const { events } = heldFeed(away, 1);
    const keys = Object.values(events).filter((event) => event.startsWith("value/")).sort();
    assert.deepEqual(keys.map((event) => event.slice(6, 11)), ["key 0", "key 1", "key 2", "key 3", "key 4"]);
    assert.equal(keys[1], "value/key 1 ", "the removal stays");
  });

  it("nodes with arenas of different sizes, one of them full, do not send without end", () => {
    const network = makeNetwork(3);
    const small = network.add(9, feedsOf(512), [1], 3);
    network.run(5 * ROUND);
    for (let n = 0; n < 40; n++) network.set(1, "value", `key ${n}`, n);
    network.log(2, "a", 1);
    network.run(10 * ROUND);
    assertEqualFeeds({ engines: new Map([...network.engines].filter(([id]) => id !== 9)) } as EngineNetwork, [1, 2]);
    assert.ok(drops(small).arenaFull > 0);
    network.sent.length = 0;
    network.run(20 * ROUND);
    assert.ok(network.sent.length < 20 * 4 * 20, `${network.sent.length} datagrams`);
  });
});

describe("a node's own feed", () => {
  it("a node that starts again without memory begins a generation with what peers hold of the old one", () => {
    const network = makeNetwork(4);
    for (let n = 0; n < 3; n++) network.log(2, "life", `first ${n}`);
    network.run(3 * ROUND);
    network.engines.delete(2);
    network.events.delete(2);
    network.run(ROUND);
    network.add(2, FEEDS, [1], 0, false);
    network.log(2, "life", "second 0");
    network.log(2, "life", "second 1");
    network.run(10 * ROUND);
    network.log(2, "life", "second 2");
    network.run(5 * ROUND);
    assertEqualFeeds(network, [2]);
    assert.equal(Object.keys(heldFeed(network.engines.get(1)!, 2).events).length, 6);
    assert.deepEqual(network.notified.filter(({ kind }) => kind === NOTIFY_FORK), []);
  });

  it("a node gets its feed back from its peers and goes on with a new generation", () => {
    const network = makeNetwork(4);
    for (let n = 0; n < 3; n++) network.log(2, "life", n);
    network.run(3 * ROUND);
    network.engines.delete(2);
    network.events.delete(2);
    const again = network.add(2, FEEDS, [1], 0, false);
    network.run(5 * ROUND);
    assert.deepEqual(told(network, 2, 2), [1, 2, 3]);
    network.log(2, "life", 3);
    network.run(5 * ROUND);
    assertEqualFeeds(network, [2]);
    // Peers may have given back less than was said, so a new generation holds all of it.
    assert.deepEqual(heldFeed(again, 2).frontier.slice(0, 2), [again.revision(), 4]);
  });
});

describe("events in a sealed network", () => {
  it("an event reaches all nodes of a sealed network", () => {
    const sealing = nodeSealing;
    const key = new Uint8Array(32).fill(7);
    const network = new EngineNetwork();
    for (let node = 1; node <= 5; node++) {
      network.add(node, { ...FEEDS, sealer: sealing(key, undefined), randomSeed: node }, [1], 3);
    }
    network.run(10 * ROUND);
    for (let n = 0; n < 10; n++) network.log(3, "a", n);
    network.run(5 * ROUND);
    for (const node of network.engines.keys()) assert.equal(told(network, node, 3).length, 10);
    assertEqualFeeds(network, [3]);
  });
});
