import assert from "node:assert/strict";
import { DROP_REASONS, NOTIFY_ID_CONFLICT, type Engine, dropReasonName } from "../../../src/engine/index.js";
import { STAMP_MS_END } from "../../../src/engine/feed/hlc.js";
import { KIND_LOG } from "../../../src/engine/feed/kinds.js";
import { SEQUENCE_MAX } from "../../../src/engine/wire/frame.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { T, bytesOf, cborOf, hex, nodeDigest } from "./feed-support.js";

/*
 * What one peer can do by claiming huge numbers about the feed of another node, as SECURITY.md lists it. Node 1 is the
 * author, node 2 the liar, node 3 has no part in it.
 */
const ROUND = 10000;
const FEEDS = { feeds: eventFeeds({ bytes: 8192 }).engineFeeds(1472, nodeDigest) };
const REVISION = 3;
/** The last millisecond that a stamp can have. */
const LAST_MS = STAMP_MS_END - 1;

/** @param hasSaid whether the author has published something since its start */
function makeNetwork(hasSaid: boolean): EngineNetwork {
  const network = new EngineNetwork();
  network.add(1, FEEDS, [2], REVISION);
  network.add(2, FEEDS, [1]);
  network.add(3, FEEDS, [1]);
  network.run(3 * ROUND);
  if (hasSaid) network.log(1, "t", 1);
  network.run(3 * ROUND);
  return network;
}

/** The liar claims that it holds the author's feed up to an event, which nobody made, and none of its events. */
function claim(network: EngineNetwork, generation: number, sequence: number): void {
  const { rows, feed } = network.engines.get(2)!;
  const slot = rows.find(1);
  rows.subtractFromFeedsHash(slot);
  feed!.feeds.begin(slot, generation);
  feed!.feeds.endSnapshot(slot, sequence, 0x12345678, 0x9abcdef0, 0);
  rows.addToFeedsHash(slot);
  rows.markUpdate(slot);
}

/** The liar goes on with the author's feed by an event with this stamp and the greatest counter. */
function forge(network: EngineNetwork, ms: number): void {
  const { rows, feed } = network.engines.get(2)!;
  const slot = rows.find(1);
  rows.subtractFromFeedsHash(slot);
  const payload = hex(cborOf(99));
  const event = bytesOf({
    kind: KIND_LOG, topic: "t", key: "", ttlSeconds: 0, ms, counter: 0xffff, payload,
  });
  assert.ok(feed!.feeds.append(slot, event, 0, event.length));
  rows.addToFeedsHash(slot);
  rows.markUpdate(slot);
}

function sayThree(network: EngineNetwork): void {
  for (let value = 2; value < 5; value++) {
    assert.ok(network.publishEvent(1, KIND_LOG, "t", "", value) > 0);
    network.run(2 * ROUND);
  }
  network.run(10 * ROUND);
}

function said(engine: Engine): string[] {
  return Object.values(heldFeed(engine, 1).events);
}

/** All hold the author's events, and no others. */
function assertAll(network: EngineNetwork, expected: string[]): void {
  for (const [node, engine] of network.engines) assert.deepEqual(said(engine), expected, `node ${node}`);
  const frontiers = [...network.engines.values()].map((engine) => heldFeed(engine, 1).frontier);
  assert.deepEqual(frontiers.slice(1), [frontiers[0], frontiers[0]]);
}

/** Datagrams, rows and events that were refused for what they are. */
function malformed(network: EngineNetwork): string[] {
  const names: string[] = [];
  for (const { stats } of network.engines.values()) {
    for (let reason = 0; reason < DROP_REASONS; reason++) {
      if (stats.drops(reason) > 0) names.push(dropReasonName(reason));
    }
  }
  // A gap: a later generation is refused until its author sends it in answer to what the node holds. An old generation:
  // what was on its way when a later one arrived.
  return names.filter((name) => !["duplicate", "gap", "oldGeneration"].includes(name));
}

describe("claims on the feed of another node", () => {
  const FOUR = ["t/ 01", "t/ 02", "t/ 03", "t/ 04"];

  it("an author that has published begins a new generation with all its events when a peer claims more events", () => {
    for (const sequence of [7, SEQUENCE_MAX]) {
      const network = makeNetwork(true);
      claim(network, REVISION, sequence);
      sayThree(network);
      assertAll(network, FOUR);
      assert.equal(network.engines.get(1)!.revision(), REVISION + 1);
      assert.deepEqual(malformed(network), []);
    }
  });

  it("an author that has published begins a new generation when a peer claims a later one", () => {
    const network = makeNetwork(true);
    claim(network, 500, 7);
    sayThree(network);
    assertAll(network, FOUR);
    assert.equal(network.engines.get(1)!.revision(), 501);
  });

  it("an author that has not published keeps all later events when a peer claims the last sequence number", () => {
    const network = makeNetwork(false);
    claim(network, REVISION, SEQUENCE_MAX);
    network.run(10 * ROUND);
    assert.equal(heldFeed(network.engines.get(1)!, 1).frontier[1], SEQUENCE_MAX, "it takes it for its own");
    sayThree(network);
    assertAll(network, FOUR.slice(1));
    assert.deepEqual(malformed(network), [], "and what it sends is well-formed");
  });

  it("a claim of the last generation hides no events of an author, which reports another device with its id", () => {
    const network = makeNetwork(true);
    claim(network, 0xffffffff, 1);
    sayThree(network);
    assert.deepEqual(said(network.engines.get(1)!), FOUR);
    assert.deepEqual(said(network.engines.get(3)!), FOUR);
    assert.ok(network.notified.some(({ address, kind }) => address === 1 && kind === NOTIFY_ID_CONFLICT), "it is told");
    network.engines.delete(1);
    network.run(ROUND);
    network.add(1, FEEDS, [2], REVISION + 1);
    network.run(5 * ROUND);
    sayThree(network);
    // What node 3 holds is joined.
    for (const node of [1, 3]) assert.deepEqual(said(network.engines.get(node)!).length, 7, `node ${node}`);
  });

  it("an author that has published begins a new generation with its events and a forged one", () => {
    const network = makeNetwork(true);
    for (const { feed } of network.engines.values()) feed!.hlc.setPhysical(network.nowMs, T);
    forge(network, LAST_MS);
    sayThree(network);
    assert.equal(said(network.engines.get(1)!).length, 5);
    assertAll(network, said(network.engines.get(1)!));
    for (const node of [2, 3]) assert.ok(network.engines.get(node)!.feed!.hlc.ms < T + 100 * ROUND, "no clock moved");
  });

  /** The author has started again and published nothing since. */
  function makeRestarted(): EngineNetwork {
    const network = makeNetwork(true);
    network.engines.delete(1);
    network.run(ROUND);
    network.add(1, FEEDS, [2], REVISION + 1);
    network.run(3 * ROUND);
    return network;
  }

  it("nobody holds an event with a stamp from 2200 on, and its author goes on", () => {
    for (const ms of [STAMP_MS_END, 2 ** 48 - 1]) {
      const network = makeRestarted();
      forge(network, ms);
      network.run(5 * ROUND);
      sayThree(network);
      for (const node of [1, 3]) assert.deepEqual(said(network.engines.get(node)!), FOUR, `node ${node}`);
      assert.ok(malformed(network).includes("event"));
    }
  });

  it("a forged event of the last stamp does not silence an author that has not published", () => {
    for (const hasClock of [true, false]) {
      const network = makeRestarted();
      if (hasClock) for (const { feed } of network.engines.values()) feed!.hlc.setPhysical(network.nowMs, T);
      forge(network, LAST_MS);
      network.run(5 * ROUND);
      assert.equal(said(network.engines.get(1)!).length, 2, "it takes the event for its own");
      sayThree(network);
      assertAll(network, ["t/ 01", "t/ 1863", "t/ 02", "t/ 03", "t/ 04"]);
      assert.equal(network.engines.get(1)!.feed!.hlc.isSpent(), false);
    }
  });
});
