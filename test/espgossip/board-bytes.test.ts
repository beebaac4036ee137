import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { encodeCbor } from "../../src/cbor/cbor.js";
import { parseAddress } from "../../src/engine/wire/address.js";
import { RowData, Rows } from "../../src/engine/table/rows.js";
import { dataBytes, rowBytes } from "../../src/espgossip/board-bytes.js";
import { propertyOptions } from "../support/random.js";
import { print } from "./nodemcu.js";

function rowOf(address: string, revision: number, heartbeat: number, value: unknown): Rows {
  const rows = new Rows(2, 255);
  const bytes = new Uint8Array(255);
  const row = new RowData();
  Object.assign(row, { id: parseAddress(address), address: parseAddress(address), port: 5000, revision, heartbeat });
  row.valueLength = value === undefined ? 0 : encodeCbor(value, bytes, 0);
  assert.ok(row.valueLength >= 0);
  rows.merge(row, bytes);
  return rows;
}

function sizeOf(value: unknown, wraps = false): number {
  return dataBytes(rowOf("10.0.0.1", 1, 1, value), 0, wraps);
}

function printed(value: unknown): number {
  return Buffer.byteLength(`,"data":${print(value)}`);
}

/** JSON that fits a row and has no backslash. */
const values = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).filter((value) => {
  const bytes = new Uint8Array(255);
  return encodeCbor(value, bytes, 0) > 0 && !JSON.stringify(value).includes("\\\\");
});

describe("bytes that boards need for a row", () => {
  it("the model of a board prints as the boards' JSON library does", () => {
    const file = new URL("../vectors/espgossip.json", import.meta.url);
    const runs = JSON.parse(readFileSync(file, "utf8")) as { name: string; steps: { text?: string }[] }[];
    for (const run of runs.filter(({ name }) => name.includes("JSON library"))) {
      const text = run.steps.find((step) => step.text !== undefined)?.text ?? "";
      assert.equal(print(JSON.parse(text)), text);
    }
    assert.equal(print({ a: [21.3, 1e-5, -0.00011, 1e21, {}] }),
      '{"a":[21.30000000000000071,1.000000000000000082e-05,-0.0001100000000000000039,1e+21,[]]}');
  });

  it("a row without data has its digits, and 7 for a heartbeat that has fewer", () => {
    for (const [address, revision, heartbeat] of [
      ["10.0.0.1", 0, 9], ["192.168.100.254", 4294967295, 4294967295], ["1.2.3.4", 99, 1234567],
    ] as const) {
      const row = { state: 0, revision, heartbeat: Math.max(heartbeat, 1000000) };
      assert.equal(rowBytes(rowOf(address, revision, heartbeat, undefined), 0), print({ [address]: row }).length - 1);
    }
  });

  it("data without fractions have the exact size", () => {
    for (const value of [
      0, 10, 99, 100, -1, -100, 2 ** 53 - 1, true, false, null, "", "é°😀", 'a "b"', [], {}, [1, [2, [3, 40]]],
      { a: 1, bc: [true, null, "x"], d: { e: {} } },
    ]) assert.equal(sizeOf(value), printed(value), JSON.stringify(value));
    assert.equal(sizeOf(undefined), 0);
    assert.equal(sizeOf({ temp: 21.3 }), printed({ temp: 21.3 }) + 1);
  });

  it("data never print longer than their size", () => {
    fc.assert(fc.property(values, (value) => {
      const size = sizeOf(value);
      assert.ok(size >= printed(value), `${size} for ${print(value)}`);
    }), propertyOptions(3000));
    for (const value of [21.3, 0.1, -0.1, 0.01, 1e-4, 1e-5, 1e-300, -5e-324, 1.5e19, -1e300, 0.5, 123456.789]) {
      assert.ok(sizeOf(value) >= printed(value), String(value));
    }
  });

  it("a plain value counts with the table around it where it gets one", () => {
    for (const value of [20, "x", null]) assert.equal(sizeOf(value, true), printed({ value }));
    assert.equal(sizeOf([20], true), printed([20]));
  });
});
