import assert from "node:assert/strict";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { type EventFeedOptions, eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, GossipOptions } from "../../src/gossip.js";
import { MemoryLog } from "../../src/platform/memory-log.js";
import { type AuthorKeys, pinnedKeys, signedFeeds } from "../../src/signing/index.js";
import { latestMap } from "../../src/views/latest-map.js";
import { FakeNetwork, FakeNode, FakeStorage, joined } from "../support/fake-platform.js";

const FIRST = 0xc0a80035;

/** The key pair of a node, by its number. */
function identityOf(node: number): ReturnType<typeof nodeIdentity> {
  return nodeIdentity(new Uint8Array(32).fill(node + 1));
}

/** The keys of the nodes 0 to 9, as a list. */
const LISTED: AuthorKeys = {
  acceptsKey: (author) => author >= FIRST && author < FIRST + 10 ? identityOf(author - FIRST).publicKey : undefined,
};

interface Signed { events: FeedEvent[]; options: Partial<GossipOptions> }

/** A node that signs, verifies, and notes its events. */
function signed(node: number, keys: AuthorKeys = LISTED, more: EventFeedOptions = {}): Signed {
  const events: FeedEvent[] = [];
  const signing = signedFeeds({ identity: identityOf(node), verify: nodeVerify, keys });
  const onEvent = (event: FeedEvent): void => void events.push(event);
  return { events, options: { events: eventFeeds({ bytes: 8192, digest: nodeDigest, signing, onEvent, ...more }) } };
}

/** A node without keys, which passes on. */
function unsigned(): Signed {
  const events: FeedEvent[] = [];
  const onEvent = (event: FeedEvent): void => void events.push(event);
  return { events, options: { events: eventFeeds({ bytes: 8192, digest: nodeDigest, onEvent }) } };
}

function values(events: FeedEvent[]): unknown[] {
  return events.map(({ value }) => value);
}

function drops(node: FakeNode): number {
  return node.gossip.stats().drops.signature;
}

describe("signed feeds", () => {
  it("events of nodes that sign reach all nodes, and no application sees a signature", () => {
    const network = new FakeNetwork();
    const view = latestMap();
    const noted = [signed(0), signed(1), signed(2, LISTED, { views: [view] })];
    const nodes = joined(network, noted.map(({ options }) => options));
    for (let i = 0; i < 20; i++) nodes[i % 3].gossip.set("count", `key${i % 7}`, i);
    nodes[1].gossip.log("door", "open");
    network.run(60000);
    for (const { events } of noted) {
      assert.deepEqual(values(events).filter((value) => typeof value === "number").length, 20);
      assert.ok(events.every(({ topic }) => topic !== ""));
    }
    for (const node of nodes) {
      assert.equal(drops(node), 0);
      assert.ok(node.gossip.events().every(({ topic }) => topic !== ""));
      assert.deepEqual(node.gossip.frontier().map(({ sequence }) => sequence), [14, 16, 12]);
    }
    assert.equal(view.get("count", "key5"), 19);
  });

  it("a node that joins later takes the feeds of all, also from one that passes on without keys", () => {
    const network = new FakeNetwork();
    const noted = [signed(0), unsigned()];
    const nodes = joined(network, noted.map(({ options }) => options));
    for (let i = 0; i < 40; i++) nodes[0].gossip.log("n", i);
    network.run(20000);
    nodes[0].gossip.close();
    const late = signed(2);
    const joiner = new FakeNode(network, "192.168.0.55", { seedList: ["192.168.0.54"], ...late.options });
    joiner.gossip.start();
    network.run(60000);
    assert.deepEqual(values(late.events), Array.from({ length: 40 }, (_, i) => i));
  });

  it("a node takes nothing of an author without a key, or with another key, and counts it", () => {
    const network = new FakeNetwork();
    const noted = [signed(0), signed(1), signed(2), unsigned()];
    const forger = signed(7);
    const nodes = joined(network, [noted[0], noted[1], noted[2], forger, noted[3]].map(({ options }) => options));
    nodes[3].gossip.set("door", "lock", "open");
    nodes[0].gossip.set("door", "lock", "closed");
    network.run(60000);
    for (const { events } of noted.slice(0, 3)) assert.deepEqual(values(events), ["closed"]);
    assert.deepEqual(values(noted[3].events).sort(), ["closed", "open"]);
    assert.ok(drops(nodes[0]) + drops(nodes[1]) + drops(nodes[2]) > 0);
  });

  it("a restart goes on with the signed feed of the log", () => {
    const network = new FakeNetwork();
    const storage = Object.assign(new FakeStorage([]), { log: new MemoryLog(), revision: 5 });
    const noted = signed(1);
    const other = new FakeNode(network, "192.168.0.54", { seedList: ["192.168.0.53"], ...noted.options });
    other.gossip.start();
    for (let life = 0; life < 3; life++) {
      const node = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.54"], ...signed(0).options, storage });
      node.gossip.start();
      network.run(60000);
      for (let i = 0; i < 5; i++) node.gossip.log("n", life * 5 + i);
      network.run(60000);
      node.gossip.close();
    }
    assert.deepEqual(values(noted.events), Array.from({ length: 15 }, (_, i) => i));
    assert.deepEqual(other.gossip.frontier(), [{ author: FIRST, generation: 6, sequence: 30 }]);
    assert.equal(drops(other), 0);
  });

  it("power may be lost between an event and its signature: peers give the signature back, or it is made then", () => {
    for (const hasPeer of [true, false]) {
      const network = new FakeNetwork();
      const log = new MemoryLog();
      const storage = Object.assign(new FakeStorage([]), { log, revision: 5 });
      const noted = signed(1);
      const other = new FakeNode(network, "192.168.0.54", { seedList: ["192.168.0.53"], ...noted.options });
      other.gossip.start();
      const node = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.54"], ...signed(0).options, storage });
      node.gossip.start();
      network.run(60000);
      node.gossip.log("n", 0);
      network.run(20000);
      const append = log.append.bind(log);
      let appended = 0;
      log.append = (bytes, length) => ++appended === 1 && append(bytes, length);
      node.socket.isCut = !hasPeer;
      try {
        node.gossip.log("n", 1);
        network.run(20000);
      } catch { /* the log is gone */ }
      node.clock.stop();
      node.socket.close();
      log.append = append;
      const options = { seedList: ["192.168.0.54"], ...signed(0).options, storage };
      const again = new FakeNode(network, "192.168.0.53", options);
      again.gossip.start();
      network.run(60000);
      again.gossip.log("n", 2);
      network.run(120000);
      assert.deepEqual(values(noted.events), [0, 1, 2], `hasPeer ${hasPeer}`);
      assert.equal(drops(other), 0);
    }
  });

  it("a node that lost its log gets its feed back from peers, and goes on under a signed generation", () => {
    const network = new FakeNetwork();
    const noted = [signed(0), signed(1), signed(2)];
    const nodes = joined(network, noted.map(({ options }) => options));
    for (let i = 0; i < 12; i++) nodes[0].gossip.set("n", `key${i}`, i);
    network.run(20000);
    nodes[0].gossip.close();
    const back = signed(0);
    const again = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.54"], ...back.options });
    Object.assign(again.storage, { revision: 3 });
    again.gossip.start();
    network.run(60000);
    again.gossip.set("n", "key3", "again");
    network.run(120000);
    for (const node of [again, nodes[1], nodes[2]]) {
      const map = node.gossip.events().filter(({ key }) => key === "key3").map(({ value }) => value);
      assert.equal(map[map.length - 1], "again");
      assert.equal(node.gossip.frontier()[0].generation, 4);
      assert.equal(drops(node), 0);
    }
  });

  it("pinned keys: the first proven key of an author stays, and another device with its id is refused", () => {
    const network = new FakeNetwork();
    const pins: number[] = [];
    const noted = [signed(0, pinnedKeys()), signed(1, pinnedKeys([], (author) => pins.push(author)))];
    const nodes = joined(network, noted.map(({ options }) => options));
    nodes[0].gossip.set("door", "lock", "closed");
    network.run(20000);
    nodes[0].gossip.close();
    const thief = new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.54"], ...signed(7).options });
    Object.assign(thief.storage, { revision: 9 });
    thief.gossip.start();
    network.run(60000);
    thief.gossip.set("door", "lock", "open");
    network.run(60000);
    assert.deepEqual(values(noted[1].events), ["closed"]);
    assert.deepEqual(pins, [FIRST]);
    assert.ok(drops(nodes[1]) + drops(thief) > 0);
  });

  it("a revoked author's events from a place on are taken in by nobody; those before stay", () => {
    const network = new FakeNetwork();
    let limit = 0xffffffff;
    const keys: AuthorKeys = { ...LISTED, acceptsUpTo: (author) => author === FIRST ? limit : 0xffffffff };
    const noted = [signed(0), signed(1, keys), signed(2, keys)];
    const nodes = joined(network, noted.map(({ options }) => options));
    nodes[0].gossip.log("n", 1);
    network.run(20000);
    limit = 2;
    nodes[0].gossip.log("n", 2);
    network.run(60000);
    assert.deepEqual(noted.map(({ events }) => values(events)), [[1, 2], [1], [1]]);
  });

  it("feeds of a network with another name are refused, although all keys are the same", () => {
    const network = new FakeNetwork();
    const noted = [signed(0), signed(1)];
    const nodes = joined(network, [{ ...noted[0].options, network: "one" }, { ...noted[1].options, network: "one" }]);
    nodes[0].gossip.log("n", 1);
    network.run(20000);
    assert.deepEqual(values(noted[1].events), [1]);
  });

  it("a node that joins when all floors have risen begins behind them, and gets the latest values again", () => {
    const network = new FakeNetwork();
    const small = { bytes: 4096 };
    const noted = [signed(0, LISTED, small), signed(1, LISTED, small)];
    const nodes = joined(network, noted.map(({ options }) => options));
    for (let i = 0; i < 4; i++) nodes[0].gossip.set("door", `key${i}`, i);
    for (let i = 0; i < 60; i++) {
      nodes[0].gossip.log("n", i);
      network.run(10000);
    }
    const late = signed(2, LISTED, small);
    const joiner = new FakeNode(network, "192.168.0.55", { seedList: ["192.168.0.54"], ...late.options });
    joiner.gossip.start();
    network.run(600000);
    const logged = values(late.events.filter(({ kind }) => kind === "log"));
    assert.equal(logged[logged.length - 1], 59);
    assert.deepEqual(logged, Array.from({ length: logged.length }, (_, i) => 60 - logged.length + i));
    const doors = joiner.gossip.events().filter(({ topic }) => topic === "door");
    assert.deepEqual(doors.map(({ key, value, author }) => [key, value, author]).sort(),
      [0, 1, 2, 3].map((i) => [`key${i}`, i, FIRST]));
    assert.deepEqual(joiner.gossip.frontier(), nodes[0].gossip.frontier());
    assert.deepEqual(values(noted[1].events).filter((value) => typeof value === "number").length, 64);
  });

  it("a node that was away for long goes on behind what nobody holds any more", () => {
    const network = new FakeNetwork();
    const small = { bytes: 2048 };
    const noted = [signed(0, LISTED, small), signed(1, LISTED, small)];
    const nodes = joined(network, noted.map(({ options }) => options));
    nodes[0].gossip.log("n", -1);
    network.run(20000);
    network.loses = () => true;
    for (let i = 0; i < 60; i++) nodes[0].gossip.log("n", i);
    network.run(20000);
    network.loses = () => false;
    network.run(300000);
    const seen = values(noted[1].events);
    assert.equal(seen[0], -1);
    assert.equal(seen[seen.length - 1], 59);
    assert.deepEqual(nodes[1].gossip.frontier(), nodes[0].gossip.frontier());
  });

  it("a node that fills gaps gets the history of signed feeds, in whole runs", () => {
    const network = new FakeNetwork();
    const archive = { bytes: 65536, fillGaps: true };
    const noted = [signed(0, LISTED, { bytes: 4096 }), signed(1, LISTED, archive)];
    const nodes = joined(network, noted.map(({ options }) => options));
    for (let i = 0; i < 60; i++) {
      nodes[0].gossip.log("n", i);
      network.run(5000);
    }
    const relay = signed(3, LISTED, { bytes: 4096 });
    const small = new FakeNode(network, "192.168.0.56", { seedList: ["192.168.0.53"], ...relay.options });
    small.socket.isCut = false;
    const late = signed(2, LISTED, archive);
    const joiner = new FakeNode(network, "192.168.0.55", { seedList: ["192.168.0.53"], ...late.options });
    // The archive is away while the joiner begins behind the floor of the small one.
    const archived = nodes[1].socket.address;
    network.loses = (from, to) => from === archived || to === archived;
    joiner.gossip.start();
    network.run(200000);
    assert.ok(joiner.gossip.events().length < 60);
    network.loses = () => false;
    network.run(400000);
    const held = joiner.gossip.events().map(({ value }) => value);
    assert.deepEqual(held, Array.from({ length: 60 }, (_, i) => i));
    assert.equal(drops(joiner), 0);
  });
});
