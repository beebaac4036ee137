import assert from "node:assert/strict";
import { Clock } from "../../../src/engine/clock.js";
import { countLost, isLiveSeed, isManyDown } from "../../../src/engine/membership/lost-nodes.js";
import { isPartial, updatePartial } from "../../../src/engine/membership/probe-order.js";
import { SEED_WORDS, Seeds } from "../../../src/engine/membership/seeds.js";
import { Suspicion } from "../../../src/engine/membership/suspicion.js";
import { restMs } from "../../../src/engine/table/own-row.js";
import { FLAG_ANY_LOST } from "../../../src/engine/table/row-flags.js";
import { OWN_SLOT, RowData, Rows } from "../../../src/engine/table/rows.js";
import { DOWN, UP } from "../../../src/engine/table/states.js";
import { WordPool } from "../../../src/engine/word-pool.js";

const ROUND_MS = 1000;
const CAPACITY = 40;
const PORT = 5000;
/** A node out of reach stays UP for two rests. */
const REMOTE_RESTS = 2;

/** A table with its own row, and what adds others. */
function tableOfOne(): { rows: Rows; clock: Clock; suspicion: Suspicion; add: (id: number, state?: number) => number } {
  const rows = new Rows(CAPACITY, 0, undefined, undefined, 4 * SEED_WORDS);
  const clock = new Clock(ROUND_MS);
  const suspicion = new Suspicion(rows, clock, 1e6);
  const add = (id: number, state = UP): number => {
    rows.merge(Object.assign(new RowData(), { id, address: id, port: PORT, state }), rows.valueBytes());
    if (id > 1) suspicion.stateChanged(rows.find(id), -1);
    return rows.find(id);
  };
  add(1);
  return { rows, clock, suspicion, add };
}

describe("a table that grows", () => {
  it("a node out of reach stays UP for two rests of the table that there is, counted from its last statement", () => {
    const { rows, clock, suspicion, add } = tableOfOne();
    const first = add(2);
    for (let id = 3; id <= CAPACITY; id++) add(id);
    const dueMs = restMs(clock, rows.count) * REMOTE_RESTS;
    const isDue = (): boolean => {
      suspicion.beginExpiry();
      for (let place = suspicion.nextDue(rows.count - 1); place >= 0; place = suspicion.nextDue(place - 1)) {
        if (rows.slotAt(place) === first) return true;
      }
      return false;
    };
    clock.nowMs = dueMs - 1;
    assert.equal(isDue(), false);
    clock.nowMs = dueMs;
    assert.equal(isDue(), true);
  });

  it("rows that are lost are counted, and a round in which there are none ends that", () => {
    const { rows, suspicion, add } = tableOfOne();
    const slots = [2, 3, 4].map((id) => add(id));
    updatePartial(rows);
    assert.equal(rows.hasFlag(OWN_SLOT, FLAG_ANY_LOST), false);
    rows.setRemote(slots[0]);
    updatePartial(rows);
    assert.deepEqual([countLost(rows, false), isPartial(rows), isManyDown(rows)], [1, true, false]);
    suspicion.raise(slots[1], DOWN);
    assert.deepEqual([countLost(rows, false), isManyDown(rows)], [2, true]);
    rows.remove(slots[1]);
    rows.remove(slots[0]);
    updatePartial(rows);
    assert.deepEqual(
      [countLost(rows, false), isPartial(rows), rows.hasFlag(OWN_SLOT, FLAG_ANY_LOST)], [0, false, false]);
  });

  it("a seed is live while any live row has its address, also another one than before", () => {
    const { rows, suspicion, add } = tableOfOne();
    const seeds = new Seeds(rows);
    seeds.allocSeeds(4, 1, PORT, 0, new WordPool(4 * SEED_WORDS, rows.words));
    seeds.pin(9, PORT);
    assert.equal(isLiveSeed(rows, seeds, 0), false);
    const slot = add(9);
    const other = add(10);
    assert.equal(isLiveSeed(rows, seeds, 0), true);
    assert.deepEqual([seeds.port(0), seeds.has(9, PORT)], [PORT, true]);
    rows.setAddress(slot, 8, PORT);
    assert.equal(isLiveSeed(rows, seeds, 0), false);
    rows.setAddress(other, 9, PORT);
    assert.equal(isLiveSeed(rows, seeds, 0), true);
    suspicion.raise(other, DOWN);
    assert.equal(isLiveSeed(rows, seeds, 0), false);
  });
});
