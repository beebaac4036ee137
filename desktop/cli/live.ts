import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { FILE_BYTES_MAX, type LiveFile, parseLiveFile, parseLiveOptions } from "../live/live-file.js";
import { type LiveOptions, LiveRun } from "../live/live-run.js";
import { LiveSimulation } from "../live/live-simulation.js";
import type { LiveRequest } from "../simulator/command.js";
import { replayArguments } from "../simulator/text.js";
import { SIMULATE_DEFAULTS } from "../simulator/simulate.js";
import { readHttpOptions } from "./node-access.js";
import { serveUntilSignal } from "./serve.js";

/** Inputs of a file that are run without a page are run to their end in steps of so many simulated ms. */
const STEP_MS = 1000;

/** `chisme simulate --watch` and `--inputs`. */
export async function runLive(request: LiveRequest): Promise<boolean> {
  const file = request.inputs === undefined ? { options: optionsOf(request) } : readInputs(request, request.inputs);
  if (request.watch) return watchSimulation(request, file);
  return replay(request, file as LiveFile);
}

/** The options of a run on the command line, and a file of its inputs. */
export function liveCommand(command: string, options: LiveOptions, hasInputs: boolean): string {
  const args = replayArguments({ ...options, rounds: SIMULATE_DEFAULTS.rounds });
  // What is the default of a run is not that of one that is watched.
  const nodes = options.nodes === SIMULATE_DEFAULTS.nodes ? ` --nodes ${options.nodes}` : "";
  const shape = options.topology === undefined ? " --topology all" : "";
  return `${command} --watch ${args}${nodes}${shape}${hasInputs ? " --inputs FILE" : ""}`;
}

function optionsOf({ options }: LiveRequest): LiveOptions {
  return parseLiveOptions({ seed: randomBytes(4).readUInt32LE(), ...options });
}

/** @throws Error that names the option, and the line of the file */
function readInputs({ options }: LiveRequest, path: string): LiveFile {
  const file = readLiveFile("--inputs", path);
  for (const [name, value] of Object.entries(options)) {
    const saved = file.options[name as keyof LiveOptions];
    if (JSON.stringify(saved) === JSON.stringify(value)) continue;
    throw new Error(`${name}: ${JSON.stringify(value)} is not ${JSON.stringify(saved)}, as in ${path}`);
  }
  return file;
}

/** @throws Error that names the option and the line */
export function readLiveFile(flag: string, path: string): LiveFile {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`is longer than ${FILE_BYTES_MAX} bytes`);
    return parseLiveFile(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${flag}: ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Serves the page of a simulation until a signal. */
export async function watchSimulation(
  { output: { writeLine, command }, http, httpTokenFile }: Pick<LiveRequest, "output" | "http" | "httpTokenFile">,
  file: LiveFile | { options: LiveOptions },
): Promise<boolean> {
  const place = readHttpOptions({ http: http ?? true, ...httpTokenFile !== undefined && { httpTokenFile } });
  if (place === undefined) throw new Error("http: is missing");
  const simulation = new LiveSimulation({
    file, commandOf: (options, hasInputs) => liveCommand(command, options, hasInputs),
  });
  try {
    const again = `to run this again: ${simulation.command}`;
    await serveUntilSignal(simulation, { ...place, canWrite: true }, writeLine, again);
  } finally {
    simulation.close();
  }
  return true;
}

/** Runs inputs to their end. */
function replay({ json, output: { writeLine } }: LiveRequest, { options, inputs, endMs }: LiveFile): boolean {
  const run = new LiveRun(options);
  for (const input of inputs) {
    advance(run, input.atMs);
    run.apply(input);
  }
  advance(run, endMs);
  const { network, tablesHash } = run;
  const { datagrams, lost } = network.counts;
  const running = network.running.length;
  if (json) {
    writeLine(JSON.stringify({ options, inputs: inputs.length, endMs, running, datagrams, lost, tablesHash }));
  } else {
    const length = `${inputs.length} inputs, ${endMs / options.roundIntervalMs} rounds`;
    writeLine(`${length}: ${running} of ${options.nodes} nodes run, ${datagrams} datagrams, ${lost} lost`);
    writeLine(`hash of all tables: ${tablesHash}`);
  }
  return true;
}

function advance(run: LiveRun, untilMs: number): void {
  while (run.nowMs < untilMs) run.runUntil(Math.min(untilMs, run.nowMs + STEP_MS));
}
