import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { simulateFans } from "../../../desktop/simulator/examples/fan.js";

describe("example: fans that follow the warmest room", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`all fans run when one room is warm and stop when it has cooled, seed ${seed}`, () => {
      const seen = simulateFans(seed);
      assert.equal(seen.warm, 8);
      assert.ok(seen.split >= 4, "the other half can't know yet");
      assert.equal(seen.cooled, 0);
      assert.equal(seen.violations, 0);
    });
  }

  it("the example runs as a program", () => {
    const file = fileURLToPath(new URL("../../../desktop/simulator/examples/fan.ts", import.meta.url));
    const printed = execFileSync(process.execPath, ["--import", "tsx", file, "3"], { encoding: "utf8" });
    assert.match(printed, /^seed 3: 8 of 8 fans run when a room is warm\n.*\n0 when the split is over; the nodes agree\n$/);
  });
});
