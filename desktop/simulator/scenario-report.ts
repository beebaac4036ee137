import { SingleBar } from "cli-progress";
import { type ReportOutput, writeRows, writeViolations } from "./report.js";
import type { ScenarioOptions, ScenarioResult, ScenarioStep, SleepFigures } from "./scenario-types.js";
import { bytesText, countText, plural, replayScenarioArguments } from "./text.js";
import { topologyOf } from "./topology-shapes.js";
import { topologyFigures, topologyText } from "./topology-text.js";

/** Receives the figures of a scenario while it runs. */
export interface ScenarioReport {
  begin(summary: string, name: string, options: ScenarioOptions): void;
  step(step: ScenarioStep): void;
  end(result: ScenarioResult): void;
}

/** Plain lines: one for each phase. */
export class ScenarioLines implements ScenarioReport {
  protected readonly output: ReportOutput;
  private phase = "";

  constructor(output: ReportOutput) {
    this.output = output;
  }

  begin(summary: string, name: string, options: ScenarioOptions): void {
    writeHead(summary, name, options, this.output);
  }

  step({ phase, rounds }: ScenarioStep): void {
    if (phase !== this.phase) this.output.writeLine(`${phase}: ${plural(rounds, "round")} at most`);
    this.phase = phase;
  }

  end(result: ScenarioResult): void {
    writeResult(result, this.output);
  }
}

/** A progress bar for terminals: the rounds of the phase. */
export class ScenarioBar extends ScenarioLines {
  private readonly bar: SingleBar;

  constructor(output: ReportOutput, stream: NodeJS.WriteStream) {
    super(output);
    this.bar = new SingleBar({
      stream, hideCursor: true, clearOnComplete: true, fps: 20, barsize: 24, barCompleteChar: "█",
      barIncompleteChar: "░", format: `{phase} ${output.colors.cyan("{bar}")} {value} of {total} rounds at most`,
    });
  }

  override begin(summary: string, name: string, options: ScenarioOptions): void {
    super.begin(summary, name, options);
    this.bar.start(1, 0, { phase: "" });
  }

  override step({ phase, round, rounds }: ScenarioStep): void {
    this.bar.setTotal(rounds);
    this.bar.update(round, { phase: phase.padEnd(PHASE_WIDTH) });
  }

  override end(result: ScenarioResult): void {
    this.bar.stop();
    super.end(result);
  }
}

const PHASE_WIDTH = "filling gaps".length;

function writeHead(summary: string, name: string, options: ScenarioOptions, output: ReportOutput): void {
  const { writeLine, colors } = output;
  const [title, ...lines] = scenarioHeadLines(summary, name, options);
  writeLine(colors.bold(title));
  lines.forEach(writeLine);
  writeLine(colors.dim(`to repeat this run: ${output.command} ${replayScenarioArguments(name, options)}`));
}

/** A title, and lines with the options of a scenario. */
export function scenarioHeadLines(summary: string, name: string, options: ScenarioOptions): string[] {
  const sealed = options.dialect === "sealed" ? "sealed " : "";
  const topology = topologyOf(options);
  return [
    `${name}, ${plural(options.nodes, "node")}: ${summary}`,
    `seed ${options.seed}, ${sealed}datagrams of at most ${countText(options.datagramBytesMax)} bytes`,
    ...topology === undefined ? [] : [topologyText(topologyFigures(topology))],
  ];
}

function writeResult(result: ScenarioResult, output: ReportOutput): void {
  const { writeLine, colors } = output;
  writeRows(scenarioRows(result), output);
  writeViolations(result.violations, result.violations.length, output);
  writeLine(result.agreed ? colors.green(colors.bold("agreed")) : colors.red(colors.bold("not agreed")));
}

/** The figures of a scenario. */
export function scenarioRows(result: ScenarioResult): [string, string][] {
  const { counts, roundsToHeal, roundsToHealMax } = result;
  return [
    ["rounds to heal", `${roundsToHeal ?? "not healed"} of ${roundsToHealMax}`],
    ["restarts", countText(result.restarts)],
    ["events published, lost", `${countText(result.eventsPublished)}, ${countText(result.eventsLost)}`],
    ["values undone", countText(result.valuesUndone)],
    ["running nodes held as DOWN", plural(result.falseDowns, "time")],
    ["datagrams", `${countText(counts.datagrams)}, ${bytesText(counts.bytes)}`],
    ["lost, cut off", `${countText(counts.lost)}, ${countText(counts.cut)}`],
    ["duplicated, corrupted", `${countText(counts.duplicated)}, ${countText(counts.corrupted)}`],
    ["lost in full mailboxes", countText(counts.mailboxOverflows)],
    ...sleepRows(result.sleep),
    ["violations", countText(result.violations.length)],
  ];
}

function sleepRows(sleep: SleepFigures | undefined): [string, string][] {
  if (sleep === undefined) return [];
  const { sleepers, wakings, unheard, powerLosses, longestWakingMs } = sleep;
  const { wakingsPerDay, radioSecondsPerDay, bytesPerDay } = sleep;
  return [
    ["devices that sleep", `${countText(sleepers)}, ${plural(wakings, "waking")}, ${countText(unheard)} unheard`],
    ["losses of their power", countText(powerLosses)],
    ["longest waking", `${countText(longestWakingMs)} ms`],
    [`a device's day of ${plural(wakingsPerDay, "waking")}`,
      `${countText(radioSecondsPerDay)} s of radio, ${bytesText(bytesPerDay)}`],
  ];
}

/** What the runs of a scenario with several seeds have in common. */
export class ScenarioSums {
  runs = 0;
  eventsPublished = 0;
  eventsWanted = 0;
  eventsLost = 0;
  valuesUndone = 0;
  readonly failedSeeds: number[] = [];

  add({ seed, agreed, eventsPublished, eventsWanted, eventsLost, valuesUndone }: ScenarioResult): void {
    this.runs++;
    this.eventsPublished += eventsPublished;
    this.eventsWanted += eventsWanted;
    this.eventsLost += eventsLost;
    this.valuesUndone += valuesUndone;
    if (!agreed) this.failedSeeds.push(seed);
  }
}

/** One line about a run of several. */
export function writeRun(result: ScenarioResult, { writeLine, colors, command }: ReportOutput): void {
  const { seed, agreed, roundsToHeal, eventsWanted, eventsLost, valuesUndone, violations } = result;
  const healed = roundsToHeal === null ? "not healed" : `healed in ${plural(roundsToHeal, "round")}`;
  const events = `${countText(eventsLost)} of ${countText(eventsWanted)} events lost, ${undoneText(valuesUndone)}`;
  const line = `seed ${seed}: ${healed}, ${events}`;
  if (agreed) {
    writeLine(line);
    return;
  }
  writeLine(colors.red(`${line}, ${plural(violations.length, "violation")}`));
  writeLine(`  ${violations[0].check}, ${violations[0].node}: ${violations[0].detail}`);
  writeLine(colors.dim(`  to repeat this run: ${command} ${replayScenarioArguments(result.scenario, result)}`));
}

/** The last lines about several runs. */
export function writeSums(name: string, sums: ScenarioSums, { writeLine, colors }: ReportOutput): void {
  const { runs, eventsPublished, eventsWanted, eventsLost, valuesUndone, failedSeeds } = sums;
  const agreed = runs - failedSeeds.length;
  const lost = `${countText(eventsLost)} of ${countText(eventsWanted)} that must be held lost`;
  const text = `${name}: ${countText(agreed)} of ${plural(runs, "network")} agreed; `
    + `${plural(eventsPublished, "event")} published; ${lost}; ${undoneText(valuesUndone)}`;
  writeLine("");
  if (failedSeeds.length === 0) writeLine(colors.green(colors.bold(text)));
  else writeLine(colors.red(colors.bold(`${text}; failed seeds: ${failedSeeds.join(", ")}`)));
}

function undoneText(valuesUndone: number): string {
  return `${plural(valuesUndone, "value")} undone`;
}
