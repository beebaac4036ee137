import { readFileSync } from "node:fs";
import { DROP_UNSEALED } from "../../../src/engine/wire/drops.js";
import { FrameReader, SAME_LIMITS } from "../../../src/engine/wire/frame-reader.js";
import { FrameWriter } from "../../../src/engine/wire/frame-writer.js";
import {
  FLAG_ADVERTISED, FLAG_SEALED, NO_NETWORK, SECTION_RANGE_FINGERPRINTS, SECTION_DIGEST, SECTION_ROW_FINGERPRINTS,
  SECTION_INDIRECT_ACK, SECTION_LIMITS, SECTION_PING_REQ, SECTION_ROWS, SECTION_SKETCH, SECTION_WANT, SECTION_WINDOW,
  TYPE_ADVERTISED, TYPE_LEAVE, TYPE_SYN, sectionHead,
} from "../../../src/engine/wire/frame.js";
import { NODE_WORDS, WINDOW } from "../../../src/engine/table/node-words.js";
import { SKETCH_WORDS, sketchRows } from "../../../src/engine/reconcile/sketch.js";
import { writeWindow } from "../../../src/engine/reconcile/window.js";
import { networkHash } from "../../../src/engine/table/hash.js";
import { FLAG_CONFIRMED } from "../../../src/engine/table/row-flags.js";
import { FLAG_ADDRESS_GIVEN, OWN_SLOT, RowData, Rows } from "../../../src/engine/table/rows.js";

export interface VectorRow {
  id: number;
  address: number;
  port: number;
  revision: number;
  heartbeat: number;
  state: number;
  /** CBOR as hex; "" for none. */
  value: string;
  /** Of a node that does not use compact frames. */
  isForeign?: true;
  /** The sender does not hold the node's value. */
  lacksValue?: true;
}

/** A frame in plain words and in bytes. The sender's own row stands first in `held`. */
export interface FrameVector {
  name: string;
  type: number;
  flags: number;
  counter: number;
  inReplyTo: number;
  held: VectorRow[];
  wants?: number[];
  /** Ids of rows in the ROWS section, in order. */
  rows?: number[];
  /** They are updates of nodes that made a statement since they are held: they have checks. */
  updates?: true;
  /** Ranges of keys, one for each DIGEST section. */
  digests?: { from: number; to: number }[];
  /** The base-2 logarithm of the number of range fingerprints. */
  buckets?: number;
  /** Of 2^log ranges of order keys, those whose row fingerprints follow. */
  flat?: { log: number; ranges: number[] };
  probes?: number[];
  heard?: number[];
  /** The sender's valueBytesMax, eventBytesMax and capacity, or those of the answered frame. */
  limits?: [number, number, number] | "same";
  /** How many datagrams the sender takes at a time. */
  window?: number;
  /** The frame has a sketch of all rows held. */
  sketch?: true;
  /** The name of the network of sender and receiver. */
  network?: string;
  /** The frame, in groups for the eye. */
  hex: string;
}

export interface RefusalVector {
  name: string;
  reason: string;
  hex: string;
  /** The name of the receiver's network. */
  network?: string;
}

const file = new URL("../../vectors/frames.json", import.meta.url);
const all = JSON.parse(readFileSync(file, "utf8")) as { frames: FrameVector[]; refusals: RefusalVector[] };
export const frames = all.frames;
export const refusals = all.refusals;

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** @param poolWords as of `Rows` */
export function tableOf(held: VectorRow[], poolWords?: number): Rows {
  const rows = new Rows(held.length, 64, undefined, undefined, poolWords);
  for (const row of held) {
    const value = bytesOf(row.value);
    rows.merge(Object.assign(new RowData(), row, { valueStart: 0, valueLength: value.length }), value);
  }
  return rows;
}

/** Writes the frame that a vector describes. */
export function write(vector: FrameVector): Uint8Array {
  const rows = tableOf(vector.held);
  const writer = new FrameWriter();
  const out = new Uint8Array(1472);
  const network = hashOf(vector.network);
  const isAdvertised = vector.type > TYPE_LEAVE;
  if (isAdvertised) rows.setFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
  const flags = vector.flags | (isAdvertised ? FLAG_ADVERTISED : 0);
  const type = isAdvertised ? vector.type - TYPE_ADVERTISED : vector.type;
  writer.begin(out, out.length, type, flags, rows, vector.counter, vector.inReplyTo, network);
  writeIds(writer, SECTION_WANT, vector.wants);
  if (vector.rows !== undefined) {
    writer.beginRows();
    for (const id of vector.rows) {
      if (vector.updates) rows.setFlag(rows.find(id), FLAG_CONFIRMED);
      writer.writeRow(rows, rows.find(id), vector.updates === true);
    }
    writer.endSection();
  }
  for (const { from, to } of vector.digests ?? []) {
    writer.beginDigest(from);
    for (let place = rows.placeOf(from); place < rows.count && rows.orderKeyAt(place) <= to; place++) {
      writer.writeDigestEntry(rows, rows.slotAt(place));
    }
    writer.endDigest(to);
  }
  if (vector.buckets !== undefined) writer.writeRangeFingerprints(rows, vector.buckets, vector.counter);
  if (vector.flat !== undefined) {
    writer.beginRowFingerprints(vector.flat.log);
    for (const range of vector.flat.ranges) writer.writeRowFingerprints(rows, range, vector.flat.log, vector.counter);
    writer.endRowFingerprints();
  }
  writeIds(writer, SECTION_PING_REQ, vector.probes);
  writeIds(writer, SECTION_INDIRECT_ACK, vector.heard);
  if (vector.limits === "same") writer.u16(sectionHead(SECTION_LIMITS, 0));
  else if (vector.limits !== undefined) writer.writeLimits(...vector.limits, network);
  if (vector.window !== undefined) writeWindow(new Uint32Array(NODE_WORDS).fill(vector.window, WINDOW), writer, 0);
  if (vector.sketch === true) {
    const words = new Uint32Array(SKETCH_WORDS);
    sketchRows(rows, words, 0, vector.counter, false);
    writer.writeSketch(words, 0);
  }
  return out.subarray(0, writer.length());
}

/** A SYN of a node that no table has, with rows about others. */
export function claimsAbout(...about: Partial<VectorRow>[]): Uint8Array {
  const rows = about.map((row) => {
    return { id: 7, address: 7, port: 5000, revision: 0, heartbeat: 0, state: 0, value: "", ...row };
  });
  const sender: VectorRow = { id: 250, address: 250, port: 5000, revision: 1, heartbeat: 0, state: 0, value: "" };
  return write({
    name: "", type: TYPE_SYN, flags: 0, counter: 1, inReplyTo: 0, held: [sender, ...rows],
    rows: rows.map(({ id }) => id), hex: "",
  });
}

function writeIds(writer: FrameWriter, section: number, ids: number[] | undefined): void {
  if (ids === undefined) return;
  writer.beginIds(section);
  for (const id of ids) writer.writeId(id);
  writer.endSection();
}

export interface Section {
  tag: number;
  entries: unknown[];
  /** Of a DIGEST. */
  from?: number;
  to?: number;
  /** Of row fingerprints. */
  log?: number;
}

/** The content of a good frame. */
export interface ReadFrame {
  type: number;
  flags: number;
  id: number;
  revision: number;
  counter: number;
  heartbeat: number;
  /** The first word and the low half of the second; none in an ACK in sync. */
  tableHash: number[];
  inReplyTo: number;
  sections: Section[];
}

/** Hash of a network's name. */
export function hashOf(network: string | undefined): number {
  return network === undefined ? NO_NETWORK : networkHash(new TextEncoder().encode(network));
}

/** The content of a frame, read through `bytes` by a node of a network; or the drop reason. */
export function read(bytes: Uint8Array, length: number, network?: string): ReadFrame | number {
  const reader = new FrameReader();
  reader.network = hashOf(network);
  const row = new RowData();
  const reason = reader.parse(bytes, length, row);
  if (reason !== 0) return reason;
  // As a node without a key does.
  if ((reader.flags & FLAG_SEALED) !== 0) return DROP_UNSEALED;
  const sections: Section[] = [];
  reader.rewind();
  while (reader.nextSection()) {
    const entries: unknown[] = [];
    while (reader.section <= SECTION_INDIRECT_ACK && reader.more()) entries.push(readEntry(reader, row, bytes));
    if (reader.section === SECTION_LIMITS && reader.limits === SAME_LIMITS) entries.push("same");
    else if (reader.section === SECTION_LIMITS) {
      entries.push(reader.valueBytesMax(), reader.eventBytesMax(), reader.capacity());
    }
    if (reader.section === SECTION_WINDOW) entries.push(reader.u8());
    while (reader.section === SECTION_SKETCH && reader.more()) entries.push(reader.u8());
    sections.push({ tag: reader.section, entries, ...sectionStart(reader) });
  }
  const { id, revision, counter, heartbeat, inReplyTo } = reader;
  const type = reader.type + ((reader.flags & FLAG_ADVERTISED) === 0 ? 0 : TYPE_ADVERTISED);
  const flags = reader.flags & 0xff;
  const tableHash = reader.isAckInSync() ? [] : [reader.tableHashFirst | 0, reader.tableHashSecond];
  return { type, flags, id, revision, counter, heartbeat, tableHash, inReplyTo, sections };
}

export function readGood(bytes: Uint8Array, network?: string): ReadFrame {
  const frame = read(bytes, bytes.length, network);
  if (typeof frame === "number") throw new Error(`refused for reason ${frame}`);
  return frame;
}

/** The sections of a good frame that have a tag. */
export function sectionsOf(bytes: Uint8Array, tag: number): Section[] {
  return readGood(bytes).sections.filter((section) => section.tag === tag);
}

/** The tags of a good frame's sections. */
export function tagsOf(bytes: Uint8Array): number[] {
  return readGood(bytes).sections.map(({ tag }) => tag);
}

function sectionStart(reader: FrameReader): { from?: number; to?: number; log?: number } {
  if (reader.section === SECTION_DIGEST) return { from: reader.digestFrom, to: reader.digestTo };
  return reader.section === SECTION_ROW_FINGERPRINTS ? { log: reader.rangesLog() } : {};
}

function readEntry(reader: FrameReader, row: RowData, bytes: Uint8Array): unknown {
  if (reader.section === SECTION_RANGE_FINGERPRINTS) return reader.readFingerprint();
  if (reader.section === SECTION_ROW_FINGERPRINTS) {
    const [range, count, roster] = [reader.varint(), reader.varint(), reader.u8()];
    return { range, roster, bytes: Array.from({ length: count }, () => reader.readFingerprint()) };
  }
  if (reader.section === SECTION_ROWS) {
    reader.readRow(row);
    const { id, address, port, revision, heartbeat, state } = row;
    const value = hexOf(bytes.subarray(row.valueStart, row.valueStart + row.valueLength));
    const flags = { ...row.isForeign && { isForeign: true }, ...row.lacksValue && { lacksValue: true } };
    return { id, address, port, revision, heartbeat, state, value, ...flags };
  }
  if (reader.section !== SECTION_DIGEST) return reader.readId();
  reader.readDigestEntry(row);
  const { id, revision, heartbeat, state } = row;
  return { id, revision, heartbeat, state };
}
