import type { Topology } from "./topology.js";

/**
 * Which nodes have had a path to each other in all of the last rounds. Only then is
 * it an error if one suspects the other.
 */
export class PathHistory {
  private readonly roundsMax: number;
  /** The part of each node, for each of the last rounds. */
  private readonly rounds: Uint16Array[] = [];

  /** @param rounds how long a path must have lasted */
  constructor(rounds: number) {
    this.roundsMax = rounds;
  }

  /** Notes the paths of a round. Returns the number of parts. */
  note(topology: Topology): number {
    const parts = topology.parts();
    const partOf = new Uint16Array(topology.nodes);
    parts.forEach((part, number) => part.forEach((node) => { partOf[node] = number; }));
    this.rounds.push(partOf);
    if (this.rounds.length > this.roundsMax) this.rounds.shift();
    return parts.length;
  }

  /** Whether two nodes had a path in all rounds that are remembered. */
  hadPath(a: number, b: number): boolean {
    return this.rounds.every((partOf) => partOf[a] === partOf[b]);
  }
}
