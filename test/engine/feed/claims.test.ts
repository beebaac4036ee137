import assert from "node:assert/strict";
import { DROP_REASONS, NOTIFY_ID_CONFLICT, type Engine, dropReasonName } from "../../../src/engine/index.js";
import { KIND_LOG } from "../../../src/engine/feed/kinds.js";
import { SEQUENCE_MAX } from "../../../src/engine/wire/frame.js";
import { eventFeeds } from "../../../src/events/index.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { T, bytesOf, cborOf, hex, nodeDigest } from "./feed-support.js";

/*
 * What one peer can do by claiming huge numbers about the feed of another node: SECURITY.md says so. Node 1 is the
 * author, node 2 the liar, node 3 has no part in it.
 */
const ROUND = 10000;
const FEEDS = { feeds: eventFeeds({ bytes: 8192 }).engineFeeds(1472, nodeDigest) };
const REVISION = 3;
/** 2^48 - 1, the greatest time that a stamp has. */
const LAST_MS = 281474976710655;

/** @param hasSaid whether the author has said something since its start */
function network(hasSaid: boolean): EngineNetwork {
  const lan = new EngineNetwork();
  lan.add(1, FEEDS, [2], REVISION);
  lan.add(2, FEEDS, [1]);
  lan.add(3, FEEDS, [1]);
  lan.run(3 * ROUND);
  if (hasSaid) lan.log(1, "t", 1);
  lan.run(3 * ROUND);
  return lan;
}

/** The liar says that it holds the author's feed up to an event, which nobody made, and none of its events. */
function claim(lan: EngineNetwork, generation: number, sequence: number): void {
  const { rows, feed } = lan.engines.get(2)!;
  const slot = rows.find(1);
  rows.subtractFromFeedsHash(slot);
  feed!.feeds.begin(slot, generation);
  feed!.feeds.endSnapshot(slot, sequence, 0x12345678, 0x9abcdef0, 0);
  rows.addToFeedsHash(slot);
  rows.markUpdate(slot);
}

/** The liar goes on with the author's feed by an event with the last stamp there is. */
function forge(lan: EngineNetwork): void {
  const { rows, feed } = lan.engines.get(2)!;
  const slot = rows.find(1);
  rows.subtractFromFeedsHash(slot);
  const payload = hex(cborOf(99));
  const event = bytesOf({
    kind: KIND_LOG, topic: "t", key: "", ttlSeconds: 0, ms: LAST_MS, counter: 0xffff, payload,
  });
  assert.ok(feed!.feeds.append(slot, event, 0, event.length));
  rows.addToFeedsHash(slot);
  rows.markUpdate(slot);
}

function sayThree(lan: EngineNetwork): void {
  for (let value = 2; value < 5; value++) {
    assert.ok(lan.publishEvent(1, KIND_LOG, "t", "", value) > 0);
    lan.run(2 * ROUND);
  }
  lan.run(10 * ROUND);
}

function said(engine: Engine): string[] {
  return Object.values(heldFeed(engine, 1).events);
}

/** All hold what the author said, and just that. */
function assertAll(lan: EngineNetwork, expected: string[]): void {
  for (const [node, engine] of lan.engines) assert.deepEqual(said(engine), expected, `node ${node}`);
  const frontiers = [...lan.engines.values()].map((engine) => heldFeed(engine, 1).frontier);
  assert.deepEqual(frontiers.slice(1), [frontiers[0], frontiers[0]]);
}

/** Datagrams, rows and events that were refused for what they are. */
function malformed(lan: EngineNetwork): string[] {
  const names: string[] = [];
  for (const { stats } of lan.engines.values()) {
    for (let reason = 0; reason < DROP_REASONS; reason++) {
      if (stats.drops(reason) > 0) names.push(dropReasonName(reason));
    }
  }
  return names.filter((name) => name !== "duplicate");
}

describe("claims on the feed of another node", () => {
  const FOUR = ["t/ 01", "t/ 02", "t/ 03", "t/ 04"];

  it("an author that has published begins a new generation with all its events when a peer claims more events", () => {
    for (const sequence of [7, SEQUENCE_MAX]) {
      const lan = network(true);
      claim(lan, REVISION, sequence);
      sayThree(lan);
      assertAll(lan, FOUR);
      assert.equal(lan.engines.get(1)!.revision(), REVISION + 1);
      assert.deepEqual(malformed(lan), []);
    }
  });

  it("an author that has published begins a new generation when a peer claims a later one", () => {
    const lan = network(true);
    claim(lan, 500, 7);
    sayThree(lan);
    assertAll(lan, FOUR);
    assert.equal(lan.engines.get(1)!.revision(), 501);
  });

  it("an author that has not published keeps all later events when a peer claims the last sequence number", () => {
    const lan = network(false);
    claim(lan, REVISION, SEQUENCE_MAX);
    lan.run(10 * ROUND);
    assert.equal(heldFeed(lan.engines.get(1)!, 1).frontier[1], SEQUENCE_MAX, "it takes it for its own");
    sayThree(lan);
    assertAll(lan, FOUR.slice(1));
    assert.deepEqual(malformed(lan), [], "and what it sends is well-formed");
  });

  it("a claim of the last generation hides an author's events until the author starts again", () => {
    const lan = network(true);
    claim(lan, 0xffffffff, 1);
    sayThree(lan);
    assert.deepEqual(said(lan.engines.get(1)!), FOUR);
    assert.deepEqual(said(lan.engines.get(3)!), []);
    assert.ok(lan.notified.some(({ address, kind }) => address === 1 && kind === NOTIFY_ID_CONFLICT), "it is told");
    lan.engines.delete(1);
    lan.run(ROUND);
    lan.add(1, FEEDS, [2], REVISION + 1);
    lan.run(5 * ROUND);
    sayThree(lan);
    assertAll(lan, FOUR.slice(1));
  });

  it("an author that has published begins a new generation without a forged event of the last stamp", () => {
    const lan = network(true);
    for (const { feed } of lan.engines.values()) feed!.hlc.setPhysical(lan.nowMs, T);
    forge(lan);
    sayThree(lan);
    assertAll(lan, FOUR);
    for (const { feed } of lan.engines.values()) assert.ok(feed!.hlc.ms < T + 100 * ROUND, "nor did a clock move");
  });

  it("a forged event of the last stamp silences an author that has not published, until its next start", () => {
    const lan = network(true);
    lan.engines.delete(1);
    lan.run(ROUND);
    lan.add(1, FEEDS, [2], REVISION + 1);
    lan.run(3 * ROUND);
    forge(lan);
    lan.run(5 * ROUND);
    sayThree(lan);
    for (const node of [2, 3]) assert.deepEqual(said(lan.engines.get(node)!), ["t/ 01", "t/ 1863"], `node ${node}`);
    lan.engines.delete(1);
    lan.add(1, FEEDS, [2], REVISION + 2);
    sayThree(lan);
    assertAll(lan, FOUR.slice(1));
  });
});
