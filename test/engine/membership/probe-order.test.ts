import assert from "node:assert/strict";
import fc from "fast-check";
import { nextProbed, setNeighboursMax } from "../../../src/engine/membership/probe-order.js";
import { orderKey } from "../../../src/engine/table/hash.js";
import { IS_PARTIAL, RANDOM } from "../../../src/engine/table/node-words.js";
import { nextRandom, seedRandom } from "../../../src/engine/table/random.js";
import { OWN_SLOT, RowData, Rows } from "../../../src/engine/table/rows.js";
import { DOWN, REMOVE, SUSPECT, UP } from "../../../src/engine/table/states.js";
import { propertyOptions } from "../../support/random.js";

const OWN_ID = 1000;
const RANDOM_WORDS = 4;
/** So many that two equal orders of them, one after the other, mean that nothing was drawn. */
const MANY = 30;

/** The order of one node's probes. */
class Pass {
  constructor(private readonly rows: Rows, seed: number, stream: number, neighboursMax = 65535) {
    seedRandom(rows.words, seed, stream);
    setNeighboursMax(rows, neighboursMax);
  }

  next(): number { return nextProbed(this.rows); }
}

function add(rows: Rows, id: number, state: number): number {
  rows.merge(Object.assign(new RowData(), { id, address: id, port: 1, state }), rows.valueBytes());
  return rows.find(id);
}

/** Rows of a node and of peers in the given states, whose ids are on both sides of the node's own. */
function tableOf(states: readonly number[]): Rows {
  const rows = new Rows(states.length + 3, 0);
  assert.equal(add(rows, OWN_ID, UP), OWN_SLOT);
  states.forEach((state, i) => add(rows, i % 2 === 0 ? i + 1 : OWN_ID + i, state));
  return rows;
}

function live(rows: Rows): number[] {
  const slots = Array.from({ length: rows.count }, (_, place) => rows.slotAt(place));
  return slots.filter((slot) => slot !== OWN_SLOT && rows.state(slot) < DOWN).sort((a, b) => a - b);
}

function take(pass: Pass, count: number): number[] {
  return Array.from({ length: count }, () => pass.next());
}

/** The state of the random numbers. */
function randomState(rows: Rows): number[] {
  return [...rows.words.subarray(RANDOM, RANDOM + RANDOM_WORDS)];
}

function sorted(slots: readonly number[]): number[] {
  return [...slots].sort((a, b) => a - b);
}

describe("ProbeOrder", () => {
  it("a pass has each live peer exactly once, never the node itself or a row that is DOWN", () => {
    const states = fc.array(fc.constantFrom(UP, UP, SUSPECT, DOWN, REMOVE), { maxLength: 40 });
    fc.assert(fc.property(states, fc.integer({ min: 0, max: 0xffffffff }), (list, seed) => {
      const rows = tableOf(list);
      const pass = new Pass(rows, seed, 0);
      const peers = live(rows);
      assert.equal(peers.length, list.filter((state) => state === UP || state === SUSPECT).length);
      for (let i = 0; i < 4; i++) assert.deepEqual(sorted(take(pass, peers.length)), peers);
      if (peers.length === 0) assert.equal(pass.next(), -1);
    }), propertyOptions(500));
  });

  it("a pass without live peers is empty, and then has the first that comes", () => {
    const rows = tableOf([DOWN, REMOVE]);
    const pass = new Pass(rows, 1, 1);
    assert.deepEqual(take(pass, 3), [-1, -1, -1]);
    const slot = add(rows, 5, UP);
    assert.deepEqual(take(pass, 3), [slot, slot, slot]);
  });

  it("a pass skips rows that went DOWN or were forgotten meanwhile", () => {
    const rows = tableOf([UP, UP, UP, UP, UP, UP]);
    const pass = new Pass(rows, 2, 2);
    const asked = take(pass, 2);
    const left = live(rows).filter((slot) => !asked.includes(slot));
    rows.setState(left[0], DOWN);
    rows.setState(left[1], REMOVE);
    rows.remove(left[2]);
    assert.equal(pass.next(), left[3]);
    for (let i = 0; i < 3; i++) assert.deepEqual(sorted(take(pass, 3)), sorted([...asked, left[3]]));
  });

  it("a pass has a peer again that came back", () => {
    const rows = tableOf([UP, DOWN]);
    const pass = new Pass(rows, 2, 2);
    const [up] = take(pass, 1);
    const down = rows.find(OWN_ID + 1);
    assert.equal(pass.next(), up);
    rows.setState(down, UP);
    assert.deepEqual(sorted(take(pass, 2)), sorted([up, down]));
  });

  it("a peer that joined during a pass is in the next one", () => {
    const rows = tableOf([UP, UP, UP]);
    const pass = new Pass(rows, 3, 3);
    const first = take(pass, 1);
    const joined = add(rows, 77, UP);
    const rest = take(pass, 2);
    assert.ok(![...first, ...rest].includes(joined));
    assert.deepEqual(sorted(take(pass, 4)), live(rows));
  });

  it("two passes have everybody, although peers come and go", () => {
    fc.assert(fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 60 }), (seed, changes) => {
      const rows = tableOf([UP, UP, UP, UP, UP, UP, UP, UP]);
      const pass = new Pass(rows, seed, 1);
      const peers = live(rows);
      // The last one stays; it has to wait for two passes over all at most.
      const steady = peers[7];
      let waited = 0;
      for (const [index, up] of changes) {
        if (peers[index] !== steady) rows.setState(peers[index], up ? UP : DOWN);
        const slot = pass.next();
        assert.ok(live(rows).includes(slot));
        waited = slot === steady ? 0 : waited + 1;
        assert.ok(waited < 2 * peers.length, `${waited} others were asked`);
      }
    }), propertyOptions(300));
  });

  it("passes take all orders about equally often", () => {
    const rows = tableOf([UP, UP, UP]);
    const counts = new Map<string, number>();
    const pass = new Pass(rows, 4, 4);
    for (let i = 0; i < 6000; i++) {
      const order = take(pass, 3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    // Five standard deviations of a binomial count of 1000.
    for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 150, `${order}: ${count}`);
  });

  it("no pass has the order of the one before", () => {
    fc.assert(fc.property(fc.nat(), fc.boolean(), (seed, isLimited) => {
      const rows = tableOf(new Array<number>(isLimited ? 2 * MANY : MANY).fill(UP));
      const pass = new Pass(rows, seed, 5, MANY);
      let before = take(pass, MANY);
      for (let i = 0; i < 3; i++) {
        const order = take(pass, MANY);
        assert.deepEqual(sorted(order), sorted(before));
        assert.notDeepEqual(order, before);
        before = order;
      }
    }), propertyOptions(100));
  });

  it("each probe draws one random number, also the first of a pass", () => {
    const rows = tableOf(new Array<number>(MANY).fill(UP));
    const pass = new Pass(rows, 6, 6);
    const other = tableOf([]);
    seedRandom(other.words, 6, 6);
    for (let probe = 0; probe < 3 * MANY; probe++) {
      pass.next();
      nextRandom(other.words);
      assert.deepEqual(randomState(rows), randomState(other), `probe ${probe}`);
    }
  });

  it("in a partial network each pass has the same order, and nothing is drawn", () => {
    for (const neighboursMax of [65535, 5]) {
      const rows = tableOf(new Array<number>(MANY).fill(UP));
      const pass = new Pass(rows, 7, 7, neighboursMax);
      const length = Math.min(MANY, neighboursMax);
      rows.words[IS_PARTIAL] = 1;
      const before = randomState(rows);
      const first = take(pass, length);
      for (let i = 0; i < 3; i++) assert.deepEqual(take(pass, length), first);
      assert.deepEqual(randomState(rows), before);
    }
  });

  it("a pass that turns partial or ceases to be still has each peer once", () => {
    for (const turn of [1, 0]) {
      const rows = tableOf(new Array<number>(MANY).fill(UP));
      const pass = new Pass(rows, 8, 8);
      rows.words[IS_PARTIAL] = 1 - turn;
      const first = take(pass, MANY / 2);
      rows.words[IS_PARTIAL] = turn;
      assert.deepEqual(sorted([...first, ...take(pass, MANY / 2)]), live(rows));
    }
  });

  it("with neighboursMax each pass has those whose order keys of id xor own id are least", () => {
    const rows = tableOf(new Array<number>(MANY).fill(UP));
    const key = (slot: number): number => orderKey((rows.id(slot) ^ OWN_ID) >>> 0);
    const nearest = live(rows).sort((a, b) => key(a) - key(b)).slice(0, 7);
    const pass = new Pass(rows, 9, 9, nearest.length);
    for (let i = 0; i < 4; i++) assert.deepEqual(sorted(take(pass, nearest.length)), sorted(nearest));
  });
});
