import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { DOWN, LEFT, OWN_SLOT, REMOVE, SUSPECT, UP } from "../../src/engine/index.js";
import { TableHash } from "../../src/engine/table/hash.js";
import { readGood } from "./wire/frame-support.js";
import { EngineNetwork, type Sent } from "../support/engine-network.js";
import { held, table } from "../support/engine-state.js";

const ROUND = 10000;
const REMOVE_AFTER_MS = 600000;
const LEAVE = 4;

function typeOf(sent: Sent): number {
  return sent.bytes[1] & 15;
}

/** Ten nodes that know each other and no seed but the first node; nothing was sent or notified yet. */
function ten(): EngineNetwork {
  const network = new EngineNetwork();
  for (let node = 1; node <= 10; node++) {
    network.add(node, { removeAfterMs: REMOVE_AFTER_MS, seedCapacity: 1 }, [node === 1 ? 2 : 1], 3);
  }
  network.run(20 * ROUND);
  network.sent.length = 0;
  network.notified.length = 0;
  return network;
}

function statesOf(network: EngineNetwork, id: number): (number | undefined)[] {
  return [...network.engines.values()].map(({ rows }) => held(rows, id)?.state);
}

describe("Engine.leave", () => {
  it("a leaving node sends four others a frame with its own row alone, and nobody answers", () => {
    const network = ten();
    network.leave(5);
    const goodbyes = network.sent.filter(({ from }) => from === 5);
    assert.equal(new Set(goodbyes.map(({ to }) => to)).size, 4);
    for (const { bytes } of goodbyes) {
      const { type, flags, sections } = readGood(bytes);
      assert.deepEqual([type, flags, sections.length], [LEAVE, 0, 1]);
      assert.deepEqual((sections[0].entries as { id: number; state: number }[]).map(({ id, state }) => [id, state]), [
        [5, LEFT],
      ]);
    }
    assert.equal(network.sent.length, 4);
  });

  it("a leaving node sends a LEAVE to every live node when there are fewer than four", () => {
    const network = new EngineNetwork();
    const a = network.add(1);
    network.add(2, {}, [1]);
    network.run(5 * ROUND);
    network.sent.length = 0;
    network.leave(2);
    assert.ok(network.sent.length >= 1 && network.sent.every((sent) => sent.to === 1 && typeOf(sent) === LEAVE));
    assert.equal(held(a.rows, 2)?.state, LEFT);
    network.leave(1);
    assert.equal(network.sent.filter((sent) => sent.from === 1 && typeOf(sent) === LEAVE).length, 0, "nobody is left");
  });

  it("a node that leaves before the answer of its seed tells the seed, which shows it already", () => {
    for (const withSeal of [false, true]) {
      const network = new EngineNetwork();
      const options = withSeal ? { sealer: nodeSealing(new Uint8Array(32), undefined) } : {};
      const seed = network.add(1, options);
      network.lose = ({ from }) => from === 1;
      network.add(2, options, [1]);
      network.run(ROUND);
      assert.equal(held(seed.rows, 2)?.state, withSeal ? undefined : UP);
      network.sent.length = 0;
      network.leave(2);
      assert.deepEqual(network.sent.map(typeOf), withSeal ? [] : [LEAVE]);
      assert.equal(held(seed.rows, 2)?.state, withSeal ? undefined : LEFT);
    }
  });

  it("a node that left is LEFT for all within 6 rounds, and never SUSPECT or DOWN", () => {
    const network = ten();
    network.leave(5);
    network.run(6 * ROUND);
    assert.deepEqual(statesOf(network, 5), Array.from({ length: 9 }, () => LEFT));
    network.run(30 * ROUND);
    assert.deepEqual(network.notified.filter(({ state }) => state === SUSPECT || state === DOWN), []);
    const told = network.notified.filter(({ id, state }) => id === 5 && state === LEFT).map(({ address }) => address);
    assert.equal(new Set(told).size, 9, "each application is notified");
  });

  it("a LEFT row counts in the table hash as if it were DOWN, and its node is not probed", () => {
    const network = ten();
    network.leave(5);
    network.run(6 * ROUND);
    for (const engine of network.engines.values()) {
      const root = new TableHash();
      for (const { id, revision, heartbeat, state } of table(engine)) {
        root.add(id, revision, heartbeat, state);
      }
      assert.deepEqual({ ...engine.rows.tableHash }, { ...root });
    }
    network.sent.length = 0;
    network.run(40 * ROUND);
    assert.ok(network.sent.every(({ to }) => to !== 5));
  });

  it("a newcomer learns of a node that left before", () => {
    const network = ten();
    network.leave(5);
    network.run(6 * ROUND);
    network.add(11, { removeAfterMs: REMOVE_AFTER_MS }, [1], 3);
    network.run(6 * ROUND);
    assert.deepEqual(statesOf(network, 5), Array.from({ length: 10 }, () => LEFT));
  });

  it("a LEFT row becomes a tombstone after removeAfterMs, and is forgotten after the same time again", () => {
    const network = ten();
    network.leave(5);
    network.run(REMOVE_AFTER_MS - ROUND);
    assert.deepEqual(statesOf(network, 5), Array.from({ length: 9 }, () => LEFT));
    network.run(10 * ROUND);
    assert.deepEqual(statesOf(network, 5), Array.from({ length: 9 }, () => REMOVE));
    network.run(REMOVE_AFTER_MS + 10 * ROUND);
    assert.deepEqual(statesOf(network, 5), Array.from({ length: 9 }, () => undefined));
  });

  it("a node that comes back is UP again, under its next revision or without stored revision", () => {
    for (const [revision, isRemembered] of [[4, true], [0, false]] as const) {
      const network = ten();
      network.leave(5);
      network.run(6 * ROUND);
      const back = network.add(5, {}, [1], revision, isRemembered);
      network.run(6 * ROUND);
      assert.deepEqual(statesOf(network, 5), Array.from({ length: 10 }, () => UP));
      assert.equal(back.rows.state(OWN_SLOT), UP);
      assert.equal(back.revision(), 4);
    }
  });

  it("peers only suspect a node whose LEAVE frames were lost", () => {
    const network = ten();
    network.lose = ({ bytes }) => (bytes[1] & 15) === LEAVE;
    network.leave(5);
    network.lose = () => false;
    while (!network.notified.some(({ id, state }) => id === 5 && state !== UP)) network.run(ROUND);
    assert.ok(statesOf(network, 5).every((state) => state === UP || state === SUSPECT));
  });
});
