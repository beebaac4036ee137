import Table from "cli-table3";
import type { Colors } from "picocolors/types.js";
import type { Complaint } from "./checkers.js";
import type { ScenarioResult } from "./scenario.js";
import {
  type RoundFigures, type SimulateOptions, type SimulateResult, type StepFigures, lastReadingRound,
} from "./simulate.js";
import {
  bytesText, countText, percentText, plural, rangeText, replayArguments, replayScenarioArguments,
} from "./text.js";

/** Where a run is told of while it goes on. */
export interface SimulateReport {
  begin(options: SimulateOptions): void;
  /** Within a round. */
  step?(figures: StepFigures): void;
  round(figures: RoundFigures): void;
  end(result: SimulateResult): void;
}

/** How a report is written. */
export interface ReportOutput {
  writeLine: (line: string) => void;
  colors: Colors;
  /** What the user typed to get here, such as "chisme simulate". */
  command: string;
}

const COMPLAINTS_SHOWN = 5;
/** With more rounds than these, not each has a line. */
const LINES_MAX = 40;

/** One JSON object, once the run is over. Nothing in it depends on the clock on the wall. */
export class JsonReport implements SimulateReport {
  private readonly write: (text: string) => void;
  private readonly rounds: RoundFigures[] = [];
  private options: SimulateOptions | undefined;

  constructor(write: (text: string) => void) {
    this.write = write;
  }

  begin(options: SimulateOptions): void { this.options = options; }
  round(figures: RoundFigures): void { this.rounds.push(figures); }
  end(result: SimulateResult): void {
    this.write(JSON.stringify({ options: this.options, rounds: this.rounds, result }));
  }
}

/** Plain lines, for pipes and files. */
export class LineReport implements SimulateReport {
  private readonly output: ReportOutput;
  private options!: SimulateOptions;

  constructor(output: ReportOutput) {
    this.output = output;
  }

  begin(options: SimulateOptions): void {
    this.options = options;
    writeHead(options, this.output);
  }

  round({ round, knowing, minimum, maximum, datagrams, bytes }: RoundFigures): void {
    const { nodes, rounds } = this.options;
    const last = lastReadingRound(rounds);
    const step = Math.ceil(rounds / LINES_MAX);
    if (round % step !== 0 && round !== rounds && round !== last) return;
    const number = String(round).padStart(String(rounds).length);
    const knows = `${String(knowing).padStart(String(nodes).length)} of ${nodes} nodes know`;
    const range = rangeText(minimum, maximum).padEnd(18);
    const traffic = `${countText(datagrams).padStart(6)} datagrams  ${bytesText(bytes).padStart(8)}`;
    this.output.writeLine(`round ${number}: ${knows} ${range} ${traffic}`);
    if (round === last) this.output.writeLine("the last readings are made: from now on all can agree");
  }

  end(result: SimulateResult): void {
    writeTable(this.options, result, this.output);
    writeVerdict(this.options, result, this.output);
  }
}

/** What is simulated, and how to have it again. */
export function writeHead(options: SimulateOptions, { writeLine, colors, command }: ReportOutput): void {
  const { nodes, lossProbability, rounds, roundIntervalMs, datagramBytesMax, seed } = options;
  const title = `${plural(nodes, "node")} measure a temperature; who knows the minimum and the maximum?`;
  writeLine(colors.bold(title));
  const loss = `${percentText(lossProbability)} loss`;
  const sealed = options.dialect === "sealed" ? "sealed " : "";
  const length = `${sealed}datagrams of at most ${countText(datagramBytesMax)} bytes`;
  writeLine(`${plural(rounds, "round")} of ${roundIntervalMs / 1000} s, ${loss}, ${length}, seed ${seed}`);
  writeLine(colors.dim(`to see this run again: ${command} ${replayArguments(options)}`));
  writeLine("");
}

/** The figures of a run. */
export function writeTable(options: SimulateOptions, result: SimulateResult, output: ReportOutput): void {
  const { roundsToAgree, datagrams, bytes, lost } = result;
  const perNode = (count: number): string => (count / options.nodes / options.rounds).toFixed(1);
  writeRows([
    ["last readings", `in round ${result.lastReadingRound} of ${options.rounds}`],
    ["until all agreed", roundsToAgree === null ? "not reached" : plural(roundsToAgree, "more round")],
    ["minimum and maximum", rangeText(result.minimum, result.maximum)],
    ["datagrams", `${countText(datagrams)}, ${perNode(datagrams)} for each node and round`],
    ["bytes", `${bytesText(bytes)}, ${countText(result.bytesPerNodeAndRound)} B for each node and round`],
    ["longest datagram", `${countText(result.largestDatagramBytes)} of ${countText(options.datagramBytesMax)} bytes`],
    ["lost datagrams", `${countText(lost)} (${percentText(lost / Math.max(1, datagrams))})`],
    ["live nodes called DOWN", plural(result.falseDowns, "time")],
    ["complaints of the checkers", countText(result.complaintCount)],
  ], output);
}

/** Whether the network agreed, and if not, what is wrong. */
export function writeVerdict(options: SimulateOptions, result: SimulateResult, output: ReportOutput): void {
  const { writeLine, colors } = output;
  const { agreed, knowing, minimum, maximum } = result;
  const range = rangeText(minimum, maximum);
  const nodes = countText(options.nodes);
  writeComplaints(result.complaints, result.complaintCount, output);
  if (agreed) writeLine(colors.green(colors.bold(`agreed: all ${nodes} nodes know ${range}`)));
  else writeLine(colors.red(colors.bold(`not agreed: ${countText(knowing)} of ${nodes} nodes know ${range}`)));
}

/** How a scenario went. */
export function writeScenario(result: ScenarioResult, summary: string, output: ReportOutput): void {
  const { writeLine, colors } = output;
  const { counts, roundsToHeal, roundsToHealMax } = result;
  writeLine(colors.bold(`${result.scenario}, ${plural(result.nodes, "node")}: ${summary}`));
  const sealed = result.dialect === "sealed" ? "sealed " : "";
  writeLine(`seed ${result.seed}, ${sealed}datagrams of at most ${countText(result.datagramBytesMax)} bytes`);
  writeLine(colors.dim(`to see this run again: ${output.command} ${replayScenarioArguments(result)}`));
  writeRows([
    ["rounds to heal", `${roundsToHeal ?? "not healed"} of ${roundsToHealMax}`],
    ["restarts", countText(result.restarts)],
    ["events published, lost", `${countText(result.eventsPublished)}, ${countText(result.eventsLost)}`],
    ["running nodes called DOWN", plural(result.falseDowns, "time")],
    ["datagrams", `${countText(counts.datagrams)}, ${bytesText(counts.bytes)}`],
    ["lost, cut off", `${countText(counts.lost)}, ${countText(counts.cut)}`],
    ["duplicated, corrupted", `${countText(counts.duplicated)}, ${countText(counts.corrupted)}`],
    ["lost in full mailboxes", countText(counts.mailboxOverflows)],
    ["complaints of the checkers", countText(result.complaints.length)],
  ], output);
  writeComplaints(result.complaints, result.complaints.length, output);
  writeLine(result.agreed ? colors.green(colors.bold("agreed")) : colors.red(colors.bold("not agreed")));
}

function writeRows(rows: readonly (readonly [string, string])[], { writeLine, colors }: ReportOutput): void {
  const chars = {
    "top": "", "top-mid": "", "top-left": "", "top-right": "", "bottom": "", "bottom-mid": "", "bottom-left": "",
    "bottom-right": "", "left": "", "left-mid": "", "mid": "", "mid-mid": "", "right": "", "right-mid": "",
    "middle": "  ",
  };
  const table = new Table({ chars, style: { "padding-left": 0, "padding-right": 0, "border": [], "head": [] } });
  for (const [name, value] of rows) table.push([colors.dim(name), value]);
  writeLine("");
  for (const line of table.toString().split("\n")) writeLine(line.trimEnd());
  writeLine("");
}

function writeComplaints(complaints: readonly Complaint[], count: number, output: ReportOutput): void {
  const { writeLine, colors } = output;
  for (const { who, what } of complaints.slice(0, COMPLAINTS_SHOWN)) writeLine(colors.yellow(`${who}: ${what}`));
  const more = count - COMPLAINTS_SHOWN;
  if (more > 0) writeLine(colors.yellow(`and ${countText(more)} more`));
}
