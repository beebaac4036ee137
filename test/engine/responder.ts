import assert from "node:assert/strict";
import { Engine, OWN_SLOT } from "../../src/engine/index.js";
import { Random } from "../../src/engine/random.js";
import { TYPE_SYN } from "../../src/engine/wire/frame.js";
import { FLAG_PROVEN, RowData } from "../../src/engine/table/rows.js";
import { type FrameVector, type VectorRow, write } from "./wire/frame-support.js";

export const PORT = 5000;
export const PEER = 0x0a00000b;
export const INTERVAL_MS = 10000;

/** The row of the peer that sends what `frameOf` makes. */
export const peerRow: VectorRow = {
  id: 11, address: PEER, port: PORT, revision: 3, heartbeat: 50, state: 0, value: "",
};

/** The row of a third node. */
export function rowOf(i: number): VectorRow {
  return { ...peerRow, id: 1000 + i, address: 0x0a000100 + i, heartbeat: i };
}

/** A node with so many rows besides its own, that of the peer and `rowOf(1)` and so on; none is news. */
export function nodeWith(count: number, isProven: boolean, datagramBytesMax = 1200): Engine {
  const engine = new Engine({
    id: 1, address: 1, port: PORT, capacity: 1200, valueBytesMax: 32, datagramBytesMax, roundIntervalMs: INTERVAL_MS,
    removeAfterMs: 86400000, seedCapacity: 4, broadcastAddress: 0xffffffff, randomSeed: 1,
  });
  engine.start(0, 5, true);
  for (let i = 0; i < count; i++) {
    const row = i === 0 ? peerRow : rowOf(i);
    engine.mergeRow(Object.assign(new RowData(), row), new Uint8Array(0));
  }
  for (let slot = 0; slot <= count; slot++) engine.rows.setTransmitsLeft(slot, 0);
  if (isProven) engine.rows.setFlag(engine.rows.find(peerRow.id), FLAG_PROVEN);
  return engine;
}

/** A frame of the peer, which holds nothing but its own row. */
export function frameOf(fields: Partial<FrameVector>): Uint8Array {
  return write({
    name: "", type: TYPE_SYN, flags: 0, counter: 1, inReplyTo: 0, held: [peerRow], hex: "", ...fields,
  });
}

/** Counter of the last frame of a node that started with a remembered revision and this random seed. */
export function counterOf({ rows, stats }: Engine, randomSeed = 1): number {
  const first = new Random(randomSeed, rows.id(OWN_SLOT)).below(0x8000000);
  return (first + stats.datagramsSent()) >>> 0;
}

/** What a node sends for a datagram. */
export function answersTo(engine: Engine, bytes: Uint8Array, address = PEER, nowMs = 10): Uint8Array[] {
  const out = { bytes: new Uint8Array(1472), length: 0, address: 0, port: 0 };
  const sent: Uint8Array[] = [];
  engine.receive(nowMs, address, PORT, bytes, bytes.length);
  while (engine.pollTransmit(out)) {
    assert.equal(out.address, address);
    sent.push(out.bytes.slice(0, out.length));
  }
  return sent;
}

export function bytesIn(datagrams: Uint8Array[]): number {
  return datagrams.reduce((sum, { length }) => sum + length, 0);
}
