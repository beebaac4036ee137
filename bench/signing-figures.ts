import { BOARD_STACK_SLOTS, buildBundle } from "../test/conformance/replay.js";
import { XsHost } from "../test/xs/xs.js";
import { stepsOf } from "./sealing-figures.js";

/** tweetnacl does with a board's memory; the table that @noble/ed25519 makes at first use needs far more. */
const STATIC_BYTES = { tweetnacl: 32768, noble: 2 << 20 };
const WORKS = ["key", "sign", "verify"];

/**
 * Measures the steps of XS for Ed25519 in JavaScript, and the RAM that it keeps. `key` is the first that a program
 * does: for @noble/ed25519 it makes the table. Of a BigInt operation XS counts one step, however long the numbers are.
 */
export async function measureSigning(): Promise<Record<string, number>> {
  const bundle = await buildBundle("../signing/xs-entry.ts", "signing");
  const figures: Record<string, number> = {};
  for (const [name, staticBytes] of Object.entries(STATIC_BYTES)) {
    const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS, staticBytes });
    const idle = await stepsOf(host, "idle");
    const before = await host.memory();
    for (const work of WORKS) figures[`cpu.xsMeter.${name}.${work}`] = await stepsOf(host, `${name} ${work}`) - idle;
    const after = await host.memory();
    figures[`ram.xs32Bytes.${name}`] = after.slots + after.chunks - before.slots - before.chunks;
    await host.close();
  }
  return figures;
}
