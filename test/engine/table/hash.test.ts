import assert from "node:assert/strict";
import fc from "fast-check";
import { TableHash } from "../../../src/engine/table/hash.js";
import { propertyOptions } from "../../support/random.js";

const MASK = 0xffffffffn;

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (32n - bits))) & MASK;
}

/**
 * lookup3 after Bob Jenkins' public description: `hashlittle2` over bytes that
 * are given as zero-padded words, which is `hashword2` when no byte is padding.
 * Returns [c, b].
 */
function lookup3(words: readonly number[], lengthBytes: number, initialC: number, initialB: number): [number, number] {
  const start = (0xdeadbeefn + BigInt(lengthBytes) + BigInt(initialC)) & MASK;
  const abc = [start, start, (start + BigInt(initialB)) & MASK];
  const input = words.map(BigInt);
  /** One line of the mixing: x -= z; x ^= rot(z, bits); z += y. */
  const mix = (x: number, y: number, z: number, bits: bigint) => {
    abc[x] = ((abc[x] - abc[z]) & MASK) ^ rotate(abc[z], bits);
    abc[z] = (abc[z] + abc[y]) & MASK;
  };
  /** One line of the end: x ^= y; x -= rot(y, bits). */
  const end = (x: number, y: number, bits: bigint) => {
    abc[x] = ((abc[x] ^ abc[y]) - rotate(abc[y], bits)) & MASK;
  };
  let left = lengthBytes;
  let at = 0;
  const absorb = () => {
    for (let i = 0; i < 3; i++) abc[i] = (abc[i] + (input[at + i] ?? 0n)) & MASK;
    at += 3;
  };
  for (; left > 12; left -= 12) {
    absorb();
    mix(0, 1, 2, 4n); mix(1, 2, 0, 6n); mix(2, 0, 1, 8n);
    mix(0, 1, 2, 16n); mix(1, 2, 0, 19n); mix(2, 0, 1, 4n);
  }
  if (left > 0) {
    absorb();
    end(2, 1, 14n); end(0, 2, 11n); end(1, 0, 25n); end(2, 1, 16n); end(0, 2, 4n); end(1, 0, 14n); end(2, 1, 24n);
  }
  return [Number(abc[2]), Number(abc[1])];
}

type Row = [id: number, revision: number, heartbeat: number, state: number];

function rootOf(rows: readonly Row[]): [number, number] {
  const root = new TableHash();
  for (const row of rows) root.add(...row);
  return [root.first >>> 0, root.second >>> 0];
}

function expectedRoot(rows: readonly Row[]): [number, number] {
  let first = 0;
  let second = 0;
  for (const row of rows) {
    const [c, b] = lookup3(row, 16, 0, 0);
    first = (first + c) % 2 ** 32;
    second = (second + b) % 2 ** 32;
  }
  return [first, second];
}

const uint32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(100),
);
const row: fc.Arbitrary<Row> = fc.tuple(uint32, uint32, uint32, fc.constantFrom(0, 2, 3, 4));

describe("hashword2", () => {
  it("the hash gives the values published with lookup3", () => {
    const text = Buffer.from("Four score and seven years ago\0\0");
    const words = Array.from({ length: 8 }, (_, i) => text.readUInt32LE(4 * i));
    assert.deepEqual(lookup3([], 0, 0, 0), [0xdeadbeef, 0xdeadbeef]);
    assert.deepEqual(lookup3([], 0, 0, 0xdeadbeef), [0xbd5b7dde, 0xdeadbeef]);
    assert.deepEqual(lookup3([], 0, 0xdeadbeef, 0xdeadbeef), [0x9c093ccd, 0xbd5b7dde]);
    assert.deepEqual(lookup3(words, 30, 0, 0), [0x17770551, 0xce7226e6]);
    assert.deepEqual(lookup3(words, 30, 0, 1), [0xe3607cae, 0xbd371de4]);
    assert.deepEqual(lookup3(words, 30, 1, 0), [0xcd628161, 0x6cbea4b3]);
  });
});

describe("TableHash", () => {
  it("the hash over no rows is 0", () => {
    assert.deepEqual(rootOf([]), [0, 0]);
    assert.deepEqual({ ...new TableHash() }, { first: 0, second: 0 });
  });

  const pinned: [Row, [number, number]][] = [
    [[0, 0, 0, 0], [0xbaf9078c, 0x7892e727]],
    [[1, 2, 3, 0], [0x835b40cf, 0x0d16a4f8]],
    [[0xc0a80035, 7, 86400, 2], [0x73fd213e, 0x263d30a6]],
    [[0x80000000, 1, 0, 0], [0xbba353e6, 0x8601dd86]],
    [[0xffffffff, 0xffffffff, 0xffffffff, 3], [0xe9aa8a8e, 0xac621980]],
  ];
  for (const [fields, root] of pinned) {
    it(`the hash over the row ${fields.join(", ")} is ${root.map((word) => word.toString(16)).join(" ")}`, () => {
      assert.deepEqual(rootOf([fields]), root);
      assert.deepEqual(expectedRoot([fields]), root);
    });
  }

  it("the hash is the sum of hashword2 over the rows", () => {
    fc.assert(fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      assert.deepEqual(rootOf(rows), expectedRoot(rows));
    }), propertyOptions(2000));
  });

  it("the hash does not depend on the order of additions and subtractions", () => {
    const steps = fc.array(fc.tuple(row, fc.boolean()), { maxLength: 20 });
    const shuffled = steps.chain((list) => fc.tuple(
      fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }),
    ));
    fc.assert(fc.property(shuffled, ([list, other]) => {
      const roots = [list, other].map((order) => {
        const root = new TableHash();
        for (const [fields, added] of order) root.mix(...fields, added ? 1 : -1);
        return root;
      });
      assert.deepEqual(roots[0], roots[1]);
    }), propertyOptions(1000));
  });

  it("the hash is what it was after a row was added and subtracted", () => {
    fc.assert(fc.property(fc.array(row, { maxLength: 5 }), row, fc.boolean(), (rows, other, addFirst) => {
      const root = new TableHash();
      for (const fields of rows) root.add(...fields);
      const before = { ...root };
      root.mix(...other, addFirst ? 1 : -1);
      assert.notDeepEqual({ ...root }, before);
      root.mix(...other, addFirst ? -1 : 1);
      assert.deepEqual({ ...root }, before);
    }), propertyOptions(1000));
  });

  it("both words change when any field changes", () => {
    const change = fc.tuple(row, fc.nat(3), fc.integer({ min: 1, max: 0xffffffff }));
    fc.assert(fc.property(change, ([fields, index, difference]) => {
      const changed = [...fields] as Row;
      changed[index] = (changed[index] ^ difference) >>> 0;
      const [before, after] = [rootOf([fields]), rootOf([changed])];
      assert.notEqual(before[0], after[0]);
      assert.notEqual(before[1], after[1]);
    }), { ...propertyOptions(2000), examples: [[[[1, 2, 3, 0], 3, 2]], [[[1, 2, 3, 2], 3, 1]]] });
  });

  it("the hash changes when two fields change places", () => {
    const roots = new Set<string>();
    for (const fields of [[1, 2, 3, 4], [2, 1, 3, 4], [1, 3, 2, 4], [1, 2, 4, 3], [4, 2, 3, 1]] as Row[]) {
      roots.add(rootOf([fields]).join());
    }
    assert.equal(roots.size, 5);
  });

  it("isShown() takes the first word read as unsigned and as signed, and the low half of the second", () => {
    const root = new TableHash();
    while (root.first >= 0 || root.second >= 0) root.add(7, 1, 1, 0);
    const low = root.second & 0xffff;
    assert.ok(root.isShown(root.first, low));
    assert.ok(root.isShown(root.first >>> 0, low));
    assert.ok(!root.isShown(root.first + 1, low));
    assert.ok(!root.isShown(root.first, (low + 1) & 0xffff));
  });
});
