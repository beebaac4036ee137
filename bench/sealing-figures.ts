import { BOARD_STACK_SLOTS, buildBundle } from "../test/conformance/replay.js";
import { XsHost } from "../test/xs/xs.js";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/** Magic, flags, id, revision and counter, each varint of one byte. */
const HEAD = "c111000000010101";
/** Plain lengths: a full datagram of 512 bytes, and the frame of two nodes in sync. */
const FRAMES = [512, 24];
const HEX_PER_LINE = 256;

/**
 * Measures the steps of XS for sealing and unsealing with AES in JavaScript, and
 * the RAM of a sealer with one key. A board's own AES, in C, takes a small part of
 * these steps.
 */
export async function measureSealing(): Promise<Record<string, number>> {
  const bundle = await buildBundle("../sealing/xs-entry.ts", "sealing");
  const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS });
  const figures: Record<string, number> = {};
  await host.send("idle");
  const before = await host.memory();
  await host.send(`keys ${KEY} -`);
  const after = await host.memory();
  figures["ram.xs32Bytes.sealer"] = after.slots + after.chunks - before.slots - before.chunks;
  for (const bytes of FRAMES) {
    await host.send(`head ${HEAD}`);
    const body = "5a".repeat(bytes - HEAD.length / 2);
    for (let at = 0; at < body.length; at += HEX_PER_LINE) await host.send(`body ${body.slice(at, at + HEX_PER_LINE)}`);
    const idle = await stepsOf(host, "idle");
    figures[`cpu.xsMeter.seal${bytes}`] = await stepsOf(host, "seal") - idle;
    figures[`cpu.xsMeter.open${bytes}`] = await stepsOf(host, "open") - idle;
  }
  await host.close();
  return figures;
}

/**
 * The steps of XS that a command takes.
 *
 * @throws Error when the command answers -1
 */
export async function stepsOf(host: XsHost, line: string): Promise<number> {
  await host.meter();
  const answer = await host.send(line);
  if (answer === "-1") throw new Error(`${line}: refused`);
  return host.meter();
}
