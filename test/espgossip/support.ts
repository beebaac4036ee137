import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { decodeCbor, encodeCbor } from "../../src/cbor/cbor.js";
import type { EngineOptions, NodeEngine, Rows } from "../../src/engine/index.js";
import { RowData } from "../../src/engine/table/rows.js";
import type { EspGossipRow } from "../../src/espgossip/facade.js";
import { ROW_BAD, ROW_GOOD, ROW_INCOMPLETE, ROW_NONE, StateReader } from "../../src/espgossip/state-reader.js";
import { PORT, engineOptions } from "../support/engine-options.js";
import { takeDatagrams, takeNotifications } from "../support/engine-outputs.js";

export const OWN = "192.168.0.53";

/** Options of a node of ESPGossip's dialect, whose id is its address. */
export function boardOptions(options: Partial<EngineOptions> = {}): EngineOptions {
  return engineOptions({ id: parseAddress(OWN), address: parseAddress(OWN), valueBytesMax: 255, ...options });
}

export function bytesOfText(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** A row as `StateReader` reads it. */
export interface ReadRow {
  found: number;
  id?: string;
  revision?: number;
  heartbeat?: number;
  state?: number;
  data?: unknown;
}

/** All that a datagram says, or the drop reason. */
export function readAll(bytes: Uint8Array, length = bytes.length, refuseNegative = true): number | ReadRow[] {
  const reader = new StateReader(refuseNegative);
  const refused = reader.parse(bytes, length);
  if (refused !== 0) return refused;
  const rows: ReadRow[] = [];
  const row = new RowData();
  const value = new Uint8Array(255);
  reader.rewind();
  for (let found = reader.nextRow(row); found !== ROW_NONE; found = reader.nextRow(row)) {
    if (found !== ROW_GOOD) {
      rows.push({ found });
      continue;
    }
    const { id, revision, heartbeat, state } = row;
    const read: ReadRow = { found, id: formatAddress(id), revision, heartbeat, state };
    if (reader.readData(row, value) === 0 && row.valueLength > 0) {
      const result = decodeCbor(value, 0, row.valueLength);
      read.data = result.ok ? result.value : "no CBOR";
    }
    rows.push(read);
  }
  return rows;
}

export const FOUND = { none: ROW_NONE, good: ROW_GOOD, incomplete: ROW_INCOMPLETE, bad: ROW_BAD };

export interface SentText { to: string; port: number; text: string; bytes: Uint8Array }

/**
 * One engine whose peers are the test itself: it writes what they say as JSON
 * and reads what the engine sends as text. For nodes that hear each other there
 * is `EngineNetwork`.
 */
export class Driven<E extends NodeEngine> {
  nowMs = 0;
  readonly sent: SentText[] = [];
  readonly events: { kind: number; slot: number }[] = [];

  constructor(readonly engine: E) {}

  start(revision = 0): this {
    this.engine.start(this.nowMs, revision, true);
    this.drain();
    return this;
  }

  hear(from: string, datagram: unknown): void {
    this.hearBytes(from, bytesOfText(typeof datagram === "string" ? datagram : JSON.stringify(datagram)));
  }

  hearBytes(from: string, bytes: Uint8Array): void {
    this.engine.receive(this.nowMs, parseAddress(from), PORT, bytes, bytes.length);
    this.drain();
  }

  publish(value: unknown, to = 0): void {
    const bytes = new Uint8Array(255);
    const length = value === undefined ? 0 : encodeCbor(value, bytes, 0);
    this.engine.publish(this.nowMs, bytes, length, to, to === 0 ? 0 : PORT);
    this.drain();
  }

  /** Lets time pass, ticking when it is due. */
  run(ms: number): void {
    const end = this.nowMs + ms;
    for (let next = this.engine.nextDeadline(); next <= end; next = this.engine.nextDeadline()) {
      this.nowMs = Math.max(this.nowMs, next);
      this.engine.tick(this.nowMs);
      this.drain();
    }
    this.nowMs = end;
  }

  /** The datagrams in JSON since the last call, without those to others. */
  takeJson(to?: string): Record<string, unknown>[] {
    const all = this.sent.splice(0).filter((sent) => sent.text.startsWith("{") && (to === undefined || sent.to === to));
    return all.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  }

  private drain(): void {
    this.events.push(...takeNotifications(this.engine));
    for (const { to, port, bytes } of takeDatagrams(this.engine)) {
      this.sent.push({ to: formatAddress(to), port, bytes, text: Buffer.from(bytes).toString() });
    }
  }
}

/** A row of a table, in plain words. */
export function rowIn(rows: Rows, id: number): EspGossipRow | undefined {
  const slot = rows.find(id);
  if (slot < 0) return undefined;
  const row: EspGossipRow = {
    revision: rows.revision(slot), heartbeat: rows.heartbeat(slot), state: rows.state(slot),
  };
  const start = rows.valueStart(slot);
  const result = decodeCbor(rows.valueBytes(), start, start + rows.valueLength(slot));
  if (rows.valueLength(slot) > 0 && result.ok) row.data = result.value;
  return row;
}
