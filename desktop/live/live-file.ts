import { ControlError } from "../control/protocol.js";
import { printableText } from "../control/value-text.js";
import { DATAGRAM_BYTES_MAX } from "../../src/platform/udp.js";
import { SIM_DIALECTS } from "../simulator/dialects.js";
import { SIMULATE_DEFAULTS } from "../simulator/simulate.js";
import { type SimulatedTopology, TOPOLOGY_SHAPES, topologyOf } from "../simulator/topology-shapes.js";
import { INPUTS_MAX, LOSS_MAX, type LiveInput, numberOf, parseInput, wrong } from "./live-inputs.js";
import type { LiveOptions } from "./live-run.js";

export const LIVE_NODES_MAX = 500;
export const LIVE_DEFAULTS: Omit<LiveOptions, "seed"> = {
  nodes: 24,
  lossProbability: 0.1,
  datagramBytesMax: SIMULATE_DEFAULTS.datagramBytesMax,
  roundIntervalMs: SIMULATE_DEFAULTS.roundIntervalMs,
  dialect: "compact",
  topology: { shape: "radio" },
};
/** Rounds of one simulation: a file must have an end, and a run that is watched must fit into a file. */
export const LIVE_ROUNDS_MAX = 100000;
export const LIVE_FILE_VERSION = 1;
/** Longest line, and longest file. */
export const LINE_BYTES_MAX = 4096;
export const FILE_BYTES_MAX = 8388608;

/** A run that can be run exactly again. */
export interface LiveFile {
  options: LiveOptions;
  /** In the order of their times. */
  inputs: LiveInput[];
  /** When the run ended, in simulated ms. */
  endMs: number;
}

/** JSON lines: what decides the run, then one input a line. */
export function liveFileText({ options, inputs, endMs }: LiveFile): string {
  const head = { chisme: "simulation", version: LIVE_FILE_VERSION, options, endMs };
  return [head, ...inputs].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** @throws Error that names the line */
export function parseLiveFile(text: string): LiveFile {
  if (text.length > FILE_BYTES_MAX) throw new Error(`is longer than ${FILE_BYTES_MAX} bytes`);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const [first, ...rest] = lines;
  const { options, endMs } = inLine(1, () => parseHead(parseLine(first ?? "")));
  if (rest.length > INPUTS_MAX) throw new Error(`line ${INPUTS_MAX + 2}: there are more than ${INPUTS_MAX} inputs`);
  let beforeMs = 0;
  const inputs = rest.map((line, at) => inLine(at + 2, () => {
    const input = parseInput(parseLine(line));
    if (input.atMs < beforeMs || input.atMs > endMs) {
      throw wrong("atMs", input.atMs, `no time from ${beforeMs}, of the input before, to ${endMs}, the end`);
    }
    beforeMs = input.atMs;
    return input;
  }));
  return { options, inputs, endMs };
}

/** Whether the first line of a file is that of a simulation. */
export function isLiveFile(text: string): boolean {
  return /^\{\s*"chisme"\s*:\s*"simulation"/.test(text);
}

/** @throws ControlError */
function parseHead(head: Record<string, unknown>): { options: LiveOptions; endMs: number } {
  const { chisme, version, options } = head;
  if (chisme !== "simulation") {
    throw wrong("chisme", chisme, 'not "simulation": this is no run of chisme simulate --watch');
  }
  if (version !== LIVE_FILE_VERSION) throw wrong("version", version, `not ${LIVE_FILE_VERSION}, the one known`);
  const checked = parseLiveOptions(options);
  return { options: checked, endMs: endOf(head, checked) };
}

/** When a simulation ends at the latest, in simulated ms. */
export function lastMsOf({ roundIntervalMs }: LiveOptions): number {
  return LIVE_ROUNDS_MAX * roundIntervalMs;
}

/** The end of a run. @throws ControlError when it is no time within the longest run */
export function endOf(params: Record<string, unknown>, options: LiveOptions): number {
  return numberOf(params, "endMs", 0, lastMsOf(options));
}

/** Checks options from elsewhere. What is missing has its default, but for the seed. @throws ControlError */
export function parseLiveOptions(given: unknown): LiveOptions {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrong("options", given, "no object");
  const options = { ...LIVE_DEFAULTS, ...given } as Record<string, unknown>;
  const known = ["seed", ...Object.keys(LIVE_DEFAULTS)];
  const extra = Object.keys(options).find((name) => !known.includes(name));
  if (extra !== undefined) throw wrong("options", extra, `none of ${known.join(", ")}`);
  const { dialect, topology } = options;
  if (!(SIM_DIALECTS as readonly unknown[]).includes(dialect) || dialect === "espgossip") {
    throw wrong("dialect", dialect, 'neither "compact" nor "sealed"');
  }
  const checked: LiveOptions = {
    seed: numberOf(options, "seed", 0, 0xffffffff, true),
    nodes: numberOf(options, "nodes", 2, LIVE_NODES_MAX, true),
    lossProbability: numberOf(options, "lossProbability", 0, LOSS_MAX),
    datagramBytesMax: numberOf(options, "datagramBytesMax", 512, DATAGRAM_BYTES_MAX, true),
    roundIntervalMs: numberOf(options, "roundIntervalMs", 1000, 60000, true),
    dialect: dialect as LiveOptions["dialect"],
  };
  if (topology === null || topology === undefined) return checked;
  const { shape } = topology as Partial<SimulatedTopology>;
  if (!TOPOLOGY_SHAPES.some(({ name }) => name === shape)) {
    throw wrong("topology.shape", shape, `none of ${TOPOLOGY_SHAPES.map(({ name }) => name).join(", ")}`);
  }
  const whole = { ...checked, topology: topology as SimulatedTopology };
  try {
    topologyOf(whole);
  } catch (error) {
    throw new ControlError(-32602, `topology: ${(error as Error).message}`);
  }
  return whole;
}

function parseLine(line: string): Record<string, unknown> {
  if (line.length > LINE_BYTES_MAX) throw new Error(`is longer than ${LINE_BYTES_MAX} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error("is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("is no JSON object");
}

function inLine<Result>(number: number, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    // It may name what the file has, and is printed on a terminal.
    throw new Error(`line ${number}: ${printableText((error as Error).message)}`, { cause: error });
  }
}
