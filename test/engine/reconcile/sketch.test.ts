import assert from "node:assert/strict";
import {
  SKETCH_WORDS, isLocated, locate, placeInSketch, sketchRows, subtractSyndrome,
} from "../../../src/engine/reconcile/sketch.js";
import { orderKey } from "../../../src/engine/table/hash.js";
import { RowData, Rows } from "../../../src/engine/table/rows.js";
import { REMOVE } from "../../../src/engine/table/states.js";
import { ROWS_IN_SKETCH, SKETCH_SYNDROMES } from "../../../src/engine/wire/frame.js";
import { SimRandom } from "../../../desktop/simulator/random.js";

const SEED = 7;

function hold(rows: Rows, id: number, heartbeat: number, state = 0): void {
  rows.merge(Object.assign(new RowData(), { id, address: id, port: 5000, heartbeat, state }), new Uint8Array(0));
}

/** The number of rows that differ, as the sketches show it, and the ids of those that a holds. */
function compare(a: Rows, b: Rows, salt: number): { count: number; ids: number[] } {
  const words = new Uint32Array(SKETCH_WORDS);
  const peer = new Uint32Array(SKETCH_WORDS);
  sketchRows(a, words, 0, salt, false);
  sketchRows(b, peer, 0, salt, false);
  for (let i = 0; i < SKETCH_SYNDROMES; i++) subtractSyndrome(words, i, peer[i]);
  const count = locate(words, 0);
  const ids: number[] = [];
  for (let at = 0; at < a.count && count >= 0; at++) {
    if (isLocated(words, 0, count, placeInSketch(a.orderKeyAt(at)))) ids.push(a.id(a.slotAt(at)));
  }
  return { count, ids: ids.sort((x, y) => x - y) };
}

/** Ids, no two of which share a place. */
function someIds(random: SimRandom, count: number): number[] {
  const places = new Map<number, number>();
  while (places.size < count) {
    const id = random.next();
    places.set(placeInSketch(orderKey(id)), id);
  }
  return [...places.values()];
}

describe("sketch", () => {
  for (const size of [1, 8, 64, 500]) {
    it(`shows up to ${ROWS_IN_SKETCH} of ${size} rows that differ, and that there are more (seed ${SEED})`, () => {
      const random = new SimRandom(SEED, 1);
      for (let run = 0; run < 40; run++) {
        const ids = someIds(random, size);
        const [a, b] = [new Rows(size, 0), new Rows(size, 0)];
        const different = random.shuffled(ids).slice(0, Math.min(size, run % (ROWS_IN_SKETCH + 3)));
        for (const id of ids) {
          hold(a, id, 1);
          hold(b, id, different.includes(id) ? 2 : 1);
        }
        const { count, ids: found } = compare(a, b, random.next());
        if (different.length > ROWS_IN_SKETCH) assert.deepEqual(found, []);
        else assert.deepEqual([count, found], [different.length, different.sort((x, y) => x - y)]);
      }
    });
  }

  it("counts rows that only one of the two holds, and leaves out tombstones", () => {
    const ids = someIds(new SimRandom(SEED, 2), 40);
    const [a, b] = [new Rows(64, 0), new Rows(64, 0)];
    for (const id of ids.slice(0, 37)) hold(a, id, 1);
    for (const id of ids.slice(2, 39)) hold(b, id, 1);
    assert.deepEqual(compare(a, b, 5), { count: 4, ids: ids.slice(0, 2).sort((x, y) => x - y) });
    hold(a, ids[39], 1, REMOVE);
    assert.equal(compare(a, b, 5).count, 4);
  });

  it("two rows at one place are taken for one, and both are found", () => {
    const random = new SimRandom(SEED, 3);
    const first = random.next();
    const place = placeInSketch(orderKey(first));
    let second = random.next();
    while (placeInSketch(orderKey(second)) !== place) second = random.next();
    const [a, b] = [new Rows(2, 0), new Rows(2, 0)];
    for (const id of [first, second]) hold(a, id, 1);
    hold(b, first, 1);
    hold(b, second, 2);
    assert.deepEqual(compare(a, b, 9), { count: 1, ids: [first, second].sort((x, y) => x - y) });
  });

  it(`takes any numbers of a peer, and then finds hardly anything (seed ${SEED})`, () => {
    const random = new SimRandom(SEED, 4);
    const words = new Uint32Array(SKETCH_WORDS + 1);
    let found = 0;
    for (let run = 0; run < 2000; run++) {
      for (let i = 0; i < SKETCH_SYNDROMES; i++) {
        words[i] = 0;
        subtractSyndrome(words, i, random.below(0x10000));
      }
      const count = locate(words, 0);
      assert.ok(count >= -1 && count <= ROWS_IN_SKETCH);
      assert.equal(words[SKETCH_WORDS], 0);
      for (let place = 1; place <= 500 && count >= 0; place++) if (isLocated(words, 0, count, place)) found++;
    }
    assert.ok(found < 200, `${found}`);
  });
});
