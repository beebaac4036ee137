import assert from "node:assert/strict";
import { DROP_REASONS, type Engine, type EngineOptions, dropReasonName } from "../../../src/engine/index.js";
import { Lan, heldFeed } from "../lan.js";
import { nodeDigest } from "./feed-support.js";

const ROUND = 10000;

const FEEDS: Partial<EngineOptions> = { feedBytes: 8192, eventBytesMax: 128, digest: nodeDigest };

function drops(engine: Engine): Record<string, number> {
  const counted: Record<string, number> = {};
  for (let reason = 0; reason < DROP_REASONS; reason++) {
    if (engine.stats.drops(reason) > 0) counted[dropReasonName(reason)] = engine.stats.drops(reason);
  }
  return counted;
}

/** Nodes 1 to `count` that know each other, all with feeds. */
function network(count: number, options: Partial<EngineOptions> = {}): Lan {
  const lan = new Lan();
  for (let node = 1; node <= count; node++) lan.add(node, { ...FEEDS, ...options }, [1], 3);
  lan.run(10 * ROUND);
  lan.sent.length = 0;
  return lan;
}

/** Sequence numbers of an author's events that a node was told of, in this order. */
function told(lan: Lan, node: number, author: number): number[] {
  return (lan.events.get(node) ?? []).filter((event) => event.author === author).map(({ sequence }) => sequence);
}

/** All have the same frontier, and of each feed hold the same. */
function assertEqualFeeds(lan: Lan, authors: number[]): void {
  const [first, ...others] = [...lan.engines.values()].filter(({ feed }) => feed !== undefined);
  for (const other of others) {
    for (const author of authors) assert.deepEqual(heldFeed(other, author), heldFeed(first, author));
    assert.equal(other.rows.frontier!.word(), first.rows.frontier!.word());
  }
}

describe("events", () => {
  it("reach all nodes within a few rounds, and each application once, in order", () => {
    const lan = network(10);
    for (let n = 1; n <= 5; n++) {
      lan.log(3, "door", `opened ${n}`);
      lan.run(500);
    }
    lan.set(7, "light", "kitchen", true);
    lan.run(5 * ROUND);
    for (const node of lan.engines.keys()) {
      assert.deepEqual(told(lan, node, 3), [1, 2, 3, 4, 5], `node ${node}`);
      assert.deepEqual(told(lan, node, 7), [1]);
    }
    assertEqualFeeds(lan, [3, 7]);
  });

  it("leave an idle network in sync: a SYN and an ACK, of at most 40 bytes each", () => {
    const lan = network(10);
    for (const node of lan.engines.keys()) lan.log(node, "start", node);
    lan.run(30 * ROUND);
    lan.sent.length = 0;
    lan.run(10 * ROUND);
    const types = new Set(lan.sent.map(({ bytes }) => bytes[1] & 15));
    assert.deepEqual([...types].sort(), [1, 2]);
    assert.ok(lan.sent.every(({ bytes }) => bytes.length <= 40), `${Math.max(...lan.sent.map((s) => s.bytes.length))}`);
  });

  it("are stored and forwarded: C has A's from B, though A and C never meet", () => {
    const lan = new Lan();
    lan.lose = ({ from, to }) => from + to === 4;
    lan.add(1, FEEDS, [2], 3);
    lan.add(2, FEEDS, [], 3);
    lan.run(3 * ROUND);
    for (let n = 0; n < 20; n++) lan.log(1, "reading", n);
    lan.set(1, "name", "", "A");
    lan.run(5 * ROUND);
    lan.engines.delete(1);
    lan.add(3, FEEDS, [2], 3);
    lan.run(10 * ROUND);
    assert.deepEqual(told(lan, 3, 1), Array.from({ length: 21 }, (_, i) => i + 1));
    assertEqualFeeds(lan, [1]);
  });

  it("pass nodes without feeds by, which are in sync with the others", () => {
    const lan = new Lan();
    for (let node = 1; node <= 8; node++) lan.add(node, node % 4 === 0 ? {} : FEEDS, [1], 3);
    lan.run(10 * ROUND);
    lan.log(1, "a", 1);
    lan.set(2, "b", "c", 2);
    lan.run(20 * ROUND);
    assertEqualFeeds(lan, [1, 2]);
    lan.sent.length = 0;
    lan.run(10 * ROUND);
    assert.deepEqual([...new Set(lan.sent.map(({ bytes }) => bytes[1] & 15))].sort(), [1, 2]);
    for (const node of [4, 8]) assert.deepEqual({ ...drops(lan.engines.get(node)!), echo: 0 }, { echo: 0 });
  });

  it("come to a node that was away, many at a time", () => {
    const lan = network(3, { feedBytes: 65536 });
    const away = lan.engines.get(3)!;
    lan.engines.delete(3);
    for (let n = 0; n < 600; n++) {
      lan.log(1, "reading", n);
      lan.run(300);
    }
    lan.engines.set(3, away);
    lan.sent.length = 0;
    lan.run(2 * ROUND);
    assert.deepEqual(told(lan, 3, 1), Array.from({ length: 600 }, (_, i) => i + 1));
    assertEqualFeeds(lan, [1]);
  });
});
