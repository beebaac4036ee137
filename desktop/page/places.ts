import {
  type Simulation, type SimulationLinkDatum, type SimulationNodeDatum, forceCollide, forceLink, forceManyBody,
  forceSimulation, forceX, forceY,
} from "d3-force";
import type { NetworkLink } from "../control/network-view.js";
import { lasting } from "./memory.js";
import type { ShownNode } from "./store.js";

/** Places that are remembered of one network. */
const PLACES_MAX = 2048;
/** Time that the layout takes of one frame. */
const BUDGET_MS = 6;
const ALPHA_END = 0.02;
const LINK_LENGTH = 60;
/** Of the square of a topology with places. */
const WIDTH = 800;
const HEIGHT = 500;

export interface Place extends SimulationNodeDatum {
  id: number;
  x: number;
  y: number;
}

/**
 * Where nodes are in the graph. A node that has a place keeps it, also over restarts of the browser; new ones find
 * theirs among them.
 */
export class Places {
  private readonly places = new Map<number, Place>();
  private readonly simulation: Simulation<Place, SimulationLinkDatum<Place>>;
  private remembered = new Map<number, [number, number]>();
  private key = "";
  private isSettling = false;

  constructor() {
    this.simulation = forceSimulation<Place>().stop()
      .force("charge", forceManyBody<Place>().strength(-130).distanceMax(500))
      .force("x", forceX<Place>(0).strength(0.03))
      .force("y", forceY<Place>(0).strength(0.1))
      .force("collide", forceCollide<Place>(16));
  }

  of(id: number): Place | undefined {
    return this.places.get(id);
  }

  all(): Iterable<Place> {
    return this.places.values();
  }

  get isAtRest(): boolean {
    return !this.isSettling;
  }

  /** @param key names the network whose places are remembered */
  update(key: string, nodes: ReadonlyMap<number, ShownNode>, links: NetworkLink[]): void {
    if (key !== this.key) {
      this.key = key;
      this.places.clear();
      this.remembered = read(key);
    }
    for (const id of this.places.keys()) if (!nodes.has(id)) this.places.delete(id);
    const fresh: Place[] = [];
    for (const node of nodes.values()) {
      const known = this.places.get(node.id);
      if (node.x !== undefined && node.y !== undefined) {
        // The topology says where it is.
        this.places.set(node.id, Object.assign(known ?? { id: node.id }, { x: node.x * WIDTH, y: node.y * HEIGHT }));
      } else if (known === undefined) {
        fresh.push(this.add(node, links));
      }
    }
    const isFree = fresh.filter(({ id }) => !this.remembered.has(id));
    if (isFree.length > 0) this.settle(new Set(isFree.map(({ id }) => id)), links);
  }

  /** Finds new places for all. */
  arrange(links: NetworkLink[]): void {
    this.remembered.clear();
    this.settle(new Set(this.places.keys()), links);
  }

  /** Where a place is in a topology, 0 to 1. */
  inTopology({ x, y }: Place): [number, number] {
    const part = (value: number): number => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));
    return [part(x / WIDTH), part(y / HEIGHT)];
  }

  move(id: number, x: number, y: number): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    Object.assign(place, { x, y });
    if (place.fx !== undefined) Object.assign(place, { fx: x, fy: y });
    this.save();
  }

  /** Goes on with the layout, for a few milliseconds. @returns whether places changed */
  step(): boolean {
    if (!this.isSettling) return false;
    const endMs = performance.now() + BUDGET_MS;
    do this.simulation.tick(); while (performance.now() < endMs && this.simulation.alpha() > ALPHA_END);
    if (this.simulation.alpha() <= ALPHA_END) {
      this.isSettling = false;
      this.save();
    }
    return true;
  }

  save(): void {
    // The newest last: they stay where there is no room for all.
    for (const { id, x, y } of this.places.values()) {
      this.remembered.delete(id);
      this.remembered.set(id, [Math.round(x), Math.round(y)]);
    }
    const kept = [...this.remembered].slice(-PLACES_MAX);
    this.remembered = new Map(kept);
    lasting.set(this.key, JSON.stringify(kept));
  }

  private add(node: ShownNode, links: NetworkLink[]): Place {
    const [x, y] = this.remembered.get(node.id) ?? this.startOf(node, links);
    const place = { id: node.id, x, y };
    this.places.set(node.id, place);
    return place;
  }

  /** Near the node that it hangs on, in a direction that follows from its id. */
  private startOf({ id }: ShownNode, links: NetworkLink[]): [number, number] {
    const link = links.find(({ from, to }) => from === id || to === id);
    const near = link === undefined ? undefined : this.places.get(link.from === id ? link.to : link.from);
    const angle = (Math.imul(id, 2654435761) >>> 0) / 4294967296 * 2 * Math.PI;
    const distance = LINK_LENGTH * (1 + (id % 7) / 7);
    return [(near?.x ?? 0) + Math.cos(angle) * distance, (near?.y ?? 0) + Math.sin(angle) * distance];
  }

  private settle(free: ReadonlySet<number>, links: NetworkLink[]): void {
    // If most are new, there is no picture that they could disturb.
    const mayAllMove = free.size * 2 > this.places.size;
    for (const place of this.places.values()) {
      const isFixed = !mayAllMove && !free.has(place.id);
      place.fx = isFixed ? place.x : null;
      place.fy = isFixed ? place.y : null;
    }
    this.simulation.nodes([...this.places.values()]);
    const present = links.filter(({ from, to }) => this.places.has(from) && this.places.has(to));
    this.simulation.force("link", forceLink<Place, SimulationLinkDatum<Place>>(
      present.map(({ from, to }) => ({ source: from, target: to }))).id(({ id }) => id).distance(LINK_LENGTH));
    this.simulation.alpha(1);
    this.isSettling = true;
  }
}

function read(key: string): Map<number, [number, number]> {
  try {
    const entries = JSON.parse(lasting.get(key) ?? "[]") as unknown;
    if (!Array.isArray(entries)) return new Map();
    return new Map((entries as unknown[]).filter(isEntry).slice(-PLACES_MAX));
  } catch {
    return new Map();
  }
}

function isEntry(entry: unknown): entry is [number, [number, number]] {
  return Array.isArray(entry) && typeof entry[0] === "number" && Array.isArray(entry[1])
    && entry[1].length === 2 && entry[1].every((one) => Number.isFinite(one));
}
