import type { SimRandom } from "./random.js";
import { Topology } from "./topology.js";

/** Places in a square of side 1: x and y of each node, one after the other. */
export type Places = Float64Array;

/** Whether two places are nearer to each other than `range`. */
export function isNear(places: Places, range: number, a: number, b: number): boolean {
  return Math.hypot(places[2 * a] - places[2 * b], places[2 * a + 1] - places[2 * b + 1]) < range;
}

/** Nodes with places in a square of side 1. Two reach each other while they are nearer than `range`. */
export class PlacedTopology extends Topology {
  /** How far a datagram goes, in sides of the square. */
  readonly range: number;
  readonly places: Places;

  /** @param places where the nodes are; they are changed when nodes move */
  constructor(shape: string, places: Places, range: number) {
    super(shape, places.length / 2, (a, b) => isNear(places, range, a, b));
    this.range = range;
    this.places = places;
  }

  /** Puts a node at a place, 0 to 1, and opens and closes its links by their distances, both ways. */
  place(node: number, x: number, y: number): void {
    this.places[2 * node] = x;
    this.places[2 * node + 1] = y;
    for (let other = 0; other < this.nodes; other++) {
      if (other === node) continue;
      const isOpen = isNear(this.places, this.range, node, other);
      this.set(node, other, isOpen);
      this.set(other, node, isOpen);
    }
  }
}

/**
 * Nodes that move in a square of side 1, as in the random waypoint model: each goes
 * straight to a random place and, once there, to another. Two nodes reach each other
 * while they are nearer than `range`, so the network may fall into parts for a while.
 */
export class MovingTopology extends PlacedTopology {
  /** How far a node goes in a round, in sides of the square. */
  readonly step: number;
  private readonly waypoints: Places;
  private readonly random: SimRandom;

  /** @param places where the nodes begin; they are changed */
  constructor(shape: string, places: Places, range: number, step: number, random: SimRandom) {
    super(shape, places, range);
    this.step = step;
    this.random = random;
    this.waypoints = places.map(() => random.real(0, 1));
  }

  /**
   * Lets all nodes go on for some rounds, and opens and closes links by their distances.
   *
   * @param rounds may have a fraction
   */
  move(rounds: number): void {
    for (let node = 0; node < this.nodes; node++) this.walk(node, rounds * this.step);
    this.relink((a, b) => isNear(this.places, this.range, a, b));
  }

  private walk(node: number, length: number): void {
    const { places, waypoints } = this;
    for (let left = length; left > 0;) {
      const x = waypoints[2 * node] - places[2 * node];
      const y = waypoints[2 * node + 1] - places[2 * node + 1];
      const distance = Math.hypot(x, y);
      if (distance > left) {
        places[2 * node] += x / distance * left;
        places[2 * node + 1] += y / distance * left;
        return;
      }
      left -= distance;
      for (const place of [2 * node, 2 * node + 1]) {
        places[place] = waypoints[place];
        waypoints[place] = this.random.real(0, 1);
      }
    }
  }
}
