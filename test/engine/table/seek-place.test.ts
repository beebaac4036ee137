import assert from "node:assert/strict";
import fc from "fast-check";
import { orderKey } from "../../../src/engine/table/hash.js";
import { ID, WORDS } from "../../../src/engine/table/row-layout.js";
import { seekFrom, seekPlace } from "../../../src/engine/table/seek-place.js";
import { propertyOptions } from "../../support/random.js";

/** A table with these ids: its words, its slots in the order of keys, and the keys in order. */
function tableOf(ids: readonly number[]): { words: Uint32Array; slots: Uint16Array; keys: number[] } {
  const words = new Uint32Array(ids.length * WORDS);
  ids.forEach((id, slot) => {
    words[slot * WORDS + ID] = id;
  });
  const slots = Uint16Array.from(ids.keys()).sort((a, b) => orderKey(ids[a]) - orderKey(ids[b]));
  return { words, slots, keys: [...slots].map((slot) => orderKey(ids[slot])) };
}

/** Of 20,000 ids those with the lowest keys, as an attacker could choose them, and one with a high key. */
function crowded(count: number): number[] {
  const all = Array.from({ length: 20000 }, (_, id) => id).sort((a, b) => orderKey(a) - orderKey(b));
  return [...all.slice(0, count - 1), all[all.length - 1]];
}

function assertFound(ids: readonly number[], key: number, start: number): void {
  const { words, slots, keys } = tableOf(ids);
  const at = keys.findIndex((held) => held >= key);
  const expected = at < 0 ? keys.length : at;
  assert.equal(seekPlace(words, slots, keys.length, key), expected);
  assert.equal(seekFrom(words, slots, keys.length, key, start), expected);
}

describe("places in the order of keys", () => {
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });

  it("a search finds the first row whose key is not below the one sought, wherever the last one ended", () => {
    const ids = fc.uniqueArray(uint32, { minLength: 1, maxLength: 400, size: "max" });
    fc.assert(fc.property(ids, uint32, fc.nat(500), assertFound), propertyOptions(300));
  });

  it("also for a key that is a few rows behind, held or not", () => {
    const ids = fc.uniqueArray(uint32, { minLength: 129, maxLength: 400, size: "max" });
    fc.assert(fc.property(ids, fc.nat(), fc.nat(100), fc.integer({ min: -1, max: 1 }), (list, from, ahead, by) => {
      const { keys } = tableOf(list);
      const start = from % list.length;
      const key = keys[Math.min(start + ahead, list.length - 1)] + by;
      if (key >= 0 && key <= 0xffffffff) assertFound(list, key, start);
    }), propertyOptions(300));
  });

  it("also where keys are crowded, as those of ids that an attacker chose", () => {
    const ids = crowded(300);
    const { keys } = tableOf(ids);
    for (const start of [0, 1, 150, 298, 299, 300]) {
      for (const place of [0, 1, 100, 200, 298, 299]) {
        assertFound(ids, keys[place], start);
        assertFound(ids, keys[place] + 1, start);
      }
    }
  });
});
