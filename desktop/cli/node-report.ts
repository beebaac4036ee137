import type {
  CborValue, FeedEvent, FrontierEntry, GossipErrorCode, GossipStats, NodeRow,
} from "../../src/gossip.js";
import type { LatestEntry } from "../../src/views/latest-map.js";

/** The output of `chisme node`, line by line. */
export interface NodeReport {
  start(start: StartReport): void;
  /** Rows were updated: rows of other nodes, or the node's own. */
  rows(rows: NodeRow[]): void;
  /** A row's state changed. */
  state(row: NodeRow): void;
  minMax(minMax: MinMaxReport): void;
  /** A node published an event. */
  feedEvent(event: FeedEvent): void;
  view(entries: LatestEntry[]): void;
  front(entries: FrontierEntry[]): void;
  error(code: GossipErrorCode, error: Error): void;
  stop(stats: GossipStats): void;
}

export interface StartReport {
  id: number;
  /** The node's own address; "0.0.0.0" when the node does not know it. */
  address: string;
  port: number;
  revision: number;
  roundIntervalMs: number;
  seeds: string[];
  /** "all": all datagrams are sealed; "compact": compact frames are, JSON for ESPGossip boards is not. */
  sealing: "none" | "all" | "compact";
}

export interface MinMaxReport {
  /** undefined when no live node shares a number. */
  minimum: number | undefined;
  maximum: number | undefined;
  /** Live nodes that share a number. */
  count: number;
}

/** A shared value as one line of printable JSON. Bytes become hexadecimal text. */
export function valueText(value: CborValue): string {
  // Values of other nodes must not control the terminal: JSON escapes only some control characters.
  return JSON.stringify(value, bytesAsHex).replace(/[\u007f-\u009f\u2028\u2029]/g, escape);
}

/** A topic or key: unchanged if it is a plain word, otherwise as `valueText`. */
export function wordText(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : valueText(text);
}

export function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
