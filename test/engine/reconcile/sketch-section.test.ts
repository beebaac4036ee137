import assert from "node:assert/strict";
import { Engine } from "../../../src/engine/index.js";
import { SKETCH_PAUSE_MAX } from "../../../src/engine/reconcile/summary-writer.js";
import {
  ROWS_IN_SKETCH, SECTION_DIGEST, SECTION_RANGE_FINGERPRINTS, SECTION_ROWS, SECTION_ROW_FINGERPRINTS, SECTION_SKETCH,
  TYPE_ACK, TYPE_DIFF,
} from "../../../src/engine/wire/frame.js";
import { RowData } from "../../../src/engine/table/rows.js";
import { engineOptions } from "../../support/engine-options.js";
import { type VectorRow, bytesOf, readGood, sectionsOf, tagsOf } from "../wire/frame-support.js";
import { answersTo, bytesIn, counterOf, frameOf, nodeWith, peerRow, rowOf } from "../responder.js";

/** The rows that `nodeWith(count)` holds, its own first after the peer's. */
function allRows(engine: Engine, count: number): VectorRow[] {
  const own = { ...peerRow, id: 1, revision: engine.revision(), heartbeat: engine.rows.heartbeat(0), value: "" };
  return [peerRow, own, ...Array.from({ length: count - 1 }, (_, i) => rowOf(i + 1))];
}

/** The node gets so many frames that say nothing new. */
function rest(engine: Engine, inputs: number, held: VectorRow[]): void {
  for (let i = 0; i < inputs; i++) answersTo(engine, frameOf({ type: TYPE_DIFF, held }));
}

/** A node that knows its peers for long. */
function restedNode(count: number, isProven = true): Engine {
  const engine = nodeWith(count, isProven);
  rest(engine, SKETCH_PAUSE_MAX + 1, allRows(engine, count));
  return engine;
}

/** The rows with these numbers are older. */
function older(rows: VectorRow[], count: number): VectorRow[] {
  return rows.map((row, i) => i >= 10 && i < 10 + count ? { ...row, heartbeat: row.heartbeat - 1 } : row);
}

function ackOf(engine: Engine, held: VectorRow[], fields = {}): Uint8Array {
  return frameOf({ type: TYPE_ACK, inReplyTo: counterOf(engine), counter: 77, held, sketch: true, ...fields });
}

function idsIn(sent: Uint8Array[]): number[] {
  return sent.flatMap((bytes) => sectionsOf(bytes, SECTION_ROWS))
    .flatMap(({ entries }) => (entries as VectorRow[]).map(({ id }) => id)).sort((a, b) => a - b);
}

describe("SKETCH", () => {
  it("a node shows its rows by a sketch once it knows its peers for a while", () => {
    const engine = nodeWith(60, true);
    const held = allRows(engine, 60);
    rest(engine, SKETCH_PAUSE_MAX - 1, held);
    assert.deepEqual(answersTo(engine, frameOf({ held: older(held, 3) })).map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
    assert.deepEqual(answersTo(engine, frameOf({ held: older(held, 3) })).map(tagsOf), [[SECTION_SKETCH]]);
  });

  it("a node with a new row, or whose sketch was too small, waits again", () => {
    const engine = restedNode(60);
    const held = allRows(engine, 60);
    const syn = frameOf({ held: older(held, 8) });
    const [ack] = answersTo(engine, syn);
    assert.deepEqual(tagsOf(ack), [SECTION_SKETCH]);
    const { counter } = readGood(ack);
    // An answer to another frame says nothing about the sketch.
    answersTo(engine, frameOf({ type: TYPE_DIFF, inReplyTo: counter - 1, held, flat: { log: 0, ranges: [0] } }));
    assert.deepEqual(answersTo(engine, syn).map(tagsOf), [[SECTION_SKETCH]]);
    const small = readGood(answersTo(engine, syn)[0]).counter;
    answersTo(engine, frameOf({ type: TYPE_DIFF, inReplyTo: small, held, flat: { log: 0, ranges: [0] } }));
    rest(engine, SKETCH_PAUSE_MAX - 2, held);
    assert.deepEqual(answersTo(engine, syn).map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
    rest(engine, 1, held);
    assert.deepEqual(answersTo(engine, syn).map(tagsOf), [[SECTION_SKETCH]]);
    engine.rows.merge(Object.assign(new RowData(), rowOf(900)), new Uint8Array(0));
    engine.rows.setTransmitsLeft(engine.rows.find(rowOf(900).id), 0);
    assert.deepEqual(answersTo(engine, syn).map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
  });

  it("a node with fewer than 32 rows sends none", () => {
    for (const [count, tag] of [[30, SECTION_ROW_FINGERPRINTS], [31, SECTION_SKETCH]]) {
      const engine = restedNode(count);
      assert.deepEqual(answersTo(engine, frameOf({ held: older(allRows(engine, count), 2) })).map(tagsOf), [[tag]]);
    }
  });

  it("a node sends the rows that a sketch shows, also those that its sender lacks", () => {
    for (const count of [40, 300]) {
      const engine = nodeWith(count, true);
      const held = allRows(engine, count);
      const wanted = held.slice(10, 10 + ROWS_IN_SKETCH).map(({ id }) => id).sort((a, b) => a - b);
      for (const less of [older(held, ROWS_IN_SKETCH), held.filter(({ id }) => !wanted.includes(id))]) {
        assert.deepEqual(idsIn(answersTo(engine, ackOf(engine, less))), wanted);
      }
    }
  });

  it("the sender of a sketch that shows all holds the other rows; one that is too small says nothing", () => {
    for (const [differing, left] of [[ROWS_IN_SKETCH, 4], [ROWS_IN_SKETCH + 3, 5]]) {
      const engine = nodeWith(60, true);
      const held = allRows(engine, 60);
      const slot = engine.rows.find(held[30].id);
      engine.rows.setTransmitsLeft(slot, 5);
      answersTo(engine, ackOf(engine, older(held, differing)));
      assert.equal(engine.rows.transmitsLeft(slot), left, `${differing} rows differ`);
    }
  });

  it("a node describes all its rows when a sketch was too small, or shows rows that it lacks", () => {
    const engine = nodeWith(300, true);
    const held = allRows(engine, 300);
    const summaries = [older(held, ROWS_IN_SKETCH + 1), [...held, rowOf(700)]].map((rows) => {
      return answersTo(engine, ackOf(engine, rows)).map(tagsOf);
    });
    assert.deepEqual(summaries, [[[SECTION_RANGE_FINGERPRINTS]], [[SECTION_RANGE_FINGERPRINTS]]]);
  });

  it("a node passes over a sketch of another length, in a DIFF, or if it has no room for 32 rows", () => {
    const engine = nodeWith(60, true);
    const held = older(allRows(engine, 60), 2);
    const bare = ackOf(engine, held, { sketch: undefined });
    for (const bytes of ["00", "0001", "00".repeat(24), "00".repeat(26)]) {
      const section = bytesOf(`98${(bytes.length / 2).toString(16).padStart(2, "0")}${bytes}`);
      const sent = answersTo(engine, new Uint8Array([...bare, ...section]));
      assert.deepEqual(sent.map(tagsOf), [[SECTION_ROW_FINGERPRINTS]], bytes);
    }
    assert.deepEqual(answersTo(engine, ackOf(engine, held, { type: TYPE_DIFF })), []);
    const small = new Engine(engineOptions({ capacity: 4 }));
    small.start(0, 5, true);
    small.rows.merge(Object.assign(new RowData(), peerRow), new Uint8Array(0));
    const tags = answersTo(small, ackOf(small, held)).flatMap(tagsOf);
    assert.ok(tags.includes(SECTION_DIGEST), tags.join());
  });

  it("a node sends an address that is not proven at most three times its bytes", () => {
    const engine = restedNode(200, false);
    const held = older(allRows(engine, 200), ROWS_IN_SKETCH);
    // Counters begin at random, mostly with four bytes.
    const syn = frameOf({ counter: 0x7000000, held });
    const sent = answersTo(engine, syn);
    assert.deepEqual([sent.map(tagsOf), bytesIn(sent) <= 3 * syn.length], [[[SECTION_SKETCH]], true]);
    const ack = frameOf({ type: TYPE_ACK, inReplyTo: 1, held, sketch: true });
    assert.ok(bytesIn(answersTo(nodeWith(200, false), ack)) <= 3 * ack.length);
  });
});
