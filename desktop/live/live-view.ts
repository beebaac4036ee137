import type { NodeState } from "../../src/gossip.js";
import { bytesAsHex } from "../control/json.js";
import type { NetworkFeeds, NetworkLink, NetworkMinMax, NetworkNode } from "../control/network-view.js";
import { PlacedTopology } from "../simulator/moving-topology.js";
import { minMaxOf } from "../simulator/checkers.js";
import type { SimNode } from "../simulator/node.js";
import { type Holders, holdersOf } from "../simulator/run-history.js";
import type { LiveRun } from "./live-run.js";

/** Links that are shown: in a network where all reach all there would be too many to see anything. */
export const LINKS_MAX = 3000;
/** Of a place; a thousandth of the square cannot be seen. */
const PLACE_DIGITS = 1000;

/** The state in which a node is held by most running nodes; of two that are equal, the worse. */
function stateOf(node: SimNode, { up, suspect, gone }: Holders, last: NodeState): NodeState {
  if (gone > 0 && gone >= suspect && gone >= up) return last === "left" ? "left" : "down";
  if (suspect > 0 && suspect >= up) return "suspect";
  if (up > 0) return "up";
  return node.isRunning ? "up" : last === "left" ? "left" : "down";
}

/** A simulated network as it is shown. It remembers what nodes that are off last said of themselves. */
export class LiveView {
  private readonly run: LiveRun;
  private readonly shown = new Map<SimNode, NetworkNode>();
  private readonly notified = new Map<SimNode, string>();
  private readonly since = new Map<SimNode, { state: NodeState; ms: number }>();

  constructor(run: LiveRun) {
    this.run = run;
  }

  nodes(): NetworkNode[] {
    const { network } = this.run;
    const holders = holdersOf(network);
    return network.nodes.map((node) => this.node(node, holders.get(node) ?? { up: 0, suspect: 0, gone: 0 }));
  }

  /** The nodes of which something changed since the last call, but for how long they are in their states. */
  changed(): NetworkNode[] {
    return this.nodes().filter((shown, index) => {
      const node = this.run.network.nodes[index];
      const text = JSON.stringify({ ...shown, heartbeat: 0, inStateMs: 0 }, bytesAsHex);
      if (this.notified.get(node) === text) return false;
      this.notified.set(node, text);
      return true;
    });
  }

  links(): NetworkLink[] {
    const { run: { topology, network, cuts } } = this;
    const links: NetworkLink[] = [];
    const wasCut = new Set<string>();
    for (const [one, other] of cuts) {
      links.push({ from: one.id, to: other.id, kind: "neighbour", isCut: true });
      wasCut.add(`${one.index} ${other.index}`);
    }
    const pairs = topology === undefined || topology.shape === "all" ? network.nodes.length ** 2 / 2 : topology.links;
    if (pairs > LINKS_MAX) return links;
    for (const one of network.nodes) {
      for (const other of network.nodes.slice(one.index + 1)) {
        if (wasCut.has(`${one.index} ${other.index}`)) continue;
        const [there, back] = topology === undefined ? [true, true]
          : [topology.reaches(one.index, other.index), topology.reaches(other.index, one.index)];
        if (!there && !back) continue;
        const [from, to] = there ? [one.id, other.id] : [other.id, one.id];
        links.push({ from, to, kind: "neighbour", ...this.run.isCut(one, other) && { isCut: true } });
      }
    }
    return links;
  }

  feeds(): NetworkFeeds {
    const newest = new Map<number, number>();
    const all = this.run.network.nodes.flatMap((node) => {
      if (node.gossip === undefined) return [];
      const held = new Map(node.gossip.frontier().map(({ author, sequence }) => [author, sequence]));
      for (const [author, sequence] of held) newest.set(author, Math.max(sequence, newest.get(author) ?? 0));
      return [{ id: node.id, held }];
    });
    const authors = [...newest.keys()].sort((one, other) => one - other);
    const holders = all.map(({ id, held }) => ({ id, held: authors.map((author) => held.get(author) ?? null) }));
    return { authors, newest: authors.map((author) => newest.get(author) ?? 0), holders };
  }

  minMax(): NetworkMinMax {
    const values = [...this.shown.values()]
      .flatMap(({ isRunning, data }) => isRunning && typeof data === "number" ? [data] : []);
    const { minimum, maximum } = minMaxOf(values);
    return { ...minimum !== undefined && { minimum }, ...maximum !== undefined && { maximum }, count: values.length };
  }

  /** Datagrams, rows and events that nodes refused, all together, since their starts. */
  drops(): number {
    return this.run.network.nodes.reduce((sum, { gossip }) => {
      return sum + Object.values(gossip?.stats().drops ?? {}).reduce((all, count) => all + count, 0);
    }, 0);
  }

  private node(node: SimNode, holders: Holders): NetworkNode {
    const { run: { topology, network } } = this;
    const before = this.shown.get(node);
    const own = node.gossip?.row(node.id) ?? before;
    const state = node.isRunning ? stateOf(node, holders, "up") : stateOf(node, holders, this.lastOf(node));
    const known = this.since.get(node);
    const since = known?.state === state ? known : { state, ms: network.nowMs };
    this.since.set(node, since);
    const shown: NetworkNode = {
      id: node.id, name: own?.name ?? `node ${node.index}`, address: own?.address ?? "0.0.0.0", port: node.port,
      revision: own?.revision ?? 0, heartbeat: own?.heartbeat ?? 0, data: own?.data, state, isSelf: false,
      inStateMs: Math.round(network.nowMs - since.ms), isNeighbour: true, isRunning: node.isRunning, holders,
      ...topology instanceof PlacedTopology && {
        x: Math.round(topology.places[2 * node.index] * PLACE_DIGITS) / PLACE_DIGITS,
        y: Math.round(topology.places[2 * node.index + 1] * PLACE_DIGITS) / PLACE_DIGITS,
      },
    };
    this.shown.set(node, shown);
    return shown;
  }

  /** How a node that is off is held, by any node that holds it. */
  private lastOf(node: SimNode): NodeState {
    for (const { gossip } of this.run.network.nodes) {
      const state = gossip?.row(node.id)?.state;
      if (state === "left") return "left";
    }
    return "down";
  }
}
