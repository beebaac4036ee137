import assert from "node:assert/strict";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import {
  BROADCAST_ADDRESS, type EngineOptions, NOTIFY_LIMITS, NOTIFY_NO_FEEDS, OWN_SLOT,
} from "../../src/engine/index.js";
import { FLAG_ALIKE, FLAG_LIMITS } from "../../src/engine/table/row-flags.js";
import { FEEDS_HASH_BYTES, SECTION_LIMITS, TYPE_ACK, TYPE_DIFF, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { eventFeeds } from "../../src/events/index.js";
import { EngineNetwork, type Sent } from "../support/engine-network.js";
import { ROUND_MS } from "../support/engine-options.js";
import { held, table } from "../support/engine-state.js";
import { answersTo, frameOf, nodeWith } from "./responder.js";
import { readGood, sectionsOf, tagsOf } from "./wire/frame-support.js";

const KEY = new Uint8Array(32).fill(9);
const ACK_BYTES = 26;

function feeds(eventBytesMax: number): Partial<EngineOptions> {
  return { feeds: eventFeeds({ bytes: 8192, eventBytesMax }).engineFeeds(1200, nodeDigest) };
}

function showsLimits({ bytes }: Sent): boolean {
  return tagsOf(bytes).includes(SECTION_LIMITS);
}

/** The notifications of other limits, as receiver and the node that has them. */
function toldLimits({ notified }: EngineNetwork): number[][] {
  return notified.filter(({ kind }) => kind === NOTIFY_LIMITS).map(({ address, id }) => [address, id]).sort();
}

/** Nodes 1 to n; the seed of each is node 2, and that of node 2 is node 1. */
function start(network: EngineNetwork, options: Partial<EngineOptions>[]): void {
  options.forEach((each, i) => network.add(i + 1, { randomSeed: i + 1, ...each }, i === 1 ? [1] : [2]));
}

describe("Engine: limits of nodes", () => {
  it("each pair of nodes exchanges its limits once, and frames at rest have none", () => {
    for (const [name, options, extra] of [["", {}, 0], ["feeds", feeds(128), FEEDS_HASH_BYTES]] as const) {
      const network = new EngineNetwork();
      start(network, [options, options, options]);
      network.run(12 * ROUND_MS);
      assert.ok(network.sent.some(showsLimits), name);
      network.sent.length = 0;
      network.run(30 * ROUND_MS);
      assert.deepEqual(network.sent.filter(showsLimits), [], name);
      // Heartbeats and counters have two and four bytes by now.
      const idle = network.sent.map(({ bytes }) => readGood(bytes)).filter(({ sections }) => sections.length === 0);
      const lengths = network.sent.filter(({ bytes }) => readGood(bytes).sections.every(({ tag }) => tag === 10));
      const longest = Math.max(...lengths.map(({ bytes }) => bytes.length));
      assert.ok(idle.length > 0 || extra > 0, name);
      assert.ok(longest <= ACK_BYTES + extra, `${name} ${longest} bytes`);
      assert.deepEqual(toldLimits(network), [], name);
    }
  });

  it("after 16 peers in a row with its limits, a node shows them to those only that show theirs", () => {
    const network = new EngineNetwork();
    start(network, Array.from({ length: 20 }, () => ({})));
    network.run(60 * ROUND_MS);
    const [first, ...others] = [...network.engines.values()];
    const unlike = network.add(21, { randomSeed: 21, valueBytesMax: 48 }, [2]);
    assert.ok(first.rows.hasFlag(OWN_SLOT, FLAG_ALIKE));
    network.run(2 * ROUND_MS);
    network.sent.length = 0;
    network.run(60 * ROUND_MS);
    const all = [first, ...others].map(({ rows }) => rows.id(OWN_SLOT));
    const both = all.flatMap((id) => [[id, 21], [21, id]]).sort();
    assert.deepEqual(toldLimits(network), both);
    // Who showed none itself shows them in a DIFF.
    const types = new Set(network.sent.filter(showsLimits).map(({ bytes }) => readGood(bytes).type));
    assert.ok(types.has(TYPE_DIFF));
    assert.ok(!unlike.rows.hasFlag(OWN_SLOT, FLAG_ALIKE));
  });

  it("both nodes are notified of other limits, once for each start of either", () => {
    const network = new EngineNetwork();
    start(network, [{ valueBytesMax: 32 }, { valueBytesMax: 128 }, { valueBytesMax: 128 }]);
    network.run(30 * ROUND_MS);
    const both = [[1, 2], [1, 3], [2, 1], [3, 1]];
    assert.deepEqual(toldLimits(network), both);
    network.run(300 * ROUND_MS);
    assert.deepEqual(toldLimits(network), both);
    network.notified.length = 0;
    network.add(2, { valueBytesMax: 64, randomSeed: 7 }, [1], 1);
    network.run(30 * ROUND_MS);
    assert.deepEqual(toldLimits(network), [[1, 2], [2, 1], [2, 3], [3, 2]]);
  });

  it("both nodes are notified whatever datagrams are lost, with and without a key", () => {
    for (const key of [{}, { sealer: nodeSealing(KEY, undefined) }]) {
      for (let seed = 0; seed < 20; seed++) {
        const network = new EngineNetwork();
        let count = seed;
        network.lose = () => (Math.imul(count++, 0x9e3779b1) >>> 8) % 100 < 40;
        start(network, [{ valueBytesMax: 32, ...key }, { valueBytesMax: 128, ...key }, key]);
        network.run(60 * ROUND_MS);
        network.lose = () => false;
        network.run(60 * ROUND_MS);
        assert.deepEqual(toldLimits(network), [[1, 2], [2, 1], [2, 3], [3, 2]], `seed ${seed}`);
        network.sent.length = 0;
        network.run(10 * ROUND_MS);
        if (!("sealer" in key)) assert.deepEqual(network.sent.filter(showsLimits), [], `seed ${seed}`);
      }
    }
  });

  it("nodes are notified of other longest events, and that a peer keeps no feeds only once they publish", () => {
    const network = new EngineNetwork();
    start(network, [feeds(64), feeds(128), {}, {}]);
    network.run(30 * ROUND_MS);
    assert.deepEqual(toldLimits(network), [[1, 2], [2, 1]]);
    const feedless = () => network.notified.filter(({ kind }) => kind === NOTIFY_NO_FEEDS);
    assert.deepEqual(feedless(), []);
    network.log(2, "t", 1);
    network.run(30 * ROUND_MS);
    assert.deepEqual(feedless().map(({ address, id }) => [address, id === 3 || id === 4]), [[2, true]]);
  });

  it("a node that finds others by broadcast exchanges its limits with them", () => {
    const network = new EngineNetwork();
    for (const node of [1, 2]) network.add(node, { valueBytesMax: 30 + node, randomSeed: node });
    network.run(30 * ROUND_MS);
    assert.deepEqual(toldLimits(network), [[1, 2], [2, 1]]);
  });

  it("an address that is not proven gets limits within three times the bytes that it sent", () => {
    for (const syn of [frameOf({}), frameOf({ limits: [32, 0, 64] })]) {
      const node = nodeWith(200, false);
      node.rows.clearFlag(node.rows.find(11), FLAG_LIMITS);
      const sent = answersTo(node, syn);
      assert.equal(sent.length, 1);
      assert.ok(sent[0].length <= 3 * syn.length, `${sent[0].length} bytes for ${syn.length}`);
      assert.deepEqual(sectionsOf(sent[0], SECTION_LIMITS).map(({ entries }) => entries), [[32, 0, 1200]]);
    }
  });

  it("limits in a SYN are answered, limits in an answer are not answered for ever", () => {
    const known = nodeWith(2, true);
    const tags = answersTo(known, frameOf({ limits: [32, 0, 64], counter: 1 })).map(tagsOf);
    assert.ok(tags[0].includes(SECTION_LIMITS));
    assert.ok(!answersTo(known, frameOf({ counter: 2 })).map(tagsOf)[0].includes(SECTION_LIMITS));
    const network = new EngineNetwork();
    start(network, [{}, {}]);
    network.run(100 * ROUND_MS);
    const types = network.sent.filter(showsLimits).map(({ bytes }) => readGood(bytes).type);
    assert.ok(types.length <= 6, types.join());
    assert.ok(types.every((type) => [TYPE_SYN, TYPE_ACK, TYPE_DIFF].includes(type)));
  });
});

describe("Engine: a value that is too long for a node", () => {
  const long = [0x58, 48, ...new Array<number>(48).fill(7)];
  const small = { valueBytesMax: 32 };
  const large = { valueBytesMax: 64 };

  /** Nodes 1, 2 and 3, of which 1 and 3 never reach each other. */
  function line(): EngineNetwork {
    const network = new EngineNetwork();
    network.lose = ({ from, to }) => to === BROADCAST_ADDRESS || (from + to === 4 && from !== to);
    start(network, [large, small, large]);
    return network;
  }

  it("its row is held without it, and all tables are in sync", () => {
    const network = new EngineNetwork();
    start(network, [large, small, large]);
    network.publish(1, long);
    network.run(30 * ROUND_MS);
    const values = [1, 2, 3].map((node) => held(network.engines.get(node)!.rows, 1)!.value.length);
    assert.deepEqual(values, [50, 0, 50]);
    const states = [1, 2, 3].map((node) => table(network.engines.get(node)!).map(({ state }) => state));
    assert.deepEqual(states, [[0, 0, 0], [0, 0, 0], [0, 0, 0]]);
    network.sent.length = 0;
    network.run(10 * ROUND_MS);
    assert.ok(network.sent.every(({ bytes }) => bytes.length <= ACK_BYTES), "at rest");
    network.publish(1, [5]);
    network.run(3 * ROUND_MS);
    assert.deepEqual([2, 3].map((node) => held(network.engines.get(node)!.rows, 1)!.value), [[5], [5]]);
  });

  it("a node that only a small one leads to another one gets the row, and the value as soon as they meet", () => {
    const network = line();
    network.publish(1, long);
    network.run(10 * ROUND_MS);
    const at3 = () => held(network.engines.get(3)!.rows, 1);
    const statement = held(network.engines.get(1)!.rows, 1)!;
    assert.deepEqual(at3(), { ...statement, value: [] });
    assert.equal(network.engines.get(3)!.rows.lacksValue(network.engines.get(3)!.rows.find(1)), true);
    network.lose = () => false;
    // Every eighth round tries a node that was out of reach.
    network.run(60 * ROUND_MS);
    assert.deepEqual(at3()!.value, long);
  });

  it("a row without its value starts no exchange again and again", () => {
    const network = line();
    network.publish(1, long);
    network.run(40 * ROUND_MS);
    network.sent.length = 0;
    // Nodes 1 and 3 never answer each other: node 2 passes on that they are up.
    network.run(10 * ROUND_MS);
    const between = network.sent.filter(({ from, to }) => from + to !== 4);
    const wants = between.filter(({ bytes }) => tagsOf(bytes).includes(1));
    assert.deepEqual(wants, []);
    // Tag 7: an indirect ack, which is a DIFF.
    const diffs = between.filter(({ bytes }) => readGood(bytes).type === TYPE_DIFF && !tagsOf(bytes).includes(7));
    assert.ok(diffs.length <= 4, `${diffs.length} DIFFs`);
  });

  it("the value before stays until the next one arrives", () => {
    const network = line();
    network.lose = () => false;
    network.publish(1, [1]);
    network.run(5 * ROUND_MS);
    network.lose = ({ from, to }) => to === BROADCAST_ADDRESS || (from + to === 4 && from !== to);
    network.publish(1, long);
    network.run(2 * ROUND_MS);
    const { rows } = network.engines.get(3)!;
    assert.deepEqual([held(rows, 1)!.value, rows.lacksValue(rows.find(1))], [[1], true]);
    network.lose = () => false;
    network.run(5 * ROUND_MS);
    assert.deepEqual([held(rows, 1)!.value, rows.lacksValue(rows.find(1))], [long, false]);
  });
});
