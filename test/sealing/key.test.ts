import assert from "node:assert/strict";
import fc from "fast-check";
import { formatKey, parseKey } from "../../src/sealing/key.js";
import { propertyOptions } from "../support/random.js";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const DIGITS = Buffer.from(KEY).toString("hex");

describe("parseKey and formatKey", () => {
  it("a key is 32 bytes or 64 hex digits, small or capital", () => {
    for (const value of [KEY, Buffer.from(KEY), DIGITS, DIGITS.toUpperCase()]) {
      assert.deepEqual(parseKey("key", value), KEY);
    }
  });

  it("a formatted key is parsed to the same bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      assert.match(formatKey(key), /^[0-9a-f]{64}$/);
      assert.deepEqual(parseKey("key", formatKey(key)), key);
    }), propertyOptions(100));
  });

  it("parseKey copies the key", () => {
    const mine = KEY.slice();
    const key = parseKey("key", mine);
    mine.fill(0);
    assert.deepEqual(key, KEY);
  });

  const refused: [string, unknown, string][] = [
    ["nothing", undefined, "a value of type undefined"],
    ["null", null, "null"],
    ["a number", 1, "a value of type number"],
    ["no digits", "", "a string of 0 characters"],
    ["63 digits", DIGITS.slice(1), "a string of 63 characters"],
    ["65 digits", `${DIGITS}0`, "a string of 65 characters"],
    ["a letter beyond f", `${DIGITS.slice(1)}g`, "a string of 64 characters"],
    ["a character that is no digit", `${DIGITS.slice(1)}@`, "a string of 64 characters"],
    ["a space", ` ${DIGITS.slice(1)}`, "a string of 64 characters"],
    ["31 bytes", KEY.slice(1), "a Uint8Array of 31 bytes"],
    ["33 bytes", new Uint8Array(33), "a Uint8Array of 33 bytes"],
    ["an array", [...KEY], "a value of type object"],
    ["words", new Uint16Array(32), "a value of type object"],
  ];
  for (const [what, value, described] of refused) {
    it(`parseKey refuses ${what}`, () => {
      assert.throws(() => parseKey("otherKey", value), {
        message: `otherKey: ${described} is not a key: 32 bytes in a Uint8Array, or 64 hex digits`,
      });
    });
  }
});
