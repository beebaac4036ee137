import type { Colors } from "picocolors/types.js";
import type { FeedEvent, GossipErrorCode, GossipStats, NodeRow, NodeState } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import { readingText } from "../../src/sensors/units.js";
import type { LatestEntry } from "../../src/views/latest-map.js";
import type { ContributionEntry, NamedFrontierEntry } from "../control/node-queries.js";
import { eventText, shownState, stateColor } from "./members-text.js";
import {
  type CommandError, type MinMaxReport, type NodeReport, type StartReport, authorText, columnsOf, dataText, nameText,
  valueText, wordText,
} from "./node-report.js";
import { rowLines, statusLines } from "./status-text.js";

/** Reasons of drops whose name alone does not tell what to do. PROTOCOL 4.6 says which libraries write such values. */
const REASONS: Record<string, string | undefined> = {
  value: "value: not deterministic, or nested deeper than 4",
};

export interface TextReportOptions {
  elapsedMs: () => number;
  writeLine: (line: string) => void;
  writeWarning: (message: string) => void;
  colors: Colors;
  /** Printed at the start: what the user can do now. */
  hint: string;
}

const SEALING_TEXTS = {
  none: "no key: anyone who can reach the port can read and forge all data",
  all: "sealed with the network's key",
  compact: "sealed with the network's key, except JSON: anyone who can reach the port can read all shared values "
    + "and forge those of boards",
};

/** Prints one line per change, for people. */
export class TextReport implements NodeReport {
  private readonly options: TextReportOptions;
  private ownId = 0;
  private ownPort = 0;
  /** Width of the address column: the longest address so far. */
  private addressWidth = 0;
  /** Width of the name column: the longest name so far or `NAME_WIDTH`. Without any name there is no such column. */
  private nameWidth = 0;
  /** The rows of the last update. A new node is reported twice, as an update and as a state. */
  private updated: NodeRow[] = [];

  constructor(options: TextReportOptions) {
    this.options = options;
  }

  start({ id, name, address, port, revision, roundIntervalMs, seeds, broadcasts, sealing }: StartReport): void {
    const { writeLine, colors, hint } = this.options;
    this.ownId = id;
    this.ownPort = port;
    this.addressWidth = Math.max(address.length, ...seeds.map((seed) => seed.length));
    const named = name === undefined ? "" : `${colors.bold(nameText(name))}, `;
    writeLine(`chisme node ${named}${colors.bold(`${address}:${port}`)}, id ${id}, revision ${revision}`);
    const seedless = broadcasts ? "finds other nodes by broadcast" : "no broadcasts: waits for other nodes";
    const where = seeds.length === 0 ? `no seed: ${seedless}` : `seeds: ${seeds.join(", ")}`;
    writeLine(`a round every ${roundIntervalMs / 1000} s, ${where}`);
    writeLine(SEALING_TEXTS[sealing]);
    writeLine(colors.dim(hint));
    writeLine("");
  }

  rows(rows: NodeRow[]): void {
    this.updated = rows;
    for (const row of rows) this.row(row);
  }

  state(row: NodeRow): void {
    if (!this.updated.some((other) => isSameStatement(other, row))) this.row(row);
  }

  forgotten(row: NodeRow): void {
    const who = row.name === undefined ? this.addressCell(row).trimEnd() : nameText(row.name);
    this.write(`${who} forgotten: it was ${row.state}`);
  }

  minMax({ minimum, maximum, count, field }: MinMaxReport): void {
    const { colors } = this.options;
    if (minimum === undefined || maximum === undefined) {
      this.write("no minimum and no maximum: no node shares a number");
      return;
    }
    const nodes = count === 1 ? "1 node" : `${count} nodes`;
    const [least, greatest] = [minimum, maximum].map((one) => field === undefined ? one : readingText(field, one));
    this.write(`minimum ${colors.bold(least)}  maximum ${colors.bold(greatest)}  of ${nodes}`);
  }

  feedEvent(event: FeedEvent): void {
    this.write(eventText(event, this.options.colors));
  }

  /** Prints no times, so that the views of several nodes can be compared. */
  view(entries: LatestEntry[], contributions: ContributionEntry[] = []): void {
    const { writeLine } = this.options;
    if (entries.length + contributions.length === 0) writeLine("nothing is set");
    for (const { topic, key, value } of entries) {
      writeLine(`${wordText(topic)} ${wordText(key)} ${valueText(value)}`);
    }
    for (const { topic, key, author, authorName, value } of contributions) {
      writeLine(`${topicText(topic)} ${wordText(key)} ${valueText(value)}  by ${authorText(author, authorName)}`);
    }
  }

  front(entries: NamedFrontierEntry[]): void {
    const { writeLine } = this.options;
    if (entries.length === 0) writeLine("no events");
    for (const { author, authorName, generation, sequence } of entries) {
      const name = authorName === undefined ? "" : ` ${nameText(authorName)}`;
      writeLine(`${author} ${generation} ${sequence}${name}`);
    }
  }

  line(_event: string, _fields: object, text: string | string[]): void {
    if (typeof text === "string") {
      this.write(text);
      return;
    }
    const [first, ...more] = wrapped(text, COLUMNS - INDENT);
    this.write(first);
    for (const line of more) this.options.writeLine(`${" ".repeat(INDENT + 2)}${line}`);
  }

  answer(_event: string, _fields: object, lines: (colors: Colors) => string[]): void {
    for (const line of lines(this.options.colors)) this.options.writeLine(line);
  }

  /** Prints no time, as `view` does. */
  table(rows: NodeRow[]): void {
    for (const line of rowLines(rows, this.ownId)) this.options.writeLine(line);
  }

  commandError(_error: CommandError): void {
    // A warning says it.
  }

  /** Prints no time, as `view` does. */
  status(status: GossipStatus, rows: NodeRow[] = []): void {
    for (const line of statusLines(status, rows)) this.options.writeLine(line);
  }

  error(_code: GossipErrorCode, error: Error): void {
    this.options.writeWarning(error.message);
  }

  stop(stats: GossipStats): void {
    const sent = `${stats.datagramsSent} datagrams sent (${stats.bytesSent} bytes)`;
    const received = `${stats.datagramsReceived} received (${stats.bytesReceived} bytes)`;
    const drops = Object.entries(stats.drops).filter(([, count]) => count > 0);
    const dropped = drops.map(([reason, count]) => `, ${count} dropped (${REASONS[reason] ?? reason})`).join("");
    const failed = stats.sendFailures === 0 ? "" : `, ${stats.sendFailures} failed to send`;
    this.write(`stopped: ${sent}, ${received}${dropped}${failed}`);
  }

  private row(row: NodeRow): void {
    const { colors } = this.options;
    const parts = [
      ...this.nodeCells(row),
      this.stateCell(row.state),
      colors.dim("revision ") + String(row.revision).padEnd(3),
      colors.dim("heartbeat ") + String(row.heartbeat).padEnd(4),
      row.data === undefined ? colors.dim("no value") : colors.bold(dataText(row.data)),
    ];
    if (row.version !== undefined) parts.push(colors.dim("version ") + nameText(row.version));
    if (row.id === this.ownId) parts.push(colors.dim("(this node)"));
    this.write(parts.join("  "));
  }

  private nodeCells(row: NodeRow): string[] {
    return [this.addressCell(row), ...this.nameCell(row.name)];
  }

  /** Shows a port only if it differs from this node's port. */
  private addressCell(row: NodeRow): string {
    const text = row.port === this.ownPort ? row.address : `${row.address}:${row.port}`;
    this.addressWidth = Math.max(this.addressWidth, text.length);
    return text.padEnd(this.addressWidth);
  }

  private nameCell(name: string | undefined): string[] {
    const text = name === undefined ? "" : nameText(name);
    const columns = columnsOf(text);
    if (columns > 0) this.nameWidth = Math.max(this.nameWidth, columns, NAME_WIDTH);
    return this.nameWidth === 0 ? [] : [text + " ".repeat(this.nameWidth - columns)];
  }

  private stateCell(state: NodeState): string {
    const text = shownState(state);
    return stateColor(text, this.options.colors)(text.padEnd(STATE_WIDTH));
  }

  private write(text: string): void {
    const seconds = (this.options.elapsedMs() / 1000).toFixed(1);
    this.options.writeLine(`${this.options.colors.dim(`${seconds.padStart(TIME_WIDTH)} s`)}  ${text}`);
  }
}

const STATE_WIDTH = "suspect".length;
const TIME_WIDTH = 6;
const NAME_WIDTH = 8;
const COLUMNS = 80;
/** Columns of the time in front of a line, and of the white space behind it. */
const INDENT = TIME_WIDTH + 4;

/** Words in lines of at most `columns`, with room for an indentation of two, where words are not longer than that. */
function wrapped(words: string[], columns: number): string[] {
  const lines = [words[0]];
  for (const word of words.slice(1)) {
    const longer = `${lines[lines.length - 1]} ${word}`;
    if (columnsOf(longer) <= columns - 2) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A merge topic with its "+", as a word. */
function topicText(topic: string): string {
  return `+${wordText(topic.substring(1))}`;
}

function isSameStatement(a: NodeRow, b: NodeRow): boolean {
  return a.id === b.id && a.revision === b.revision && a.heartbeat === b.heartbeat && a.state === b.state;
}
