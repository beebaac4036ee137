import type { CborValue, FeedEvent, GossipErrorCode, GossipStats, NodeRow } from "../../src/gossip.js";
import type { GossipStatus } from "../../src/status/index.js";
import type { LatestEntry } from "../../src/views/latest-map.js";
import type { ContributionEntry, NamedFrontierEntry } from "../control/node-queries.js";
import { terminalJson } from "../control/value-text.js";
import type { CommandError, MinMaxReport, NodeReport, StartReport } from "./node-report.js";

/** Writes one JSON object per line. The command's help lists its fields. */
export class JsonReport implements NodeReport {
  private readonly elapsedMs: () => number;
  private readonly writeLine: (line: string) => void;

  constructor(elapsedMs: () => number, writeLine: (line: string) => void) {
    this.elapsedMs = elapsedMs;
    this.writeLine = writeLine;
  }

  start(start: StartReport): void {
    this.write("start", start);
  }

  rows(rows: NodeRow[]): void {
    for (const row of rows) this.write("row", row);
  }

  state(row: NodeRow): void {
    this.write("state", row);
  }

  forgotten(row: NodeRow): void {
    this.write("forgotten", row);
  }

  minMax({ minimum, maximum, ...more }: MinMaxReport): void {
    this.write("minMax", { minimum: minimum ?? null, maximum: maximum ?? null, ...more });
  }

  feedEvent({ timeMs, author, authorName, ...more }: FeedEvent): void {
    this.write("feedEvent", { stampMs: timeMs, author, authorName, ...more });
  }

  view(entries: LatestEntry[], contributions: ContributionEntry[] = []): void {
    // No prototype, so that a topic or key such as "__proto__" is an ordinary name.
    const view = Object.create(null) as Record<string, Record<string, CborValue>>;
    for (const { topic, key, value } of entries) {
      view[topic] ??= Object.create(null) as Record<string, CborValue>;
      view[topic][key] = value;
    }
    this.write("view", { view, contributions });
  }

  front(front: NamedFrontierEntry[]): void {
    this.write("front", { front });
  }

  line(event: string, fields: object): void {
    this.write(event, fields);
  }

  answer(event: string, fields: object): void {
    this.write(event, fields);
  }

  status(status: GossipStatus): void {
    this.write("status", { status });
  }

  table(rows: NodeRow[]): void {
    this.write("rows", { rows });
  }

  commandError({ source, number, line, message }: CommandError): void {
    this.write("commandError", { source: source ?? null, number, line, message });
  }

  error(code: GossipErrorCode, error: Error): void {
    this.write("error", { code, message: error.message });
  }

  stop(stats: GossipStats): void {
    this.write("stop", { stats });
  }

  private write(event: string, more: object): void {
    this.writeLine(terminalJson({ event, timeMs: this.elapsedMs(), ...more }));
  }
}
