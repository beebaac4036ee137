import { BOARD_STACK_SLOTS, buildBundle } from "../test/conformance/replay.js";
import { type XsBits, XsHost, type XsMemory } from "../test/xs/xs.js";
import { measureSealing, stepsOf } from "./sealing-figures.js";
import { measureSigning } from "./signing-figures.js";

/** Values by name, in bytes unless the name says otherwise. */
export type RamFigures = Record<string, number>;

const ROWS = [16, 64, 128];
const DATAGRAM_BYTES_MAX = 512;
/** The event buffer, which is not counted: the user chooses its size. */
const ARENA_BYTES = 2048;
/** As in bench/ram-entry.ts. */
const BATCH_EVENTS = 16;
const VALUE_BYTES_MAX = 24;
/** Messages that wait, bytes of the longest one and remembered senders, as a board has them that sends little. */
const MESSAGES = [4, 64, 8];
/** What a message takes beside its topic and value. */
const MESSAGE_HEAD_BYTES = 21;
/** The design's bounds, and those of steps: figures of today, with room for small changes. Values are not counted. */
export const RAM_BOUNDS: Record<string, number> = {
  "ram.xs32Bytes.rows64": 5760,
  "ram.xs32Bytes.perRow": 40,
  "ram.xs32Bytes.growth": 0,
  "ram.xs32Bytes.rows64feeds64": 10240,
  "ram.xs32Bytes.feedsGrowth": 0,
  "ram.xs32Bytes.messages": 912,
  "ram.xs32Bytes.messagesGrowth": 0,
  "cpu.xsMeter.inSyncSyn": 4500,
  "cpu.xsMeter.mergeRow": 7150,
  "cpu.xsMeter.fullDatagram": 57000,
  "cpu.xsMeter.firstRound": 29500,
};

/** Commands that create a node whose growth is measured, by the name of the figure. */
export const GROWTH: Record<string, string> = {
  growth: `engine 64 ${DATAGRAM_BYTES_MAX}`,
  feedsGrowth: `feeds 16 ${DATAGRAM_BYTES_MAX} 2048`,
  messagesGrowth: `messages 16 ${DATAGRAM_BYTES_MAX} 2048 8 64 8`,
};

/**
 * Measures a node on 32-bit XS.
 *
 * @param datagrams number of datagrams over which the growth is measured
 */
export async function measureRam(datagrams: number): Promise<RamFigures> {
  const bundle = await buildRam();
  const figures: RamFigures = {};
  for (const rows of ROWS) {
    const values = rows * VALUE_BYTES_MAX;
    figures[`ram.xs32Bytes.rows${rows}`] = await bytesOf(bundle, `engine ${rows} ${DATAGRAM_BYTES_MAX}`) - values;
    figures[`ram.xs32Bytes.rows${rows}values`] = values;
  }
  const feeds = await bytesOf(bundle, `feeds 64 ${DATAGRAM_BYTES_MAX} ${ARENA_BYTES}`);
  figures["ram.xs32Bytes.rows64feeds64"] = feeds - 64 * VALUE_BYTES_MAX - ARENA_BYTES;
  const messages = await bytesOf(bundle, `messages 64 ${DATAGRAM_BYTES_MAX} ${ARENA_BYTES} ${MESSAGES.join(" ")}`);
  // As of values and events, the bytes of the messages themselves are not counted: those that wait, and one of scratch.
  figures["ram.xs32Bytes.messages"] = messages - feeds - (MESSAGES[0] + 1) * (MESSAGES[1] + MESSAGE_HEAD_BYTES);
  figures["ram.xs32Bytes.perRow"] = (figures["ram.xs32Bytes.rows128"] - figures["ram.xs32Bytes.rows64"]) / 64;
  figures["ram.xs32Bytes.gossip64"] = await bytesOf(bundle, `gossip 64 ${DATAGRAM_BYTES_MAX}`) - 64 * VALUE_BYTES_MAX;
  // A Map of 128 objects does not fit into the board's memory, so this host has more.
  for (const rows of ROWS) figures[`ram.xs32Bytes.map${rows}`] = await bytesOf(bundle, `map ${rows}`, 1 << 20);
  for (const [name, command] of Object.entries(GROWTH)) {
    const growth = await measureGrowth(command, datagrams);
    figures[`ram.xs32Bytes.${name}`] = growth.bytes;
    figures["ram.growthDatagrams"] = growth.datagrams;
    figures["ram.xs32Bytes.stack"] = growth.stack;
  }
  await measureSteps(bundle, figures);
  return { ...figures, ...await measureSealing(), ...await measureSigning() };
}

function buildRam(): Promise<string> {
  return buildBundle("../../bench/ram-entry.ts", "ram");
}

async function bytesOf(bundle: string, command: string, staticBytes?: number): Promise<number> {
  const memory = staticBytes === undefined ? {} : { staticBytes };
  const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS, ...memory });
  await host.send("idle");
  const before = await host.memory();
  await host.send(command);
  const bytes = used(await host.memory()) - used(before);
  await host.close();
  return bytes;
}

/** Measures by how many bytes memory grows while two nodes exchange, publish and lose datagrams. */
export async function measureGrowth(
  command: string, datagrams: number, bits: XsBits = 32,
): Promise<{ bytes: number; datagrams: number; stack: number }> {
  // Two nodes with feeds do not fit into the memory of one board.
  const host = await XsHost.start(await buildRam(), { stackSlots: BOARD_STACK_SLOTS, staticBytes: 65536, bits });
  await host.send(command);
  const first = Number(await host.send("traffic 1000"));
  const before = await host.memory();
  let total = 0;
  while (total < datagrams) total += Number(await host.send(`traffic ${Math.min(50000, datagrams - total)}`));
  const after = await host.memory();
  await host.close();
  return { bytes: used(after) - used(before), datagrams: total + first, stack: after.stackUsedMax };
}

/** Measures the steps of XS for single inputs, without those of the command line of the host. */
async function measureSteps(bundle: string, figures: RamFigures): Promise<void> {
  const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS, staticBytes: 65536 });
  await host.send(`engine 64 ${DATAGRAM_BYTES_MAX}`);
  await host.send("rows 62");
  const idle = await stepsOf(host, "idle");
  // At rest: the first datagram still finds what the start left behind, and shows the peer's limits.
  await host.send("load first");
  await host.send("receive");
  await host.send("load syn");
  const inSync = await stepsOf(host, "receive") - idle;
  await host.send("load row");
  const oneRow = await stepsOf(host, "receive") - idle;
  await host.send("load full");
  figures["cpu.xsMeter.inSyncSyn"] = inSync;
  figures["cpu.xsMeter.mergeRow"] = oneRow - inSync;
  figures["cpu.xsMeter.fullDatagram"] = await stepsOf(host, "receive") - idle;
  figures["cpu.fullDatagram.bytes"] = Number(await host.send("receive"));
  figures["cpu.xsMeter.firstRound"] = await stepsOf(host, "round") - idle;
  await host.close();
  for (const kind of ["like", "unlike"]) await measureBatch(bundle, figures, kind);
}

/** Measures the steps for each event of a batch of 16. */
async function measureBatch(bundle: string, figures: RamFigures, kind: string): Promise<void> {
  const host = await XsHost.start(bundle, { stackSlots: BOARD_STACK_SLOTS, staticBytes: 65536 });
  figures[`cpu.batch.bytes.${kind}`] = Number(await host.send(`batch ${kind}`));
  const idle = await stepsOf(host, "idle");
  const write = await stepsOf(host, "write") - idle;
  figures[`cpu.xsMeter.writeEvent.${kind}`] = Math.round(write / BATCH_EVENTS);
  figures[`cpu.xsMeter.readEvent.${kind}`] = Math.round((await stepsOf(host, "receive") - idle) / BATCH_EVENTS);
  await host.close();
}

function used(memory: XsMemory): number {
  return memory.slots + memory.chunks;
}
