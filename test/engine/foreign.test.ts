import assert from "node:assert/strict";
import { FLAG_FOREIGN } from "../../src/engine/table/rows.js";
import { DOWN, SUSPECT, UP } from "../../src/engine/table/states.js";
import type { Engine } from "../../src/engine/index.js";
import { claimsAbout } from "./wire/frame-support.js";
import { EngineNetwork } from "../support/engine-network.js";

const ROUND = 10000;
const BOARD = 77;

/** Gives a node a statement about the board, as from a node that uses its dialect. */
function announceBoard(network: EngineNetwork, node: number, heartbeat: number): void {
  const row = { id: BOARD, address: BOARD, revision: 3, heartbeat, isForeign: true as const, value: "15" };
  network.deliver(node, 250, claimsAbout(row));
}

/** Three nodes that know each other and a board whose statements the first makes. */
function bridged(): { network: EngineNetwork; engines: Engine[] } {
  const network = new EngineNetwork();
  const engines = [network.add(1), network.add(2, {}, [1]), network.add(3, {}, [1])];
  network.run(6 * ROUND);
  announceBoard(network, 1, 100);
  network.run(6 * ROUND);
  return { network, engines };
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
    const { network, engines } = bridged();
    network.run(40 * ROUND);
    assert.ok(network.sent.every(({ to }) => to !== BOARD));
    for (const { seeds } of engines) assert.ok(!seeds.has(BOARD, 5000));
  });

  it("a foreign row without updates stays UP for 64 rounds, then goes SUSPECT and DOWN", () => {
    const { network, engines } = bridged();
    network.run(50 * ROUND);
    assert.deepEqual(engines.map(stateIn), [UP, UP, UP]);
    network.run(12 * ROUND);
    assert.deepEqual(engines.map(stateIn), [SUSPECT, SUSPECT, SUSPECT]);
    network.run(10 * ROUND);
    assert.deepEqual(engines.map(stateIn), [DOWN, DOWN, DOWN]);
    network.run(40 * ROUND);
    assert.ok(network.sent.every(({ to }) => to !== BOARD));
  });

  it("a foreign row stays UP for as long as any node updates it", () => {
    const { network, engines } = bridged();
    for (let heartbeat = 101; heartbeat < 110; heartbeat++) {
      network.run(30 * ROUND);
      announceBoard(network, 1 + heartbeat % 3, heartbeat);
    }
    assert.deepEqual(engines.map(stateIn), [UP, UP, UP]);
  });

  it("a row is no longer foreign when its node announces itself", () => {
    const { network, engines } = bridged();
    network.add(BOARD, {}, [1], 4);
    network.run(12 * ROUND);
    for (const { rows } of engines) {
      const slot = rows.find(BOARD);
      assert.ok(!rows.hasFlag(slot, FLAG_FOREIGN));
      assert.deepEqual([rows.revision(slot), rows.state(slot)], [4, UP]);
    }
    assert.ok(network.sent.some(({ to }) => to === BOARD));
  });
});
