import assert from "node:assert/strict";
import { type EventFeedOptions, eventFeeds } from "../src/events/index.js";
import type { FeedEvent, GossipOptions } from "../src/gossip.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { FakeNetwork, FakeNode, joined } from "./support/fake-platform.js";

const FEEDS: Partial<GossipOptions> = { events: eventFeeds({ eventBytesMax: 128, digest: nodeDigest }) };

/** A node that notes its events. */
function noting(heard: FeedEvent[]): Partial<GossipOptions> {
  return { events: eventFeeds({ eventBytesMax: 128, digest: nodeDigest, onEvent: (event) => heard.push(event) }) };
}

const T = 1767225600000;
const YEAR_MS = 365 * 86400000;

describe("Gossip: events at the edges of what they may be", () => {
  it("events arrive with bytes as bytes, and with names of 31 bytes that differ in one", () => {
    const network = new FakeNetwork();
    const heard: FeedEvent[] = [];
    const [author, other] = joined(network, [FEEDS, noting(heard)]);
    const bytes = Uint8Array.from([0, 255, 0x7b]);
    author.gossip.log("bytes", bytes);
    // The same letter, composed and not: other bytes, so another key.
    const keys = ["\u00e9", "e\u0301", `${"k".repeat(30)}a`, `${"k".repeat(30)}b`];
    keys.forEach((key, n) => author.gossip.set("é".repeat(15), key, n));
    network.run(5000);
    assert.ok(heard[0].value instanceof Uint8Array);
    assert.deepEqual(heard[0].value, bytes);
    assert.deepEqual(heard.slice(1).map(({ key, value }) => [key, value]), keys.map((key, n) => [key, n]));
    assert.deepEqual(other.gossip.events().length, 5, "none took the place of another");
    for (const topic of ["é".repeat(16), "t".repeat(32)]) {
      assert.throws(() => author.gossip.log(topic, 1), /log: topic: .* is not a text of 1 to 31 bytes/);
      assert.throws(() => author.gossip.set("t", topic, 1), /set: key: .* is not a text of 0 to 31 bytes/);
    }
  });

  it("an event published while another is being encoded does not change the other", () => {
    const network = new FakeNetwork();
    const [{ gossip }, other] = joined(network, [FEEDS, FEEDS]);
    let isNested = false;
    const value = {
      get text(): string {
        if (!isNested) {
          isNested = true;
          gossip.set("inner", "key of some length", "inner text");
        }
        return "outer text";
      },
    };
    gossip.log("outer", value);
    gossip.log("last", 3);
    network.run(5000);
    const held = other.gossip.events().map((event) => [event.sequence, event.topic, event.value]);
    assert.deepEqual(held, [[1, "inner", "inner text"], [2, "outer", { text: "outer text" }], [3, "last", 3]]);
    assert.deepEqual(other.errors, []);
  });

  it("an event that cannot be encoded leaves no trace in the next one", () => {
    const network = new FakeNetwork();
    const [{ gossip }, other] = joined(network, [FEEDS, FEEDS]);
    assert.throws(() => gossip.log("t", "x".repeat(128)), /^RangeError: log: value: takes more than 128 bytes of CBOR/);
    assert.throws(() => gossip.log("t", "x".repeat(120)), /^RangeError: log: value: takes more than 128 bytes with topic/);
    const broken = [(): number => 0] as never;
    assert.throws(() => gossip.log("t", broken), /^TypeError: log: value: has a part that CBOR cannot encode/);
    gossip.log("t", "x");
    network.run(5000);
    assert.deepEqual(other.gossip.events().map((event) => [event.sequence, event.value]), [[1, "x"]]);
  });

  it("a stamp that is a year ahead moves no clock, and no event is lost", () => {
    const network = new FakeNetwork();
    const heard: FeedEvent[] = [];
    const [ahead, known, board] = joined(network, [FEEDS, noting(heard), FEEDS]);
    known.clock.physicalMs = () => T + network.nowMs;
    known.gossip.log("b", 0);
    network.run(5000);
    known.gossip.log("a", 0);
    network.run(680000);
    ahead.clock.physicalMs = () => T + YEAR_MS + network.nowMs;
    for (let n = 1; n <= 3; n++) ahead.gossip.log("a", n);
    network.run(20000);
    for (const { gossip } of [known, board]) {
      const stamp = gossip.now().timeMs;
      assert.ok(Math.abs(stamp - T - network.nowMs) < 2000, `${stamp - T}`);
      assert.deepEqual(gossip.events().map(({ value }) => value).sort(), [0, 0, 1, 2, 3]);
    }
    assert.deepEqual(heard.map(({ value }) => value), [0, 0, 1, 2, 3]);
    assert.ok(heard[2].timeMs > T + YEAR_MS - 1000);
    const clocks = [ahead, known, board].map(({ gossip }) => gossip.stats().clock);
    assert.deepEqual(clocks, ["own", "own", "peers"]);
  });

  it("onError reports once that an author has two events under one number", () => {
    const network = new FakeNetwork();
    const [author, other] = joined(network, [FEEDS, FEEDS]);
    author.gossip.log("a", 0);
    network.run(5000);
    network.loses = () => true;
    author.gossip.log("a", "changed on the way");
    const { hex } = author.socket.sent.at(-1)!;
    const text = Buffer.from("changed on the way").toString("hex");
    assert.ok(hex.includes(text));
    for (const changed of ["Changed on the way", "changed on the Way"]) {
      const bytes = Buffer.from(hex.replace(text, Buffer.from(changed).toString("hex")), "hex");
      other.socket.arrive(new Uint8Array(bytes), author.socket.address, 5000);
    }
    assert.deepEqual(other.errors.map(([code]) => code), ["fork"]);
    assert.equal(other.gossip.stats().drops.fork, 2);
    assert.deepEqual(other.gossip.events().map(({ value }) => value), [0]);
    network.loses = () => false;
    network.run(30000);
    assert.deepEqual(other.gossip.events().map(({ value }) => value), [0, "changed on the way"]);
  });
});

describe("Gossip: callbacks while start() restores a log that is larger than the buffer", () => {
  const VALUES = 60;

  /** A device with a log of so many events that they fill the buffer while they are restored. */
  function restarted(onEvent: (event: FeedEvent, node: () => FakeNode) => void): FakeNode {
    const network = new FakeNetwork();
    const log = new MemoryLog();
    const storage = { log, readRevision: () => undefined, writeRevision: () => undefined };
    const make = (more: EventFeedOptions): FakeNode => new FakeNode(network, "192.168.0.53", {
      storage, events: eventFeeds({ bytes: 1024, digest: nodeDigest, ...more }),
    });
    const first = make({});
    first.gossip.start();
    for (let i = 0; i < VALUES; i++) first.gossip.log("n", i);
    first.gossip.close();
    const second: FakeNode = make({ onEvent: (event) => onEvent(event, () => second) });
    return second;
  }

  it("may close the node, which then stays closed", () => {
    let calls = 0;
    const node = restarted((_event, self) => {
      if (calls++ === 0) self().gossip.close();
    });
    node.gossip.start();
    assert.equal(calls, 1);
    assert.equal(node.socket.isOpen, false);
    assert.throws(() => node.gossip.start(), { code: "ERR_STATE" });
    assert.deepEqual(node.socket.sent, []);
  });

  it("cannot start the node again", () => {
    const codes: unknown[] = [];
    const node = restarted((_event, self) => {
      try {
        self().gossip.start();
      } catch (error) {
        codes.push((error as { code: unknown }).code);
      }
    });
    node.gossip.start();
    assert.equal(codes.length, VALUES);
    assert.ok(codes.every((code) => code === "ERR_STATE"));
  });

  it("may throw: a second start() notifies of the rest", () => {
    const values: unknown[] = [];
    const node = restarted(({ value }) => {
      values.push(value);
      if (value === 3) throw new Error("of the application");
    });
    assert.throws(() => node.gossip.start(), /of the application/);
    node.gossip.start();
    assert.deepEqual(values, Array.from({ length: VALUES }, (_, i) => i));
    assert.equal(node.gossip.frontier()[0].sequence, VALUES);
  });
});
