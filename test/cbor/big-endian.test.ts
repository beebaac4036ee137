import assert from "node:assert/strict";
import fc from "fast-check";
import { readU16, readU32, writeU16, writeU32 } from "../../src/cbor/big-endian.js";
import { propertyOptions } from "../support/random.js";

describe("integers in network byte order", () => {
  it("a writer writes the bytes that DataView writes, at its place and nowhere else", () => {
    fc.assert(fc.property(fc.nat(0xffffffff), fc.nat(4), (value, at) => {
      const bytes = new Uint8Array(8).fill(0xa5);
      const expected = new Uint8Array(8).fill(0xa5);
      writeU32(bytes, at, value);
      new DataView(expected.buffer).setUint32(at, value);
      assert.deepEqual(bytes, expected);
      writeU16(bytes, at, value);
      new DataView(expected.buffer).setUint16(at, value & 0xffff);
      assert.deepEqual(bytes, expected);
    }), propertyOptions(500));
  });

  it("a writer writes a negative int32 as the uint32 of the same bits", () => {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, -2);
    assert.deepEqual([...bytes], [0xff, 0xff, 0xff, 0xfe]);
  });

  it("a reader returns the unsigned number that DataView returns", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat(4), (bytes, at) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      assert.equal(readU16(bytes, at), view.getUint16(at));
      assert.equal(readU32(bytes, at), view.getUint32(at));
    }), propertyOptions(500));
  });
});
