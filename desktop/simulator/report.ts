import Table from "cli-table3";
import type { Colors } from "picocolors/types.js";
import type { Violation } from "./checkers.js";
import type { MessageFigures } from "./message-course.js";
import {
  type RoundFigures, type SimulateOptions, type SimulateResult, type StepFigures, lastReadingRound,
} from "./simulate.js";
import { type TopologyFigures, topologyText } from "./topology-text.js";
import {
  PLAIN_TABLE, bytesText, countText, percentText, plural, rangeText, replayArguments,
} from "./text.js";

/** Receives the figures of a run while it goes on. */
export interface SimulateReport {
  /** @param topology what is known of the topology, if there is one */
  begin(options: SimulateOptions, topology?: TopologyFigures): void;
  /** Called within a round. */
  step?(figures: StepFigures): void;
  round(figures: RoundFigures): void;
  end(result: SimulateResult): void;
}

/** How a report is written. */
export interface ReportOutput {
  writeLine: (line: string) => void;
  colors: Colors;
  /** The command that the user typed, such as "chisme simulate". */
  command: string;
}

const VIOLATIONS_SHOWN = 5;
/** Lines of rounds, about; with more rounds than this, not every round has a line. */
const LINES_MAX = 40;

/** One JSON object at the end of the run. It does not depend on the wall clock. */
export class JsonReport implements SimulateReport {
  private readonly write: (text: string) => void;
  private readonly rounds: RoundFigures[] = [];
  private options: SimulateOptions | undefined;
  private topology: TopologyFigures | undefined;

  constructor(write: (text: string) => void) {
    this.write = write;
  }

  begin(options: SimulateOptions, topology?: TopologyFigures): void {
    this.options = options;
    this.topology = topology;
  }

  round(figures: RoundFigures): void { this.rounds.push(figures); }
  end(result: SimulateResult): void {
    this.write(JSON.stringify({ options: this.options, topology: this.topology, rounds: this.rounds, result }));
  }
}

/** Plain lines, for pipes and files. */
export class LineReport implements SimulateReport {
  private readonly output: ReportOutput;
  private options!: SimulateOptions;
  private topology: TopologyFigures | undefined;

  constructor(output: ReportOutput) {
    this.output = output;
  }

  begin(options: SimulateOptions, topology?: TopologyFigures): void {
    this.options = options;
    this.topology = topology;
    writeHead(options, topology, this.output);
  }

  round({ round, knowing, parts, minimum, maximum, datagrams, bytes }: RoundFigures): void {
    const { nodes, rounds } = this.options;
    const last = lastReadingRound(rounds);
    const step = Math.ceil(rounds / LINES_MAX);
    if (round % step !== 0 && round !== rounds && round !== last) return;
    const number = String(round).padStart(String(rounds).length);
    const knows = `${String(knowing).padStart(String(nodes).length)} of ${nodes} nodes know`;
    const range = rangeText(minimum, maximum).padEnd(18);
    const traffic = `${countText(datagrams).padStart(6)} datagrams  ${bytesText(bytes).padStart(8)}`;
    const divided = parts > 1 ? `  ${parts} parts` : "";
    this.output.writeLine(`round ${number}: ${knows} ${range} ${traffic}${divided}`);
    if (round !== last) return;
    const ending = this.topology?.isMoving === true ? "readings and moves end" : "readings end";
    this.output.writeLine(`${ending} here; from now on all nodes can agree`);
  }

  end(result: SimulateResult): void {
    writeRows(resultRows(this.options, result), this.output);
    writeVerdict(this.options, result, this.output);
  }
}

/** The options of a run, and the command that repeats it. */
export function writeHead(
  options: SimulateOptions, topology: TopologyFigures | undefined, { writeLine, colors, command }: ReportOutput,
): void {
  const [title, ...lines] = headLines(options, topology);
  writeLine(colors.bold(title));
  lines.forEach(writeLine);
  writeLine(colors.dim(`to repeat this run: ${command} ${replayArguments(options)}`));
  writeLine("");
}

/** A title, and lines with the options of a run. */
export function headLines(options: SimulateOptions, topology: TopologyFigures | undefined): string[] {
  const { nodes, lossProbability, rounds, roundIntervalMs, datagramBytesMax, seed } = options;
  const loss = `${percentText(lossProbability)} loss`;
  const sealed = options.dialect === "sealed" ? "sealed " : "";
  const length = `${sealed}datagrams of at most ${countText(datagramBytesMax)} bytes`;
  return [
    `${plural(nodes, "node")} measure temperatures. How many know the minimum and the maximum?`,
    `${plural(rounds, "round")} of ${roundIntervalMs / 1000} s, ${loss}, ${length}, seed ${seed}`,
    ...topology === undefined ? [] : [topologyText(topology)],
  ];
}

/** The figures of a run. */
export function resultRows(options: SimulateOptions, result: SimulateResult): [string, string][] {
  const { roundsToAgree, datagrams, bytes, lost } = result;
  const perNode = (count: number): string => (count / options.nodes / options.rounds).toFixed(1);
  const inTopology: [string, string][] = options.topology === undefined ? []
    : [["live nodes suspected", plural(result.suspects, "time")]];
  const inParts: [string, string][] = result.partsMost === 1 ? []
    : [["parts", `${result.partsMost} at most, ${result.parts} at the end`]];
  return [
    ["last reading", `in round ${result.lastReadingRound} of ${options.rounds}`],
    ["until all agreed", roundsToAgree === null ? "not reached" : plural(roundsToAgree, "more round")],
    ["minimum and maximum", rangeText(result.minimum, result.maximum)],
    ["datagrams", `${countText(datagrams)}, ${perNode(datagrams)} per node and round`],
    ["bytes", `${bytesText(bytes)}, ${countText(result.bytesPerNodeAndRound)} B per node and round`],
    ["longest datagram", `${countText(result.largestDatagramBytes)} of ${countText(options.datagramBytesMax)} bytes`],
    ["lost datagrams", `${countText(lost)} (${percentText(lost / Math.max(1, datagrams))})`],
    ...inTopology,
    ["live nodes held as DOWN", plural(result.falseDowns, "time")],
    ...inParts,
    ...result.messages === undefined ? [] : messageRows(result.messages),
    ["violations", countText(result.violationCount)],
  ];
}

function messageRows({ sent, delivered, twice, hops, shortestHops, mostHops }: MessageFigures): [string, string][] {
  const path = `${hops.toFixed(1)} on average, ${mostHops} at most; the shortest paths have ${shortestHops.toFixed(1)}`;
  return [
    ["messages delivered", `${countText(delivered)} of ${countText(sent)}, ${countText(twice)} twice`],
    ["their hops", path],
  ];
}

/** Whether the network agreed and, if not, the first violations. */
export function writeVerdict(options: SimulateOptions, result: SimulateResult, output: ReportOutput): void {
  const { writeLine, colors } = output;
  writeViolations(result.violations, result.violationCount, output);
  writeLine((result.agreed ? colors.green : colors.red)(colors.bold(verdictText(options, result))));
}

export function verdictText(options: SimulateOptions, result: SimulateResult): string {
  const { agreed, knowing, minimum, maximum, parts } = result;
  const range = rangeText(minimum, maximum);
  const nodes = countText(options.nodes);
  if (!agreed) return `not agreed: ${countText(knowing)} of ${nodes} nodes know ${range}`;
  return parts === 1 ? `agreed: all ${nodes} nodes know ${range}`
    : `agreed: the nodes of each of ${parts} parts know what is measured there`;
}

/** A table of two columns. */
export function writeRows(rows: readonly (readonly [string, string])[], { writeLine, colors }: ReportOutput): void {
  const table = new Table(PLAIN_TABLE);
  for (const [name, value] of rows) table.push([colors.dim(name), value]);
  writeLine("");
  for (const line of table.toString().split("\n")) writeLine(line.trimEnd());
  writeLine("");
}

/** The first violations. */
export function writeViolations(violations: readonly Violation[], count: number, output: ReportOutput): void {
  const { writeLine, colors } = output;
  for (const { node, detail } of violations.slice(0, VIOLATIONS_SHOWN)) writeLine(colors.yellow(`${node}: ${detail}`));
  const more = count - VIOLATIONS_SHOWN;
  if (more > 0) writeLine(colors.yellow(`and ${countText(more)} more`));
}
