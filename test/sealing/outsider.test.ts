import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { NOTIFY_STRANGER, UP } from "../../src/engine/index.js";
import { FLAG_CHALLENGE, FLAG_UNADDRESSED, TYPE_ACK, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { EngineNetwork, type Sent } from "../support/engine-network.js";
import { ROUND_MS } from "../support/engine-options.js";
import { held, table } from "../support/engine-state.js";

const KEY = new Uint8Array(32).map((_, i) => i);
const OUTSIDER = 0x0a00fa01;

function sealed(randomSeed: number) {
  return { sealer: nodeSealing(KEY, undefined), randomSeed };
}

function isUnaddressed({ bytes }: Sent): boolean {
  return (bytes[1] & 15) === TYPE_SYN && (bytes[1] & FLAG_UNADDRESSED) !== 0;
}

describe("an outsider without the key", () => {
  it("moves no address by sending each frame to all other nodes, from an address of its own", () => {
    const network = new EngineNetwork();
    for (let id = 1; id <= 8; id++) network.add(id, sealed(id), [1]);
    network.run(20 * ROUND_MS);
    network.notified.length = 0;
    let replays = 0;
    for (let turn = 0; turn < 20 * ROUND_MS; turn += 100) {
      const frames = network.sent.splice(0).filter(({ to, from }) => to !== OUTSIDER && from !== OUTSIDER);
      for (const { from, to, bytes } of frames) {
        for (const receiver of [...network.engines.keys()].filter((id) => id !== from && id !== to)) {
          replays++;
          network.deliver(receiver, OUTSIDER, bytes);
        }
      }
      network.run(100);
      for (const { rows } of network.engines.values()) {
        for (let id = 1; id <= 8; id++) assert.equal(rows.address(rows.find(id)), id);
      }
    }
    assert.ok(replays > 1000, `${replays} replays`);
    assert.deepEqual(network.notified.filter(({ kind, state }) => kind !== NOTIFY_STRANGER && state !== UP), []);
  });

  for (const [roundIntervalMs, removeAfterMs] of [[10000, 60000], [60000, 600000]]) {
    it(`does not bring back a node whose row was forgotten, with rounds of ${roundIntervalMs} ms`, () => {
      const network = new EngineNetwork();
      const options = { roundIntervalMs, removeAfterMs };
      const a = network.add(1, { ...sealed(1), ...options }, [], 3);
      network.add(2, { ...sealed(2), ...options }, [1], 5);
      network.add(3, { ...sealed(3), ...options }, [1], 5);
      network.run(10 * roundIntervalMs);
      const recorded = network.sent.filter(({ from, to }) => from === 2 && to === 1);
      network.engines.delete(2);
      for (let round = 0; held(a.rows, 2) !== undefined; round++) {
        assert.ok(round < 200);
        network.run(roundIntervalMs);
      }
      assert.ok(a.stats.datagramsSent() < 1024, "the number of frames alone would not refuse them");
      for (const { from, bytes } of recorded) {
        network.deliver(1, from, bytes);
        network.deliver(1, OUTSIDER, bytes);
        network.run(1000);
        assert.equal(held(a.rows, 2), undefined);
      }
    });
  }

  it("has no frame applied that is sealed for whoever gets it, also if it is new", () => {
    for (const from of [2, OUTSIDER]) {
      const network = new EngineNetwork();
      const a = network.add(1, sealed(1));
      network.add(2, sealed(2), [1]);
      network.run(5 * ROUND_MS);
      network.lose = () => true;
      network.sent.length = 0;
      network.publish(2, [9], 1);
      const frame = network.sent.find(isUnaddressed)!;
      const before = table(a);
      network.sent.length = 0;
      network.deliver(1, from, frame.bytes);
      assert.deepEqual(table(a), before);
      assert.deepEqual(a.rows.address(a.rows.find(2)), 2);
      const [challenge, ...others] = network.sent;
      assert.deepEqual([challenge.to, challenge.bytes[1] & 15], [from, TYPE_ACK]);
      assert.ok((challenge.bytes[1] & FLAG_CHALLENGE) !== 0 && challenge.bytes.length <= 3 * frame.bytes.length);
      assert.deepEqual(others, []);
    }
  });

  it("gets no more answers to a recorded broadcast than 4 on average", () => {
    const network = new EngineNetwork();
    network.add(1, sealed(1));
    network.run(5 * ROUND_MS);
    const broadcasts = network.sent.filter(isUnaddressed);
    for (let id = 2; id <= 40; id++) network.add(id, sealed(id), [1]);
    network.run(20 * ROUND_MS);
    network.sent.length = 0;
    for (const { bytes } of broadcasts) {
      for (let id = 2; id <= 40; id++) network.deliver(id, OUTSIDER, bytes);
    }
    const perBroadcast = network.sent.filter(({ to }) => to === OUTSIDER).length / broadcasts.length;
    assert.ok(perBroadcast > 1 && perBroadcast < 8, `${perBroadcast} answers`);
  });
});

describe("a node that joins a sealed network", () => {
  it("holds all rows after two round trips, and is held by its seed after one more datagram", () => {
    const network = new EngineNetwork();
    for (let id = 1; id <= 5; id++) network.add(id, sealed(id), [1]);
    network.run(10 * ROUND_MS);
    network.sent.length = 0;
    const a = network.engines.get(1)!;
    const b = network.add(6, sealed(6), [1]);
    const steps: unknown[] = [];
    network.lose = ({ from, to, bytes }) => {
      const isOfBoth = (from === 1 && to === 6) || (from === 6 && to === 1);
      if (isOfBoth) steps.push([bytes[1] & 0x8f, b.rows.count, a.rows.count]);
      return !isOfBoth;
    };
    network.run(ROUND_MS / 2);
    // Flag and type, then the rows that both hold when the datagram is sent.
    assert.deepEqual(steps.slice(0, 5), [[0x81, 1, 5], [0x82, 1, 5], [3, 1, 5], [3, 1, 5], [3, 6, 5]]);
    assert.deepEqual(table(a), table(b));
  });
});
