import assert from "node:assert/strict";
import { rangeEnd, rangeFingerprint } from "../../../src/engine/table/fingerprints.js";
import fc from "fast-check";
import { TableHash, orderKey } from "../../../src/engine/table/hash.js";
import { compareFreshness } from "../../../src/engine/table/freshness.js";
import {
  FLAG_PROBED, FLAG_NOTIFY_STATE, FLAG_NOTIFY_UPDATE, MERGED_FRESHER, MERGED_NOTHING, MERGED_STATE,
  MERGE_TABLE_FULL, RowData, Rows,
} from "../../../src/engine/table/rows.js";
import { DOWN, LEFT, REMOVE, SUSPECT, UP } from "../../../src/engine/table/states.js";
import { countUpdates } from "../../../src/engine/table/transmits.js";
import { propertyOptions } from "../../support/random.js";

const VALUE_BYTES_MAX = 8;
const STATES = [UP, SUSPECT, DOWN, REMOVE, LEFT];
const DATAGRAM = new Uint8Array(64);

interface Row {
  id: number;
  revision: number;
  heartbeat: number;
  state: number;
}

interface HeldRow extends Row {
  address: number;
  port: number;
  value: string;
}

function row(id: number, revision: number, heartbeat: number, state = UP): Row {
  return { id, revision, heartbeat, state };
}

/** What an owner says under a revision and heartbeat: its address and value follow from these. */
function statement({ id, revision, heartbeat }: Row): { address: number; port: number; value: Uint8Array } {
  const mixed = Math.imul(id ^ Math.imul(revision + 1, 0x9e3779b1) ^ Math.imul(heartbeat + 1, 0x85ebca6b), 0xc2b2ae35);
  const value = new Uint8Array((mixed >>> 8) % (VALUE_BYTES_MAX + 1)).map((_, i) => (mixed >>> i) + i);
  return { address: (mixed ^ 0x0a000000) >>> 0, port: 1 + ((mixed >>> 16) % 65535), value };
}

/** Merges a row as if it lay somewhere in a datagram. */
function merge(rows: Rows, fields: Row, value = statement(fields).value): number {
  const { address, port } = statement(fields);
  const data = Object.assign(new RowData(), fields, { address, port, valueStart: 5, valueLength: value.length });
  DATAGRAM.fill(0xee).set(value, 5);
  return rows.merge(data, DATAGRAM);
}

function contents(rows: Rows): HeldRow[] {
  return Array.from({ length: rows.count }, (_, place) => {
    const slot = rows.slotAt(place);
    const start = rows.valueStart(slot);
    return {
      id: rows.id(slot), revision: rows.revision(slot), heartbeat: rows.heartbeat(slot), state: rows.state(slot),
      address: rows.address(slot), port: rows.port(slot),
      value: Buffer.from(rows.valueBytes().subarray(start, start + rows.valueLength(slot))).toString("hex"),
    };
  });
}

function idsOf(rows: Rows): number[] {
  return contents(rows).map(({ id }) => id).sort((a, b) => a - b);
}

/** The root is the one over what is held, the order is that of keys, and each row says what its owner said. */
function checkTable(rows: Rows): void {
  const held = contents(rows);
  const root = new TableHash();
  for (const { id, revision, heartbeat, state } of held) {
    if (state !== REMOVE) root.add(id, revision, heartbeat, state);
  }
  assert.deepEqual({ ...rows.tableHash }, { ...root }, "root");
  let news = 0;
  held.forEach((fields, place) => {
    const said = statement(fields);
    assert.ok(place === 0 || orderKey(held[place - 1].id) < orderKey(fields.id), "order of keys");
    assert.equal(fields.value, Buffer.from(said.value).toString("hex"));
    assert.deepEqual([fields.address, fields.port], [said.address, said.port]);
    assert.equal(rows.find(fields.id), rows.slotAt(place));
    assert.equal(rows.placeOf(orderKey(fields.id)), place);
    assert.ok(rows.isHeld(rows.slotAt(place)));
    if (rows.transmitsLeft(rows.slotAt(place)) > 0) news++;
  });
  assert.equal(countUpdates(rows), news);
  assert.equal(rows.counted, held.filter(({ state }) => state !== REMOVE).length);
}

function plain({ id, revision, heartbeat, state }: Row): Row {
  return { id, revision, heartbeat, state };
}

/** A number that rises with freshness. */
function age({ revision, heartbeat, state }: Row): bigint {
  return (BigInt(revision) << 64n) | (BigInt(heartbeat) << 8n) | BigInt(state);
}

function tableOf(list: readonly Row[], capacity = 16): Rows {
  const rows = new Rows(capacity, VALUE_BYTES_MAX);
  for (const fields of list) merge(rows, fields);
  return rows;
}

/** Everything that can be told of a table, for comparing two. */
function snapshot(rows: Rows): unknown {
  checkTable(rows);
  return { rows: contents(rows), root: { ...rows.tableHash } };
}

const ids = fc.constantFrom(0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff);
const counters = fc.oneof(fc.nat(3), fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff));
const anyRow = fc.tuple(ids, counters, counters, fc.constantFrom(...STATES)).map((fields) => row(...fields));
const rowLists = fc.array(anyRow, { maxLength: 30 });

describe("Rows: freshness", () => {
  it("freshness goes by revision, then heartbeat, then state", () => {
    const ascending = [
      [0, 0, UP], [0, 0, SUSPECT], [0, 0, DOWN], [0, 0, REMOVE], [0, 0, LEFT], [0, 1, UP], [0, 0x80000000, UP],
      [0, 0xffffffff, REMOVE], [1, 0, UP], [1, 5, DOWN], [0x80000000, 0, UP], [0xffffffff, 0, UP],
    ];
    ascending.forEach((a, i) => ascending.forEach((b, j) => {
      const order = compareFreshness(a[0], a[1], a[2], b[0], b[1], b[2]);
      assert.equal(Math.sign(order), Math.sign(i - j), `${a.join()} and ${b.join()}`);
    }));
  });
});

describe("Rows: merge", () => {
  it("merge returns what it did", () => {
    const rows = tableOf([]);
    assert.equal(merge(rows, row(5, 1, 10)), MERGED_FRESHER);
    assert.equal(merge(rows, row(5, 1, 10)), MERGED_NOTHING);
    assert.equal(merge(rows, row(5, 1, 10, SUSPECT)), MERGED_STATE);
    assert.equal(merge(rows, row(5, 1, 10)), MERGED_NOTHING);
    assert.equal(merge(rows, row(5, 1, 9, REMOVE)), MERGED_NOTHING);
    assert.equal(merge(rows, row(5, 0, 99, REMOVE)), MERGED_NOTHING);
    assert.equal(merge(rows, row(5, 1, 11)), MERGED_FRESHER);
    assert.equal(merge(rows, row(5, 2, 0, DOWN)), MERGED_FRESHER);
    assert.deepEqual(contents(rows).map(plain), [row(5, 2, 0, DOWN)]);
    assert.equal(merge(rows, row(4, 0, 0, REMOVE)), MERGED_FRESHER, "a tombstone of an unknown node");
    checkTable(rows);
  });

  it("merge keeps address and value when only the state rose", () => {
    const rows = tableOf([row(5, 1, 10)]);
    const before = contents(rows)[0];
    const other = Object.assign(new RowData(), row(5, 1, 10, DOWN), { address: 1, port: 2, valueLength: 1 });
    assert.equal(rows.merge(other, DATAGRAM), MERGED_STATE);
    assert.deepEqual(contents(rows), [{ ...before, state: DOWN }]);
  });

  it("merging in any order and repetition gives the same table", () => {
    const orders = rowLists.chain((list) => fc.tuple(
      fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 2 * list.length }),
    ));
    fc.assert(fc.property(orders, ([list, other]) => {
      assert.deepEqual(snapshot(tableOf(list)), snapshot(tableOf(other)));
    }), propertyOptions(1000));
  });

  it("merging of tables is commutative, associative and idempotent", () => {
    const join = (a: readonly Row[], b: readonly Row[]) => {
      const rows = tableOf([...a, ...b]);
      checkTable(rows);
      return contents(rows);
    };
    fc.assert(fc.property(rowLists, rowLists, rowLists, (a, b, c) => {
      const [tableA, tableB, tableC] = [a, b, c].map((list) => contents(tableOf(list)));
      assert.deepEqual(join(tableA, tableB), join(tableB, tableA));
      assert.deepEqual(join(join(tableA, tableB), tableC), join(tableA, join(tableB, tableC)));
      assert.deepEqual(join(tableA, tableA), tableA);
    }), propertyOptions(500));
  });

  it("merge keeps the freshest row of each node", () => {
    fc.assert(fc.property(rowLists, (list) => {
      const freshest = new Map<number, Row>();
      for (const fields of list) {
        const held = freshest.get(fields.id);
        if (held === undefined || age(fields) > age(held)) freshest.set(fields.id, fields);
      }
      const expected = [...freshest.values()].sort((a, b) => orderKey(a.id) - orderKey(b.id));
      assert.deepEqual(contents(tableOf(list)).map(plain), expected);
    }), propertyOptions(1000));
  });
});

describe("Rows: order", () => {
  it("rows are in the order of unsigned order keys", () => {
    const ids = [0x80000000, 3, 0xffffffff, 0, 0x7fffffff, 1];
    const rows = tableOf(ids.map((id) => row(id, 1, 1)));
    const keys = contents(rows).map(({ id }) => orderKey(id));
    assert.deepEqual(keys, ids.map(orderKey).sort((a, b) => a - b));
    assert.equal(rows.find(2), -1);
    assert.equal(rows.placeOf(0), 0);
    assert.equal(rows.placeOf(keys[3]), 3);
    assert.equal(rows.placeOf(keys[3] + 1), 4);
    assert.equal(new Rows(2, 0).find(0), -1);
  });
});

describe("Rows: search", () => {
  /** Ids whose keys lie close together, as somebody may make them up. */
  const crowded = Array.from({ length: 1 << 18 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)
    .filter((id) => orderKey(id) >>> 25 === 0x55);

  it("the search finds every place, wherever order keys crowd", () => {
    const lists = fc.tuple(fc.array(fc.oneof(fc.nat(0xffffffff), ids)), fc.subarray(crowded, { maxLength: 300 }));
    fc.assert(fc.property(lists, ([spread, close]) => {
      const held = [...new Set([...spread, ...close])];
      const rows = tableOf(held.map((id) => row(id, 1, 1)), Math.max(1, held.length));
      const keys = held.map(orderKey).sort((a, b) => a - b);
      assert.deepEqual(keys.map((_, place) => rows.orderKeyAt(place)), keys);
      for (const key of [0, 0xffffffff, ...keys.flatMap((key) => [Math.max(0, key - 1), key, (key + 1) >>> 0])]) {
        const expected = keys.findIndex((other) => other >= key);
        assert.equal(rows.placeOf(key), expected < 0 ? keys.length : expected, `place of ${key}`);
      }
      for (const id of held) assert.equal(rows.id(rows.find(id)), id);
    }), propertyOptions(50));
  });

  it("a search goes on where the last one ended, whatever came between", () => {
    const searches = fc.array(fc.tuple(fc.constantFrom("find", "place", "print", "remove", "merge"), ids));
    fc.assert(fc.property(rowLists, searches, (list, steps) => {
      const rows = tableOf(list, 8);
      for (const [step, id] of steps) {
        const held = contents(rows).map((fields) => fields.id);
        const slot = rows.find(id);
        assert.equal(slot >= 0, held.includes(id));
        if (slot >= 0) assert.equal(rows.id(slot), id);
        if (step === "place") {
          assert.equal(rows.placeOf(orderKey(id)), held.filter((other) => orderKey(other) < orderKey(id)).length);
        } else if (step === "print") {
          const fresh = tableOf(contents(rows));
          const log = steps.length % 10;
          const rangeOf = (one: number): number => Math.floor(orderKey(one) / 2 ** (32 - log));
          const start = held.filter((one) => rangeOf(one) < rangeOf(id)).length;
          const end = rangeEnd(rows, start, rangeOf(id), log);
          assert.equal(end, held.filter((one) => rangeOf(one) <= rangeOf(id)).length);
          assert.equal(rangeFingerprint(rows, start, end, 3, false), rangeFingerprint(fresh, start, end, 3, false));
        } else if (step === "remove" && slot >= 0) {
          rows.remove(slot);
        } else if (step === "merge") {
          merge(rows, row(id, steps.length, 1));
        }
      }
    }), propertyOptions(300));
  });

  it("the search finds neither a removed row nor one whose slot went to another", () => {
    const rows = tableOf([row(1, 1, 1), row(2, 1, 1)], 2);
    const slot = rows.find(2);
    assert.equal(rows.find(2), slot);
    rows.remove(slot);
    assert.equal(rows.find(2), -1);
    merge(rows, row(3, 1, 1));
    assert.deepEqual([rows.find(3), rows.find(2), rows.find(0)], [slot, -1, -1]);
  });
});

describe("Rows: values", () => {
  it("values of the greatest length do not overwrite their neighbours", () => {
    const rows = new Rows(3, VALUE_BYTES_MAX);
    for (const id of [1, 2, 3, 2]) {
      merge(rows, row(id, rows.count, 1), new Uint8Array(VALUE_BYTES_MAX).fill(id));
    }
    assert.deepEqual(contents(rows).map(({ value }) => value).sort(), ["01", "02", "03"].map((byte) => byte.repeat(8)));
  });

  it("a table may allow only values of length 0", () => {
    const rows = new Rows(2, 0);
    assert.equal(merge(rows, row(1, 1, 1), new Uint8Array(0)), MERGED_FRESHER);
    assert.equal(merge(rows, row(2, 1, 1), new Uint8Array(1)), MERGED_FRESHER);
    assert.equal(rows.isValueTooLong(rows.find(2)), true);
  });
});

describe("Rows: room", () => {
  const full = () => tableOf([row(1, 1, 1), row(2, 1, 1, DOWN), row(3, 1, 1, SUSPECT), row(4, 1, 1, REMOVE)], 4);

  it("a row that is UP takes the place of a tombstone, then of a row that is DOWN", () => {
    const rows = full();
    assert.equal(rows.hasPlace(UP), true);
    assert.equal(merge(rows, row(9, 1, 1)), MERGED_FRESHER);
    assert.deepEqual(idsOf(rows), [1, 2, 3, 9]);
    assert.equal(rows.hasPlace(UP), true);
    assert.equal(rows.hasPlace(SUSPECT), false);
    // Others may suspect whom this node has given up.
    assert.equal(merge(rows, row(0, 1, 1, SUSPECT)), MERGE_TABLE_FULL);
    assert.equal(merge(rows, row(0, 1, 1)), MERGED_FRESHER);
    assert.deepEqual(idsOf(rows), [0, 1, 3, 9]);
    assert.equal(rows.hasPlace(UP), false);
    const before = snapshot(rows);
    assert.equal(merge(rows, row(8, 9, 9)), MERGE_TABLE_FULL);
    assert.deepEqual(snapshot(rows), before);
  });

  it("a row that is not live takes no place", () => {
    const rows = full();
    const before = snapshot(rows);
    assert.equal(merge(rows, row(9, 9, 9, DOWN)), MERGE_TABLE_FULL);
    assert.equal(merge(rows, row(9, 9, 9, REMOVE)), MERGE_TABLE_FULL);
    assert.deepEqual(snapshot(rows), before);
  });

  it("a held row needs no place", () => {
    const rows = full();
    assert.equal(merge(rows, row(1, 2, 0)), MERGED_FRESHER);
    assert.equal(merge(rows, row(3, 1, 1, DOWN)), MERGED_STATE);
    assert.equal(merge(rows, row(4, 1, 2)), MERGED_FRESHER);
    assert.equal(rows.count, 4);
    checkTable(rows);
  });

  it("10,000 invented ids evict no live row", () => {
    const live = Array.from({ length: 64 }, (_, i) => row(i * 0x3ffffff, 1, i, i % 3 === 0 ? SUSPECT : UP));
    const rows = tableOf(live, 64);
    const before = snapshot(rows);
    for (let i = 1; i <= 10000; i++) {
      const invented = row(Math.imul(i, 0x9e3779b1) >>> 0, 0xffffffff, 0xffffffff, STATES[i % STATES.length]);
      if (rows.find(invented.id) >= 0) continue;
      if (merge(rows, invented) !== MERGE_TABLE_FULL) assert.fail(`took in ${invented.id}`);
    }
    assert.deepEqual(snapshot(rows), before);
  });

  it("a removed row leaves a free place with nothing of the old row", () => {
    const rows = tableOf([row(1, 1, 1), row(2, 1, 1), row(3, 1, 1)], 3);
    const slot = rows.find(2);
    rows.markUpdate(slot);
    rows.setDeadline(slot, 99);
    for (const flag of [FLAG_PROBED, FLAG_NOTIFY_UPDATE, FLAG_NOTIFY_STATE]) rows.setFlag(slot, flag);
    rows.remove(slot);
    assert.equal(rows.isHeld(slot), false);
    assert.equal(rows.find(2), -1);
    assert.equal(rows.hasPlace(UP), true);
    checkTable(rows);
    assert.equal(merge(rows, row(7, 0, 0)), MERGED_FRESHER);
    assert.equal(rows.find(7), slot, "the slot is used again");
    assert.deepEqual([rows.transmitsLeft(slot), rows.deadline(slot), countUpdates(rows)], [0, 0, 0]);
    for (const flag of [FLAG_PROBED, FLAG_NOTIFY_UPDATE, FLAG_NOTIFY_STATE])
      assert.equal(rows.hasFlag(slot, flag), false);
    checkTable(rows);
  });
});

describe("Rows: updates", () => {
  it("an update is sent 2 + ceil(log4(n + 1)) times", () => {
    const rows = new Rows(300, 0);
    for (let count = 0; count <= 300; count++) {
      assert.equal(rows.transmitsOfUpdate(), 2 + Math.ceil(Math.log2(count + 1) / 2), `${count} rows`);
      merge(rows, row(count, 0, 0), new Uint8Array(0));
    }
  });
});

describe("Rows: any sequence of operations", () => {
  type Operation = { kind: "merge"; row: Row } | { kind: "state"; id: number; state: number }
    | { kind: "remove"; id: number } | { kind: "news"; id: number; sends: number };
  const operations: fc.Arbitrary<Operation[]> = fc.array(fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("merge" as const), row: anyRow }) },
    fc.record({ kind: fc.constant("state" as const), id: ids, state: fc.constantFrom(...STATES) }),
    fc.record({ kind: fc.constant("remove" as const), id: ids }),
    fc.record({ kind: fc.constant("news" as const), id: ids, sends: fc.nat(19) }),
  ), { maxLength: 60 });

  /** What a merge should return and leave; of several rows that could give way, `rows` tells which did. */
  function mergeModel(model: Map<number, Row>, capacity: number, fields: Row, rows: Rows): number {
    const held = model.get(fields.id);
    if (held !== undefined) {
      if (compareFreshness(
        held.revision, held.heartbeat, held.state, fields.revision, fields.heartbeat, fields.state,
      ) >= 0) return MERGED_NOTHING;
      model.set(fields.id, fields);
      return held.revision === fields.revision && held.heartbeat === fields.heartbeat ? MERGED_STATE : MERGED_FRESHER;
    }
    if (model.size === capacity) {
      const worst = Math.max(...[...model.values()].map(({ state }) => state));
      if (fields.state >= SUSPECT || worst < DOWN) return MERGE_TABLE_FULL;
      const gone = [...model.values()].filter(({ id }) => rows.find(id) < 0);
      assert.equal(gone.length, 1, "one row gives way");
      assert.equal(gone[0].state, worst, "the row nearest to its end gives way");
      model.delete(gone[0].id);
    }
    model.set(fields.id, fields);
    return MERGED_FRESHER;
  }

  it("the table has the rows of a plain map and the table hash over them", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), operations, (capacity, list) => {
      const rows = new Rows(capacity, VALUE_BYTES_MAX);
      const model = new Map<number, Row>();
      const slots = new Map<number, number>();
      for (const operation of list) {
        const id = operation.kind === "merge" ? operation.row.id : operation.id;
        const slot = rows.find(id);
        if (operation.kind === "merge") {
          const result = merge(rows, operation.row);
          assert.equal(result, mergeModel(model, capacity, operation.row, rows));
        } else if (slot >= 0) {
          if (operation.kind === "state") {
            rows.setState(slot, operation.state);
            model.set(id, { ...model.get(id)!, state: operation.state });
          } else if (operation.kind === "remove") {
            rows.remove(slot);
            model.delete(id);
          } else {
            rows.setTransmitsLeft(slot, operation.sends);
            assert.equal(rows.transmitsLeft(slot), operation.sends);
          }
        }
        checkTable(rows);
        assert.deepEqual(
          contents(rows).map(plain),
          [...model.values()].sort((a, b) => orderKey(a.id) - orderKey(b.id)),
        );
        for (const held of slots.keys()) if (!model.has(held)) slots.delete(held);
        for (const held of model.keys()) {
          const at = rows.find(held);
          assert.equal(slots.get(held) ?? at, at, "a row changed its slot");
          slots.set(held, at);
        }
        assert.equal(new Set(slots.values()).size, model.size, "two rows share a slot");
      }
    }), propertyOptions(500));
  });
});
