import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import type { ChismeError } from "../../src/errors.js";
import { DATAGRAM_BYTES_MAX } from "../../src/platform/udp.js";
import type { SimDialect } from "./dialects.js";
import { writeHtmlReport } from "./html-report.js";
import {
  JsonReport, LineReport, type ReportOutput, type SimulateReport, headLines, resultRows, verdictText,
} from "./report.js";
import { RunHistory } from "./run-history.js";
import {
  ScenarioBar, ScenarioLines, type ScenarioReport, ScenarioSums, scenarioHeadLines, scenarioRows, writeRun, writeSums,
} from "./scenario-report.js";
import { replayArguments, replayScenarioArguments } from "./text.js";
import { SCENARIO_DEFAULTS, type ScenarioOptions } from "./scenario-types.js";
import { runScenario } from "./run-scenario.js";
import { type Scenario, ScenarioRun } from "./scenario.js";
import { SCENARIOS, findScenario } from "./scenarios.js";
import {
  ROUNDS_MAX, SIMULATE_DEFAULTS, type SimulateOptions, roundsFor, simulateInSteps,
} from "./simulate.js";
import { TerminalReport } from "./terminal-report.js";
import type { Topology } from "./topology.js";
import {
  BRIDGES_MAX, ONE_WAY_PART_MAX, SPEED_MAX, type SimulatedTopology, TOPOLOGY_SHAPES, type TopologyShape, topologyOf,
} from "./topology-shapes.js";
import { topologyFigures } from "./topology-text.js";

interface Flags {
  nodes?: number;
  seed?: number;
  seeds?: SeedRange;
  loss?: number;
  rounds?: number;
  datagramBytes?: number;
  topology?: TopologyShape;
  cellSize?: number;
  bridges?: number;
  oneWay?: number;
  moving?: number;
  scenario?: string;
  sealed?: boolean;
  json?: boolean;
  report?: string;
  watch?: true;
  inputs?: string;
  http?: string | true;
  httpTokenFile?: string;
}

/** What drives a simulation by hand, and its inputs. */
export interface LiveRequest {
  /** What the command line gives. */
  options: Partial<SimulateOptions>;
  /** Whether to serve the page; otherwise the inputs are run to their end. */
  watch: boolean;
  /** A file with inputs. */
  inputs?: string;
  http?: string | true;
  httpTokenFile?: string;
  json: boolean;
  output: ReportOutput;
}

/** @returns whether all went well. @throws Error that names an option */
export type RunLive = (request: LiveRequest) => Promise<boolean>;

/** Seeds from the first to the last. */
interface SeedRange {
  first: number;
  last: number;
}

const SEED_MAX = 0xffffffff;
/** 5,000 nodes hold 25 million rows, which take 1.4 GB. */
const NODES_MAX = 5000;
/** In scenarios each table has room for twice the nodes, and the checkers read all tables in each round. */
const SCENARIO_NODES_MAX = 2000;
/** A step simulates this many nodes for one round, so that the bars move several times a second. */
const STEP_NODES = 50;
const EXIT_NOT_AGREED = 1;
const EXIT_USAGE = 2;

/**
 * `chisme simulate`: the simulated network on the command line.
 *
 * @param runLive runs simulations that are driven by hand
 */
export function simulateCommand(runLive: RunLive): Command {
  const { nodes, rounds, lossProbability, datagramBytesMax } = SIMULATE_DEFAULTS;
  const count = `nodes, 2 to ${NODES_MAX} (default: ${nodes}; ${SCENARIO_DEFAULTS.nodes} in scenarios)`;
  const part = `part of the datagrams to lose, 0 to 0.9 or 0% to 90% (default: ${lossProbability})`;
  const seed = integer(0, SEED_MAX);
  const roundsText = `rounds of 10 s, 2 to ${ROUNDS_MAX} (default: ${rounds}; more where paths are long)`;
  const cellSize = integer(2, NODES_MAX);
  const bytes = `longest datagram, 128 to ${DATAGRAM_BYTES_MAX} (default: ${datagramBytesMax})`;
  return new Command("simulate")
    .description("Simulate nodes that measure temperatures until all nodes know the minimum and the maximum.")
    .option("--nodes <count>", count, integer(2, NODES_MAX))
    .option("--seed <number>", "seed of all random decisions, 0 to 4294967295 (default: random, printed)", seed)
    .option("--loss <part>", part, probability)
    .option("--rounds <count>", roundsText, integer(2, ROUNDS_MAX))
    .option("--datagram-bytes <count>", bytes, integer(128, DATAGRAM_BYTES_MAX))
    .option("--topology <shape>", "which nodes reach which: one of the shapes below (default: all)", topologyShape)
    .option("--cell-size <count>", `with cells and star: nodes of a cell, 2 to ${NODES_MAX} (default: 8)`, cellSize)
    .option("--bridges <count>", "with cells: nodes that join two cells, 1 or 2 (default: 1)", integer(1, BRIDGES_MAX))
    .option("--one-way <part>", "part of the links that work one way only, 0 to 0.5 or 0% to 50%", oneWayPart)
    .option("--moving <speed>", "with radio: radio ranges that a node moves in a round, 0.001 to 1", movingSpeed)
    .option("--scenario <name>", "run one of the fault scenarios below instead", scenarioName)
    .option("--seeds <range>", "with --scenario: run it with each of these seeds, such as 1..100", seedRange)
    .option("--sealed", "give the nodes a key, so that they seal their datagrams")
    .option("--json", "print one JSON object and nothing else")
    .option("--report <file>", "also write the run as a page: plots, states of the nodes over time, complaints")
    .option("--watch", "play it in a page: pause, step, cut, crash and push by hand (default: 24 nodes with radio)")
    .option("--inputs <file>", "run what was saved in that page; without --watch to its end, printing table hashes")
    .option("--http [address:port]", "with --watch: where the page is; addresses that other computers reach need "
      + "--http-token-file (default: 127.0.0.1:8600)")
    .option("--http-token-file <file>", "with --watch: the page needs the token in this file, 16 to 256 characters")
    .allowExcessArguments(false)
    .showHelpAfterError("(--help lists the options)")
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
    .addHelpText("after", helpText())
    .action((flags: Flags, command: Command) => run(flags, command, runLive));
}

function helpText(): string {
  return `
Shapes of --topology. Nodes out of reach of each other agree through others:
${namedLines(TOPOLOGY_SHAPES)}

Scenarios. After the faults the network must agree:
${namedLines(SCENARIOS)}

Exit status: 0 when the network agreed, ${EXIT_NOT_AGREED} when it did not, ${EXIT_USAGE} for a wrong option.`;
}

function namedLines(items: readonly { name: string; summary: string }[]): string {
  const width = Math.max(...items.map(({ name }) => name.length));
  return items.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

async function run(flags: Flags, command: Command, runLive: RunLive): Promise<void> {
  // The reader of a pipe, such as `head`, may exit early. That is not a failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  if (flags.watch !== undefined || flags.inputs !== undefined) {
    await runByHand(flags, command, runLive);
    return;
  }
  for (const name of ["http", "httpTokenFile"] as const) {
    if (flags[name] !== undefined) command.error(`error: option '${inKebab(name)}' needs '--watch'`);
  }
  const seed = flags.seed ?? randomBytes(4).readUInt32LE();
  checkReport(flags, command);
  if (flags.seeds !== undefined) {
    if (!runSeeds(flags.scenario, flags.seeds, flags, command)) process.exitCode = EXIT_NOT_AGREED;
    return;
  }
  try {
    const agreed = flags.scenario === undefined
      ? await runSimulation(flags, { ...SIMULATE_DEFAULTS, ...simulationOptions(flags, command), seed }, command)
      : await runNamed(flags.scenario, flags, seed, command);
    if (!agreed) process.exitCode = EXIT_NOT_AGREED;
  } catch (error) {
    process.stderr.write(`failed with seed ${seed}\n`);
    throw error;
  }
}

async function runByHand(flags: Flags, command: Command, runLive: RunLive): Promise<void> {
  for (const name of ["scenario", "seeds", "rounds", "report"] as const) {
    if (flags[name] === undefined) continue;
    command.error(`error: option '--${name}' has no meaning with '${flags.watch ? "--watch" : "--inputs"}'`);
  }
  const { watch = false, inputs, http, httpTokenFile, json = false, seed } = flags;
  const options = { ...simulationOptions(flags, command), ...seed !== undefined && { seed } };
  const access = { ...http !== undefined && { http }, ...httpTokenFile !== undefined && { httpTokenFile } };
  const request = { options, watch, ...inputs !== undefined && { inputs }, ...access, json, output: output() };
  try {
    if (!await runLive(request)) process.exitCode = EXIT_NOT_AGREED;
  } catch (error) {
    command.error(`error: ${(error as Error).message}`);
  }
}

function inKebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A run may take minutes: what is wrong with its file must be known before. */
function checkReport({ report, seeds }: Flags, command: Command): void {
  if (report === undefined) return;
  if (seeds !== undefined) command.error("error: option '--report' has no meaning with '--seeds'");
  try {
    closeSync(openSync(report, "a"));
  } catch (error) {
    command.error(`error: option '--report': ${(error as Error).message}`);
  }
}

function simulationOptions(flags: Flags, command: Command): Partial<SimulateOptions> {
  const topology = topologyOption(flags, command);
  return {
    ...flags.nodes !== undefined && { nodes: flags.nodes },
    ...flags.loss !== undefined && { lossProbability: flags.loss },
    ...flags.rounds !== undefined && { rounds: flags.rounds },
    ...dialectOption(flags),
    ...flags.datagramBytes !== undefined && { datagramBytesMax: flags.datagramBytes },
    ...topology !== undefined && { topology },
  };
}

/** The shapes that a flag has a meaning with. */
const SHAPES_OF_FLAGS = [
  ["cellSize", "--cell-size", ["cells", "star"]],
  ["bridges", "--bridges", ["cells"]],
  ["moving", "--moving", ["radio"]],
  ["oneWay", "--one-way", TOPOLOGY_SHAPES.map(({ name }) => name)],
] as const;

function topologyOption(flags: Flags, command: Command): SimulatedTopology | undefined {
  const { topology: shape, cellSize, bridges, oneWay, moving } = flags;
  for (const [name, flag, shapes] of SHAPES_OF_FLAGS) {
    if (flags[name] === undefined || shapes.some((known) => known === shape)) continue;
    const needed = name === "oneWay" ? "'--topology'" : `'--topology ${shapes.join("' or '--topology ")}'`;
    command.error(`error: option '${flag}' needs ${needed}`);
  }
  if (oneWay !== undefined && moving !== undefined) {
    command.error("error: option '--one-way' has no meaning with '--moving'");
  }
  if (shape === undefined) return undefined;
  return {
    shape,
    ...cellSize !== undefined && { cellSize },
    ...bridges !== undefined && { bridges },
    ...oneWay !== undefined && { oneWayPart: oneWay },
    ...moving !== undefined && { speed: moving },
  };
}

/** Makes the topology once, for its figures and for what can be wrong with it only then. */
function topologyOrError(options: SimulateOptions | ScenarioOptions, command: Command): Topology | undefined {
  try {
    return topologyOf(options);
  } catch (error) {
    if ((error as ChismeError).option !== "oneWayPart") throw error;
    return command.error(`error: option ${(error as Error).message.replace("oneWayPart", "'--one-way'")}`);
  }
}

function dialectOption({ sealed }: Flags): { dialect: SimDialect } | undefined {
  return sealed === true ? { dialect: "sealed" } : undefined;
}

async function runSimulation(flags: Flags, given: SimulateOptions, command: Command): Promise<boolean> {
  const report = reportFor(flags);
  const topology = topologyOrError(given, command);
  const rounds = flags.rounds ?? (topology === undefined ? given.rounds : roundsFor(topology));
  const options = { ...given, rounds };
  report.begin(options, topology && topologyFigures(topology));
  let history: RunHistory | undefined;
  const steps = simulateInSteps(options, Math.ceil(options.nodes / STEP_NODES), (network) => {
    if (flags.report !== undefined) history = new RunHistory(network);
  });
  // Give the event loop a turn to draw bars, write lines and handle signals.
  await nextTurn();
  let step = steps.next();
  while (step.done !== true) {
    if ("knowing" in step.value) {
      report.round(step.value);
      history?.add("", step.value.knowing);
    } else report.step?.(step.value);
    await nextTurn();
    step = steps.next();
  }
  report.end(step.value);
  if (flags.report !== undefined && history !== undefined) {
    const [title, ...lines] = headLines(options, topology && topologyFigures(topology));
    writeHtmlReport(flags.report, {
      ...step.value, title, lines, command: `${output().command} ${replayArguments(options)}`,
      verdict: verdictText(options, step.value), figures: resultRows(options, step.value),
    }, history);
  }
  return step.value.agreed;
}

async function runNamed(name: string, flags: Flags, seed: number, command: Command): Promise<boolean> {
  const { scenario, options } = scenarioOf(name, flags, seed, command);
  const report = scenarioReportFor(flags);
  report?.begin(scenario.summary, name, options);
  const scenarioRun = new ScenarioRun(scenario, options);
  const history = flags.report === undefined ? undefined : new RunHistory(scenarioRun.network);
  const steps = scenarioRun.run();
  // As in `runSimulation`.
  await nextTurn();
  let step = steps.next();
  while (step.done !== true) {
    report?.step(step.value);
    history?.add(step.value.phase);
    await nextTurn();
    step = steps.next();
  }
  if (report === undefined) writeLine(JSON.stringify(step.value));
  else report.end(step.value);
  if (flags.report !== undefined && history !== undefined) {
    const { agreed, violations } = step.value;
    const [title, ...lines] = scenarioHeadLines(scenario.summary, name, options);
    writeHtmlReport(flags.report, {
      agreed, violations, title, lines, command: `${output().command} ${replayScenarioArguments(name, options)}`,
      verdict: agreed ? "agreed" : "not agreed", figures: scenarioRows(step.value), violationCount: violations.length,
    }, history);
  }
  return step.value.agreed;
}

/** Runs a scenario with each seed. Returns whether all networks agreed. */
function runSeeds(name: string | undefined, { first, last }: SeedRange, flags: Flags, command: Command): boolean {
  if (name === undefined) command.error("error: option '--seeds' needs '--scenario'");
  if (flags.seed !== undefined) command.error("error: option '--seed' has no meaning with '--seeds'");
  const sums = new ScenarioSums();
  for (let seed = first; seed <= last; seed++) {
    const { scenario, options } = scenarioOf(name, flags, seed, command);
    const result = runScenario(scenario, options);
    sums.add(result);
    if (flags.json === true) writeLine(JSON.stringify(result));
    else writeRun(result, output());
  }
  if (flags.json !== true) writeSums(name, sums, output());
  return sums.failedSeeds.length === 0;
}

function scenarioOf(
  name: string, flags: Flags, seed: number, command: Command,
): { scenario: Scenario; options: ScenarioOptions } {
  for (const option of ["loss", "rounds", "moving"] as const) {
    if (flags[option] !== undefined) command.error(`error: option '--${option}' has no meaning with '--scenario'`);
  }
  if (flags.nodes !== undefined && flags.nodes > SCENARIO_NODES_MAX) {
    command.error(`error: option '--nodes' is at most ${SCENARIO_NODES_MAX} with '--scenario'`);
  }
  const scenario = findScenario(name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const topology = topologyOption(flags, command);
  if (topology !== undefined && scenario.isDeparting === true) {
    command.error(`error: option '--topology' has no meaning with '--scenario ${name}': other nodes come there`);
  }
  if (topology !== undefined && scenario.sleepRounds !== undefined) {
    command.error(`error: option '--topology' has no meaning with '--scenario ${name}': it has no devices that sleep`);
  }
  const options: ScenarioOptions = {
    ...SCENARIO_DEFAULTS,
    ...flags.nodes !== undefined && { nodes: flags.nodes },
    ...dialectOption(flags),
    ...flags.datagramBytes !== undefined && { datagramBytesMax: flags.datagramBytes },
    ...topology !== undefined && { topology },
    seed,
  };
  topologyOrError(options, command);
  return { scenario, options };
}

function reportFor(flags: Flags): SimulateReport {
  if (flags.json === true) return new JsonReport(writeLine);
  return process.stdout.isTTY ? new TerminalReport(output(), process.stdout) : new LineReport(output());
}

/** Undefined: the result is printed as JSON. */
function scenarioReportFor(flags: Flags): ScenarioReport | undefined {
  if (flags.json === true) return undefined;
  return process.stdout.isTTY ? new ScenarioBar(output(), process.stdout) : new ScenarioLines(output());
}

function output(): ReportOutput {
  const command = process.env.npm_lifecycle_event === "start" ? "npm start --" : "chisme simulate";
  return { writeLine, colors: pc.createColors(Boolean(pc.isColorSupported && process.stdout.isTTY)), command };
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be an integer from ${min} to ${max}.`);
  };
}

function seedRange(text: string): SeedRange {
  const match = /^(\d{1,10})\.\.(\d{1,10})$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (first <= last && last <= SEED_MAX) return { first, last };
  throw new InvalidArgumentError(`It must be two seeds from 0 to ${SEED_MAX}, the smaller first, such as 1..100.`);
}

/** Reads "0.1" or "10%"; NaN if it is neither. */
function partOf(text: string): number {
  const match = /^(\d+\.?\d*|\.\d+)(%?)$/.exec(text);
  return match === null ? NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
}

function probability(text: string): number {
  const number = partOf(text);
  if (!(number >= 0 && number <= 0.9)) throw new InvalidArgumentError("It must be from 0 to 0.9, or from 0% to 90%.");
  return number;
}

function topologyShape(text: string): TopologyShape {
  const found = TOPOLOGY_SHAPES.find(({ name }) => name === text);
  if (found !== undefined) return found.name;
  throw new InvalidArgumentError(`It must be one of ${TOPOLOGY_SHAPES.map(({ name }) => name).join(", ")}.`);
}

function oneWayPart(text: string): number {
  const number = partOf(text);
  if (number >= 0 && number <= ONE_WAY_PART_MAX) return number;
  throw new InvalidArgumentError("It must be from 0 to 0.5, or from 0% to 50%.");
}

function movingSpeed(text: string): number {
  const number = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (number >= 0.001 && number <= SPEED_MAX) return number;
  throw new InvalidArgumentError("It must be from 0.001 to 1.");
}

function scenarioName(text: string): string {
  if (findScenario(text) !== undefined) return text;
  throw new InvalidArgumentError(`It must be one of ${SCENARIOS.map(({ name }) => name).join(", ")}.`);
}
