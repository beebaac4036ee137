import assert from "node:assert/strict";
import { Engine } from "../../src/engine/index.js";
import { SECTION_ROWS, TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FLAG_LIMITS, FLAG_PROVEN, RowData } from "../../src/engine/table/rows.js";
import { PORT, engineOptions } from "../support/engine-options.js";
import { bareSyn, takeDatagrams } from "../support/engine-outputs.js";
import { type FrameVector, type VectorRow, readGood, sectionsOf, write } from "./wire/frame-support.js";

export const PEER = 0x0a00000b;

/** The row of the peer that sends what `frameOf` makes. */
export const peerRow: VectorRow = {
  id: 11, address: PEER, port: PORT, revision: 3, heartbeat: 50, state: 0, value: "",
};

/** The row of a third node. */
export function rowOf(i: number): VectorRow {
  return { ...peerRow, id: 1000 + i, address: 0x0a000100 + i, heartbeat: i };
}

/**
 * A node with so many rows besides its own, that of the peer and `rowOf(1)` onwards; none is an update, and the limits
 * of all nodes are known.
 */
export function nodeWith(count: number, isProven: boolean, datagramBytesMax = 1200): Engine {
  const engine = new Engine(engineOptions({ capacity: 1200, datagramBytesMax }));
  engine.start(0, 5, true);
  for (let i = 0; i < count; i++) {
    const row = i === 0 ? peerRow : rowOf(i);
    engine.rows.merge(Object.assign(new RowData(), row), new Uint8Array(0));
  }
  for (let slot = 0; slot <= count; slot++) engine.rows.setTransmitsLeft(slot, 0);
  for (let slot = 1; slot <= count; slot++) engine.rows.setFlag(slot, FLAG_LIMITS);
  if (isProven) engine.rows.setFlag(engine.rows.find(peerRow.id), FLAG_PROVEN);
  return engine;
}

/** A frame of the peer, which holds nothing but its own row. */
export function frameOf(fields: Partial<FrameVector>): Uint8Array {
  return write({
    name: "", type: TYPE_SYN, flags: 0, counter: 1, inReplyTo: 0, held: [peerRow], hex: "", ...fields,
  });
}

/** What a node sends for a datagram. */
export function answersTo(engine: Engine, bytes: Uint8Array, address = PEER, nowMs = 10): Uint8Array[] {
  engine.receive(nowMs, address, PORT, bytes, bytes.length);
  const sent = takeDatagrams(engine);
  assert.ok(sent.every(({ to }) => to === address));
  return sent.map((datagram) => datagram.bytes);
}

/** The counter of the node's latest frame, which the node sends for this question. */
export function counterOf(engine: Engine, nowMs = 10): number {
  return readGood(bareSyn(engine, nowMs)).counter;
}

/** Ids of the rows in a datagram, in order. */
export function idsIn(bytes: Uint8Array): number[] {
  return sectionsOf(bytes, SECTION_ROWS).flatMap(({ entries }) => (entries as VectorRow[]).map(({ id }) => id));
}

export function bytesIn(datagrams: Uint8Array[]): number {
  return datagrams.reduce((sum, { length }) => sum + length, 0);
}
