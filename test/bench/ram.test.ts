import assert from "node:assert/strict";
import { RAM_BOUNDS, measureRam } from "../../bench/ram-figures.js";
import { requireXs } from "../xs/require-xs.js";

describe("RAM on 32-bit XS", function () {
  this.timeout(600000);

  it("a node keeps its RAM bounds and does not grow", async function () {
    await requireXs(this);
    const figures = await measureRam(50000);
    for (const [name, bound] of Object.entries(RAM_BOUNDS)) {
      assert.ok(figures[name] <= bound, `${name}: ${figures[name]} is over ${bound}`);
    }
    for (const [name, figure] of Object.entries(figures)) {
      if (!name.toLowerCase().endsWith("growth")) assert.ok(figure > 0, `${name}: ${figure}`);
    }
    const sealing = ["ram.xs32Bytes.sealer", "cpu.xsMeter.seal512", "cpu.xsMeter.open512"];
    assert.deepEqual(sealing.filter((name) => !(name in figures)), []);
    assert.ok(figures["cpu.xsMeter.seal512"] > 4 * figures["cpu.xsMeter.seal24"], "it grows with the frame");
  });
});
