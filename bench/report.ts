import Table from "cli-table3";
import type { Colors } from "picocolors/types.js";
import { FIGURES, type Figure, boundText, groupOf, keeps, valueText } from "./figures.js";

const NO_LINES = {
  "top": "", "top-mid": "", "top-left": "", "top-right": "", "bottom": "", "bottom-mid": "", "bottom-left": "",
  "bottom-right": "", "left": "", "left-mid": "", "mid": "", "mid-mid": "", "right": "", "right-mid": "",
  "middle": "  ",
};

/** The figures that were measured, as lines for a terminal. */
export function figureLines(figures: ReadonlyMap<string, number>, colors: Colors): string[] {
  const table = new Table({
    chars: NO_LINES, colAligns: ["left", "right", "left", "right", "left"],
    style: { "padding-left": 0, "padding-right": 0, "border": [], "head": [] },
  });
  const head = ["figure", "value", "unit", "bound", ""].map((text) => colors.bold(text));
  let group = "";
  for (const figure of FIGURES) {
    const value = figures.get(figure.name);
    if (value === undefined) continue;
    if (group !== groupOf(figure)) table.push(group === "" ? head : [""]);
    group = groupOf(figure);
    const { name, unit, bound } = figure;
    const boundary = bound === undefined ? "" : boundText(bound);
    table.push([name, valueText(value), colors.dim(unit), colors.dim(boundary), verdict(figure, value, colors)]);
  }
  return table.toString().split("\n").map((line) => line.trimEnd());
}

function verdict({ bound }: Figure, value: number, colors: Colors): string {
  if (bound === undefined) return "";
  return keeps(bound, value) ? colors.green("met") : colors.red("missed");
}
