import { MovingTopology } from "./moving-topology.js";
import type { Topology } from "./topology.js";
import { countText, plural } from "./text.js";

/** What a report says about a topology. */
export interface TopologyFigures {
  shape: string;
  /** Pairs of nodes of which at least one reaches the other. */
  links: number;
  /** Of these, the ones that work in one direction only. */
  oneWayLinks: number;
  /** Links that work both ways on the longest of the shortest paths. */
  diameter: number;
  /** Links that work both ways and begin or end at a node; the mean. */
  neighbours: number;
  /** Whether the nodes move; the other figures are then those at the start. */
  isMoving: boolean;
}

export function topologyFigures(topology: Topology): TopologyFigures {
  const { shape, nodes, links, oneWayLinks, diameter } = topology;
  const neighbours = 2 * (links - oneWayLinks) / nodes;
  return { shape, links, oneWayLinks, diameter, neighbours, isMoving: topology instanceof MovingTopology };
}

/** "grid: 156 links, 31 of them in one direction only, 5.1 neighbours each, at most 6 hops". */
export function topologyText(figures: TopologyFigures): string {
  const { shape, links, oneWayLinks, diameter, neighbours, isMoving } = figures;
  const parts = [
    plural(links, "link"),
    ...oneWayLinks > 0 ? [`${countText(oneWayLinks)} of them one-way`] : [],
    `${neighbours.toFixed(1)} neighbours a node`,
    `at most ${plural(diameter, "hop")}`,
  ];
  return `${shape}: ${parts.join(", ")}${isMoving ? "; nodes move" : ""}`;
}
