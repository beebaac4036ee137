import assert from "node:assert/strict";
import {
  MERGED_FRESHER, MERGED_NOTHING, MERGED_STATE, MERGED_VALUE, RowData, Rows,
} from "../../../src/engine/table/rows.js";
import { DOWN, UP } from "../../../src/engine/table/states.js";

const VALUE_BYTES_MAX = 8;
const LONG = new Array<number>(VALUE_BYTES_MAX + 1).fill(7);

/** Merges a row of node `id`. @param value undefined: the row comes without its value */
function merge(rows: Rows, id: number, heartbeat: number, value: number[] | undefined, state = UP): number {
  const row = Object.assign(new RowData(), { id, address: id, port: 5000, revision: 1, heartbeat, state });
  row.valueLength = value?.length ?? 0;
  row.lacksValue = value === undefined;
  return rows.merge(row, Uint8Array.from(value ?? []));
}

function valueOf(rows: Rows, id: number): number[] {
  const start = rows.valueStart(rows.find(id));
  return [...rows.valueBytes().subarray(start, start + rows.valueLength(rows.find(id)))];
}

function lacksValue(rows: Rows, id: number): boolean {
  return rows.lacksValue(rows.find(id));
}

describe("Rows: values that are not held", () => {
  it("the table holds a row whose value is too long without the value", () => {
    const rows = new Rows(4, VALUE_BYTES_MAX);
    merge(rows, 5, 10, [1]);
    merge(rows, 6, 10, [2]);
    assert.equal(merge(rows, 5, 11, LONG), MERGED_FRESHER);
    assert.equal(merge(rows, 7, 11, LONG), MERGED_FRESHER);
    assert.equal(merge(rows, 5, 9, LONG), MERGED_NOTHING, "older, so not looked at");
    assert.deepEqual([5, 6, 7].map((id) => valueOf(rows, id)), [[], [2], []]);
    assert.deepEqual([5, 6, 7].map((id) => lacksValue(rows, id)), [true, false, true]);
    assert.deepEqual([5, 6, 7].map((id) => rows.isValueTooLong(rows.find(id))), [true, false, true]);
    merge(rows, 5, 12, [1]);
    assert.deepEqual([valueOf(rows, 5), lacksValue(rows, 5)], [[1], false]);
  });

  it("a row without its value keeps the value before until its own arrives", () => {
    const rows = new Rows(2, VALUE_BYTES_MAX);
    merge(rows, 5, 10, [1]);
    assert.equal(merge(rows, 5, 11, undefined), MERGED_FRESHER);
    assert.deepEqual([valueOf(rows, 5), lacksValue(rows, 5)], [[1], true]);
    assert.equal(merge(rows, 5, 11, undefined), MERGED_NOTHING);
    assert.equal(merge(rows, 5, 11, [2]), MERGED_VALUE);
    assert.deepEqual([valueOf(rows, 5), lacksValue(rows, 5)], [[2], false]);
    assert.equal(merge(rows, 5, 11, undefined), MERGED_NOTHING);
    assert.deepEqual([valueOf(rows, 5), lacksValue(rows, 5)], [[2], false]);
  });

  it("the value arrives with a row in another state, too", () => {
    for (const [before, after, code] of [[UP, DOWN, MERGED_STATE], [DOWN, UP, MERGED_VALUE]]) {
      const rows = new Rows(2, VALUE_BYTES_MAX);
      merge(rows, 5, 10, undefined, before);
      assert.equal(merge(rows, 5, 10, [2], after), code);
      assert.deepEqual([rows.state(rows.find(5)), valueOf(rows, 5)], [DOWN, [2]]);
    }
  });

  it("an awaited value that is too long is awaited no more", () => {
    const rows = new Rows(2, VALUE_BYTES_MAX);
    merge(rows, 5, 10, undefined);
    assert.equal(merge(rows, 5, 10, LONG), MERGED_VALUE);
    assert.deepEqual([rows.isValueTooLong(rows.find(5)), valueOf(rows, 5)], [true, []]);
    assert.equal(merge(rows, 5, 10, LONG), MERGED_NOTHING);
  });
});
