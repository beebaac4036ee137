import type { TopologyOptions } from "../desktop/simulator/index.js";

export type MeshName = "line16" | "grid49" | "cells3x16" | "star5x8" | "radio49" | "oneway49";

/** A network in which not every node reaches every other. */
export interface Mesh {
  readonly name: MeshName;
  readonly about: string;
  readonly options: Readonly<TopologyOptions>;
  /** Whether a crash may divide it into parts of several nodes. */
  readonly hasBridges?: boolean;
}

/** The networks of the figures `mesh.…`. */
export const MESHES: readonly Mesh[] = [
  { name: "line16", about: "16 nodes in a line", options: { shape: "line", nodes: 16 }, hasBridges: true },
  { name: "grid49", about: "49 nodes in a grid of 7 × 7", options: { shape: "grid", nodes: 49 } },
  {
    name: "cells3x16", about: "3 cells of 16 nodes one after another, the last node of a cell in reach of the next one",
    options: { shape: "cells", nodes: 48, cellSize: 16 }, hasBridges: true,
  },
  {
    name: "star5x8", about: "a cell of 5 nodes, each of which links another cell of 8",
    options: { shape: "star", nodes: 45, cellSize: 8 }, hasBridges: true,
  },
  { name: "radio49", about: "49 nodes in random places, in reach by distance", options: { shape: "radio", nodes: 49 } },
  {
    name: "oneway49", about: "the grid of 49, a fifth of its links in one direction only",
    options: { shape: "grid", nodes: 49, oneWayPart: 0.2 },
  },
];
