import assert from "node:assert/strict";
import type { FeedStore } from "../src/engine/feed/feed-store.js";
import { KIND_REMOVE } from "../src/engine/feed/kinds.js";
import { recordKind } from "../src/engine/feed/names.js";
import type { Engine } from "../src/engine/index.js";
import { eventFeeds } from "../src/events/index.js";
import type { FeedEvent } from "../src/gossip.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { MemoryLog } from "../src/platform/memory-log.js";
import { MemoryStorage } from "../src/platform/memory-storage.js";
import { type LatestMap, latestMap } from "../src/views/latest-map.js";
import { type TopicMerge, topicMerge } from "../src/views/topic-merge.js";
import { FakeNetwork, FakeNode } from "./support/fake-platform.js";

const ROUND_MS = 1000;
const REMOVE_MS = 100 * ROUND_MS;
/** Until a node that vanished is forgotten by all others, and three passes of upkeep are over. */
const FORGOTTEN_MS = 30 * ROUND_MS + 2 * REMOVE_MS + 100 * ROUND_MS;
/** 2026-01-01. */
const T = 1767225600000;

/** A node with views, and all that its application was notified of since its start. */
interface Device {
  node: FakeNode;
  latest: LatestMap;
  sum: TopicMerge<number>;
  notified: FeedEvent[];
  storage: MemoryStorage;
}

function device(
  network: FakeNetwork, index: number, storage = new MemoryStorage(new MemoryLog()), behindMs = 0,
): Device {
  const latest = latestMap();
  const sum = topicMerge({
    topic: "+taken", merge: (all) => all.reduce((total, { value }) => total + (value as number), 0),
  });
  const notified: FeedEvent[] = [];
  const node = new FakeNode(network, `192.168.0.${53 + index}`, {
    seedList: ["192.168.0.53", "192.168.0.54"], roundIntervalMs: ROUND_MS, removeAfterMs: REMOVE_MS, storage,
    events: eventFeeds({
      bytes: 8192, eventBytesMax: 48, digest: nodeDigest, views: [latest, sum],
      onEvent: (event) => notified.push(event),
    }),
  });
  node.clock.physicalMs = () => T + network.nowMs - behindMs;
  node.gossip.start();
  return { node, latest, sum, notified, storage };
}

function devices(network: FakeNetwork, count: number): Device[] {
  const all = Array.from({ length: count }, (_, i) => device(network, i));
  network.run(10 * ROUND_MS);
  return all;
}

/** A node loses power. */
function crash(network: FakeNetwork, { node }: Device): void {
  network.sockets.delete(node.socket.address);
  node.clock.stop();
}

/** The feeds of a node, to break them on purpose. */
function feedsOf({ node }: Device): FeedStore {
  return (node.gossip as unknown as { engine: Engine }).engine.feed!.feeds;
}

function identity({ author, timeMs, counter, kind }: FeedEvent): string {
  return `${kind} ${author} ${timeMs} ${counter}`;
}

/** No event is held or notified of twice, be it in its author's feed, a copy, or both. */
function assertOnce(all: readonly Device[]): void {
  for (const { node, notified } of all) {
    const held = node.gossip.events().map(identity);
    assert.deepEqual(held, [...new Set(held)], `${node.address} shows each event once`);
    const said = notified.map(identity);
    assert.deepEqual(said, [...new Set(said)], `${node.address} is notified of each event once`);
  }
}

describe("events whose author is gone, for applications", () => {
  it("the views and events() show the event of the author that is gone, also after the copier's restart", () => {
    const network = new FakeNetwork();
    const [gone, ...others] = devices(network, 4);
    // The longest event there is: its copy is 14 bytes longer.
    gone.node.gossip.set("voucher", "7", "x".repeat(48 - 9 - 7 - 2 - 2));
    assert.throws(() => gone.node.gossip.set("voucher", "7", "x".repeat(48 - 9 - 7 - 2 - 1)), /more than 48 bytes/);
    network.run(5 * ROUND_MS);
    const [original] = others[0].notified;
    crash(network, gone);
    network.run(FORGOTTEN_MS);
    const copier = others[0];
    const expected = [{ ...original, copiedBy: copier.node.gossip.id }];
    const shown = ({ node }: Device): FeedEvent[] => node.gossip.events().map((event) => {
      return { ...event, generation: original.generation, sequence: original.sequence };
    });
    for (const each of others) {
      assert.deepEqual(shown(each), expected, each.node.address);
      assert.equal(each.latest.get("voucher", "7"), original.value);
      assert.deepEqual(each.latest.entries()[0].author, gone.node.gossip.id);
    }
    assertOnce(others);
    for (const each of others) crash(network, each);
    const alone = device(network, 1, copier.storage);
    assert.deepEqual(shown(alone), expected, "from its log");
    assert.equal(alone.latest.get("voucher", "7"), original.value);
    assert.deepEqual(alone.node.errors, []);
  });

  it("the application is not notified again when the author returns, and of nothing that it had overwritten", () => {
    const network = new FakeNetwork();
    const [gone, ...others] = devices(network, 3);
    gone.node.gossip.set("voucher", "7", "paid");
    network.run(5 * ROUND_MS);
    crash(network, gone);
    network.run(FORGOTTEN_MS);
    const back = device(network, 0, gone.storage);
    back.node.gossip.set("voucher", "7", "used");
    network.run(200 * ROUND_MS);
    for (const each of [back, ...others]) assert.equal(each.latest.get("voucher", "7"), "used");
    for (const each of others) assert.deepEqual(each.notified.map(({ value }) => value), ["paid", "used"]);
    assertOnce([back, ...others]);
  });

  it("a removal that its author publishes again is shown once, and the application notified once", () => {
    const network = new FakeNetwork();
    const [author, remover, third] = devices(network, 3);
    author.node.gossip.set("voucher", "7", "paid");
    network.run(5 * ROUND_MS);
    remover.node.gossip.remove("voucher", "7");
    network.run(5 * ROUND_MS);
    // The author of the value drops the removal, as if its arena had been full.
    const feeds = feedsOf(author);
    const { arena } = feeds;
    for (let slot = 1; slot < arena.capacity; slot++) {
      const record = arena.first(slot);
      if (record === 0 || recordKind(arena, record) !== KIND_REMOVE) continue;
      feeds.arena["raiseFloor"](slot);
      feeds.arena.removeValue(slot, record);
    }
    network.run(500 * ROUND_MS);
    for (const each of [author, remover, third]) assert.equal(each.latest.get("voucher", "7"), undefined);
    assert.ok(remover.node.gossip.events().some(({ kind, sequence }) => kind === "remove" && sequence > 1));
    assertOnce([remover, third]);
  });

  it("withdraw takes back the node's contribution, and remove those of all", () => {
    const network = new FakeNetwork();
    const all = devices(network, 3);
    for (const [n, { node }] of all.entries()) node.gossip.set("+taken", "7", 10 ** n);
    network.run(5 * ROUND_MS);
    const shown = (): unknown[] => all.map(({ sum }) => sum.get("7"));
    assert.deepEqual(shown(), [111, 111, 111]);
    all[1].node.gossip.withdraw("+taken", "7");
    all[1].node.gossip.withdraw("+taken", "8");
    network.run(5 * ROUND_MS);
    assert.deepEqual(shown(), [101, 101, 101]);
    assert.ok(all.every(({ notified }) => notified.every(({ kind }) => kind === "set")), "no event for applications");
    all[2].node.gossip.remove("+taken", "7");
    network.run(5 * ROUND_MS);
    assert.deepEqual(shown(), [undefined, undefined, undefined]);
    assert.throws(() => all[0].node.gossip.withdraw("taken", "7"), { code: "ERR_ARGUMENT" });
  });

  it("a withdrawn contribution of a node that was forgotten stays withdrawn when the node returns", () => {
    const network = new FakeNetwork();
    const [gone, ...others] = devices(network, 3);
    gone.node.gossip.set("+taken", "7", 5);
    network.run(5 * ROUND_MS);
    crash(network, gone);
    network.run(FORGOTTEN_MS);
    for (const { sum } of others) assert.equal(sum.get("7"), 5);
    const back = device(network, 0, gone.storage);
    back.node.gossip.withdraw("+taken", "7");
    network.run(200 * ROUND_MS);
    for (const { sum } of [back, ...others]) assert.equal(sum.get("7"), undefined);
  });
});

describe("clocks that differ", () => {
  for (const behindMs of [0, 59000, 61000, 3600000, 80000000]) {
    it(`a node whose clock is ${behindMs} ms behind wins with what it writes after it read`, () => {
      const network = new FakeNetwork();
      const right = device(network, 0);
      const behind = device(network, 1, undefined, behindMs);
      network.run(10 * ROUND_MS);
      right.node.gossip.set("lamp", "1", "off");
      network.run(5 * ROUND_MS);
      assert.equal(behind.latest.get("lamp", "1"), "off");
      behind.node.gossip.set("lamp", "1", "on");
      assert.equal(behind.latest.get("lamp", "1"), "on", "at once, where it was published");
      network.run(5 * ROUND_MS);
      assert.equal(right.latest.get("lamp", "1"), "on");
      behind.node.gossip.remove("lamp", "1");
      assert.equal(behind.latest.get("lamp", "1"), undefined);
      network.run(5 * ROUND_MS);
      assert.equal(right.latest.get("lamp", "1"), undefined);
      right.node.gossip.set("lamp", "1", "dim");
      network.run(5 * ROUND_MS);
      assert.equal(behind.latest.get("lamp", "1"), "dim");
    });
  }
});
