import { readFileSync, writeFileSync } from "node:fs";
import type { Figure } from "./figure.js";
import { FIGURES, boundText, groupOf, keeps, valueText } from "./figures.js";
import { findMeasurement } from "./measurements.js";
import { idlePlot, spreadPlot } from "./plots.js";
import type { BenchOptions, BenchResult } from "./run.js";

const DOCS = new URL("../docs/", import.meta.url);
const PAGE = new URL("BENCHMARKS.md", DOCS);
/** The benchmark writes what stands between these lines. The rest of the page is written by hand. */
const START = "<!-- figures: written by npm run -s bench -- --write -->";
const END = "<!-- end of figures -->";

const GROUPS: Record<string, string> = {
  wire: "Bytes on the wire",
  converge: "Convergence",
  detect: "Failure detection",
  heal: "Splits",
  restart: "Restarts",
  mesh: "Where not every node reaches every other",
  sleep: "Nodes that sleep",
  time: "The time of day",
  sign: "Signed feeds",
  link: "Radios",
  store: "Storage",
  sim: "The simulator",
};

/**
 * Writes the tables into docs/BENCHMARKS.md, and the plots beside the page. If
 * only some figures were measured, it replaces the lines of these and no plot.
 */
export function writeDocs(result: BenchResult, options: BenchOptions): void {
  const page = readFileSync(PAGE, "utf8");
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error("docs/BENCHMARKS.md: the lines that enclose the figures are missing");
  const before = options.only === "" ? [] : page.slice(start, end).split("\n");
  const tables = figureTables(result.figures, options.seed, before);
  writeFileSync(PAGE, `${page.slice(0, start + START.length)}\n\n${tables}\n${page.slice(end)}`);
  if (options.only !== "") return;
  writeFileSync(new URL("spread.svg", DOCS), spreadPlot(result));
  writeFileSync(new URL("idle-bytes.svg", DOCS), idlePlot(result));
}

/** @param before lines of the page, kept for figures that were not measured this time */
export function figureTables(figures: ReadonlyMap<string, number>, seed: number, before: readonly string[]): string {
  const lines: string[] = [];
  let heading: string | undefined;
  for (const figure of FIGURES) {
    const group = GROUPS[groupOf(figure)];
    if (group !== heading) lines.push(...heading === undefined ? [] : [""], `## ${group}`, "", ...HEAD);
    heading = group;
    const value = figures.get(figure.name);
    const old = before.find((line) => line.startsWith(`| \`${figure.name}\` |`));
    lines.push(value === undefined && old !== undefined ? old : tableLine(figure, value, seed));
  }
  return `${lines.join("\n")}\n`;
}

const HEAD = ["| figure | value | bound | seeds | what it is |", "| --- | ---: | ---: | ---: | --- |"];

function tableLine(figure: Figure, value: number | undefined, seed: number): string {
  const { name, unit, bound, about } = figure;
  const count = findMeasurement(figure.measurement).seeds.full;
  const last = seed + count - 1;
  const seeds = count === 1 ? String(seed) : `${seed} to ${last}`;
  const boundary = bound === undefined ? "" : boundText(bound);
  const missed = bound !== undefined && value !== undefined && !keeps(bound, value) ? ", **missed**" : "";
  const shown = value === undefined ? "not measured" : `${valueText(value)} ${unit}`;
  return `| \`${name}\` | ${shown} | ${boundary}${missed} | ${seeds} | ${about} |`;
}
