import assert from "node:assert/strict";
import { nodeDigest } from "../../../desktop/platform/node-digest.js";
import type { Engine, EngineOptions } from "../../../src/engine/index.js";
import {
  FLAG_IN_SYNC, SECTION_FEEDS_HASH, SECTION_LIMITS, TYPE_ACK, TYPE_DIFF, TYPE_SYN,
} from "../../../src/engine/wire/frame.js";
import { UNLIKE } from "../../../src/engine/wire/frame-reader.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork, type Sent } from "../../support/engine-network.js";
import { ROUND_MS } from "../../support/engine-options.js";
import { readGood, sectionsOf, tagsOf } from "../wire/frame-support.js";

function feeds(): Partial<EngineOptions> {
  return { feeds: eventFeeds({ bytes: 4096 }).engineFeeds(1200, nodeDigest) };
}

/** Two nodes that know one another and have nothing new. Of what they send then, `sent` has all. */
function settled(first: Partial<EngineOptions>, second: Partial<EngineOptions>): EngineNetwork {
  const network = new EngineNetwork();
  network.add(1, first, [2]);
  network.add(2, second, [1]);
  network.run(20 * ROUND_MS);
  network.sent.length = 0;
  return network;
}

function isType(type: number): (sent: Sent) => boolean {
  return ({ bytes }) => bytes[1] % 8 === type;
}

function isInSync({ bytes }: Sent): boolean { return (bytes[1] & FLAG_IN_SYNC) !== 0; }

describe("ACKs in sync", () => {
  it("an ACK in sync is its head: no hash of rows or of feeds", () => {
    for (const options of [{}, feeds()]) {
      const network = settled(options, options.feeds === undefined ? {} : feeds());
      network.run(10 * ROUND_MS);
      const acks = network.sent.filter(isType(TYPE_ACK));
      assert.ok(acks.length > 10);
      for (const ack of acks) assert.deepEqual([isInSync(ack), tagsOf(ack.bytes)], [true, []]);
      assert.deepEqual(network.sent.filter(isType(TYPE_DIFF)), []);
    }
  });

  it("where one of two nodes keeps no feeds, ACKs have the hash: the other one must see that", () => {
    for (const [first, second] of [[feeds(), {}], [{}, feeds()]]) {
      const network = settled(first, second);
      network.run(10 * ROUND_MS);
      assert.deepEqual(network.sent.filter(isType(TYPE_ACK)).filter(isInSync), []);
    }
  });

  it("an ACK in sync to a node that changed meanwhile ends the exchange, and the change still arrives", () => {
    const network = settled({}, {});
    let held: Sent | undefined;
    network.lose = (sent) => {
      if (held !== undefined || sent.to !== 1 || !isInSync(sent)) return false;
      held = sent;
      return true;
    };
    for (let tries = 0; held === undefined; tries++) {
      assert.ok(tries < 1000, "no ACK in sync");
      network.run(100);
    }
    network.lose = () => true;
    network.publish(1, [9]);
    network.sent.length = 0;
    network.deliver(1, 2, held.bytes);
    assert.deepEqual(network.sent.filter(({ from }) => from === 1), [], "no DIFF");
    network.lose = () => false;
    network.run(2 * ROUND_MS);
    const [a, b] = [1, 2].map((address) => network.engines.get(address) as Engine);
    assert.deepEqual({ ...a.rows.tableHash }, { ...b.rows.tableHash });
  });

  it("a node knows the feeds hash that a SYN showed until it shows another one", () => {
    const network = settled(feeds(), feeds());
    network.run(2 * ROUND_MS);
    const engine = network.engines.get(1) as Engine;
    const outbox = engine.feed!;
    const last = (): Sent => network.sent.filter(({ from }) => from === 1).filter(isType(TYPE_SYN)).at(-1)!;
    const syn = last();
    const { counter } = readGood(syn.bytes);
    const shown = engine.rows.feedsHash!.word();
    assert.deepEqual(sectionsOf(syn.bytes, SECTION_FEEDS_HASH).length, 1);
    assert.equal(outbox.feedsHashOf(counter), shown);
    network.log(1, "t", 1);
    assert.equal(outbox.feedsHashOf(counter), UNLIKE, "the event went out with another hash");
    assert.equal(outbox.feedsHashOf(readGood(last().bytes).counter), engine.rows.feedsHash!.word());
    assert.notEqual(engine.rows.feedsHash!.word(), shown);
  });
});

describe("LIMITS without content", () => {
  /** What each LIMITS in an answer has: three numbers, or "same". */
  function answered(first: Partial<EngineOptions>, second: Partial<EngineOptions>): unknown[] {
    const network = new EngineNetwork();
    network.add(1, first, [2]);
    network.add(2, second, [1]);
    network.run(20 * ROUND_MS);
    return network.sent.filter(({ bytes }) => bytes[1] % 8 !== TYPE_SYN)
      .flatMap(({ bytes }) => sectionsOf(bytes, SECTION_LIMITS))
      .map(({ entries }) => entries.length === 1 ? entries[0] : entries.length);
  }

  it("a node with the same limits answers LIMITS without numbers, and one with others with all three", () => {
    // The answer to a seed's SYN has numbers: that SYN had no LIMITS.
    assert.deepEqual(answered({}, {}).at(-1), "same");
    for (const other of [{ valueBytesMax: 16 }, { capacity: 16 }, feeds()]) {
      const all = answered(other, {});
      assert.deepEqual([...new Set(all)], [3], JSON.stringify(other));
    }
  });
});
