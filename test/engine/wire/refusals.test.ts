import assert from "node:assert/strict";
import fc from "fast-check";
import { DROP_REASONS, dropReasonName, type Engine, NOTIFY_ID_CONFLICT } from "../../../src/engine/index.js";
import { DOWN, UP } from "../../../src/engine/table/states.js";
import { propertyOptions } from "../../support/random.js";
import { claimsAbout, bytesOf, hashOf, refusals, tagsOf } from "./frame-support.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { held, table } from "../../support/engine-state.js";

const ROUND = 10000;

function drops(engine: Engine): Record<string, number> {
  const counted: Record<string, number> = {};
  for (let reason = 0; reason < DROP_REASONS; reason++) {
    if (engine.stats.drops(reason) > 0) counted[dropReasonName(reason)] = engine.stats.drops(reason);
  }
  return counted;
}

function pair(name?: string): { network: EngineNetwork; a: Engine; b: Engine } {
  const network = new EngineNetwork();
  const a = network.add(1, { network: hashOf(name) }, [2], 3);
  const b = network.add(2, { network: hashOf(name) }, [1], 5);
  network.run(3 * ROUND);
  network.sent.length = 0;
  return { network, a, b };
}

/** A frame of node `from` as it would send it in its first round. */
function firstSyn(from: number, revision: number, nowMs: number): Uint8Array {
  const network = new EngineNetwork();
  network.nowMs = nowMs;
  network.add(from, {}, [1], revision);
  network.publish(from, [1]);
  network.run(ROUND / 4);
  return network.sent[0].bytes;
}

describe("Engine: a bad datagram", () => {
  for (const { name, reason, hex, network: networkName } of refusals) {
    it(`a bad datagram changes nothing but a counter: ${name}`, () => {
      const { network, a } = pair(networkName);
      const before = table(a);
      network.deliver(1, 2, bytesOf(hex));
      assert.deepEqual(table(a), before);
      assert.deepEqual(drops(a), { [reason]: 1 });
      // A node that sends JSON gets a sign of life: the head of a SYN.
      const own = network.sent.filter(({ from }) => from === 1).map(({ to, bytes }) => ({ to, type: bytes[1] }));
      assert.deepEqual(own, hex.startsWith("7b") ? [{ to: 2, type: 1 }] : []);
      for (const { bytes } of network.sent.slice(0, own.length)) assert.deepEqual(tagsOf(bytes), []);
    });
  }

  it("the engine refuses a datagram from an address where no node can be", () => {
    const syn = firstSyn(9, 1, 1000);
    for (const [address, port] of [[9, 0], [0, 5000], [0xffffffff, 5000]]) {
      const { network, a } = pair();
      const before = table(a);
      a.receive(network.nowMs, address, port, syn.slice(), syn.length);
      network.drain(1);
      assert.deepEqual([table(a), drops(a), network.sent], [before, { row: 1 }, []]);
    }
    const { network, a } = pair();
    a.receive(network.nowMs, 9, 5000, syn.slice(), syn.length);
    assert.deepEqual(drops(a), {});
  });

  it("the engine answers JSON of 12 bytes and more, the least that a board sends", () => {
    for (const [length, signs] of [[1, 0], [11, 0], [12, 1], [200, 1]]) {
      const { network } = pair();
      network.lose = () => true;
      network.deliver(1, 9, new Uint8Array(length).fill(0x7b));
      assert.equal(network.sent.filter(({ to }) => to === 9).length, signs, `${length} bytes`);
    }
  });

  it("the engine never throws for random bytes", () => {
    const { a } = pair();
    const before = table(a);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      a.receive(100000, 7, 5000, bytes, bytes.length);
    }), propertyOptions(5000));
    assert.deepEqual(table(a).filter((row) => row.id <= 2).length, before.length);
  });
});

describe("Engine: a good datagram at the wrong place", () => {
  it("the node's own datagram is an echo", () => {
    const { network, a } = pair();
    network.publish(1, [1]);
    const own = network.sent.find((sent) => sent.from === 1)!;
    network.deliver(1, 1, own.bytes);
    assert.deepEqual(drops(a), { echo: 1 });
    assert.ok(!network.notified.some((told) => told.kind === NOTIFY_ID_CONFLICT));
  });

  it("a datagram of another device under the node's id is an id conflict, notified once", () => {
    const { network, a } = pair();
    for (let i = 0; i < 3; i++) network.deliver(1, 66, firstSyn(1, 9, network.nowMs));
    assert.deepEqual(drops(a), { idConflict: 3 });
    assert.equal(network.notified.filter((told) => told.kind === NOTIFY_ID_CONFLICT).length, 1);
    assert.equal(a.revision(), 3);
  });

  it("a frame under the node's id and revision is a conflict if it is none of its last 8 frames", () => {
    const { network, a } = pair();
    network.run(20 * ROUND);
    network.deliver(1, 66, firstSyn(1, 3, network.nowMs));
    assert.equal(a.revision(), 3);
    assert.equal(drops(a).idConflict, 1);
  });

  it("a frame of an earlier start is stale, and its sender gets its current row", () => {
    const { network, a } = pair();
    const before = table(a);
    network.lose = () => true;
    network.deliver(1, 2, firstSyn(2, 4, network.nowMs));
    assert.deepEqual(drops(a), { stale: 1 });
    assert.deepEqual(table(a), before);
    assert.deepEqual(network.sent.map((sent) => [sent.to, sent.bytes[1]]), [[2, 2]]);
  });

  it("an answer to a frame that this start did not send is unasked", () => {
    const { network, a } = pair();
    for (const inReplyTo of ["00", "ffffffff0f"]) {
      network.deliver(1, 2, bytesOf(`c102 00000002 05 09 00 000000000000 ${inReplyTo}`));
    }
    assert.deepEqual(drops(a), { unasked: 2 });
    assert.deepEqual(network.sent, []);
  });
});

describe("Engine: a node that lost its storage", () => {
  it("the node goes beyond the revision that others hold", () => {
    const { network, a } = pair();
    network.engines.delete(2);
    network.run(ROUND);
    const b = network.add(2, {}, [1], 0);
    network.run(2 * ROUND);
    assert.equal(b.revision(), 6);
    assert.deepEqual(table(a), table(b));
  });

  it("peers tell the node from its former life under the same revision and heartbeat", () => {
    for (let node = 2; node < 12; node++) {
      const network = new EngineNetwork();
      const a = network.add(1);
      network.add(node, { randomSeed: node }, [1], 0, false);
      network.publish(node, [10]);
      network.run(ROUND);
      network.engines.delete(node);
      const b = network.add(node, { randomSeed: node + 100 }, [1], 0, false);
      b.publish(network.nowMs, Uint8Array.of(20), 1, 0, 0);
      network.run(2 * ROUND);
      assert.deepEqual(held(a.rows, node)?.value, [20]);
      assert.deepEqual(table(a), table(b));
    }
  });

  it("the node does not take a revision from which there is no next start", () => {
    const { network, a } = pair();
    const row = "13 00000001 0a000001 1388 feffffff0f 00";
    network.deliver(1, 2, bytesOf(`c101 00000002 05 64 7f 000000000000 1011 ${row}`));
    assert.equal(a.revision(), 3);
    assert.ok(network.notified.some((told) => told.address === 1 && told.kind === NOTIFY_ID_CONFLICT));
  });

  /** Sends node 1 `times` claims of statements that it has not made. Returns the last revision. */
  function claim(network: EngineNetwork, a: Engine, times: number): number {
    let claimed = 0;
    for (let i = 0; i < times; i++) {
      claimed = a.revision() + 2;
      const row = `13 00000001 0a000001 1388 ${claimed.toString(16).padStart(2, "0")} 00`;
      network.deliver(1, 2, bytesOf(`c101 00000002 05 64 7f 000000000000 100d ${row}`));
    }
    return claimed;
  }

  it("the node takes a higher revision at most eight times at once, then once in 64 rounds", () => {
    const { network, a } = pair();
    network.engines.delete(2);
    claim(network, a, 20);
    assert.equal(a.revision(), 3 + 8 * 3);
    assert.equal(network.notified.filter((told) => told.address === 1 && told.kind === NOTIFY_ID_CONFLICT).length, 1);
    for (let times = 9; times < 12; times++) {
      network.run(63 * ROUND);
      claim(network, a, 20);
      assert.equal(a.revision(), 3 + (times - 1) * 3, "not before");
      network.run(ROUND);
      claim(network, a, 20);
      assert.equal(a.revision(), 3 + times * 3);
    }
    network.run(64 * 20 * ROUND);
    claim(network, a, 20);
    assert.equal(a.revision(), 3 + (11 + 8) * 3, "eight again, however long it was left alone");
  });

  it("the node is not DOWN for good after more claims than it may refute", () => {
    const { network, a, b } = pair();
    claim(network, a, 8);
    const claimed = claim(network, a, 1);
    network.deliver(2, 250, claimsAbout({ id: 1, address: 1, revision: claimed, heartbeat: 1 }));
    network.run(40 * ROUND);
    assert.equal(held(b.rows, 1)?.state, DOWN, "nobody can go beyond it yet");
    network.run(40 * ROUND);
    assert.equal(a.revision(), claimed + 1);
    assert.equal(held(b.rows, 1)?.state, UP);
    assert.deepEqual(table(a), table(b));
  });
});
