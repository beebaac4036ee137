import Table from "cli-table3";
import type { Colors } from "picocolors/types.js";
import { PLAIN_TABLE } from "../../desktop/simulator/text.js";
import { valueText } from "../figures.js";
import { rounded } from "../measurement.js";
import type { AgainstResult, Compared } from "./run.js";

/** Where the figures of other programs are from. */
const PEER_SOURCE = "other: measured on 7b98a7c, memberlist 0.2.2 with Lifeguard; not part of this run";

/** A table for a terminal: figure, then, now, ratio, unit, and another program's figure. */
export function againstLines({ commit, compared }: AgainstResult, colors: Colors): string[] {
  const table = new Table({
    ...PLAIN_TABLE, colAligns: ["left", "right", "right", "right", "left", "right", "left"],
  });
  table.push(["figure", "then", "now", "ratio", "unit", "other", ""].map((text) => colors.bold(text)));
  for (const { figure, then, now } of compared) {
    const { name, unit, peer } = figure;
    const other = peer === undefined ? ["", ""] : [valueText(peer.value), colors.dim(peer.name)];
    table.push([name, valueText(then), valueText(now), String(ratioOf(then, now)), colors.dim(unit), ...other]);
  }
  const hasPeers = compared.some(({ figure }) => figure.peer !== undefined);
  const notes = [`then: ${commit.slice(0, 12)}, now: this tree, ratio: now / then`, ...hasPeers ? [PEER_SOURCE] : []];
  return [...table.toString().split("\n").map((line) => line.trimEnd()), ...notes];
}

/** The same for programs. An infinite value, as of what never happened, is null. */
export function againstJson({ commit, compared }: AgainstResult): object {
  const figures = compared.map(({ figure, then, now }: Compared) => [figure.name, {
    then, now, ratio: ratioOf(then, now), unit: figure.unit, ...figure.peer !== undefined && { other: figure.peer },
  }]);
  return { revision: commit, figures: Object.fromEntries(figures) as object };
}

function ratioOf(then: number, now: number): number {
  return then === now ? 1 : rounded(now / then, 3);
}
