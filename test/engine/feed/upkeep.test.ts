import assert from "node:assert/strict";
import { HAS_MET } from "../../../src/engine/feed/state-words.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../../src/engine/feed/kinds.js";
import type { EngineNetwork } from "../../support/engine-network.js";
import { T, cborOf, hex } from "./feed-support.js";
import {
  PASS_ROUNDS, ROUND, copies, feedsOf, makeNetwork, nameOf, records, runUntilAdopted, runUntilForgotten,
  shown, vanish,
} from "./upkeep-support.js";

const cbor = (value: unknown): string => hex(cborOf(value));

/** All nodes show this. */
function assertShown(network: EngineNetwork, expected: Record<string, string>): void {
  for (const [node, engine] of network.engines) assert.deepEqual(shown(engine), expected, `node ${node}`);
}

/** Own records of a node, as kind and name. */
function ownRecords(network: EngineNetwork, node: number): string[] {
  const names: Record<number, string> = {
    [KIND_LOG]: "log", [KIND_SET]: "set", [KIND_REMOVE]: "remove", [KIND_END]: "end",
  };
  return records(network.engines.get(node)!).filter(({ holder }) => holder === node)
    .map((one) => `${names[one.kind]} ${nameOf(one)}`);
}

function setClocks(network: EngineNetwork, ms: number): void {
  for (const engine of network.engines.values()) engine.feed!.hlc.setPhysical(network.nowMs, ms);
}

describe("events whose author is gone", () => {
  it("a value outlives its author's row: one other node has a copy of it, which new nodes get, too", () => {
    const network = makeNetwork(4);
    network.set(1, "voucher", "7", "paid");
    network.set(1, "voucher", "7", "used");
    network.set(2, "lamp", "1", "on");
    network.run(5 * ROUND);
    const [original] = records(network.engines.get(3)!).filter(({ payload }) => payload === cbor("used"));
    vanish(network, 1);
    const expected = { "lamp/1": cbor("on"), "voucher/7": cbor("used") };
    runUntilAdopted(network);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"] }, "before the row is forgotten, and once");
    assertShown(network, expected);
    runUntilForgotten(network);
    for (const engine of network.engines.values()) {
      assert.equal(engine.rows.find(1), -1);
      assert.equal(engine.feed!.valuesForgotten, 0);
      const found = records(engine).filter(({ topic }) => topic === "voucher");
      const identities = found.map(({ author, orderMs, orderCounter }) => [author, orderMs, orderCounter]);
      assert.deepEqual(identities, [[1, original.ms, original.counter]]);
    }
    network.add(9, feedsOf(4096), [2], 3);
    network.run(10 * ROUND);
    assertShown(network, expected);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"] });
  });

  it("a removal outlives its author: what it removed does not come back", () => {
    const network = makeNetwork(4);
    network.set(2, "voucher", "7", "paid");
    network.run(5 * ROUND);
    const away = vanish(network, 2);
    network.remove(1, "voucher", "7");
    network.run(5 * ROUND);
    vanish(network, 1);
    runUntilForgotten(network);
    assertShown(network, {});
    network.engines.set(2, away);
    network.run(10 * ROUND);
    assertShown(network, {});
  });

  it("the copy of a copy goes on with the original author and stamp", () => {
    const network = makeNetwork(4);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    vanish(network, 1);
    runUntilForgotten(network);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"] });
    vanish(network, 2);
    runUntilForgotten(network);
    assert.deepEqual(copies(network), { 3: ["voucher/7 of 1"] });
    assertShown(network, { "voucher/7": cbor("paid") });
  });

  it("log events, and values that are hidden or replaced, go with their author", () => {
    const network = makeNetwork(3);
    network.log(1, "door", "opened");
    network.set(1, "voucher", "7", "paid");
    network.set(1, "voucher", "8", "paid");
    network.set(1, "voucher", "8", "used");
    network.run(5 * ROUND);
    vanish(network, 1);
    network.set(2, "voucher", "7", "used");
    runUntilForgotten(network);
    assert.deepEqual(copies(network), { 2: ["voucher/8 of 1"] });
    assert.ok(records(network.engines.get(3)!).every(({ kind }) => kind !== KIND_LOG));
    assertShown(network, { "voucher/7": cbor("used"), "voucher/8": cbor("used") });
  });

  it("the contributions of a merge topic are copied for each author, and a removal for all", () => {
    const network = makeNetwork(4);
    network.set(1, "+taken", "7", 1);
    network.set(2, "+taken", "7", 2);
    network.set(2, "+taken", "8", 3);
    network.run(5 * ROUND);
    network.remove(1, "+taken", "8");
    network.run(5 * ROUND);
    vanish(network, 1);
    vanish(network, 2);
    runUntilForgotten(network);
    assertShown(network, { "+taken/7": `${cbor(1)} ${cbor(2)}` });
    const copied = Object.values(copies(network)).flat().filter((name) => name.startsWith("+taken/7"));
    assert.deepEqual(copied.sort(), ["+taken/7 of 1", "+taken/7 of 2"]);
  });

  it("a removal in a merge topic is copied again although a node has a copy of a later contribution", () => {
    const network = makeNetwork(5);
    network.set(5, "+taken", "9", 2);
    network.run(5 * ROUND);
    const away = vanish(network, 5);
    network.remove(1, "+taken", "9");
    network.set(1, "voucher", "7", "x".repeat(100));
    network.set(1, "+taken", "9", 1);
    network.run(5 * ROUND);
    vanish(network, 1);
    // Node 2 has copied the removal, and is gone before it copies the contribution.
    while (!copies(network)[2]?.includes("+taken/9 of 1")) network.run(ROUND / 4);
    assert.equal(copies(network)[2].filter((name) => name === "+taken/9 of 1").length, 1);
    network.run(ROUND / 4);
    vanish(network, 2);
    runUntilForgotten(network);
    network.engines.set(5, away);
    network.run(60 * ROUND);
    for (const engine of network.engines.values()) assert.equal(shown(engine)["+taken/9"], cbor(1));
  });

  it("a copy lives as long as the original, and no copy is made of a value whose time is over", () => {
    const network = makeNetwork(3);
    setClocks(network, T);
    const begin = network.nowMs;
    network.set(1, "voucher", "long", "paid", 100000);
    network.set(1, "voucher", "short", "paid", 300);
    network.run(5 * ROUND);
    vanish(network, 1);
    runUntilForgotten(network);
    assert.deepEqual(copies(network), { 2: ["voucher/long of 1"] });
    const [copy] = records(network.engines.get(3)!).filter(({ isCopy }) => isCopy);
    const endMs = copy.ms + copy.ttlSeconds * 1000;
    assert.ok(copy.ttlSeconds < 100000 && copy.ms > T + (network.nowMs - begin) / 2);
    assert.ok(endMs >= T + 100000000 && endMs < T + 100002000, `ends ${endMs - T - 100000000} ms later`);
  });

  it("a node without room counts the values that go with their author", () => {
    const network = makeNetwork(2, 1024);
    for (let n = 0; n < 12; n++) network.set(1, "value", `key ${n}`, n);
    network.run(20 * ROUND);
    assert.equal(Object.keys(shown(network.engines.get(2)!)).length, 12);
    vanish(network, 1);
    runUntilForgotten(network);
    const feed = network.engines.get(2)!.feed!;
    const kept = Object.keys(shown(network.engines.get(2)!)).length;
    assert.ok(kept > 0 && kept < 12);
    assert.equal(feed.valuesForgotten, 12 - kept);
  });

  it("a node that has met nobody copies nothing", () => {
    const network = makeNetwork(2);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    network.engines.get(2)!.feed!.feeds.setState(HAS_MET, 0);
    vanish(network, 1);
    runUntilForgotten(network);
    assert.deepEqual(copies(network), {});
    assert.equal(network.engines.get(2)!.feed!.valuesForgotten, 1);
  });
});

describe("copies that are not needed", () => {
  it("two parts of a network copy the same value; together again, the node of lower id keeps its copy", () => {
    const network = makeNetwork(5);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    vanish(network, 1);
    network.lose = ({ from, to }) => (from < 4) !== (to < 4);
    runUntilAdopted(network);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"], 4: ["voucher/7 of 1"] });
    network.lose = () => false;
    network.run((10 + 2 * PASS_ROUNDS) * ROUND);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"] });
    assertShown(network, { "voucher/7": cbor("paid") });
    assert.deepEqual(ownRecords(network, 4), ["set voucher/7", "end voucher/7"]);
  });

  it("the author is back with the value: the copy ends, the value stays", () => {
    const network = makeNetwork(3);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    const away = vanish(network, 1);
    runUntilForgotten(network);
    assert.deepEqual(copies(network), { 2: ["voucher/7 of 1"] });
    network.engines.set(1, away);
    network.run((10 + 2 * PASS_ROUNDS) * ROUND);
    assert.deepEqual(copies(network), {});
    assertShown(network, { "voucher/7": cbor("paid") });
  });

  it("the author is back and had set another value: the copy ends", () => {
    const network = makeNetwork(3);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    const away = vanish(network, 1);
    runUntilForgotten(network);
    network.engines.set(1, away);
    network.set(1, "voucher", "7", "used");
    network.run((10 + 2 * PASS_ROUNDS) * ROUND);
    assert.deepEqual(copies(network), {});
    assertShown(network, { "voucher/7": cbor("used") });
  });

  it("the author is back and had taken its contribution back: no copy of it counts", () => {
    const network = makeNetwork(3);
    network.set(1, "+taken", "7", 5);
    network.set(2, "+taken", "7", 6);
    network.run(5 * ROUND);
    const away = vanish(network, 1);
    runUntilForgotten(network);
    assertShown(network, { "+taken/7": `${cbor(5)} ${cbor(6)}` });
    network.engines.set(1, away);
    withdraw(network, 1, "+taken", "7");
    network.run((10 + 2 * PASS_ROUNDS) * ROUND);
    assertShown(network, { "+taken/7": cbor(6) });
    assert.deepEqual(copies(network), {});
  });

  it("the author publishes an end again that it had dropped, as another node still has a copy", () => {
    const network = makeNetwork(3);
    network.set(1, "+taken", "7", 5);
    network.run(5 * ROUND);
    const away = vanish(network, 1);
    runUntilForgotten(network);
    const alone = { "+taken/7": cbor(5) };
    assertShown(network, alone);
    network.engines.set(1, away);
    network.lose = ({ from, to }) => from === 1 || to === 1;
    withdraw(network, 1, "+taken", "7");
    for (let n = 0; n < 200; n++) network.log(1, "reading", n);
    assert.deepEqual(ownRecords(network, 1).filter((name) => name.includes("taken")), [], "the end is dropped");
    network.lose = () => false;
    network.run((10 + 3 * PASS_ROUNDS) * ROUND);
    assertShown(network, {});
    assert.deepEqual(copies(network), {});
  });
});

describe("events that others hide", () => {
  it("an author ends its value that another one replaced, after three passes", () => {
    const network = makeNetwork(3);
    network.set(1, "lamp", "1", "on");
    network.run(5 * ROUND);
    network.set(2, "lamp", "1", "off");
    network.run((2 * PASS_ROUNDS - 2) * ROUND);
    assert.deepEqual(ownRecords(network, 1), ["set lamp/1"], "not at once");
    network.run((2 * PASS_ROUNDS + 10) * ROUND);
    assert.deepEqual(ownRecords(network, 1), ["set lamp/1", "end lamp/1"]);
    assertShown(network, { "lamp/1": cbor("off") });
    for (const engine of network.engines.values()) {
      assert.deepEqual(records(engine).filter(({ isLive }) => isLive).map(({ author }) => author), [2]);
    }
    network.run(10 * PASS_ROUNDS * ROUND);
    assert.equal(ownRecords(network, 1).length, 2, "once");
    assert.deepEqual(ownRecords(network, 2), ["set lamp/1"]);
  });

  it("an author ends its removal after another one set a value again", () => {
    const network = makeNetwork(3);
    network.set(1, "lamp", "1", "on");
    network.run(5 * ROUND);
    network.remove(2, "lamp", "1");
    network.run(5 * ROUND);
    network.set(3, "lamp", "1", "dim");
    network.run(5 * PASS_ROUNDS * ROUND);
    assert.deepEqual([1, 2, 3].map((node) => ownRecords(network, node)), [
      ["set lamp/1", "end lamp/1"], ["remove lamp/1", "end lamp/1"], ["set lamp/1"],
    ]);
    assertShown(network, { "lamp/1": cbor("dim") });
  });

  it("a value with a time to live hides a value for ever only as long as it lives: nobody ends that one", () => {
    const network = makeNetwork(3);
    network.set(1, "lamp", "1", "on");
    network.run(5 * ROUND);
    network.set(2, "lamp", "1", "off", 1000000);
    network.run(6 * PASS_ROUNDS * ROUND);
    assert.deepEqual(ownRecords(network, 1), ["set lamp/1"]);
  });

  it("in a merge topic another author's value hides nothing, but its removal does", () => {
    const network = makeNetwork(3);
    network.set(1, "+taken", "7", 1);
    network.set(2, "+taken", "7", 2);
    network.run(6 * PASS_ROUNDS * ROUND);
    assert.deepEqual(ownRecords(network, 1), ["set +taken/7"]);
    network.remove(3, "+taken", "7");
    network.run(6 * PASS_ROUNDS * ROUND);
    assert.deepEqual([1, 2, 3].map((node) => ownRecords(network, node)), [
      ["set +taken/7", "end +taken/7"], ["set +taken/7", "end +taken/7"], ["remove +taken/7"],
    ]);
    assertShown(network, {});
  });

  it("a removal below the floor reaches a node that was away, and hides what that node holds", () => {
    const network = makeNetwork(4, 2048);
    network.set(4, "voucher", "7", "paid");
    network.run(5 * ROUND);
    const away = vanish(network, 4);
    network.remove(1, "voucher", "7");
    for (let n = 0; n < 100; n++) {
      network.log(1, "reading", n);
      network.run(1000);
    }
    network.run(5 * ROUND);
    for (const node of [1, 2, 3]) {
      const engine = network.engines.get(node)!;
      assert.ok(engine.feed!.feeds.floor(engine.rows.find(1)) > 20);
    }
    network.engines.set(4, away);
    network.run(10 * ROUND);
    assertShown(network, {});
    network.run(6 * PASS_ROUNDS * ROUND);
    assertShown(network, {});
    assert.ok(ownRecords(network, 4).includes("end voucher/7") || ownRecords(network, 4).length === 0);
  });

  it("a removal that another node dropped is published again, once, as its author does not end what it hides", () => {
    const network = makeNetwork(3);
    network.set(1, "voucher", "7", "paid");
    network.run(5 * ROUND);
    network.remove(2, "voucher", "7");
    network.run(5 * ROUND);
    // Node 1 drops the removal, as if its arena had been full while it held nothing else of that name.
    const engine = network.engines.get(1)!;
    const dropped = records(engine).find(({ kind }) => kind === KIND_REMOVE)!;
    const slot = engine.rows.find(2);
    engine.feed!.feeds.arena["raiseFloor"](slot);
    engine.feed!.feeds.arena.removeValue(slot, dropped.record);
    assert.deepEqual(shown(engine), { "voucher/7": cbor("paid") });
    network.run(4 * PASS_ROUNDS * ROUND);
    assert.equal(ownRecords(network, 2).length, 1, "it waits for the author");
    network.run(9 * PASS_ROUNDS * ROUND);
    assertShown(network, {});
    assert.deepEqual(ownRecords(network, 1), ["set voucher/7", "end voucher/7"]);
    network.run(9 * PASS_ROUNDS * ROUND);
    const live = records(network.engines.get(3)!).filter(({ isLive }) => isLive);
    assert.equal(ownRecords(network, 2).length, 2, "once");
    assert.deepEqual(live.map(({ kind, author, holder }) => [kind, author, holder]), [[KIND_REMOVE, 2, 2]]);
  });
});

describe("a network at rest", () => {
  it("nothing is published once all is in order", () => {
    const network = makeNetwork(4);
    for (const node of [1, 2, 3, 4]) {
      network.set(node, "name", String(node), node);
      network.set(node, "lamp", "1", node);
      network.run(2 * ROUND);
    }
    network.remove(3, "name", "2");
    vanish(network, 1);
    runUntilForgotten(network);
    network.run(6 * PASS_ROUNDS * ROUND);
    const sequences = (): number[] => [...network.engines.values()].map(({ feed }) => feed!.feeds.sequence(0));
    const before = sequences();
    network.run(10 * PASS_ROUNDS * ROUND);
    assert.deepEqual(sequences(), before);
    assertShown(network, { "lamp/1": cbor(4), "name/1": cbor(1), "name/3": cbor(3), "name/4": cbor(4) });
  });
});

/** A node takes back what it contributed to a merge topic, as `Gossip.withdraw` does. */
function withdraw(network: EngineNetwork, node: number, topic: string, key: string): void {
  assert.ok(network.publishEvent(node, KIND_END, topic, key, undefined) > 0);
}
