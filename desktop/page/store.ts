import type { NodeRow } from "../../src/gossip.js";
import type { NetworkRound } from "../control/changes.js";
import type { NetworkFeeds, NetworkLink, NetworkMinMax, NetworkNode, NetworkView } from "../control/network-view.js";
import { valueText } from "./format.js";
import { type ShownState, shownState } from "./states.js";
import { ValueHistory } from "./value-history.js";

/** Events that the page keeps. */
export const EVENTS_KEPT = 2000;
const ROUNDS_KEPT = 512;

/** An answer of /v1/network. */
export interface NetworkAnswer extends NetworkView {
  canWrite: boolean;
}

export interface ShownEvent {
  number: number;
  author: number;
  authorName?: string;
  kind: "log" | "set" | "remove";
  topic: string;
  key?: string;
  timeMs: number;
  sequence: number;
  value?: unknown;
}

/** A node with what the page adds: times by its own clock, and texts that are asked for often. */
export interface ShownNode extends NetworkNode {
  shown: ShownState;
  sinceMs: number;
  heardMs: number | undefined;
  valueText: string;
}

export type Connection = "connecting" | "live" | "waiting" | "gone" | "locked";

/** Parts of the store of which a view can say that it shows them. */
export type Part = "nodes" | "links" | "feeds" | "events" | "rounds" | "connection" | "selection" | "clock" | "theme";

/** What the page knows. Views hear once a frame which parts changed. */
export class Store {
  readonly nodes = new Map<number, ShownNode>();
  readonly histories = new Map<number, ValueHistory>();
  source: NetworkView["source"] = "node";
  self: number | undefined;
  roundMs = 0;
  canWrite = false;
  links: NetworkLink[] = [];
  feeds: NetworkFeeds = { authors: [], newest: [], holders: [] };
  minMax: NetworkMinMax = { count: 0 };
  rounds: NetworkRound[] = [];
  /** The oldest first. */
  events: ShownEvent[] = [];
  connection: Connection = "connecting";
  connectionText = "Connecting";
  selected: number | undefined;
  private readonly views: ((parts: ReadonlySet<Part>) => void)[] = [];
  private dirty = new Set<Part>();
  private isScheduled = false;

  /** @param view is called once in a frame in which something changed, with what did */
  subscribe(view: (parts: ReadonlySet<Part>) => void): void {
    this.views.push(view);
  }

  changed(...parts: Part[]): void {
    for (const part of parts) this.dirty.add(part);
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      const changed = this.dirty;
      this.dirty = new Set();
      for (const view of this.views) view(changed);
    });
  }

  select(id: number | undefined): void {
    if (this.selected === id) return;
    this.selected = id;
    this.changed("selection");
  }

  setConnection(connection: Connection, text: string): void {
    this.connection = connection;
    this.connectionText = text;
    this.changed("connection");
  }

  /** Takes the place of all that was known but events and values of before. */
  setNetwork(answer: NetworkAnswer): void {
    const { source, self, roundMs, canWrite, links, feeds, minMax, rounds } = answer;
    Object.assign(this, { source, self, roundMs, canWrite, links, feeds, minMax, rounds });
    const gone = new Set(this.nodes.keys());
    for (const node of answer.nodes) {
      gone.delete(node.id);
      this.put(node, performance.now() - node.inStateMs, node.lastHeardMs);
    }
    for (const id of gone) this.forget(id);
    this.changed("nodes", "links", "feeds", "rounds", "connection");
  }

  /** Forgets all: another network, or the same anew. */
  clear(): void {
    for (const id of [...this.nodes.keys()]) this.forget(id);
    this.events = [];
    this.rounds = [];
    this.changed("nodes", "links", "events", "rounds");
  }

  /** A row changed. Which nodes are near, and times of links, come with the next answer of /v1/network. */
  setRow(row: NodeRow): void {
    const before = this.nodes.get(row.id);
    const nowMs = performance.now();
    const since = before !== undefined && before.shown === shownState(row.state) ? before.sinceMs : nowMs;
    const isSelf = row.id === this.self;
    // A row without a name, a version or a value has none any more.
    const next: NetworkNode = { isNeighbour: false, isSelf, ...before, inStateMs: 0, ...row };
    if (row.name === undefined) delete next.name;
    if (row.version === undefined) delete next.version;
    next.data = row.data;
    this.put(next, since, isSelf ? undefined : 0);
    this.changed("nodes");
  }

  forget(id: number): void {
    this.nodes.delete(id);
    this.histories.delete(id);
    if (this.selected === id) this.select(undefined);
    this.changed("nodes");
  }

  addRound(round: NetworkRound): void {
    this.rounds = [...this.rounds.slice(1 - ROUNDS_KEPT), round];
    this.changed("rounds");
  }

  addEvents(events: ShownEvent[]): void {
    if (events.length === 0) return;
    const last = this.events.at(-1)?.number ?? 0;
    if (events[0].number > last) {
      this.events.push(...events);
    } else {
      // The answer to a request overlaps with what came over the stream meanwhile.
      const all = new Map([...events, ...this.events].map((event) => [event.number, event]));
      this.events = [...all.values()].sort((one, other) => one.number - other.number);
    }
    if (this.events.length > EVENTS_KEPT) this.events = this.events.slice(-EVENTS_KEPT);
    this.changed("events");
  }

  private put(node: NetworkNode, sinceMs: number, lastHeardMs: number | undefined): void {
    const nowMs = performance.now();
    const before = this.nodes.get(node.id);
    const text = valueText(node.data);
    if (before === undefined || before.valueText !== text) {
      const history = this.histories.get(node.id) ?? new ValueHistory();
      history.add(node.data, Date.now());
      this.histories.set(node.id, history);
    }
    this.nodes.set(node.id, {
      ...node, shown: shownState(node.state), sinceMs, valueText: text,
      heardMs: lastHeardMs === undefined ? undefined : nowMs - lastHeardMs,
    });
  }
}
