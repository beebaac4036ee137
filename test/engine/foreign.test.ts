import assert from "node:assert/strict";
import { FLAG_FOREIGN } from "../../src/engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../../src/engine/table/states.js";
import type { Engine } from "../../src/engine/index.js";
import { hearsay } from "./wire/frame-support.js";
import { EngineNetwork } from "../support/engine-network.js";

const ROUND = 10000;
const BOARD = 77;

/** Gives a node a statement about the board, as from a node that speaks its dialect. */
function speakForBoard(lan: EngineNetwork, node: number, heartbeat: number): void {
  lan.deliver(node, 250, hearsay({ id: BOARD, address: BOARD, revision: 3, heartbeat, isForeign: true, value: "15" }));
}

/** Three nodes that know each other and a board for which the first speaks. */
function bridged(): { lan: EngineNetwork; engines: Engine[] } {
  const lan = new EngineNetwork();
  const engines = [lan.add(1), lan.add(2, {}, [1]), lan.add(3, {}, [1])];
  lan.run(6 * ROUND);
  speakForBoard(lan, 1, 100);
  lan.run(6 * ROUND);
  return { lan, engines };
}

function stateIn(engine: Engine): number {
  return engine.rows.state(engine.rows.find(BOARD));
}

describe("Engine: a foreign row", () => {
  it("a foreign row spreads as foreign, with its value", () => {
    for (const { rows } of bridged().engines) {
      const slot = rows.find(BOARD);
      assert.ok(rows.hasFlag(slot, FLAG_FOREIGN));
      assert.deepEqual([rows.revision(slot), rows.heartbeat(slot), rows.state(slot)], [3, 100, UP]);
      assert.equal(rows.valueBytes()[rows.valueStart(slot)], 21);
    }
  });

  it("a node never probes a foreign row's node, nor learns it as a seed", () => {
    const { lan, engines } = bridged();
    lan.run(40 * ROUND);
    assert.ok(lan.sent.every(({ to }) => to !== BOARD));
    for (const { seeds } of engines) assert.ok(!seeds.has(BOARD, 5000));
  });

  it("a foreign row without updates stays UP for 64 rounds, then goes SUSPECT and DOWN", () => {
    const { lan, engines } = bridged();
    lan.run(50 * ROUND);
    assert.deepEqual(engines.map(stateIn), [UP, UP, UP]);
    lan.run(12 * ROUND);
    assert.deepEqual(engines.map(stateIn), [SUSPECT, SUSPECT, SUSPECT]);
    lan.run(10 * ROUND);
    assert.deepEqual(engines.map(stateIn), [DOWN, DOWN, DOWN]);
    lan.run(40 * ROUND);
    assert.ok(lan.sent.every(({ to }) => to !== BOARD));
  });

  it("a foreign row stays UP for as long as any node updates it", () => {
    const { lan, engines } = bridged();
    for (let heartbeat = 101; heartbeat < 110; heartbeat++) {
      lan.run(30 * ROUND);
      speakForBoard(lan, 1 + heartbeat % 3, heartbeat);
    }
    assert.deepEqual(engines.map(stateIn), [UP, UP, UP]);
  });

  it("a row is no longer foreign when its node announces itself", () => {
    const { lan, engines } = bridged();
    lan.add(BOARD, {}, [1], 4);
    lan.run(12 * ROUND);
    for (const { rows } of engines) {
      const slot = rows.find(BOARD);
      assert.ok(!rows.hasFlag(slot, FLAG_FOREIGN));
      assert.deepEqual([rows.revision(slot), rows.state(slot)], [4, UP]);
    }
    assert.ok(lan.sent.some(({ to }) => to === BOARD));
  });
});
