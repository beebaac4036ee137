import { CURVE_SIZES } from "./converge.js";
import { ESPGOSSIP_ROWS_MAX, ESPGOSSIP_SIZES, IDLE_SIZES } from "./idle.js";
import { type Series, drawPlot } from "./plot.js";
import type { BenchResult } from "./run.js";

/** Colors that color-blind readers can distinguish (Okabe and Ito). */
const BLUE = "#0072b2";
const RED = "#d55e00";
const GREEN = "#009e73";
const SIZE_COLORS = [GREEN, BLUE, RED];
const ROUNDS_STEP = 0.1;

/** The part of the nodes that hold a value, by time, beside an ideal push-pull. */
export function spreadPlot({ samples }: BenchResult): string {
  const series: Series[] = [];
  CURVE_SIZES.forEach((nodes, index) => {
    for (const kind of ["curve", "ideal"]) {
      const arrivals = samples.get(`${kind}.n${nodes}`) as readonly number[][] | undefined;
      if (arrivals === undefined) continue;
      const isDashed = kind === "ideal";
      const label = `${nodes.toLocaleString("en")} nodes${isDashed ? ", ideal" : ""}`;
      series.push({ label, color: SIZE_COLORS[index], isDashed, points: partsByRound(arrivals) });
    }
  });
  const roundsMax = Math.ceil(Math.max(...series.map(({ points }) => points[points.length - 1][0])));
  return drawPlot({
    title: "Nodes that hold a new value",
    subtitle: "No loss; dashed: an ideal push-pull, once a round with a random other node",
    x: { label: "rounds after the push", ticks: range(0, roundsMax, 1), text: String },
    y: { label: "nodes that hold the value", ticks: range(0, 100, 20), text: (tick) => `${tick} %` },
    series,
  });
}

/** Percentages of the nodes that hold the value, by rounds, until all do in all samples. */
function partsByRound(samples: readonly (readonly number[])[]): [number, number][] {
  const all = samples.flat().sort((a, b) => a - b);
  const points: [number, number][] = [];
  let knowing = 0;
  for (let step = 0; knowing < all.length; step++) {
    while (knowing < all.length && all[knowing] <= step * ROUNDS_STEP) knowing++;
    points.push([step * ROUNDS_STEP, 100 * knowing / all.length]);
  }
  return points;
}

/** Bytes that an idle node sends, by the size of its network, compared with ESPGossip's dialect. */
export function idlePlot({ figures }: BenchResult): string {
  const points = (prefix: string, sizes: readonly number[]): [number, number][] => sizes.flatMap((nodes) => {
    const bytes = figures.get(`${prefix}.bytesPerNodePerRound.idle.n${nodes}`);
    return bytes === undefined ? [] : [[nodes, bytes]];
  });
  const reference = ESPGOSSIP_SIZES.filter((nodes) => nodes <= ESPGOSSIP_ROWS_MAX);
  const beyond = ESPGOSSIP_SIZES.filter((nodes) => nodes >= ESPGOSSIP_ROWS_MAX);
  return drawPlot({
    title: "What a node sends while nothing changes",
    subtitle: `Keepalives included, no loss; the reference of ESPGossip stops at ${ESPGOSSIP_ROWS_MAX} nodes`,
    x: { label: "nodes", ticks: [8, 16, 32, 64, 128, 256, 512], text: String, isLogarithmic: true },
    y: {
      label: "bytes per node and round", ticks: [10, 100, 1000, 10000], isLogarithmic: true,
      text: (tick) => tick.toLocaleString("en"),
    },
    series: [
      { label: "ESPGossip", color: RED, isMarked: true, points: points("espgossip", reference) },
      {
        label: "its dialect, in parts", color: RED, isDashed: true, isMarked: true,
        points: points("espgossip", beyond),
      },
      { label: "chisme", color: BLUE, isMarked: true, points: points("wire", IDLE_SIZES) },
    ],
  });
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}
