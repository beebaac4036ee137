import assert from "node:assert/strict";
import fc from "fast-check";
import { dropReasonName } from "../../../src/engine/wire/drops.js";
import { FrameWriter } from "../../../src/engine/wire/frame-writer.js";
import { TYPE_ACK, TYPE_LEAVE } from "../../../src/engine/wire/frame.js";
import { TableHash, orderKey } from "../../../src/engine/table/hash.js";
import { CHECKED } from "../../../src/engine/table/row-data.js";
import { propertyOptions } from "../../support/random.js";
import { REMOVE } from "../../../src/engine/table/states.js";
import {
  type FrameVector, type VectorRow, bytesOf, frames, hexOf, read, refusals, tableOf, write,
} from "./frame-support.js";

/** The rows that a digest of a range is about, in order. */
function heldBetween(vector: FrameVector, from: number, to: number): VectorRow[] {
  return vector.held
    .filter((row) => row.state !== REMOVE && orderKey(row.id) >= from && orderKey(row.id) <= to)
    .sort((a, b) => orderKey(a.id) - orderKey(b.id));
}

/** By PROTOCOL.md 3.2, from hashes of single rows. */
function fingerprint(rows: VectorRow[], counter: number): number {
  return Number(print(rows, counter) & 0xffn);
}

function print(rows: VectorRow[], counter: number): bigint {
  const sum = new TableHash();
  for (const row of rows) sum.add(row.id, row.revision, row.heartbeat, row.state);
  const turn = BigInt(counter % 32);
  const second = BigInt(sum.second >>> 0);
  return BigInt(sum.first >>> 0) + ((second << turn) | (second >> (32n - turn)));
}

/** The octets of a sketch, by PROTOCOL.md 5.3. */
function sketch(rows: VectorRow[], counter: number): number[] {
  return [0, ...Array.from({ length: 12 }, (_, power) => {
    const syndrome = rows.reduce((sum, row) => {
      const place = BigInt(orderKey(row.id) >>> 17) % 32748n + 1n;
      return sum + (print([row], counter) & 0x7fffn) * place ** BigInt(power);
    }, 0n) % 32749n;
    return [Number(syndrome >> 8n), Number(syndrome & 0xffn)];
  }).flat()];
}

/** Also by PROTOCOL.md 3.2. */
function roster(rows: VectorRow[]): number {
  const sum = Number(rows.reduce((all, row) => all + BigInt(orderKey(row.id)), 0n) % (1n << 32n));
  return ((sum & 0xffff) ^ Math.floor(sum / 0x10000)) & 0xff;
}

function rangeOf(range: number, log: number): [number, number] {
  const width = 2 ** (32 - log);
  return [range * width, (range + 1) * width - 1];
}

/** The content of a vector, in the form that `read` returns. */
function expected(vector: FrameVector): unknown {
  const own = vector.held[0];
  const rows = tableOf(vector.held);
  const sections: unknown[] = [];
  if (vector.wants !== undefined) sections.push({ tag: 1, entries: vector.wants });
  if (vector.rows !== undefined) {
    // The sender's own row comes without an address.
    const entries = vector.rows.map((id) => {
      const isOfSource = id === own.id && vector.type <= TYPE_LEAVE;
      if (isOfSource) return { ...own, address: 0, port: 0 };
      const row = vector.held.find((each) => each.id === id)!;
      return vector.updates && !row.isForeign ? { ...row, address: 0, port: CHECKED | check(row), revision: 0 } : row;
    });
    sections.push({ tag: 2, entries });
  }
  for (const { from, to } of vector.digests ?? []) {
    const entries = heldBetween(vector, from, to)
      .map(({ id, revision, heartbeat, state }) => ({ id, revision, heartbeat, state }));
    sections.push({ tag: 3, entries, from, to });
  }
  const log = vector.buckets;
  if (log !== undefined) {
    const entries = Array.from({ length: 2 ** log }, (_, range) => {
      return fingerprint(heldBetween(vector, ...rangeOf(range, log)), vector.counter);
    });
    sections.push({ tag: 4, entries });
  }
  if (vector.flat !== undefined) sections.push(expectedRowFingerprints(vector, vector.flat));
  if (vector.probes !== undefined) sections.push({ tag: 6, entries: vector.probes });
  if (vector.heard !== undefined) sections.push({ tag: 7, entries: vector.heard });
  if (vector.limits !== undefined) sections.push({ tag: 13, entries: [vector.limits].flat() });
  if (vector.window !== undefined) sections.push({ tag: 18, entries: [vector.window] });
  if (vector.sketch === true) {
    sections.push({ tag: 19, entries: sketch(heldBetween(vector, ...rangeOf(0, 0)), vector.counter) });
  }
  const isInSync = vector.type === TYPE_ACK && (vector.flags & 0x20) !== 0;
  return {
    type: vector.type, flags: vector.flags, id: own.id, revision: own.revision, counter: vector.counter,
    heartbeat: own.heartbeat,
    tableHash: isInSync ? [] : [rows.tableHash.first, rows.tableHash.second & 0xffff],
    inReplyTo: vector.inReplyTo, sections,
  };
}

/** PROTOCOL 3.1, by its formula: the sum of octets, each times a power of 2 x heartbeat + 1, modulo 256. */
function check({ address, port, revision, heartbeat }: VectorRow): number {
  const octets = [address >>> 24, address >>> 16, address >>> 8, address, port >>> 8, port, revision];
  const factor = BigInt(2 * heartbeat + 1);
  const sum = octets.reduce((all, octet, at) => all + BigInt(octet & 0xff) * factor ** BigInt(6 - at), 0n);
  return Number(sum % 256n);
}

function expectedRowFingerprints(vector: FrameVector, { log, ranges }: { log: number; ranges: number[] }): unknown {
  const entries = ranges.map((range) => {
    const rows = heldBetween(vector, ...rangeOf(range, log));
    return { range, roster: roster(rows), bytes: rows.map((row) => fingerprint([row], vector.counter)) };
  });
  return { tag: 5, entries, log };
}

describe("FrameWriter and FrameReader", () => {
  for (const vector of frames) {
    it(`the writer writes the bytes of the vector: ${vector.name}`, () => {
      assert.equal(hexOf(write(vector)), hexOf(bytesOf(vector.hex)));
    });

    it(`the reader reads the vector: ${vector.name}`, () => {
      const bytes = bytesOf(vector.hex);
      assert.deepEqual(read(bytes, bytes.length, vector.network), expected(vector));
    });
  }

  for (const { name, reason, hex, network } of refusals) {
    it(`the reader refuses, as ${reason}: ${name}`, () => {
      const bytes = bytesOf(hex);
      const result = read(bytes, bytes.length, network);
      assert.equal(typeof result === "number" ? dropReasonName(result) : "taken in", reason);
    });
  }

  it("the reader takes a DIGEST with tombstones, which this engine does not write", () => {
    const head = bytesOf(frames[0].hex).subarray(0, 15);
    for (const state of [4, 5]) {
      const digest = bytesOf(`180f 00000000 ffffffff 24a01f03 0${state} 02 0a`);
      const frame = read(new Uint8Array([...head, ...digest]), head.length + digest.length);
      assert.ok(typeof frame !== "number", `refused for reason ${JSON.stringify(frame)}`);
      assert.deepEqual(frame.sections[0].entries, [{ id: 0x24a01f03, revision: 2, heartbeat: 10, state }]);
    }
  });

  it("the reader passes over unknown sections", () => {
    const good = bytesOf(frames[0].hex);
    const frame = read(new Uint8Array([...good, 0x40, 2, 1, 2, 0xf8, 0]), good.length + 6);
    assert.ok(typeof frame !== "number");
    assert.deepEqual(frame.sections, [{ tag: 8, entries: [] }, { tag: 31, entries: [] }]);
  });

  it("the vectors have each drop reason that a frame's bytes can cause", () => {
    const seen = new Set(refusals.map((vector) => vector.reason));
    const all = ["length", "magic", "network", "row", "section", "type", "unsealed", "value", "version"];
    assert.deepEqual([...seen].sort(), all);
  });
});

/** Bytes in the middle of a larger buffer whose surroundings must not matter. */
function readAmid(bytes: Uint8Array, length: number, filling: number): unknown {
  const strays: number[] = [];
  const buffer = new Uint8Array(bytes.length + 32).fill(filling);
  buffer.set(bytes.subarray(0, length));
  const watched = new Proxy(buffer, {
    get(target, property) {
      const index = typeof property === "string" ? Number(property) : NaN;
      if (index >= length) strays.push(index);
      const found: unknown = Reflect.get(target, property, target);
      return typeof found === "function" ? (found as () => unknown).bind(target) : found;
    },
  });
  const result = read(watched, length);
  assert.deepEqual(strays, [], "read past the end");
  return result;
}

function assertRefusedOrValid(bytes: Uint8Array, length: number): void {
  const result = readAmid(bytes, length, 0x00);
  assert.deepEqual(result, readAmid(bytes, length, 0xff));
  if (typeof result === "number") assert.notEqual(dropReasonName(result), "none");
}

describe("FrameReader: damaged frames", () => {
  for (const vector of frames) {
    const bytes = bytesOf(vector.hex);

    it(`the reader refuses every truncation or reads it as a frame: ${vector.name}`, () => {
      for (let length = 0; length < bytes.length; length++) assertRefusedOrValid(bytes, length);
    });

    it(`the reader refuses every single-bit flip or reads it as a frame: ${vector.name}`, () => {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        assertRefusedOrValid(flipped, flipped.length);
      }
    });
  }

  it("the reader refuses random bytes behind a good head or reads them as a frame", () => {
    const head = bytesOf(frames[0].hex);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (tail) => {
      assertRefusedOrValid(new Uint8Array([...head, ...tail]), head.length + tail.length);
    }), propertyOptions(2000));
  });

  it("the reader refuses sections of random content or reads them as a frame", () => {
    const head = bytesOf(frames[0].hex);
    const section = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.uint8Array({ maxLength: 40 }));
    fc.assert(fc.property(fc.array(section, { maxLength: 4 }), (sections) => {
      const bytes = sections.flatMap(([tag, content]) => [tag << 3, content.length, ...content]);
      assertRefusedOrValid(new Uint8Array([...head, ...bytes]), head.length + bytes.length);
    }), propertyOptions(2000));
  });
});

describe("FrameWriter: room", () => {
  /** How many rows of one /24 network a datagram holds, with heartbeats below 4.5 hours. */
  function rowsIn(datagramBytesMax: number, value: string): number {
    const held = Array.from({ length: 200 }, (_, i) => ({
      id: (i * 0x9e3779b1) >>> 0, address: 0xc0a80001 + i, port: 5000, revision: 100, heartbeat: 16383, state: 0, value,
    }));
    const rows = tableOf(held);
    const writer = new FrameWriter();
    writer.begin(new Uint8Array(1472), datagramBytesMax, 2, 0, rows, 1000, 1000);
    writer.beginRows();
    let written = 0;
    while (written < rows.count && writer.writeRow(rows, rows.slotAt(written), false)) written++;
    return written;
  }

  it("a frame of 1,200 bytes has room for 100 rows, or for 80 with a temperature", () => {
    assert.ok(rowsIn(1200, "") >= 100, `${rowsIn(1200, "")} rows`);
    assert.ok(rowsIn(1200, "f94d60") >= 80, `${rowsIn(1200, "f94d60")} rows`);
  });

  it("the smallest datagram has room for a row with a value", () => {
    assert.ok(rowsIn(128, "58" + "1e" + "00".repeat(30)) >= 1);
  });
});

describe("FrameWriter: the table hash", () => {
  it("the table hash in a frame is that of the rows alone", () => {
    const tableHash = new TableHash();
    for (const row of frames[1].held) tableHash.add(row.id, row.revision, row.heartbeat, row.state);
    const bytes = bytesOf(frames[1].hex);
    const view = new DataView(bytes.buffer);
    assert.equal(view.getInt32(9), tableHash.first);
    assert.equal(view.getInt16(13) & 0xffff, tableHash.second & 0xffff);
  });
});
