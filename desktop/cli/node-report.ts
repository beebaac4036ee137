import type { Colors } from "picocolors/types.js";
import type { CborValue, FeedEvent, GossipErrorCode, GossipStats, NodeRow } from "../../src/gossip.js";
import { readingsText } from "../../src/sensors/units.js";
import type { GossipStatus } from "../../src/status/index.js";
import type { LatestEntry } from "../../src/views/latest-map.js";
import type { ContributionEntry, NamedFrontierEntry } from "../control/node-queries.js";
import { terminalJson } from "../control/value-text.js";

/** The output of `chisme node`, line by line. */
export interface NodeReport {
  start(start: StartReport): void;
  /** Rows were updated: rows of other nodes, or the node's own. */
  rows(rows: NodeRow[]): void;
  /** A row's state changed. */
  state(row: NodeRow): void;
  /** The node forgot a row, which is the last one of its node. */
  forgotten(row: NodeRow): void;
  minMax(minMax: MinMaxReport): void;
  /** A node published an event. */
  feedEvent(event: FeedEvent): void;
  /** @param contributions what the authors have set in merge topics */
  view(entries: LatestEntry[], contributions?: ContributionEntry[]): void;
  front(entries: NamedFrontierEntry[]): void;
  /** Something about messages. @param text the same for people; of words of which a line may end behind each */
  line(event: string, fields: object, text: string | string[]): void;
  /** The answer to a command. @param lines the same for people, without the time */
  answer(event: string, fields: object, lines: (colors: Colors) => string[]): void;
  /** All rows, on a command. */
  table(rows: NodeRow[]): void;
  /** @param rows of all nodes */
  status(status: GossipStatus, rows?: NodeRow[]): void;
  commandError(error: CommandError): void;
  error(code: GossipErrorCode, error: Error): void;
  stop(stats: GossipStats): void;
}

/** A line that could not be run. */
export interface CommandError {
  /** undefined: a terminal. */
  source: string | undefined;
  /** From 1. */
  number: number;
  line: string;
  message: string;
}

export interface StartReport {
  id: number;
  /** undefined: the node has no name. */
  name: string | undefined;
  /** The node's own address; "0.0.0.0" when the node does not know it. */
  address: string;
  port: number;
  revision: number;
  roundIntervalMs: number;
  seeds: string[];
  /** Whether the node broadcasts if it has no seeds, or is alone. */
  broadcasts: boolean;
  /** "all": all datagrams are sealed; "compact": compact frames are, JSON for ESPGossip boards is not. */
  sealing: "none" | "all" | "compact";
}

export interface MinMaxReport {
  /** undefined when no live node shares a number. */
  minimum: number | undefined;
  maximum: number | undefined;
  /** Live nodes that share a number. */
  count: number;
  /** Name of the reading that the numbers are. */
  field?: string;
}

/** A shared value as one line of printable JSON. Bytes become hexadecimal text. */
export function valueText(value: CborValue): string {
  // Values of other nodes must not control the terminal: JSON escapes only some control characters, and none that
  // change the direction of text.
  return terminalJson(value);
}

/** What a node shares: readings with their units, `temp 21.4 °C, hum 40 %`; anything else as `valueText`. */
export function dataText(data: CborValue): string {
  const readings = readingsText(data);
  // `valueText` escapes what a name may have to control the terminal.
  const isPlain = readings !== undefined && Object.keys(data as object).every((name) => /^[\w-]+$/.test(name));
  return isPlain ? readings : valueText(data);
}

/** A topic or key: unchanged if it is a plain word, otherwise as `valueText`. */
export function wordText(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : valueText(text);
}

/** The name of a node: unchanged if it is one word of letters and digits of any script, otherwise as `valueText`. */
export function nameText(name: string): string {
  return /^[\p{L}\p{M}\p{N}_.:/-]+$/u.test(name) ? name : valueText(name);
}

/** An author as events show it: its id, behind its name if that is known. */
export function authorText(author: number, name: string | undefined): string {
  return name === undefined ? String(author) : `${nameText(name)} (${author})`;
}

/** Characters of a terminal that a text takes: letters of East Asia and emoji take two, marks none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

const MARK = /^[\p{M}\p{Cf}]$/u;
const WIDE = /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$/u;
