import type { TableConstructorOptions } from "cli-table3";
import { SCENARIO_DEFAULTS, type ScenarioOptions } from "./scenario-types.js";
import { SIMULATE_DEFAULTS, type SimulateOptions } from "./simulate.js";
import type { SimulatedTopology } from "./topology-shapes.js";

/** Options of cli-table3 for columns without lines between them. */
export const PLAIN_TABLE: TableConstructorOptions = {
  chars: {
    "top": "", "top-mid": "", "top-left": "", "top-right": "", "bottom": "", "bottom-mid": "", "bottom-left": "",
    "bottom-right": "", "left": "", "left-mid": "", "mid": "", "mid-mid": "", "right": "", "right-mid": "",
    "middle": "  ",
  },
  style: { "padding-left": 0, "padding-right": 0, "border": [], "head": [] },
};

/** Formats 1234567 as "1,234,567", on every host. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 node", "2 nodes". */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Bytes in the largest unit that fits, with one decimal place: "3.1 MB". */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** 0.1 as "10 %". */
export function percentText(probability: number): string {
  return `${Math.round(probability * 1000) / 10} %`;
}

/** "-3.21 to 31.20 °C", or "no reading yet". */
export function rangeText(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined || maximum === undefined) return "no reading yet";
  return `${minimum.toFixed(2)} to ${maximum.toFixed(2)} °C`;
}

/** The options that repeat a run, the seed first. */
export function replayArguments(options: SimulateOptions): string {
  const parts = [`--seed ${options.seed}`];
  const { nodes, lossProbability, rounds, datagramBytesMax } = SIMULATE_DEFAULTS;
  if (options.nodes !== nodes) parts.push(`--nodes ${options.nodes}`);
  if (options.lossProbability !== lossProbability) parts.push(`--loss ${options.lossProbability}`);
  if (options.rounds !== rounds) parts.push(`--rounds ${options.rounds}`);
  if (options.datagramBytesMax !== datagramBytesMax) parts.push(`--datagram-bytes ${options.datagramBytesMax}`);
  if (options.dialect === "sealed") parts.push("--sealed");
  return [...parts, ...topologyArguments(options)].join(" ");
}

function topologyArguments({ topology }: { topology?: SimulatedTopology }): string[] {
  if (topology === undefined) return [];
  const { shape, cellSize, bridges, oneWayPart, speed } = topology;
  return [
    `--topology ${shape}`,
    ...cellSize === undefined ? [] : [`--cell-size ${cellSize}`],
    ...bridges === undefined ? [] : [`--bridges ${bridges}`],
    ...oneWayPart === undefined ? [] : [`--one-way ${oneWayPart}`],
    ...speed === undefined ? [] : [`--moving ${speed}`],
  ];
}

/** The same for a scenario. */
export function replayScenarioArguments(scenario: string, options: ScenarioOptions): string {
  const { seed, nodes, datagramBytesMax, dialect } = options;
  const parts = [`--scenario ${scenario} --seed ${seed}`];
  if (nodes !== SCENARIO_DEFAULTS.nodes) parts.push(`--nodes ${nodes}`);
  if (datagramBytesMax !== SCENARIO_DEFAULTS.datagramBytesMax) parts.push(`--datagram-bytes ${datagramBytesMax}`);
  if (dialect === "sealed") parts.push("--sealed");
  return [...parts, ...topologyArguments(options)].join(" ");
}
