import assert from "node:assert/strict";
import { ANSWERED_MAX } from "../../../src/engine/table/answers.js";
import { ANSWERS_MAX } from "../../../src/engine/table/answers.js";
import { FLAG_PROBED, FLAG_PROVEN } from "../../../src/engine/table/rows.js";
import { UP } from "../../../src/engine/table/states.js";
import { type VectorRow, tableOf } from "../wire/frame-support.js";

function row(id: number): VectorRow {
  return { id, address: 0xc0a80001, port: 5000, revision: 1, heartbeat: 1, state: UP, value: "" };
}

describe("Rows: answers", () => {
  it("the table counts answers per row up to one more than are allowed, beside the flags", () => {
    const rows = tableOf([row(9), row(1), row(2)]);
    const [one, two] = [rows.find(1), rows.find(2)];
    rows.setFlag(one, FLAG_PROVEN);
    for (let i = 1; i < 40; i++) assert.equal(rows.countAnswer(one), Math.min(i, ANSWERS_MAX + 1));
    assert.equal(rows.countAnswer(two), 1);
    assert.ok(rows.hasFlag(one, FLAG_PROVEN) && !rows.hasFlag(two, FLAG_PROVEN));
    rows.clearAnswers();
    assert.deepEqual([rows.countAnswer(one), rows.countAnswer(two)], [1, 1]);
    assert.ok(rows.hasFlag(one, FLAG_PROVEN));
    assert.ok(!rows.hasFlag(one, FLAG_PROBED));
  });

  it("a round clears the counts of all rows, of few that are listed as of more", () => {
    for (let answered = 1; answered <= 3 * ANSWERED_MAX; answered++) {
      const rows = tableOf(Array.from({ length: 20 }, (_, i) => row(i + 1)));
      const slots = Array.from({ length: answered }, (_, i) => 19 - i);
      for (let round = 0; round < 2; round++) {
        for (const slot of slots) assert.equal(rows.countAnswer(slot), 1, `${slot} of ${answered}, round ${round}`);
        for (const slot of slots) assert.equal(rows.countAnswer(slot), 2);
        rows.clearAnswers();
      }
      assert.equal(rows.state(0), UP);
    }
  });
});

describe("Rows: an address", () => {
  it("an address is proven until it changes", () => {
    const rows = tableOf([row(1)]);
    const slot = rows.find(1);
    rows.setFlag(slot, FLAG_PROVEN);
    rows.setAddress(slot, rows.address(slot), rows.port(slot));
    assert.ok(rows.hasFlag(slot, FLAG_PROVEN));
    rows.setAddress(slot, rows.address(slot), rows.port(slot) ^ 1);
    assert.ok(!rows.hasFlag(slot, FLAG_PROVEN));
    rows.setFlag(slot, FLAG_PROVEN);
    rows.setAddress(slot, rows.address(slot) ^ 1, rows.port(slot));
    assert.ok(!rows.hasFlag(slot, FLAG_PROVEN));
  });
});
