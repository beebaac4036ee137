import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/index.js";
import { OWN_SLOT } from "../../../src/engine/table/rows.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { ROUND_MS } from "../../support/engine-options.js";

/** Rounds of a rest, on average, in a network of two nodes. */
const REST_ROUNDS = 64;

/** Rounds until node 1 makes its next statement, with or without updates that it holds all the time. */
function nextStatement(seed: number, isBusy: boolean): { rounds: number; engine: Engine } {
  const network = new EngineNetwork();
  const engine = network.add(1, { randomSeed: seed }, [2]);
  network.add(2, { randomSeed: seed + 100 }, [1]);
  network.run(16 * ROUND_MS);
  network.publish(1, [1]);
  const heartbeat = engine.rows.heartbeat(OWN_SLOT);
  let seconds = 0;
  while (engine.rows.heartbeat(OWN_SLOT) === heartbeat) {
    if (isBusy) engine.rows.markUpdate(engine.rows.find(2));
    network.run(1000);
    seconds++;
  }
  return { rounds: seconds * 1000 / ROUND_MS, engine };
}

describe("Engine: rests", () => {
  it("a node that holds updates rests for at least one and a quarter, at most one and a half times the mean", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { rounds } = nextStatement(seed, true);
      assert.ok(rounds >= 1.25 * REST_ROUNDS - 1 && rounds <= 1.5 * REST_ROUNDS + 1, `seed ${seed}: ${rounds} rounds`);
    }
  });

  it("without updates some rests are short, and the statement after a rest is no urgent update", () => {
    const rests = Array.from({ length: 20 }, (_, i) => nextStatement(i + 1, false));
    assert.ok(Math.min(...rests.map(({ rounds }) => rounds)) < 0.75 * REST_ROUNDS);
    for (const { engine } of rests) assert.ok(!engine.rows.hasUrgentUpdate());
  });
});
