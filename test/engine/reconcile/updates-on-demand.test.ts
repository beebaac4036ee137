import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/index.js";
import {
  FLAG_MORE, SECTION_RANGE_FINGERPRINTS, SECTION_ROWS, SECTION_ROW_FINGERPRINTS, TYPE_ACK, TYPE_DIFF,
} from "../../../src/engine/wire/frame.js";
import { readGood, tagsOf } from "../wire/frame-support.js";
import { answersTo, counterOf, frameOf, idsIn, nodeWith, peerRow, rowOf } from "../responder.js";

/** The DIFFs that answer an ACK of a peer that shows none of its rows, and holds others. */
function diffsOf(engine: Engine, fields = {}): Uint8Array[] {
  return answersTo(engine, frameOf({ type: TYPE_ACK, inReplyTo: counterOf(engine), counter: 77, ...fields }));
}

/** The row of `rowOf(i)` is an update with so many transmits left. */
function mark(engine: Engine, i: number, transmits: number): void {
  engine.rows.setTransmitsLeft(engine.rows.find(rowOf(i).id), transmits);
}

describe("Updates that SYNs leave out", () => {
  it("they go to a peer whose table differs after its ACK, with MORE in place of fingerprints", () => {
    // Of 41 rows: an update has 5 transmits, and the last two are not for SYNs.
    const engine = nodeWith(40, true);
    mark(engine, 5, 3);
    mark(engine, 6, 2);
    mark(engine, 7, 1);
    const sent = diffsOf(engine);
    assert.deepEqual(sent.map(tagsOf), [[SECTION_ROWS]]);
    assert.deepEqual(idsIn(sent[0]), [1006, 1007]);
    const { type, flags } = readGood(sent[0]);
    assert.deepEqual([type, flags & FLAG_MORE], [TYPE_DIFF, FLAG_MORE]);
    const left = [5, 6, 7].map((i) => engine.rows.transmitsLeft(engine.rows.find(rowOf(i).id)));
    assert.deepEqual(left, [3, 1, 0]);
  });

  it("a node that has none, or more than fit, shows its rows", () => {
    const none = nodeWith(40, true);
    mark(none, 5, 3);
    assert.deepEqual(diffsOf(none).map(tagsOf), [[SECTION_ROW_FINGERPRINTS]]);
    const many = nodeWith(300, true);
    for (let i = 1; i < 300; i++) mark(many, i, 1);
    const sent = diffsOf(many);
    assert.ok(sent.flatMap(tagsOf).includes(SECTION_RANGE_FINGERPRINTS));
    assert.ok(sent.every((bytes) => (readGood(bytes).flags & FLAG_MORE) === 0));
  });

  it("a peer in sync gets none", () => {
    const engine = nodeWith(40, true);
    const own = { ...peerRow, id: 1, revision: engine.revision(), heartbeat: engine.rows.heartbeat(0) };
    const held = [peerRow, own, ...Array.from({ length: 39 }, (_, i) => rowOf(i + 1))];
    mark(engine, 6, 2);
    assert.deepEqual(diffsOf(engine, { held }), []);
  });
});
