import { SUSPECT } from "../../src/engine/table/states.js";
import type { SimNetwork } from "./network.js";
import type { SimNode } from "./node.js";

/** Columns of a history, at most. In a longer run a column has several rounds. */
export const COLUMNS_MAX = 360;

/** How a node fares at the end of a round; of several rounds or nodes, the greatest counts. */
export const FARES = [
  "up, held as up by all", "off", "not yet known to all", "off, but held as up by some", "suspected by some",
  "up, but held as down by some",
] as const;
const UP_TO_ALL = 0;
const OFF = 1;
const UNKNOWN_TO_SOME = 2;
const OFF_UNNOTICED = 3;
const SUSPECTED = 4;
const FALSELY_DOWN = 5;

/** How many running nodes hold a node in which state. Others have no row of it. */
export interface Holders {
  up: number;
  suspect: number;
  /** As down, left or removed. */
  gone: number;
}

/** What a column of a history has. Sums are over its rounds. */
export interface HistoryColumn {
  /** The last round of the column. */
  round: number;
  rounds: number;
  /** Such as "healing"; "" where a run has no phases. */
  phase: string;
  datagrams: number;
  bytes: number;
  /** Nodes that know what they should; undefined where nobody counts that. The least of the column. */
  knowing: number | undefined;
  /** Pairs of nodes of which one suspects the other, which runs: the most at the end of a round. */
  suspicions: number;
  /** The fare of each node. */
  fares: Uint8Array;
}

/** What running nodes hold of each node, without devices that sleep for most of the time. */
export function holdersOf(network: SimNetwork): Map<SimNode, Holders> {
  const nodes = network.nodes.filter((node) => !node.sleeps);
  const holders = new Map(nodes.map((node) => [node, { up: 0, suspect: 0, gone: 0 }]));
  const byId = new Map(nodes.map((node) => [node.gossip?.id ?? node.id, holders.get(node) as Holders]));
  for (const node of nodes) {
    const rows = node.gossip?.engine.rows;
    if (rows === undefined) continue;
    for (let place = 0; place < rows.count; place++) {
      const slot = rows.slotAt(place);
      const held = byId.get(rows.id(slot));
      if (held === undefined || rows.id(slot) === node.gossip?.id) continue;
      const state = rows.state(slot);
      if (state < SUSPECT) held.up++;
      else if (state === SUSPECT) held.suspect++;
      else held.gone++;
    }
  }
  return holders;
}

/** The course of a run: the figures of its rounds, and how each node fared. At most 360 columns of a byte a node. */
export class RunHistory {
  private readonly network: SimNetwork;
  private finished: HistoryColumn[] = [];
  private roundsPerColumn = 1;
  private rounds = 0;
  private datagrams = 0;
  private bytes = 0;

  constructor(network: SimNetwork) {
    this.network = network;
  }

  get columns(): readonly HistoryColumn[] { return this.finished; }
  /** Names of the nodes, in the order of the fares. */
  get names(): string[] { return this.nodes.map((node) => node.name); }
  private get nodes(): SimNode[] { return this.network.nodes.filter((node) => !node.sleeps); }

  /** Call it at the end of each round. */
  add(phase: string, knowing?: number): void {
    const { datagrams, bytes } = this.network.counts;
    const holders = holdersOf(this.network);
    const running = this.nodes.filter((node) => node.isRunning).length;
    let suspicions = 0;
    const fares = Uint8Array.from(holders, ([node, held]) => {
      if (node.isRunning) suspicions += held.suspect;
      return fareOf(node.isRunning, held, running);
    });
    const column = {
      round: ++this.rounds, rounds: 1, phase, datagrams: datagrams - this.datagrams, bytes: bytes - this.bytes, knowing,
      suspicions, fares,
    };
    this.datagrams = datagrams;
    this.bytes = bytes;
    const last = this.finished.at(-1);
    const isFull = last === undefined || last.rounds === this.roundsPerColumn;
    if (isFull) this.finished.push(column);
    else this.finished[this.finished.length - 1] = joined(last, column);
    if (this.finished.length > COLUMNS_MAX) this.halve();
  }

  private halve(): void {
    this.roundsPerColumn *= 2;
    const halved: HistoryColumn[] = [];
    for (let at = 0; at < this.finished.length; at += 2) {
      const [first, second] = this.finished.slice(at, at + 2);
      halved.push(second === undefined ? first : joined(first, second));
    }
    this.finished = halved;
  }
}

function fareOf(isRunning: boolean, { up, suspect, gone }: Holders, running: number): number {
  if (!isRunning) return up > 0 ? OFF_UNNOTICED : OFF;
  if (gone > 0) return FALSELY_DOWN;
  if (suspect > 0) return SUSPECTED;
  return up < running - 1 ? UNKNOWN_TO_SOME : UP_TO_ALL;
}

function joined(first: HistoryColumn, second: HistoryColumn): HistoryColumn {
  return {
    round: second.round,
    rounds: first.rounds + second.rounds,
    phase: second.phase,
    datagrams: first.datagrams + second.datagrams,
    bytes: first.bytes + second.bytes,
    knowing: first.knowing === undefined ? second.knowing : Math.min(first.knowing, second.knowing ?? first.knowing),
    suspicions: Math.max(first.suspicions, second.suspicions),
    // Nodes may join: the second then has more.
    fares: second.fares.map((fare, node) => Math.max(fare, first.fares[node] ?? OFF)),
  };
}
