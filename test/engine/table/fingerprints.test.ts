import assert from "node:assert/strict";
import {
  rangeFingerprint, countBetween, rosterFingerprint,
} from "../../../src/engine/table/fingerprints.js";
import { orderKey } from "../../../src/engine/table/hash.js";
import type { Rows } from "../../../src/engine/table/rows.js";
import { LEFT, DOWN, REMOVE, SUSPECT, UP } from "../../../src/engine/table/states.js";
import { type VectorRow, tableOf } from "../wire/frame-support.js";

const STATES = [UP, SUSPECT, DOWN, REMOVE, LEFT];

function row(id: number, revision: number, heartbeat: number, state: number): VectorRow {
  return { id, address: 0xc0a80001, port: 5000, revision, heartbeat, state, value: "" };
}

function print(rows: Rows, id: number, salt: number): number {
  const place = rows.placeOf(orderKey(id));
  return rangeFingerprint(rows, place, place + 1, salt, false);
}

describe("Fingerprints of a range", () => {
  const list = Array.from({ length: 40 }, (_, i) => row(i * 7, i % 3, i, STATES[i % STATES.length]));
  const rows = tableOf(list);
  const live = list.filter(({ state }) => state !== REMOVE);
  const keys = live.map(({ id }) => orderKey(id)).sort((a, b) => a - b);

  it("a range leaves out tombstones and rows beyond its ends", () => {
    assert.equal(rows.counted, live.length);
    assert.equal(countBetween(rows, 0, rows.count), live.length);
    const [third, tenth] = [rows.placeOf(keys[2]), rows.placeOf(keys[9])];
    assert.equal(countBetween(rows, third, tenth + 1), 8);
    assert.equal(countBetween(rows, third + 1, tenth), 6);
    assert.notEqual(rosterFingerprint(rows, third, tenth + 1), rosterFingerprint(rows, third + 1, tenth + 1));
    const others = tableOf(live);
    assert.equal(others.counted, others.count);
    assert.equal(countBetween(others, 2, 9), 7);
    assert.equal(rosterFingerprint(rows, 0, rows.count), rosterFingerprint(others, 0, others.count));
    assert.equal(rangeFingerprint(rows, 0, rows.count, 5, false), rangeFingerprint(others, 0, others.count, 5, false));
  });

  it("a range fingerprint leaves the table hash as it was", () => {
    const before = { ...rows.tableHash };
    rangeFingerprint(rows, 0, rows.count, 5, false);
    rangeFingerprint(rows, 3, 4, 5, false);
    assert.deepEqual({ ...rows.tableHash }, before);
  });

  it("other statements of the same ids change the fingerprint, not the roster", () => {
    const others = tableOf(live.map((fields) => ({ ...fields, heartbeat: 99 })));
    assert.equal(rosterFingerprint(rows, 0, rows.count), rosterFingerprint(others, 0, others.count));
    let same = 0;
    for (const { id } of live) {
      if (print(rows, id, 3) === print(others, id, 3)) same++;
    }
    assert.ok(same < 4, `${same} of ${live.length} rows look the same`);
  });

  it("another salt gives another fingerprint, so that a collision does not repeat", () => {
    const others = tableOf(live.map((fields) => ({ ...fields, heartbeat: 99 })));
    for (const { id } of live) {
      let same = 0;
      for (let salt = 0; salt < 32; salt++) {
        const own = print(rows, id, salt);
        if (own === print(others, id, salt)) same++;
      }
      assert.ok(same < 4, `${same} of 32 salts`);
    }
  });
});
