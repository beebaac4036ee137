import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type XsBits, XsHost } from "../xs/xs.js";
import { sleeping } from "../../src/sleep/index.js";
import { networkTime } from "../../src/time/index.js";
import { Harness } from "./harness.js";
import { HarnessMessages } from "./messages.js";
import { nobleSigning } from "./signing.js";
import type { NodeTrace } from "./trace.js";

/** As `creation.stack` in boards/esp8266/manifest.json. */
export const BOARD_STACK_SLOTS = 512;

/** Something that takes lines for the harness and answers each. */
export interface Replayer {
  name: string;
  send(lines: string[]): Promise<string[]>;
  close(): Promise<void>;
}

export interface Difference {
  node: number;
  /** The line after which the outputs differ, counted from 1, and the line itself. */
  step: number;
  line: string;
  /** All outputs of the step, by the name of the engine. */
  outputs: Record<string, string>;
}

/** Builds the harness into one script for other engines than Node's, and returns its path. */
export async function buildBundle(entry: string, name: string): Promise<string> {
  const folder = fileURLToPath(new URL("../../build/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const outfile = `${folder}${name}.js`;
  const entryPoint = fileURLToPath(new URL(entry, import.meta.url));
  const format = "iife";
  await build({ entryPoints: [entryPoint], outfile, bundle: true, format, target: "es2020", logLevel: "error" });
  return outfile;
}

export function onV8(): Replayer {
  const harness = new Harness(
    undefined, (tell) => new HarnessMessages(tell), sleeping().engineSleeper(), networkTime, nobleSigning,
  );
  return {
    name: "v8",
    send: (lines) => Promise.resolve(lines.map((line) => harness.line(line))),
    close: () => Promise.resolve(),
  };
}

/** A board has its code, but for what is made at run time, in flash; here it is in the same memory. */
const STATIC_BYTES = 65536;
/** With the table that @noble/ed25519 makes, which calls deeper than a board's stack. */
const SIGNED_STATIC_BYTES = 2 << 20;
const SIGNED_STACK_SLOTS = 2 * BOARD_STACK_SLOTS;

/** XS with memory for a node with feeds and messages, its stack as in the manifest of an ESP8266. */
export async function onXs(bits: XsBits = 32): Promise<Replayer> {
  const host = await XsHost.start(await buildBundle("./entry.ts", "conformance"), {
    stackSlots: BOARD_STACK_SLOTS, staticBytes: STATIC_BYTES, bits,
  });
  return { name: `xs${bits}`, send: (lines) => host.sendMany(lines), close: () => host.close() };
}

/** The same for traces of signed feeds. */
export async function onXsSigned(bits: XsBits = 32): Promise<Replayer> {
  const host = await XsHost.start(await buildBundle("./signed-entry.ts", "conformance-signed"), {
    stackSlots: SIGNED_STACK_SLOTS, staticBytes: SIGNED_STATIC_BYTES, bits,
  });
  return { name: `xs${bits}`, send: (lines) => host.sendMany(lines), close: () => host.close() };
}

/** Replays the traces, one node after the other, and hashes all answers. */
export async function hashOf(replayer: Replayer, traces: NodeTrace[]): Promise<string> {
  const hash = createHash("sha256");
  for (const trace of traces) {
    for (const answer of await replayer.send(trace.lines)) hash.update(answer + "\n");
  }
  return hash.digest("hex");
}

/** The first step at which two engines differ, with what each put out; undefined when there is none. */
export async function firstDifference(
  a: () => Promise<Replayer>, b: () => Promise<Replayer>, traces: NodeTrace[],
): Promise<Difference | undefined> {
  for (const [node, { lines }] of traces.entries()) {
    const answers = [await answersOf(a, lines), await answersOf(b, lines)];
    const index = lines.findIndex((_line, i) => answers[0].answers[i] !== answers[1].answers[i]);
    if (index < 0) continue;
    const outputs: Record<string, string> = {};
    for (const make of [a, b]) {
      const { name, answers: verbose } = await answersOf(make, [
        ...lines.slice(0, index), "verbose 1", lines[index],
      ]);
      outputs[name] = verbose[index + 1];
    }
    return { node, step: index + 1, line: lines[index], outputs };
  }
  return undefined;
}

async function answersOf(make: () => Promise<Replayer>, lines: string[]): Promise<{ name: string; answers: string[] }> {
  const replayer = await make();
  try {
    return { name: replayer.name, answers: await replayer.send(lines) };
  } finally {
    await replayer.close();
  }
}
