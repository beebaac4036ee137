import assert from "node:assert/strict";
import { count } from "../support/random.js";
import { type ReplayStage, replayAll } from "./replay-run.js";

/** `node --import tsx test/sealing/replays.ts --replays 1000000` does as many as it is told. */
const REPLAYS = count(20000, 4000);
const SEED = Number(process.env.CHISME_TEST_SEED ?? 1);

describe("recorded frames", function () {
  this.timeout(300000);

  it(`${REPLAYS} replays, to any node at any stage, change no row of a sealed network, seed ${SEED}`, () => {
    const stages: ReplayStage[] = [];
    replayAll(REPLAYS, SEED, (stage) => stages.push(stage));
    assert.deepEqual(stages.filter(({ differences }) => differences.length > 0), []);
    for (const { name, replays, rows } of stages) {
      assert.ok(replays > REPLAYS / 100, `${name}: ${replays} replays`);
      assert.equal(rows, name === "a row is forgotten" ? 16 : 25, name);
    }
  });
});
