import assert from "node:assert/strict";
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

/** Ten nodes that know each other and no seed but the first node; nothing was sent or told yet. */
function ten(): EngineNetwork {
  const lan = new EngineNetwork();
  for (let node = 1; node <= 10; node++) {
    lan.add(node, { removeAfterMs: REMOVE_AFTER_MS, seedCapacity: 1 }, [node === 1 ? 2 : 1], 3);
  }
  lan.run(20 * ROUND);
  lan.sent.length = 0;
  lan.notified.length = 0;
  return lan;
}

function statesOf(lan: EngineNetwork, id: number): (number | undefined)[] {
  return [...lan.engines.values()].map(({ rows }) => held(rows, id)?.state);
}

describe("Engine.leave", () => {
  it("a leaving node sends four others a frame with its own row alone, and nobody answers", () => {
    const lan = ten();
    lan.leave(5);
    const goodbyes = lan.sent.filter(({ from }) => from === 5);
    assert.equal(new Set(goodbyes.map(({ to }) => to)).size, 4);
    for (const { bytes } of goodbyes) {
      const { type, flags, sections } = readGood(bytes);
      assert.deepEqual([type, flags, sections.length], [LEAVE, 0, 1]);
      assert.deepEqual((sections[0].entries as { id: number; state: number }[]).map(({ id, state }) => [id, state]), [
        [5, LEFT],
      ]);
    }
    assert.equal(lan.sent.length, 4);
  });

  it("a leaving node sends a LEAVE to every live node when there are fewer than four", () => {
    const lan = new EngineNetwork();
    const a = lan.add(1);
    lan.add(2, {}, [1]);
    lan.run(5 * ROUND);
    lan.sent.length = 0;
    lan.leave(2);
    assert.ok(lan.sent.length >= 1 && lan.sent.every((sent) => sent.to === 1 && typeOf(sent) === LEAVE));
    assert.equal(held(a.rows, 2)?.state, LEFT);
    lan.leave(1);
    assert.equal(lan.sent.filter((sent) => sent.from === 1 && typeOf(sent) === LEAVE).length, 0, "nobody is left");
  });

  it("a node that left is LEFT for all within 6 rounds, and never SUSPECT or DOWN", () => {
    const lan = ten();
    lan.leave(5);
    lan.run(6 * ROUND);
    assert.deepEqual(statesOf(lan, 5), Array.from({ length: 9 }, () => LEFT));
    lan.run(30 * ROUND);
    assert.deepEqual(lan.notified.filter(({ state }) => state === SUSPECT || state === DOWN), []);
    const told = lan.notified.filter(({ id, state }) => id === 5 && state === LEFT).map(({ address }) => address);
    assert.equal(new Set(told).size, 9, "each application hears of it");
  });

  it("a LEFT row counts in the table hash as if it were DOWN, and its node is not probed", () => {
    const lan = ten();
    lan.leave(5);
    lan.run(6 * ROUND);
    for (const engine of lan.engines.values()) {
      const root = new TableHash();
      for (const { id, revision, heartbeat, state } of table(engine)) {
        root.add(id, revision, heartbeat, state);
      }
      assert.ok(engine.rows.tableHash.equals(root.first, root.second));
    }
    lan.sent.length = 0;
    lan.run(40 * ROUND);
    assert.ok(lan.sent.every(({ to }) => to !== 5));
  });

  it("a newcomer learns of a node that left before", () => {
    const lan = ten();
    lan.leave(5);
    lan.run(6 * ROUND);
    lan.add(11, { removeAfterMs: REMOVE_AFTER_MS }, [1], 3);
    lan.run(6 * ROUND);
    assert.deepEqual(statesOf(lan, 5), Array.from({ length: 10 }, () => LEFT));
  });

  it("a LEFT row becomes a tombstone after removeAfterMs, and is forgotten after the same time again", () => {
    const lan = ten();
    lan.leave(5);
    lan.run(REMOVE_AFTER_MS - ROUND);
    assert.deepEqual(statesOf(lan, 5), Array.from({ length: 9 }, () => LEFT));
    lan.run(10 * ROUND);
    assert.deepEqual(statesOf(lan, 5), Array.from({ length: 9 }, () => REMOVE));
    lan.run(REMOVE_AFTER_MS + 10 * ROUND);
    assert.deepEqual(statesOf(lan, 5), Array.from({ length: 9 }, () => undefined));
  });

  it("a node that comes back is UP again, under its next revision or without stored revision", () => {
    for (const [revision, isRemembered] of [[4, true], [0, false]] as const) {
      const lan = ten();
      lan.leave(5);
      lan.run(6 * ROUND);
      const back = lan.add(5, {}, [1], revision, isRemembered);
      lan.run(6 * ROUND);
      assert.deepEqual(statesOf(lan, 5), Array.from({ length: 10 }, () => UP));
      assert.equal(back.rows.state(OWN_SLOT), UP);
      assert.equal(back.revision(), 4);
    }
  });

  it("peers only suspect a node whose LEAVE frames were lost", () => {
    const lan = ten();
    lan.lose = ({ bytes }) => (bytes[1] & 15) === LEAVE;
    lan.leave(5);
    lan.lose = () => false;
    while (!lan.notified.some(({ id, state }) => id === 5 && state !== UP)) lan.run(ROUND);
    assert.ok(statesOf(lan, 5).every((state) => state === UP || state === SUSPECT));
  });
});
