import assert from "node:assert/strict";
import { nodeSealing } from "../../desktop/platform/node-sealing.js";
import { pureSealing } from "../../src/sealing/aes.js";
import { BOARD_STACK_SLOTS, buildBundle } from "../conformance/replay.js";
import { requireXs } from "../xs/require-xs.js";
import { XsHost } from "../xs/xs.js";
import { SealingHarness } from "./harness.js";
import { sealingScript, vectorScript } from "./script.js";

const SEED = 1;
const FRAMES = 300;
/** On 32-bit XS where it is emulated. */
const EMULATED_FRAMES = 30;

describe("sealing on other engines", function () {
  this.timeout(300000);

  it("V8 gives the bytes that the library gives", () => {
    const pure = new SealingHarness(pureSealing());
    const node = new SealingHarness(nodeSealing);
    const { lines, answers } = vectorScript();
    assert.deepEqual(lines.map((line) => pure.line(line)), answers);
    for (const line of sealingScript(SEED, FRAMES)) assert.equal(pure.line(line), node.line(line), line);
  });

  it("XS gives the same bytes, in the memory of a board, and does not grow", async function () {
    await requireXs(this);
    const bundle = await buildBundle("../sealing/xs-entry.ts", "sealing");
    for (const { bits, work: frames } of await XsHost.longRun(FRAMES, EMULATED_FRAMES)) {
      const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS, bits });
      const { lines, answers } = vectorScript();
      assert.deepEqual(await host.sendMany(lines), answers);
      const harness = new SealingHarness(nodeSealing);
      const script = sealingScript(SEED, frames);
      const said = await host.sendMany(script);
      for (const [index, line] of script.entries()) assert.equal(said[index], harness.line(line), line);
      const before = await host.memory();
      await host.send("time 50");
      const after = await host.memory();
      assert.deepEqual([after.slots, after.chunks], [before.slots, before.chunks]);
      await host.close();
    }
  });
});
