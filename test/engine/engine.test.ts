import assert from "node:assert/strict";
import { DOWN, NOTIFY_ALONE, NOTIFY_STATE, NOTIFY_UPDATE, REMOVE, SUSPECT, UP } from "../../src/engine/index.js";
import { bytesOf, sectionsOf, tagsOf } from "./wire/frame-support.js";
import { EngineNetwork } from "../support/engine-network.js";
import { PORT } from "../support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../support/engine-outputs.js";
import { type HeldRow, held, ownHeartbeat, table } from "../support/engine-state.js";

const ROUND = 10000;
const SYN = 1;
const ACK = 2;
const DIFF = 3;

const typeOf = (sent: { bytes: Uint8Array }): number => sent.bytes[1] & 15;

describe("Engine: two nodes", () => {
  it("two nodes hold each other's row after one exchange that the newcomer begins", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    const b = network.add(2, {}, [1]);
    network.run(ROUND / 4);
    assert.deepEqual(table(a), table(b));
    assert.deepEqual(table(a).map((row) => row.id).sort(), [1, 2]);
    const fromB = network.sent.filter((sent) => sent.from === 2 && sent.to === 1);
    assert.equal(typeOf(fromB[0]), SYN);
    assert.ok(network.sent.some((sent) => sent.from === 1 && typeOf(sent) === ACK));
  });

  it("a node sends nothing before its first round, which begins within a quarter of the interval", () => {
    const network = new EngineNetwork();
    const a = network.add(1, {}, [2]);
    assert.deepEqual(network.sent, []);
    assert.ok(a.nextDeadline() - network.nowMs < ROUND / 4);
    network.run(ROUND / 4);
    assert.ok(network.sent.length > 0);
  });

  it("two nodes in sync send SYNs and ACKs of at most 40 bytes", () => {
    const network = new EngineNetwork();
    network.add(1);
    network.add(2, {}, [1]);
    network.run(30 * ROUND);
    network.sent.length = 0;
    network.run(10 * ROUND);
    const types = new Set(network.sent.map(typeOf));
    assert.deepEqual(types, new Set([SYN, ACK]));
    for (const { bytes } of network.sent) assert.ok(bytes.length <= 40, `${bytes.length} bytes`);
  });

  it("two nodes agree although the first datagrams are lost", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    const b = network.add(2, {}, [1]);
    let losses = 2;
    network.lose = () => losses-- > 0;
    network.run(ROUND);
    assert.deepEqual(table(a), table(b));
  });

  it("a node notifies its application of a newcomer once", () => {
    const network = new EngineNetwork();
    network.add(1);
    network.add(2, {}, [1]);
    network.run(10 * ROUND);
    const notifiedAt1 = network.notified.filter((told) => told.address === 1);
    assert.deepEqual(notifiedAt1, [
      { address: 1, kind: NOTIFY_UPDATE, id: 2, state: UP },
      { address: 1, kind: NOTIFY_STATE, id: 2, state: UP },
    ]);
  });
});

describe("Engine.publish", () => {
  it("a published value reaches three live nodes at once and all others within 4 rounds", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 10; node++) network.add(node, {}, [1]);
    network.run(20 * ROUND);
    network.sent.length = 0;
    network.publish(4, [0xf9, 0x4d, 0x60]);
    assert.equal(network.sent.filter((sent) => sent.from === 4 && typeOf(sent) === SYN).length, 3);
    network.run(4 * ROUND);
    for (const engine of network.engines.values()) {
      assert.deepEqual(held(engine.rows, 4)?.value, [0xf9, 0x4d, 0x60]);
    }
  });

  it("a published value goes first to the given address", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 5; node++) network.add(node, {}, [1]);
    network.run(10 * ROUND);
    network.sent.length = 0;
    network.publish(2, [1], 77);
    assert.equal(network.sent[0].to, 77);
  });

  it("a node spreads its value at most once in an eighth of an interval, and then the last one", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 6; node++) network.add(node, {}, [1]);
    network.run(10 * ROUND);
    network.sent.length = 0;
    for (let value = 0; value < 20; value++) network.publish(3, [value]);
    const spread = network.sent.filter((sent) => sent.from === 3 && typeOf(sent) === SYN).length;
    assert.ok(spread <= 3, `${spread} SYNs`);
    network.run(4 * ROUND);
    for (const engine of network.engines.values()) assert.deepEqual(held(engine.rows, 3)?.value, [19]);
  });

  it("publishing nothing withdraws the value", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    network.add(2, {}, [1]);
    network.publish(2, [5]);
    network.run(2 * ROUND);
    assert.deepEqual(held(a.rows, 2)?.value, [5]);
    network.publish(2, []);
    network.run(2 * ROUND);
    assert.deepEqual(held(a.rows, 2)?.value, []);
  });

  it("each published value raises the heartbeat, even faster than seconds pass", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    for (let i = 0; i < 5; i++) network.publish(1, [i]);
    assert.equal(ownHeartbeat(a), 5);
    network.run(60000);
    network.publish(1, [9]);
    assert.equal(ownHeartbeat(a), 60);
  });
});

describe("Engine: a node that falls silent", () => {
  it("peers probe a silent node five times, suspect it, call it DOWN and REMOVE, and forget it", () => {
    const network = new EngineNetwork();
    const a = network.add(1, { removeAfterMs: 600000 });
    network.add(2, {}, [1]);
    network.run(3 * ROUND);
    network.engines.delete(2);
    network.sent.length = 0;
    network.notified.length = 0;
    while (held(a.rows, 2)?.state === UP && network.sent.length < 20) network.run(50);
    assert.equal(held(a.rows, 2)?.state, SUSPECT);
    // Attempts may have come together with probes of rounds in that time.
    const asks = network.sent.filter((sent) => sent.to === 2);
    assert.ok(asks.length >= 6 && asks.length <= 8, `${asks.length} asks`);
    const [{ entries: [suspected] }] = sectionsOf(asks.pop()!.bytes, 2);
    assert.deepEqual([(suspected as HeldRow).id, (suspected as HeldRow).state], [2, SUSPECT]);
    assert.ok(asks.every(({ bytes }) => tagsOf(bytes).length === 0));
    network.run(8 * ROUND);
    assert.equal(held(a.rows, 2)?.state, DOWN);
    network.run(600000);
    assert.equal(held(a.rows, 2)?.state, REMOVE);
    network.run(600000);
    assert.equal(held(a.rows, 2), undefined);
    assert.deepEqual(network.notified.map((told) => [told.kind, told.state]), [
      [NOTIFY_STATE, SUSPECT], [NOTIFY_STATE, DOWN], [NOTIFY_ALONE, UP], [NOTIFY_STATE, REMOVE],
    ]);
  });

  it("a peer probes a suspected node once more, a round before it calls the node DOWN", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 2; node++) network.add(node, {}, [1]);
    network.run(20 * ROUND);
    network.engines.delete(2);
    const askedMs: number[] = [];
    network.lose = (sent) => {
      if (sent.to === 2) askedMs.push(network.nowMs);
      return false;
    };
    const a = network.engines.get(1)!;
    for (let steps = 0; steps < 5000 && held(a.rows, 2)?.state !== DOWN; steps++) network.run(50);
    const waitedMs = askedMs.map((ms) => network.nowMs - ms);
    assert.ok(waitedMs.some((ms) => ms >= ROUND && ms <= ROUND + 50), `probed ${waitedMs.join(", ")} ms before`);
  });

  it("a second node that gets no answer makes a suspicion half as long, and all believe it", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 9; node++) network.add(node, {}, [1]);
    network.run(40 * ROUND);
    network.engines.delete(9);
    network.notified.length = 0;
    const seen = new Map<number, number[]>([[SUSPECT, []], [DOWN, []]]);
    for (let steps = 0; steps < 240; steps++) {
      network.run(ROUND / 20);
      for (const { id, state } of network.notified.splice(0)) if (id === 9) seen.get(state)?.push(network.nowMs);
    }
    const timesMs = (state: number): number[] => seen.get(state)!;
    assert.deepEqual([timesMs(SUSPECT).length, timesMs(DOWN).length], [8, 8]);
    // A suspicion of 9 rows takes 6 rounds, and a last probe one more. A probe takes one and a half.
    const lastedMs = timesMs(DOWN)[0] - timesMs(SUSPECT)[0];
    assert.ok(lastedMs >= 3 * ROUND && lastedMs <= 5 * ROUND, `${lastedMs} ms`);
    assert.ok(timesMs(DOWN)[7] - timesMs(DOWN)[0] <= ROUND, timesMs(DOWN).join(" "));
  });

  it("a node that was DOWN is UP as soon as it starts again under its next revision", () => {
    const network = new EngineNetwork();
    const a = network.add(1, {}, [2]);
    network.add(2, {}, [1]);
    network.run(3 * ROUND);
    network.engines.delete(2);
    network.run(20 * ROUND);
    assert.equal(held(a.rows, 2)?.state, DOWN);
    network.add(2, {}, [1], 1);
    network.run(ROUND);
    assert.deepEqual(held(a.rows, 2), { id: 2, revision: 1, heartbeat: 0, state: UP, value: [] });
  });

  it("a node refutes a suspicion with a higher heartbeat", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    const b = network.add(2, {}, [1]);
    const c = network.add(3, {}, [1]);
    network.run(5 * ROUND);
    const before = ownHeartbeat(b);
    network.lose = (sent) => sent.from === 1 && sent.to === 2 || sent.from === 2;
    for (let i = 0; i < 10 && held(a.rows, 2)?.state === UP; i++) network.run(ROUND / 2);
    assert.equal(held(a.rows, 2)?.state, SUSPECT);
    network.lose = () => false;
    network.run(3 * ROUND);
    assert.ok(ownHeartbeat(b) > before);
    for (const engine of [a, b, c]) assert.deepEqual(held(engine.rows, 2), { ...held(b.rows, 2)!, state: UP });
  });

  it("a node that stood still itself does not suspect its peer", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    network.add(2, {}, [1]);
    network.run(3 * ROUND);
    // Node 1 probes node 2, then does nothing for ten rounds; the answer waits behind its overdue tick.
    network.lose = () => true;
    const last = () => network.sent[network.sent.length - 1];
    while (typeOf(last()) !== SYN || last().from !== 1) network.run(100);
    network.nowMs += 10 * ROUND;
    network.lose = () => false;
    a.tick(network.nowMs);
    network.drain(1);
    network.run(ROUND / 2);
    assert.equal(held(a.rows, 2)?.state, UP);
    assert.ok(!network.notified.some((told) => told.address === 1 && told.state === SUSPECT));
  });
});

describe("Engine: discovery", () => {
  it("a node without seeds broadcasts and finds the nodes that listen", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    const b = network.add(2);
    network.run(3 * ROUND);
    assert.ok(network.sent.some((sent) => sent.to === 0xffffffff && (sent.bytes[1] & 0x20) !== 0));
    assert.deepEqual(table(a), table(b));
    assert.equal(table(a).length, 2);
  });

  it("only some nodes answer one broadcast", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 40; node++) network.add(node, {}, [1]);
    network.run(20 * ROUND);
    network.sent.length = 0;
    network.add(50);
    let answers = 0;
    for (let i = 0; i < 10; i++) {
      network.lose = (sent) => sent.from !== 50;
      network.run(ROUND);
      answers += network.sent.filter((sent) => sent.to === 50 && typeOf(sent) === ACK).length;
      network.sent.length = 0;
    }
    assert.ok(answers > 5 && answers < 150, `${answers} answers to about 10 broadcasts among 40`);
  });

  it("a node that forgot all rows finds their nodes again at the addresses it learnt", () => {
    const network = new EngineNetwork();
    const a = network.add(1, { removeAfterMs: 60000 });
    network.add(2, { removeAfterMs: 60000 }, [1]);
    network.run(3 * ROUND);
    network.lose = () => true;
    network.run(60 * ROUND);
    assert.equal(held(a.rows, 2), undefined);
    network.lose = () => false;
    network.run(2 * ROUND);
    assert.equal(held(a.rows, 2)?.state, UP);
  });
});

describe("Engine: room", () => {
  it("60 nodes agree with datagrams of 128 bytes", () => {
    const network = new EngineNetwork();
    for (let node = 1; node <= 60; node++) {
      network.add(node, { datagramBytesMax: 128 }, [1]);
      network.publish(node, [0x18, 100 + node]);
    }
    network.lose = (sent) => {
      assert.ok(sent.bytes.length <= 128, `${sent.bytes.length} bytes`);
      return false;
    };
    network.run(60 * ROUND);
    const first = table(network.engines.get(1)!);
    assert.equal(first.length, 60);
    for (const engine of network.engines.values()) assert.deepEqual(table(engine), first);
  });

  it("a node never sends more than four datagrams for one input", () => {
    const network = new EngineNetwork();
    const full = network.add(1, { datagramBytesMax: 128 });
    for (let node = 2; node <= 60; node++) network.add(node, {}, [1]);
    network.run(30 * ROUND);
    // A newcomer wants more rows than four datagrams of 128 bytes hold.
    const ids = Array.from({ length: 60 }, (_, i) => (i + 1).toString(16).padStart(8, "0")).join("");
    const syn = bytesOf(`c101 00000063 00 01 00 000000000000 08f0 ${ids}`);
    full.receive(network.nowMs, 99, PORT, syn, syn.length);
    assert.equal(takeDatagrams(full).length, 4);
  });

  it("a table full of live rows admits no invented node and notifies of that once", () => {
    const network = new EngineNetwork();
    const a = network.add(1, { capacity: 4 });
    for (let node = 2; node <= 4; node++) network.add(node, {}, [1]);
    network.run(5 * ROUND);
    network.notified.length = 0;
    for (let node = 100; node < 110; node++) {
      const stranger = new EngineNetwork();
      stranger.nowMs = network.nowMs;
      stranger.add(node, {}, [1]);
      stranger.publish(node, [1]);
      stranger.run(ROUND / 4);
      for (const sent of stranger.sent) network.deliver(1, node, sent.bytes);
    }
    assert.deepEqual(table(a).map((row) => row.id).sort(), [1, 2, 3, 4]);
    assert.equal(a.stats.drops(11) > 0, true);
    assert.deepEqual(network.notified.map((told) => told.kind), [4]);
  });
});

describe("Engine: outputs that the caller does not take", () => {
  it("datagrams left in the outbox are gone at the next input", () => {
    const network = new EngineNetwork();
    const a = network.add(1, {}, [2]);
    a.publish(network.nowMs, Uint8Array.of(1), 1, 9, PORT);
    a.tick(network.nowMs);
    assert.deepEqual(takeDatagrams(a), []);
  });

  it("notifications that were not taken come after the next input", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    const b = network.add(2, {}, [1]);
    b.tick(b.nextDeadline());
    const [{ bytes }] = takeDatagrams(b);
    a.receive(network.nowMs, 2, PORT, bytes, bytes.length);
    a.tick(network.nowMs);
    assert.equal(a.rows.id(takeNotifications(a)[0].slot), 2);
  });
});

it("nodes send frames of the types SYN, ACK and DIFF", () => {
  const network = new EngineNetwork();
  for (let node = 1; node <= 8; node++) network.add(node, {}, [1]);
  network.run(10 * ROUND);
  assert.deepEqual(new Set(network.sent.map(typeOf)), new Set([SYN, ACK, DIFF]));
});
