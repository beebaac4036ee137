import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeCbor } from "../../src/cbor/cbor.js";
import {
  checkNamedValue, isSameName, nameEnd, nameTextEnd, nameTextStart, valueBytesOf,
} from "../../src/cbor/named-value.js";
import { propertyOptions } from "../support/random.js";

const NAME = fc.string({ unit: "grapheme", minLength: 1, maxLength: 24 }).filter((name) => {
  // eslint-disable-next-line no-control-regex -- Names have none.
  return Buffer.byteLength(name) <= 24 && !/[\0-\x1f\x7f-\x9f]/.test(name);
});
const VERSION = fc.option(fc.stringMatching(/^[ -~]{1,16}$/), { nil: undefined });
const VALUE = fc.oneof(fc.integer(), fc.string({ maxLength: 20 }), fc.constant(undefined), fc.array(fc.integer()));

function encoded(value: unknown): number[] {
  const out = new Uint8Array(300);
  return [...out.subarray(0, encodeCbor(value, out, 0))];
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

describe("named value", () => {
  it("name and value are told apart, wherever they lie in the bytes", () => {
    fc.assert(fc.property(fc.option(NAME, { nil: "" }), VERSION, VALUE, fc.nat(9), (name, version, value, start) => {
      if (name === "" && version === undefined) return;
      const label = version === undefined ? name : `${name}\x1f${version}`;
      const before = Array<number>(start).fill(0x61);
      const bytes = Uint8Array.from([...before, ...encoded(label), ...encoded(value), 0x61, 0x61]);
      const end = bytes.length - 2;
      const valueStart = nameEnd(bytes, start, end);
      const textStart = nameTextStart(bytes, start);
      const nameEnds = nameTextEnd(bytes, textStart, valueStart);
      assert.equal(Buffer.from(bytes.subarray(textStart, nameEnds)).toString(), name);
      const shown = Buffer.from(bytes.subarray(nameEnds, valueStart)).toString();
      assert.equal(shown, version === undefined ? "" : `\x1f${version}`);
      const alone = Uint8Array.from(encoded(name));
      assert.equal(isSameName(bytes, start, end, alone, 0, name === "" ? 0 : alone.length), name !== "");
      assert.deepEqual([...bytes.subarray(valueStart, end)], encoded(value));
      assert.equal(valueBytesOf(bytes, start, valueStart, end), value === undefined ? 0 : end - valueStart);
      assert.ok(checkNamedValue(bytes, start, end));
      // What follows the value is an item too many, and no prefix of all is complete, except the name alone.
      assert.ok(!checkNamedValue(Uint8Array.from([...bytes.subarray(start, end), 0]), 0, end - start + 1));
      for (let cut = start; cut < end; cut++) assert.equal(checkNamedValue(bytes, start, cut), cut === valueStart);
    }), propertyOptions(500));
  });

  it("a value alone has no name", () => {
    fc.assert(fc.property(VALUE, (value) => {
      const bytes = Uint8Array.from(encoded(value));
      assert.equal(nameEnd(bytes, 0, bytes.length), 0);
      assert.equal(valueBytesOf(bytes, 0, 0, bytes.length), bytes.length);
      assert.ok(checkNamedValue(bytes, 0, bytes.length));
    }), propertyOptions(500));
  });

  it("any bytes are accepted only as a value, or as a good name and a value", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const start = nameEnd(bytes, 0, bytes.length);
      assert.ok(start === 0 || (start > 1 && start < bytes.length));
      if (start === 0 || !checkNamedValue(bytes, 0, bytes.length)) return;
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      const name = decoder.decode(bytes.subarray(nameTextStart(bytes, 0), start));
      assert.deepEqual(encoded(name), [...bytes.subarray(0, start)]);
    }), propertyOptions(2000));
  });

  for (const [hex, name, value] of [
    ["646e616d6501", "name", 1], ["6161f7", "a", 0], ["616160", "a", 1], ["6161f6", "a", 1], ["6161", "", 2],
    [`7818${"78".repeat(24)}f7`, "x".repeat(24), 0],
    ["6001", undefined, 0], ["616101f7", undefined, 0], ["7701", undefined, 0], ["78", undefined, 0],
    ["7818", undefined, 0], ["61ff01", undefined, 0], ["610a01", undefined, 0], ["617f01", undefined, 0],
    ["62c28001", undefined, 0], ["62c2a001", "\u00a0", 1], ["", undefined, 0],
    [`7819${"78".repeat(25)}01`, undefined, 0], ["621f31f7", "\x1f1", 0], ["63611f3101", "a\x1f1", 1],
    [`7829${"78".repeat(24)}1f${"31".repeat(16)}01`, `${"x".repeat(24)}\x1f${"1".repeat(16)}`, 1],
    ["611f01", undefined, 0], ["62611f01", undefined, 0], ["64611f1f3101", undefined, 0],
    [`721f${"31".repeat(17)}01`, undefined, 0], ["7817611f01", undefined, 0],
  ] as const) {
    it(`${hex === "" ? "no bytes" : hex}: ${name === undefined ? "refused" : JSON.stringify(name)}`, () => {
      const bytes = bytesOf(hex);
      assert.equal(checkNamedValue(bytes, 0, bytes.length), name !== undefined);
      if (name === undefined) return;
      const start = nameEnd(bytes, 0, bytes.length);
      const text = start === 0 ? "" : Buffer.from(bytes.subarray(nameTextStart(bytes, 0), start)).toString();
      assert.deepEqual([text, valueBytesOf(bytes, 0, start, bytes.length)], [name, value]);
    });
  }
});
