import assert from "node:assert/strict";
import fc from "fast-check";
import { orderKey } from "../../../src/engine/table/hash.js";
import { DOWN, LEFT, REMOVE, SUSPECT, UP } from "../../../src/engine/table/states.js";
import { SECTION_ROWS } from "../../../src/engine/wire/frame.js";
import { propertyOptions } from "../../support/random.js";
import { sectionsOf } from "../wire/frame-support.js";
import { Pair, type Statement } from "./pair.js";

const EXCHANGES_MAX = 4;
/** The same where a node sends datagrams shorter than TIGHT_BYTES: 1,024 datagrams may not have room for all rows. */
const TIGHT_EXCHANGES_MAX = 10;
const TIGHT_BYTES = 160;
const ROWS_MAX = 1000;
const DATAGRAM_BYTES_LEAST = 128;
const DATAGRAM_BYTES_MOST = 1400;

/** The ids of the two nodes: their keys lie far apart, with others before, between and behind. */
const IDS = [1, 2];

interface Case {
  datagramBytesMax: number[];
  valueBytesMax: number;
  /** Whether the nodes have met, so that each knows the other's address to be real. */
  isIntroduced: boolean;
  /** Who begins the exchanges. */
  first: number[];
  rows: Statement[][];
}

/** How many exchanges it takes until both hold the same. */
function exchanges({ datagramBytesMax, valueBytesMax, isIntroduced, first, rows }: Case): number {
  const capacity = 2 * ROWS_MAX + 2;
  const pair = new Pair(IDS, datagramBytesMax.map((bytesMax) => {
    return { datagramBytesMax: bytesMax, capacity, valueBytesMax };
  }));
  if (isIntroduced) pair.introduce();
  rows.forEach((held, node) => held.forEach((row) => pair.hold(node, row)));
  let count = 0;
  const most = Math.min(...datagramBytesMax) < TIGHT_BYTES ? TIGHT_EXCHANGES_MAX : EXCHANGES_MAX;
  while (!pair.agrees() && count < most) {
    for (const sent of pair.exchange(first[count % first.length])) {
      assert.ok(sent.bytes.length <= datagramBytesMax[pair.senderOf(sent)]);
    }
    count++;
  }
  assert.ok(pair.agrees(), `no agreement after ${count} exchanges`);
  return count;
}

/** Ids without a pattern in their keys, none of which is that of the two nodes. */
function idsFrom(seed: number, count: number): number[] {
  const ids: number[] = [];
  for (let i = 0; ids.length < count; i++) {
    const id = orderKey((seed + i) >>> 0);
    if (!IDS.includes(id)) ids.push(id);
  }
  return ids;
}

/** A few numbers each that are as likely to be short as to be long on the wire. */
const numbers = fc.oneof(fc.nat(3), fc.nat(20000), fc.integer({ min: 0, max: 0xfffffff0 }));
const datagramBytes = fc.integer({ min: DATAGRAM_BYTES_LEAST, max: DATAGRAM_BYTES_MOST });
const sizes = fc.oneof(fc.nat(4), fc.nat(80), fc.nat(ROWS_MAX));

/** How the second node's row differs from the first's: a share of the rows has each kind of difference. */
const KINDS = ["equal", "older", "fresher", "suspected", "lacking", "left", "down"] as const;

/** A row of each node about a third one. What one calls DOWN or REMOVE the other does not hold as live. */
function rowsOf(
  id: number, revision: number, heartbeat: number, kind: typeof KINDS[number],
): (Statement | undefined)[] {
  const row: Statement = { id, revision, heartbeat, state: UP };
  switch (kind) {
    case "equal": return [row, row];
    case "older": return [row, { ...row, heartbeat: heartbeat + 1 }];
    case "fresher": return [{ ...row, revision: revision + 1, heartbeat: heartbeat >>> 1 }, row];
    case "suspected": return [row, { ...row, state: SUSPECT }];
    case "lacking": return [row, undefined];
    case "left": return [row, { ...row, heartbeat: heartbeat + 1, state: LEFT }];
    case "down": return [{ ...row, state: DOWN }, heartbeat % 2 === 0 ? undefined : { ...row, state: REMOVE }];
  }
}

/** A case in few words, so that one which fails can be read. */
const specs = fc.record({
  datagramBytesMax: fc.tuple(datagramBytes, datagramBytes),
  valueBytesMax: fc.constantFrom(0, 8, 24),
  isIntroduced: fc.boolean(),
  first: fc.array(fc.nat(1), { minLength: EXCHANGES_MAX, maxLength: EXCHANGES_MAX }),
  shared: sizes,
  alone: fc.tuple(sizes, sizes),
  seed: fc.nat(),
  statements: fc.array(fc.tuple(numbers, numbers), { minLength: 1, maxLength: 20 }),
  kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 40 }),
});

type Spec = typeof specs extends fc.Arbitrary<infer T> ? T : never;

/** @param rowsMax that either holds */
function caseOf({ shared, alone, seed, statements, kinds, ...others }: Spec, rowsMax: number): Case {
  const rows: Statement[][] = [[], []];
  const ids = idsFrom(seed, shared + alone[0] + alone[1]);
  ids.forEach((id, i) => {
    const [revision, heartbeat] = statements[i % statements.length];
    const isShared = i < shared;
    const pair = rowsOf(id, revision, heartbeat + i % 7, isShared ? kinds[i % kinds.length] : "lacking");
    const swap = isShared ? i & 1 : i < shared + alone[0] ? 0 : 1;
    pair.forEach((row, node) => {
      const held = rows[node ^ swap];
      if (row !== undefined && held.length < rowsMax) held.push(row);
    });
  });
  return { ...others, rows };
}

describe("Engine: two nodes that hold any rows", function () {
  // CHISME_TEST_RUNS may set any number of runs.
  this.timeout(0);
  const few = fc.nat(80);
  const tight = fc.tuple(fc.integer({ min: DATAGRAM_BYTES_LEAST, max: 150 }), datagramBytes);

  it("two nodes agree after a bounded number of exchanges", () => {
    fc.assert(fc.property(specs, (spec) => {
      exchanges(caseOf(spec, ROWS_MAX));
    }), propertyOptions(100));
  });

  it("two nodes with few rows agree after a bounded number of exchanges", () => {
    fc.assert(fc.property(specs, few, (spec, rowsMax) => {
      exchanges(caseOf(spec, rowsMax));
    }), propertyOptions(400));
  });

  it("two nodes agree after a bounded number of exchanges when one has the shortest datagrams", () => {
    fc.assert(fc.property(specs, tight, fc.boolean(), (spec, datagramBytesMax, isTurned) => {
      if (isTurned) datagramBytesMax.reverse();
      exchanges(caseOf({ ...spec, datagramBytesMax }, 300));
    }), propertyOptions(200));
  });
});

describe("Engine: two nodes whose lists need several bursts", function () {
  this.timeout(300000);
  const numbers = [
    [36240618, 1361530149], [2066139194, 2], [2487946417, 4134425248], [3759450036, 2416129643],
  ];
  // Seeds with which several lists took turns and began at the same rows again and again, for ever.
  const cases: { rows: [number, number]; seed: number; bytes: [number, number] }[] = [
    { rows: [563, 690], seed: 0, bytes: [128, 128] },
    { rows: [351, 950], seed: 7, bytes: [128, 128] },
    { rows: [983, 547], seed: 254377451, bytes: [145, 128] },
    { rows: [974, 652], seed: 247008588, bytes: [132, 131] },
  ];
  for (const { rows: [first, second], seed, bytes } of cases) {
    it(`${first} and ${second} different rows arrive in datagrams of ${bytes.join(" and ")} bytes`, () => {
      const all = idsFrom(seed, first + second).map((id, i): Statement => {
        const [revision, heartbeat] = numbers[i % numbers.length];
        return { id, revision, heartbeat: heartbeat + i % 7, state: UP };
      });
      const rows = [all.slice(0, first), all.slice(first)];
      const count = exchanges({
        datagramBytesMax: bytes, valueBytesMax: 0, isIntroduced: false, first: [1, 0, 0, 0], rows,
      });
      assert.ok(count <= 2, `${count} exchanges`);
    });
  }
});

describe("Engine: two nodes with extreme tables", function () {
  this.timeout(300000);
  const statement = (i: number): Statement => ({ id: 0, revision: i % 5, heartbeat: (i * 77) % 30000, state: UP });
  const all = idsFrom(1, 2 * ROWS_MAX).map((id, i) => ({ ...statement(i), id }));
  const some = all.slice(0, ROWS_MAX);
  const shapes: Record<string, Statement[][]> = {
    "all different": [some, all.slice(ROWS_MAX)],
    "none at all on one side": [some, []],
    "all older on one side": [some, some.map((row) => ({ ...row, heartbeat: row.heartbeat + 1 }))],
    "all suspected on one side": [some, some.map((row) => ({ ...row, state: SUSPECT }))],
    "all but one the same": [some, some.slice(1)],
    "one heartbeat of 1,000 different": [some, some.map((row, i) => i === 500 ? { ...row, heartbeat: 40000 } : row)],
    "in one eighth of all keys": [all.filter(({ id }) => orderKey(id) < 2 ** 29), all.filter(({ id }) => id % 2 === 0)],
    "40 rows whose numbers are long": [0, 20].map((from) => some.slice(from, from + 40).map((row) => {
      return { ...row, revision: 0xfffffff0, heartbeat: 0xfffffff0 };
    })),
  };
  for (const [name, rows] of Object.entries(shapes)) {
    for (const datagramBytesMax of [[128, 128], [128, 1400], [1400, 128], [1200, 1200]]) {
      it(`two nodes agree: ${name}, datagrams of ${datagramBytesMax.join(" and ")} bytes`, () => {
        for (const isIntroduced of [true, false]) {
          exchanges({ datagramBytesMax, valueBytesMax: 8, isIntroduced, first: [0, 1, 0, 1], rows });
        }
      });
    }
  }

  it("two nodes agree about themselves when one holds a row that the other does not remember", () => {
    for (const state of [UP, SUSPECT, DOWN, REMOVE]) {
      for (const [revision, heartbeat] of [[9, 5], [10, 0], [10, 99], [11, 0]]) {
        for (const node of [0, 1]) {
          const rows: Statement[][] = [[], []];
          rows[node].push({ id: IDS[1 - node], revision, heartbeat, state });
          const first = [0, 1, 0, 1];
          exchanges({ datagramBytesMax: [128, 1400], valueBytesMax: 8, isIntroduced: false, first, rows });
        }
      }
    }
  });

  it("two nodes send few rows twice, and their summaries take a fraction of the rows' bytes", () => {
    const pair = new Pair(IDS, [1200, 1200].map((bytesMax) => {
      return { datagramBytesMax: bytesMax, capacity: 2 * ROWS_MAX + 2, valueBytesMax: 8 };
    }));
    pair.introduce();
    shapes["all different"].forEach((held, node) => held.forEach((row) => pair.hold(node, row)));
    let rows = 0;
    let bytes = 0;
    while (!pair.agrees()) {
      for (const sent of pair.exchange(0)) {
        rows += sectionsOf(sent.bytes, SECTION_ROWS).reduce((sum, { entries }) => sum + entries.length, 0);
        bytes += sent.bytes.length;
      }
    }
    assert.ok(rows < 2 * ROWS_MAX * 1.3, `${rows} rows sent`);
    // A row takes about 18 bytes here.
    assert.ok(bytes < 2 * ROWS_MAX * 18 * 2.5, `${bytes} bytes`);
  });
});
