import { valueText } from "../control/value-text.js";
import type { Sealer } from "../../src/engine/wire/sealer.js";
import { frameHead, frameText } from "./frame-text.js";
import type { RecordingEntry, RecordingHead } from "./recording.js";

/** Nodes whose names are remembered. */
const NAMES_MAX = 65536;
/** Addresses whose nodes are remembered, and ids of each: a node that was wiped has another one. */
const ADDRESSES_MAX = 65536;
const IDS_MAX = 8;

/** The entries of a recording as lines for people. */
export class ReplayText {
  private readonly names = new Map<number, string>();

  private readonly ids = new Map<string, number[]>();
  private readonly self: number;
  private readonly sealer: Sealer | undefined;

  /** @param sealer opens sealed datagrams; undefined: only their heads are shown */
  constructor({ node, members }: RecordingHead, sealer?: Sealer) {
    this.self = node.id;
    this.sealer = sealer;
    for (const { id, name, address, port } of members) {
      this.learnName(id, name);
      this.learnAddress(`${address}:${port}`, id);
    }
  }

  headLines({ node, isSealed, members, events, beganMs }: RecordingHead): string[] {
    const sealed = isSealed ? ", sealed" : "";
    return [
      `${this.nameOf(node.id)} at ${node.address}:${node.port}${sealed}, from ${new Date(beganMs).toISOString()} on`,
      `${countText(members.length, "node")}, ${countText(events.length, "event")}`,
    ];
  }

  /** The entry with its time. It takes names and addresses from it first. */
  line(entry: RecordingEntry): string {
    const time = `${(entry.atMs / 1000).toFixed(3).padStart(9)}s`;
    this.learn(entry);
    return `${time}  ${this.text(entry)}`;
  }

  /** Takes names and addresses from an entry, for the lines of all entries. */
  learn(entry: RecordingEntry): void {
    if (entry.kind === "row" || entry.kind === "forgotten") {
      const { id, name, address, port } = entry.row;
      this.learnName(id, name);
      if (typeof address === "string" && typeof port === "number") this.learnAddress(`${address}:${port}`, id);
    } else if (entry.kind === "event") {
      this.learnName(entry.event.author, entry.event.authorName);
    } else if (entry.kind === "datagram" && entry.direction === "in" && this.sealer !== undefined) {
      const head = frameHead(Buffer.from(entry.bytes, "base64"));
      if (head !== undefined) this.learnAddress(`${entry.address}:${entry.port}`, head.id);
    }
  }

  /** The entry without its time. */
  text(entry: RecordingEntry): string {
    switch (entry.kind) {
      case "datagram": {
        const bytes = Buffer.from(entry.bytes, "base64");
        const arrow = entry.direction === "in" ? "<-" : "->";
        const drop = entry.drop === undefined ? "" : `  dropped: ${valueText(entry.drop).slice(1, -1)}`;
        const text = this.datagramText(entry, bytes);
        return `${arrow} ${entry.address}:${entry.port}  ${bytes.length} B  ${text}${drop}`;
      }
      case "row":
      case "forgotten": {
        const { id, state, data } = entry.row;
        return `${entry.kind}  ${this.nameOf(id)} ${valueText(state).slice(1, -1)}  ${valueText(data)}`;
      }
      case "event": {
        const { author, kind, topic, value } = entry.event;
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

  private datagramText({ direction, address, port }: RecordingEntry & { kind: "datagram" }, bytes: Buffer): string {
    const nameOf = (id: number): string => this.nameOf(id);
    if (this.sealer === undefined) return frameText(bytes, nameOf);
    const receivers = direction === "in" ? [this.self] : this.ids.get(`${address}:${port}`) ?? [];
    return frameText(bytes, nameOf, { sealer: this.sealer, receivers });
  }

  private learnAddress(place: string, id: number): void {
    const ids = this.ids.get(place) ?? [];
    if (id === this.self || ids.includes(id) || (ids.length === 0 && this.ids.size === ADDRESSES_MAX)) return;
    this.ids.set(place, [id, ...ids].slice(0, IDS_MAX));
  }

  private nameOf(id: number): string {
    return this.names.get(id) ?? `node ${id}`;
  }

  private learnName(id: number, name: unknown): void {
    if (typeof name === "string" && this.names.size < NAMES_MAX) this.names.set(id, valueText(name).slice(1, -1));
  }
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
