import Table from "cli-table3";
import type { Colors } from "picocolors/types.js";
import { PLAIN_TABLE } from "../desktop/simulator/text.js";
import type { Figure } from "./figure.js";
import { FIGURES, boundText, groupOf, keeps, valueText } from "./figures.js";

/** The measured figures, as lines for a terminal. */
export function figureLines(figures: ReadonlyMap<string, number>, colors: Colors): string[] {
  const table = new Table({ ...PLAIN_TABLE, colAligns: ["left", "right", "left", "right", "left"] });
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

/** Values by name, as a table for a terminal. */
export function valueTable(values: Record<string, number>): string {
  const table = new Table({ head: ["figure", "value"], colAligns: ["left", "right"], style: { head: [] } });
  for (const [name, value] of Object.entries(values)) table.push([name, value.toLocaleString("en")]);
  return table.toString();
}

function verdict({ bound }: Figure, value: number, colors: Colors): string {
  if (bound === undefined) return "";
  return keeps(bound, value) ? colors.green("met") : colors.red("missed");
}
