import { MultiBar, type SingleBar } from "cli-progress";
import { type ReportOutput, type SimulateReport, resultRows, writeHead, writeRows, writeVerdict } from "./report.js";
import {
  type RoundFigures, type SimulateOptions, type SimulateResult, type StepFigures, lastReadingRound,
} from "./simulate.js";
import type { TopologyFigures } from "./topology-text.js";
import { bytesText, countText, rangeText } from "./text.js";

/** Two progress bars for terminals: the round, and how many nodes know minimum and maximum. */
export class TerminalReport implements SimulateReport {
  private readonly output: ReportOutput;
  private readonly stream: NodeJS.WriteStream;
  private options!: SimulateOptions;
  private bars!: MultiBar;
  private rounds!: SingleBar;
  private knowing!: SingleBar;

  constructor(output: ReportOutput, stream: NodeJS.WriteStream) {
    this.output = output;
    this.stream = stream;
  }

  begin(options: SimulateOptions, topology?: TopologyFigures): void {
    const { colors } = this.output;
    this.options = options;
    writeHead(options, topology, this.output);
    this.bars = new MultiBar({
      stream: this.stream, hideCursor: true, fps: 20, barsize: 24, barCompleteChar: "█", barIncompleteChar: "░",
      format: `{label} ${colors.cyan("{bar}")} {figure}  {detail}`,
    });
    this.rounds = this.bar("round", options.rounds);
    this.knowing = this.bar("know ", options.nodes);
  }

  step({ round, part, ...traffic }: StepFigures): void {
    this.updateRounds(round - 1, part, traffic);
  }

  round({ round, knowing, parts, minimum, maximum, ...traffic }: RoundFigures): void {
    const { nodes } = this.options;
    const { colors } = this.output;
    const range = `${rangeText(minimum, maximum)}${parts > 1 ? `, ${parts} parts` : ""}`;
    this.updateRounds(round, 0, traffic);
    const detail = knowing === nodes ? colors.green(range) : range;
    this.knowing.update(knowing, { figure: this.figure(knowing, nodes), detail });
  }

  end(result: SimulateResult): void {
    this.bars.stop();
    writeRows(resultRows(this.options, result), this.output);
    writeVerdict(this.options, result, this.output);
  }

  private updateRounds(over: number, part: number, traffic: { datagramsSoFar: number; bytesSoFar: number }): void {
    const { rounds } = this.options;
    const sent = `${countText(traffic.datagramsSoFar)} datagrams, ${bytesText(traffic.bytesSoFar)}`;
    const phase = over < lastReadingRound(rounds) ? "measuring" : "settling";
    this.rounds.update(over + part, { figure: this.figure(over, rounds), detail: `${sent}, ${phase}` });
  }

  private bar(label: string, total: number): SingleBar {
    return this.bars.create(total, 0, { label, figure: this.figure(0, total), detail: "" });
  }

  /** "7 of 30", padded to the same width in both bars. */
  private figure(value: number, total: number): string {
    const width = String(Math.max(this.options.nodes, this.options.rounds)).length;
    return `${String(value).padStart(width)} of ${String(total).padEnd(width)}`;
  }
}
