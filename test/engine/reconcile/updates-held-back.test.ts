import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/index.js";
import { SECTION_ROWS, SECTION_ROW_FINGERPRINTS, SECTION_SKETCH, TYPE_DIFF } from "../../../src/engine/wire/frame.js";
import { SKETCH_PAUSE_MAX } from "../../../src/engine/reconcile/summary-writer.js";
import { UPDATE_URGENT } from "../../../src/engine/table/transmits.js";
import { takeDatagrams } from "../../support/engine-outputs.js";
import { type VectorRow, tagsOf } from "../wire/frame-support.js";
import { answersTo, frameOf, idsIn, nodeWith, peerRow, rowOf } from "../responder.js";

const ROWS = 40;
/** So many updates that are not urgent still go unasked. */
const UPDATES_MAX = 8;

/** The rows from `rowOf(1)` on are updates that no frame has carried. */
function markUpdates(engine: Engine, count: number): void {
  for (let i = 1; i <= count; i++) engine.rows.markUpdate(engine.rows.find(rowOf(i).id));
}

/** The rows on each of a node's next SYNs, which go out together. */
function idsOnSyns(engine: Engine): number[][] {
  for (;;) {
    engine.tick(engine.nextDeadline());
    const sent = takeDatagrams(engine);
    if (sent.length > 0) return sent.map(({ bytes }) => idsIn(bytes));
  }
}

describe("Updates that are too many to go unasked", () => {
  it("up to 8 ride along on a SYN; of more none does", () => {
    for (const [updates, sent] of [[UPDATES_MAX, UPDATES_MAX], [UPDATES_MAX + 1, 0], [ROWS - 1, 0]]) {
      const engine = nodeWith(ROWS, true);
      markUpdates(engine, updates);
      assert.equal(idsOnSyns(engine)[0].length, sent, `${updates} updates`);
    }
  });

  it("those that are held back have all their transmits left, and urgent ones ride along", () => {
    const engine = nodeWith(ROWS, true);
    markUpdates(engine, UPDATES_MAX + 2);
    const urgent = engine.rows.find(rowOf(ROWS - 1).id);
    engine.rows.markUrgentUpdate(urgent);
    const before = engine.rows.transmitsLeft(urgent);
    const syns = idsOnSyns(engine);
    for (const ids of syns) assert.deepEqual(ids, [rowOf(ROWS - 1).id]);
    assert.equal(engine.rows.transmitsLeft(urgent), before - syns.length);
    assert.ok(before > UPDATE_URGENT);
    for (let i = 1; i <= UPDATES_MAX + 2; i++) {
      assert.equal(engine.rows.transmitsLeft(engine.rows.find(rowOf(i).id)), engine.rows.transmitsOfUpdate());
    }
  });

  it("an ACK shows all rows in place of them, not by a sketch", () => {
    // The peer lacks all rows.
    for (const [updates, tags] of [
      [UPDATES_MAX, [SECTION_ROWS]], [UPDATES_MAX + 1, [SECTION_ROW_FINGERPRINTS]],
    ] as const) {
      const engine = nodeWith(ROWS, true);
      for (let i = 0; i < SKETCH_PAUSE_MAX; i++) answersTo(engine, frameOf({ type: TYPE_DIFF }));
      markUpdates(engine, updates);
      assert.deepEqual(answersTo(engine, frameOf({})).map(tagsOf), [tags], `${updates} updates`);
    }
    const rested = nodeWith(ROWS, true);
    for (let i = 0; i < SKETCH_PAUSE_MAX; i++) answersTo(rested, frameOf({ type: TYPE_DIFF }));
    assert.deepEqual(answersTo(rested, frameOf({})).map(tagsOf), [[SECTION_SKETCH]]);
  });

  it("updates that the peer just sent do not count", () => {
    const engine = nodeWith(ROWS, true);
    markUpdates(engine, UPDATES_MAX);
    const fresher = [21, 22, 23].map((i): VectorRow => ({ ...rowOf(i), heartbeat: 1000 }));
    const [ack] = answersTo(engine, frameOf({ held: [peerRow, ...fresher], rows: fresher.map(({ id }) => id) }));
    assert.deepEqual(idsIn(ack).sort((a, b) => a - b), Array.from({ length: UPDATES_MAX }, (_, i) => rowOf(i + 1).id));
  });

  it("updates that SYNs leave out do not count either", () => {
    const engine = nodeWith(ROWS, true);
    for (let i = 1; i <= 2 * UPDATES_MAX; i++) {
      engine.rows.setTransmitsLeft(engine.rows.find(rowOf(i).id), engine.rows.transmitsOfUpdate() - 3);
    }
    markUpdates(engine, 2);
    assert.equal(idsOnSyns(engine)[0].length, 2);
  });
});
