import { checkNames, show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import { MovingTopology, PlacedTopology, type Places } from "./moving-topology.js";
import { STREAM_TOPOLOGY, SimRandom } from "./random.js";
import { Topology } from "./topology.js";

export type TopologyShape = "all" | "line" | "ring" | "grid" | "star" | "cells" | "radio";

/** The shapes by name, with one line for people. */
export const TOPOLOGY_SHAPES: readonly { readonly name: TopologyShape; readonly summary: string }[] = [
  { name: "all", summary: "each node reaches all others" },
  { name: "line", summary: "each node reaches the one before it and the one after it" },
  { name: "ring", summary: "a line whose ends reach each other" },
  { name: "grid", summary: "rows of about the same number; 8 neighbours inside" },
  { name: "star", summary: "a hub cell; each of its nodes links one outer cell" },
  { name: "cells", summary: "cells one after another; the last node of each joins the next" },
  { name: "radio", summary: "random places; nodes that are near reach each other" },
];

export interface TopologyOptions {
  shape: TopologyShape;
  /** Nodes of the network, 2 to 5,000. */
  nodes: number;
  /** uint32 from which places, movements and one-way links are drawn; 0 by default. */
  seed?: number;
  /**
   * Part of the links that work in one direction only, 0 to 0.5; 0 by default. Paths of links that work both ways
   * always remain. A shape can spare only the links beyond these: a line none, a ring one.
   */
  oneWayPart?: number;
  /** Of `star` and `cells`: nodes of a cell, about, 2 to 5,000; 8 by default. There are two cells at least. */
  cellSize?: number;
  /** Of `cells`: nodes of a cell that also reach all of the next cell, 1 or 2; 1 by default. */
  bridges?: number;
  /**
   * Of `radio`: how far a node goes in a round, 0 to 1, in ranges of its radio; 0 by default: no node moves. A walk
   * of 1 m/s at rounds of 10 s and a range of 50 m is 0.2.
   */
  speed?: number;
}

/** Options of `makeTopology` without those that a simulation has itself. */
export type SimulatedTopology = Omit<TopologyOptions, "nodes" | "seed">;

export const TOPOLOGY_NODES_MAX = 5000;
export const ONE_WAY_PART_MAX = 0.5;
export const CELL_SIZE_DEFAULT = 8;
export const BRIDGES_MAX = 2;
export const SPEED_MAX = 1;

/** Radio ranges begin so that a node has 7 neighbours on average, and grow until all are connected. */
const RADIO_RANGE_SQUARED = 2.2;
const RADIO_GROWTH = 1.08;

/**
 * Makes a network that is connected by links that work both ways. Equal options make
 * equal networks.
 *
 * @returns a `MovingTopology` if `speed` is above 0
 * @throws RangeError or TypeError ERR_OPTION that names the option
 */
export function makeTopology(options: TopologyOptions): Topology {
  checkOptions(options);
  const { shape, nodes, seed = 0, oneWayPart = 0, speed = 0 } = options;
  const random = new SimRandom(seed, STREAM_TOPOLOGY);
  if (shape === "radio") return radio(nodes, oneWayPart, speed, random);
  return withOneWayLinks(new Topology(shape, nodes, linksOf(options)), oneWayPart, random);
}

/** The topology of a simulation; undefined: each node reaches all others. */
export function topologyOf(
  { nodes, seed, topology }: { nodes: number; seed: number; topology?: SimulatedTopology },
): Topology | undefined {
  return topology === undefined ? undefined : makeTopology({ ...topology, nodes, seed });
}

/** The links of a shape that is not random. They are symmetric. */
function linksOf({ shape, nodes, cellSize = CELL_SIZE_DEFAULT, bridges = 1 }: TopologyOptions): Topology["reaches"] {
  if (shape === "line") return (a, b) => Math.abs(a - b) === 1;
  if (shape === "ring") return (a, b) => Math.abs(a - b) === 1 || Math.abs(a - b) === nodes - 1;
  if (shape === "grid") return gridLinks(nodes);
  if (shape === "star") return starLinks(nodes, cellSize);
  if (shape === "cells") return cellsLinks(nodes, cellSize, bridges);
  return () => true;
}

/** Rows from left to right, as many as columns or one less. The last row may be shorter. */
function gridLinks(nodes: number): Topology["reaches"] {
  const columns = Math.ceil(nodes / Math.round(Math.sqrt(nodes)));
  const row = (node: number): number => Math.floor(node / columns);
  return (a, b) => Math.abs(row(a) - row(b)) <= 1 && Math.abs(a % columns - b % columns) <= 1;
}

/** The first nodes are the hub. Each other node belongs to the outer cell of one of them, whose first node links it. */
function starLinks(nodes: number, cellSize: number): Topology["reaches"] {
  const hub = Math.max(2, Math.round(nodes / (cellSize + 1)));
  const cells = divided(nodes - hub, hub);
  return (a, b) => {
    const [first, second] = a < b ? [a, b] : [b, a];
    if (second < hub) return true;
    const [cell, place] = cells(second - hub);
    return first < hub ? first === cell && place === 0 : cells(first - hub)[0] === cell;
  };
}

/** The last nodes of a cell reach all of the next cell, too. */
function cellsLinks(nodes: number, cellSize: number, bridges: number): Topology["reaches"] {
  const count = Math.max(2, Math.round(nodes / cellSize));
  const cells = divided(nodes, count);
  return (a, b) => {
    const [cell, , left] = cells(Math.min(a, b));
    const other = cells(Math.max(a, b))[0];
    return other === cell || (other === cell + 1 && left < bridges);
  };
}

/**
 * Divides nodes into groups of equal size or, the first ones, of one more.
 *
 * @returns for a node its group, its place in it, and how many nodes follow it there
 */
function divided(nodes: number, groups: number): (node: number) => [group: number, place: number, left: number] {
  const size = Math.floor(nodes / groups);
  const larger = nodes % groups;
  return (node) => {
    const isLarger = node < larger * (size + 1);
    const length = isLarger ? size + 1 : size;
    const from = isLarger ? node : node - larger * (size + 1);
    const place = from % length;
    return [Math.floor(from / length) + (isLarger ? 0 : larger), place, length - 1 - place];
  };
}

function radio(nodes: number, oneWayPart: number, speed: number, random: SimRandom): Topology {
  for (let range = Math.sqrt(RADIO_RANGE_SQUARED / nodes); ; range *= RADIO_GROWTH) {
    const places: Places = Float64Array.from({ length: 2 * nodes }, () => random.real(0, 1));
    const topology = new PlacedTopology("radio", places, range);
    if (!topology.isConnected) continue;
    if (speed > 0) return new MovingTopology("radio", places, range, speed * range, random);
    return withOneWayLinks(topology, oneWayPart, random);
  }
}

/** Closes one direction of some links, but none of those of a random tree that connects all nodes. */
function withOneWayLinks(topology: Topology, part: number, random: SimRandom): Topology {
  if (part === 0) return topology;
  const links: [number, number][] = [];
  for (let a = 0; a < topology.nodes; a++) for (const b of topology.neighbours(a)) if (b < a) links.push([a, b]);
  const wanted = Math.round(part * links.length);
  const spare = links.length - (topology.nodes - 1);
  if (wanted > spare) throw tooManyOneWay(part, topology, spare / links.length);
  const group = Uint16Array.from({ length: topology.nodes }, (_, node) => node);
  const groupOf = (node: number): number => {
    let at = node;
    while (group[at] !== at) at = group[at] = group[group[at]];
    return at;
  };
  let left = wanted;
  // A link within a group closes a circle, so all nodes stay connected without it. The tree takes the first links.
  const others: [number, number][] = [];
  for (const [a, b] of random.shuffled(links)) {
    if (groupOf(a) === groupOf(b)) others.push([a, b]);
    else group[groupOf(a)] = groupOf(b);
  }
  for (const [a, b] of others) {
    if (left-- <= 0) break;
    if (random.below(2) === 0) topology.set(a, b, false);
    else topology.set(b, a, false);
  }
  return topology;
}

function tooManyOneWay(part: number, { shape, nodes }: Topology, spare: number): Error {
  const most = Math.floor(spare * 100) / 100;
  const why = `a ${shape} of ${nodes} nodes falls apart if more links work in one direction only`;
  return invalid("", "oneWayPart", `${part} is not a number from 0 to ${most}: ${why}`, true);
}

function checkOptions(options: TopologyOptions): void {
  if (typeof options !== "object") throw invalid("", "options", `${show(options)} is not an object`, false);
  checkNames("", options, "shape nodes seed oneWayPart cellSize bridges speed");
  const { shape, nodes, seed = 0, oneWayPart = 0, cellSize, bridges, speed = 0 } = options;
  const names = TOPOLOGY_SHAPES.map(({ name }) => name);
  if (!names.includes(shape)) {
    throw invalid("", "shape", `${show(shape)} is not one of ${names.join(", ")}`, typeof shape === "string");
  }
  checkNumber("nodes", nodes, 2, TOPOLOGY_NODES_MAX, true);
  checkNumber("seed", seed, 0, 0xffffffff, true);
  checkNumber("oneWayPart", oneWayPart, 0, ONE_WAY_PART_MAX, false);
  checkNumber("cellSize", cellSize ?? CELL_SIZE_DEFAULT, 2, TOPOLOGY_NODES_MAX, true);
  checkNumber("bridges", bridges ?? 1, 1, BRIDGES_MAX, true);
  checkNumber("speed", speed, 0, SPEED_MAX, false);
  const hasCells = shape === "cells" || shape === "star";
  checkMeaning("cellSize", cellSize !== undefined && !hasCells, "only cells and star have cells");
  checkMeaning("bridges", bridges !== undefined && shape !== "cells", "only cells have bridges");
  checkMeaning("speed", speed > 0 && shape !== "radio", "only the nodes of radio have places");
  checkMeaning("speed", speed > 0 && oneWayPart > 0, "links of nodes that move work both ways");
}

function checkNumber(name: string, value: unknown, least: number, most: number, isInteger: boolean): void {
  const isNumber = typeof value === "number";
  if (isNumber && value >= least && value <= most && (!isInteger || Number.isInteger(value))) return;
  const kind = isInteger ? "an integer" : "a number";
  throw invalid("", name, `${show(value)} is not ${kind} from ${least} to ${most}`, isNumber);
}

function checkMeaning(name: string, isWrong: boolean, why: string): void {
  if (isWrong) throw invalid("", name, `not allowed here: ${why}`, true);
}
