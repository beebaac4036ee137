import type {
  CborValue, FeedEvent, FrontierEntry, GossipErrorCode, GossipStats, NodeRow,
} from "../../src/gossip.js";
import type { LatestEntry } from "../../src/views/latest-map.js";

/** What `chisme node` reports about its node, line by line. */
export interface NodeReport {
  start(start: StartReport): void;
  /** Rows became fresher: of other nodes, or the node's own. */
  rows(rows: NodeRow[]): void;
  /** A row's state changed. */
  state(row: NodeRow): void;
  minMax(minMax: MinMaxReport): void;
  /** An event of this node or another. */
  feedEvent(event: FeedEvent): void;
  view(entries: LatestEntry[]): void;
  front(entries: FrontierEntry[]): void;
  error(code: GossipErrorCode, error: Error): void;
  stop(stats: GossipStats): void;
}

export interface StartReport {
  id: number;
  /** The node's own address, as far as it knows. */
  address: string;
  port: number;
  revision: number;
  roundIntervalMs: number;
  seeds: string[];
  /** Whether the network has a key: with "compact" frames are sealed, and what goes to ESPGossip's boards is not. */
  sealing: "none" | "all" | "compact";
}

export interface MinMaxReport {
  /** undefined when no live node shares a number. */
  minimum: number | undefined;
  maximum: number | undefined;
  /** Live nodes that share a number. */
  count: number;
}

/** A shared value as one line of printable JSON; bytes are hexadecimal text. */
export function valueText(value: CborValue): string {
  // What others share is not trusted to leave the terminal alone: JSON escapes only some control characters.
  return JSON.stringify(value, bytesAsHex).replace(/[\u007f-\u009f\u2028\u2029]/g, escape);
}

/** A topic or key: as it is where it is a plain word, or else as `valueText`. */
export function wordText(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : valueText(text);
}

export function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
