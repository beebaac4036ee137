import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as dagCbor from "@ipld/dag-cbor";
import cbor from "cbor";
import * as cbor2 from "cbor2";
import * as cborg from "cborg";
import fc from "fast-check";
import { checkCbor, encodeCbor } from "../../src/cbor/cbor.js";
import { cborProblem } from "../../src/cbor/cbor-problem.js";
import { propertyOptions } from "../support/random.js";
import { root } from "../boards/manifest.js";

interface Library { name: string; call: string; encode: (value: unknown) => Uint8Array }

const libraries: Library[] = [
  { name: "cbor2", call: "encode(value, { cde: true })", encode: (value) => cbor2.encode(value, { cde: true }) },
  { name: "cbor2", call: "encode(value, { dcbor: true })", encode: (value) => cbor2.encode(value, { dcbor: true }) },
  { name: "cbor2", call: "encode(value)", encode: (value) => cbor2.encode(value) },
  { name: "cborg", call: "encode(value, rfc8949EncodeOptions)",
    encode: (value) => cborg.encode(value, cborg.rfc8949EncodeOptions) },
  { name: "cborg", call: "encode(value)", encode: (value) => cborg.encode(value) },
  { name: "cbor", call: "encodeCanonical(value)", encode: (value) => cbor.encodeCanonical(value) },
  { name: "cbor", call: "encode(value)", encode: (value) => cbor.encode(value) },
  { name: "@ipld/dag-cbor", call: "encode(value)", encode: (value) => dagCbor.encode(value) },
];

const kinds: [string, unknown[]][] = [
  ["integers to ±(2^53 − 1)", [0, 23, 24, 256, 65536, -1, 5000000000, Number.MAX_SAFE_INTEGER]],
  ["fractions", [21.5, 0.1, -1e-7, 16777216.5, 1e300]],
  ["text", ["", "°C", "a".repeat(30)]],
  ["objects", [{ a: 1 }, { b: 1, a: 2 }, { bb: 1, a: [{}] }, { 10: 1, 9: 2 }]],
  ["bytes", [Uint8Array.of(), Uint8Array.of(1, 2)]],
  ["2^53 and more", [2 ** 53, 2 ** 64]],
  ["−0", [-0]],
  ["NaN, infinities", [NaN, Infinity, -Infinity]],
  ["undefined", [undefined, [undefined]]],
];

/** From best to worst. */
const RESULTS = ["yes", "other bytes", "fails", "**no**"];

function encoded(value: unknown): string {
  const bytes = new Uint8Array(300);
  return Buffer.from(bytes.buffer, 0, encodeCbor(value, bytes, 0)).toString("hex");
}

/** What becomes of a value: a node takes it as its own encoding or as another one, refuses it, or it is not encoded. */
function resultOf({ encode }: Library, value: unknown): number {
  let bytes: Uint8Array;
  try {
    bytes = encode(value);
  } catch {
    return 2;
  }
  if (Buffer.from(bytes).toString("hex") === encoded(value)) return 0;
  return checkCbor(bytes, 0, bytes.length) ? 1 : 3;
}

function table(): string[] {
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as
    { devDependencies: Record<string, string> };
  return [
    `| npm package | call | ${kinds.map(([kind]) => kind).join(" | ")} |`,
    `| --- | --- |${" --- |".repeat(kinds.length)}`,
    ...libraries.map((library) => {
      const cells = kinds.map(([, values]) => RESULTS[Math.max(...values.map((value) => resultOf(library, value)))]);
      return `| ${library.name} ${devDependencies[library.name]} | \`${library.call}\` | ${cells.join(" | ")} |`;
    }),
  ];
}

function problemOf(hex: string): string | undefined {
  const bytes = Uint8Array.from(Buffer.from(`ff${hex}ff`, "hex"));
  return cborProblem(bytes, 1, bytes.length - 1);
}

describe("CBOR: other libraries", () => {
  it("PROTOCOL.md has the table of what nodes take of each library", () => {
    const text = readFileSync(path.join(root, "PROTOCOL.md"), "utf8");
    const lines = table();
    assert.ok(text.includes(lines.join("\n")), `PROTOCOL.md lacks:\n${lines.join("\n")}`);
  });

  it("cborProblem() says what is wrong, and where", () => {
    for (const [hex, problem] of [
      ["fa41ac0000", "not deterministic: a number could be shorter, at byte 0"],
      ["82fb403580000000000001", "not deterministic: a number could be shorter, at byte 1"],
      ["1817", "not deterministic: a number or length could be shorter, at byte 0"],
      ["b90001616101", "not deterministic: a number or length could be shorter, at byte 0"],
      ["1b00000000ffffffff", "not deterministic: a number or length could be shorter, at byte 0"],
      ["a2616201616102", "not deterministic: the keys are not in bytewise order, at byte 4"],
      ["9f01ff", "not deterministic: a length is indefinite, at byte 0"],
      ["a2616101616102", "the same key twice, at byte 4"],
      ["a10102", "a key that is no text, at byte 1"],
      ["a1695f5f70726f746f5f5f01", "the key __proto__, at byte 1"],
      ["d840420102", "a tag, which no value may have, at byte 0"],
      ["1b0020000000000000", "an integer beyond 2^53 - 1, which must be a float, at byte 0"],
      ["3b001fffffffffffff", "an integer beyond 2^53 - 1, which must be a float, at byte 0"],
      ["8181818181f6", "nested deeper than 4 levels, at byte 4"],
      ["61ff", "no UTF-8, at byte 0"],
      ["f0", "a simple value other than false, true, null and undefined, at byte 0"],
      ["1c", "no CBOR, at byte 0"],
      ["0102", "more than one item, at byte 1"],
      ["", "the item ends early, at byte 0"],
      ["8201", "the item ends early, at byte 0"],
      ["82018201", "the item ends early, at byte 2"],
    ]) assert.equal(problemOf(hex), problem, hex);
    assert.equal(problemOf("a2616101616282f94d60f6"), undefined);
  });

  it("cborProblem() finds a problem exactly where checkCbor() refuses", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat(300), fc.nat(255)).map(([value, at, flip]) => {
        const item = Uint8Array.from(Buffer.from(encoded(value), "hex"));
        if (at < item.length) item[at] ^= flip;
        return item;
      }),
    );
    fc.assert(fc.property(bytes, (item) => {
      assert.equal(cborProblem(item, 0, item.length) === undefined, checkCbor(item, 0, item.length));
    }), propertyOptions(20000));
  });
});
