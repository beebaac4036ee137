import type { NodeRow, NodeState } from "../../src/gossip.js";
import type { FrameReader } from "../../src/engine/wire/frame-reader.js";
import { LinkTable } from "../../src/links/index.js";

/** A node of the network as a running node sees it: its row, times, and the link to it. All of it is JSON. */
export interface Member extends NodeRow {
  /** Whether it is the node that was asked. */
  isSelf: boolean;
  /** How long the node is in its state, as far as this node has seen, in ms. "probed" counts as "up". */
  inStateMs: number;
  /**
   * How long ago this node last received a frame of that one, or a fresh statement of it over others, in ms; missing of
   * the node itself.
   */
  lastHeardMs?: number;
  /** As the losses as in a status: only of neighbours, and once measured. */
  roundTripMs?: number;
  /** Share of this node's frames that do not arrive there, 0 to 1. */
  lossTo?: number;
  /** Share of that node's frames that do not arrive here, 0 to 1. */
  lossFrom?: number;
}

interface Times {
  state: NodeState;
  sinceMs: number;
  heardMs: number;
}

/** Since when each node is in its state, and when it was last heard. It keeps times of twice as many nodes as rows. */
export class MemberTimes {
  private readonly times = new Map<number, Times>();
  private readonly nowMs: () => number;

  /** @param nowMs a clock that never goes back */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** A row was updated: there is a fresh statement of its node. */
  updated({ id, state }: NodeRow): void {
    this.inState(id, state).heardMs = this.nowMs();
  }

  /** A row's state changed. */
  changed({ id, state }: NodeRow): void {
    this.inState(id, state);
  }

  /** A frame of a node arrived. Nodes without a row do not count. */
  heard(id: number): void {
    const times = this.times.get(id);
    if (times !== undefined) times.heardMs = this.nowMs();
  }

  forget(id: number): void {
    this.times.delete(id);
  }

  /** The times of a row: how long ago its state began, and its node was heard. */
  of({ id, state }: NodeRow): { inStateMs: number; lastHeardMs: number } {
    const { sinceMs, heardMs } = this.inState(id, state);
    const nowMs = this.nowMs();
    return { inStateMs: Math.round(nowMs - sinceMs), lastHeardMs: Math.round(nowMs - heardMs) };
  }

  /** Forgets the nodes that have no row. The notification of a row that gave way may be missing. */
  keepOnly(rows: NodeRow[]): void {
    if (this.times.size <= 2 * rows.length) return;
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.times.keys()) if (!ids.has(id)) this.times.delete(id);
  }

  get size(): number {
    return this.times.size;
  }

  private inState(id: number, state: NodeState): Times {
    // A node is probed for a moment, and nothing notifies of the end of it.
    const shown = state === "probed" ? "up" : state;
    const nowMs = this.nowMs();
    let times = this.times.get(id);
    if (times === undefined) {
      times = { state: shown, sinceMs: nowMs, heardMs: nowMs };
      this.times.set(id, times);
    } else if (times.state !== shown) {
      times.state = shown;
      times.sinceMs = nowMs;
    }
    return times;
  }
}

/** Links that notify of the sender of each good frame. */
export class HeardLinks extends LinkTable {
  private readonly onHeard: (id: number) => void;

  constructor(onHeard: (id: number) => void) {
    super();
    this.onHeard = onHeard;
  }

  override received(frame: FrameReader): void {
    this.onHeard(frame.id);
    super.received(frame);
  }
}
