import { readFileSync, writeFileSync } from "node:fs";
import { SIM_DIALECTS, SCENARIOS } from "../desktop/simulator/index.js";
import { NODES, type ReliabilityOutcome } from "./reliability-tasks.js";

const PAGE = new URL("../docs/RELIABILITY.md", import.meta.url);

/** The fault matrix: one line for each fault and dialect. */
export function matrixLines(outcomes: readonly ReliabilityOutcome[]): string[] {
  const sizes = NODES.filter((nodes) => outcomes.some((outcome) => outcome.nodes === nodes));
  const heads = sizes.flatMap((nodes) => [`agreed, ${nodes} nodes`, "recovery rounds", "false DOWN"]);
  const lines = [
    `| fault | dialect | ${heads.join(" | ")} | events lost |`,
    `| --- | --- | ${heads.map(() => "---:").join(" | ")} | ---: |`,
  ];
  const dialects = new Set(outcomes.map(({ dialect }) => dialect));
  for (const { name } of SCENARIOS) {
    for (const dialect of dialects) {
      const ofRow = outcomes.filter((outcome) => outcome.fault === name && outcome.dialect === dialect);
      if (ofRow.length === 0) continue;
      const cells = sizes.flatMap((nodes) => cellsOf(ofRow.filter((outcome) => outcome.nodes === nodes)));
      lines.push(`| ${name} | ${dialect} | ${cells.join(" | ")} | ${lossText(ofRow)} |`);
    }
  }
  return lines;
}

/** A fault matrix in which newer lines replace those of the same fault and dialect. */
export function mergeMatrix(lines: readonly string[], newer: readonly string[]): string[] {
  const [head, rule] = lines;
  if (head !== newer[0]) throw new Error("docs/RELIABILITY.md: its matrix has other columns, so run the whole matrix");
  const byName = new Map([...lines, ...newer].slice(2).map((line) => [line.split(" | ", 2).join(" | "), line]));
  const names = SCENARIOS.flatMap(({ name }) => SIM_DIALECTS.map((dialect) => `| ${name} | ${dialect}`));
  return [head, rule, ...names.flatMap((name) => byName.get(name) ?? [])];
}

/** Events lost, out of those that all nodes must hold, in all runs of a line. */
function lossText(outcomes: readonly ReliabilityOutcome[]): string {
  const lost = outcomes.reduce((sum, { eventsLost }) => sum + eventsLost, 0);
  const wanted = outcomes.reduce((sum, { eventsWanted }) => sum + eventsWanted, 0);
  if (wanted === 0) return "no events";
  const all = `${lost} of ${wanted.toLocaleString("en")}`;
  return lost === 0 ? all : `**${all}**`;
}

function cellsOf(outcomes: readonly ReliabilityOutcome[]): string[] {
  if (outcomes.length === 0) return ["", "", ""];
  const agreed = outcomes.filter((outcome) => outcome.agreed).length;
  const falseDowns = outcomes.reduce((sum, outcome) => sum + outcome.falseDownsHealed, 0);
  const all = `${agreed} of ${outcomes.length}`;
  const recovery = rangeText(outcomes.flatMap(({ recoveryRounds }) => recoveryRounds));
  return [agreed === outcomes.length ? all : `**${all}**`, recovery, falseDowns === 0 ? "0" : `**${falseDowns}**`];
}

/** A soak: one line for each network. */
export function soakLines(outcomes: readonly ReliabilityOutcome[]): string[] {
  const lines = [
    "| seed | dialect | nodes | simulated days | stretches of faults | agreed after | recovery rounds "
    + "| false DOWN after healing | heap, first to last |",
    "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const outcome of outcomes) {
    const { seed, dialect, nodes, recoveryRounds, failures, falseDownsHealed, rounds, heapBytes } = outcome;
    const stretches = recoveryRounds.length + failures;
    const heap = heapBytes.map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`).join(" to ");
    lines.push(`| ${seed} | ${dialect} | ${nodes} | ${(rounds / 8640).toFixed(1)} | ${stretches} `
      + `| ${recoveryRounds.length} | ${rangeText(recoveryRounds)} | ${falseDownsHealed} | ${heap} |`);
  }
  return lines;
}

/** Median and maximum. */
function rangeText(values: number[]): string {
  if (values.length === 0) return "none";
  const sorted = [...values].sort((a, b) => a - b);
  const last = sorted[sorted.length - 1];
  return sorted.length === 1 ? String(last) : `${sorted[sorted.length >> 1]}, at most ${last}`;
}

/**
 * Replaces the lines between the two comments of a section.
 *
 * @param merge makes the new lines from the present ones
 */
export function writeSection(name: string, merge: (lines: readonly string[]) => readonly string[]): void {
  const page = readFileSync(PAGE, "utf8");
  const start = `<!-- ${name}: written by npm run -s bench:reliability -- --write -->`;
  const end = `<!-- end of ${name} -->`;
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/RELIABILITY.md: the lines that enclose ${name} are missing`);
  const lines = merge(page.slice(from + start.length, to).split("\n").filter((line) => line !== ""));
  writeFileSync(PAGE, `${page.slice(0, from + start.length)}\n\n${lines.join("\n")}\n\n${page.slice(to)}`);
}
