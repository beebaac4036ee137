import assert from "node:assert/strict";
import { GROWTH, RAM_BOUNDS, measureGrowth, measureRam } from "../../bench/ram-figures.js";
import { count } from "../support/random.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";

const SHORT_DATAGRAMS = 2000;
const LONG_DATAGRAMS = count(6000, 6000, 20000);

describe("RAM on 32-bit XS", function () {
  this.timeout(600000);

  it(`a node keeps its RAM bounds, and does not grow over ${SHORT_DATAGRAMS} datagrams`, async function () {
    await requireXs(this);
    const figures = await measureRam(SHORT_DATAGRAMS);
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

  // What never grows does not grow on 64 bits either, which need no emulator.
  for (const [name, command] of Object.entries(GROWTH)) {
    it(`a node does not grow over ${LONG_DATAGRAMS} datagrams: ${name}`, async function () {
      await requireXs(this);
      const { isEmulated } = await XsHost.command();
      const { bytes, datagrams } = await measureGrowth(command, LONG_DATAGRAMS, isEmulated ? 64 : 32);
      assert.equal(bytes, 0);
      assert.ok(datagrams > LONG_DATAGRAMS, `${datagrams} datagrams`);
    });
  }
});
