import { valueText } from "./value-text.js";
import { frameText } from "./frame-text.js";
import type { RecordingEntry, RecordingHead } from "./recording.js";

/** Nodes whose names are remembered. */
const NAMES_MAX = 65536;

/** The entries of a recording as lines for people. */
export class ReplayText {
  private readonly names = new Map<number, string>();

  constructor({ members }: RecordingHead) {
    for (const { id, name } of members) this.learn(id, name);
  }

  headLines({ node, isSealed, members, events, beganMs }: RecordingHead): string[] {
    const sealed = isSealed ? ", sealed" : "";
    return [
      `${this.nameOf(node.id)} at ${node.address}:${node.port}${sealed}, from ${new Date(beganMs).toISOString()} on`,
      `${members.length} nodes, ${events.length} events`,
    ];
  }

  line(entry: RecordingEntry): string {
    const time = `${(entry.atMs / 1000).toFixed(3).padStart(9)}s`;
    return `${time}  ${this.textOf(entry)}`;
  }

  private textOf(entry: RecordingEntry): string {
    switch (entry.kind) {
      case "datagram": {
        const bytes = Buffer.from(entry.bytes, "base64");
        const arrow = entry.direction === "in" ? "<-" : "->";
        const drop = entry.drop === undefined ? "" : `  dropped: ${valueText(entry.drop).slice(1, -1)}`;
        const text = frameText(bytes, (id) => this.nameOf(id));
        return `${arrow} ${entry.address}:${entry.port}  ${bytes.length} B  ${text}${drop}`;
      }
      case "row":
      case "forgotten": {
        const { id, name, state, data } = entry.row;
        this.learn(id, name);
        return `${entry.kind}  ${this.nameOf(id)} ${valueText(state).slice(1, -1)}  ${valueText(data)}`;
      }
      case "event": {
        const { author, authorName, kind, topic, value } = entry.event;
        this.learn(author, authorName);
        return `event  ${this.nameOf(author)} ${valueText(kind).slice(1, -1)} ${valueText(topic)}  ${valueText(value)}`;
      }
      case "input":
        return `input  ${valueText(entry.method).slice(1, -1)} ${valueText(entry.params)}`;
      case "stats": {
        const { datagramsSent, bytesSent, datagramsReceived, bytesReceived } = entry.stats;
        const sent = `sent ${datagramsSent} datagrams, ${bytesSent} B`;
        return `stats  ${sent}; received ${datagramsReceived}, ${bytesReceived} B`;
      }
      case "skipped":
        return `skipped  ${entry.count} changes are missing`;
    }
  }

  private nameOf(id: number): string {
    return this.names.get(id) ?? `node ${id}`;
  }

  private learn(id: number, name: unknown): void {
    if (typeof name === "string" && this.names.size < NAMES_MAX) this.names.set(id, valueText(name).slice(1, -1));
  }
}
