import assert from "node:assert/strict";
import fc from "fast-check";
import { seedRandom } from "../../../src/engine/table/random.js";
import { SEED_WORDS, Seeds } from "../../../src/engine/membership/seeds.js";
import { Rows } from "../../../src/engine/table/rows.js";
import { WordPool } from "../../../src/engine/word-pool.js";
import { PORT } from "../../support/engine-options.js";
import { propertyOptions } from "../../support/random.js";

const OWN = 0x0a000001;
const BROADCAST = 0x0a0000ff;

function seedsOf(seedCapacity: number): Seeds {
  const words = seedCapacity * SEED_WORDS;
  const rows = new Rows(2, 0, undefined, undefined, words);
  seedRandom(rows.words, 1, 1);
  const seeds = new Seeds(rows);
  seeds.allocSeeds(seedCapacity, OWN, PORT, BROADCAST, new WordPool(words, rows.words));
  return seeds;
}

function list(seeds: Seeds): string[] {
  return Array.from({ length: seeds.count }, (_, i) => `${seeds.address(i)}:${seeds.port(i)}`);
}

describe("Seeds", () => {
  it("the list keeps addresses in the order in which they came", () => {
    const seeds = seedsOf(4);
    assert.equal(seeds.count, 0);
    assert.equal(seeds.pin(9, PORT), true);
    assert.equal(seeds.pin(0xffffffff, 65535), true);
    seeds.learn(7, 1);
    assert.deepEqual(list(seeds), ["9:5000", "4294967295:65535", "7:1"]);
    assert.ok(seeds.has(9, PORT) && seeds.has(7, 1));
    assert.ok(!seeds.has(9, 1) && !seeds.has(7, PORT) && !seeds.has(0, 0));
  });

  it("the list keeps each address once, and another port is another address", () => {
    const seeds = seedsOf(4);
    for (let i = 0; i < 3; i++) {
      assert.equal(seeds.pin(9, PORT), true);
      seeds.learn(9, PORT);
      seeds.learn(9, PORT + 1);
    }
    assert.deepEqual(list(seeds), ["9:5000", "9:5001"]);
  });

  it("the list never has the node itself or the broadcast address", () => {
    const seeds = seedsOf(4);
    assert.equal(seeds.pin(OWN, PORT), true);
    assert.equal(seeds.pin(BROADCAST, PORT), true);
    assert.equal(seeds.pin(BROADCAST, 1), true);
    seeds.learn(OWN, PORT);
    seeds.learn(BROADCAST, PORT);
    assert.equal(seeds.count, 0);
    seeds.pin(OWN, PORT + 1);
    assert.deepEqual(list(seeds), [`${OWN}:5001`]);
  });

  it("the list refuses to pin more addresses than it has places", () => {
    const seeds = seedsOf(2);
    assert.equal(seeds.pin(1, 1), true);
    assert.equal(seeds.pin(2, 1), true);
    assert.equal(seeds.pin(3, 1), false);
    assert.equal(seeds.pin(1, 1), true, "it has that one");
    assert.deepEqual(list(seeds), ["1:1", "2:1"]);
  });

  it("the list learns nothing when all places are pinned", () => {
    const seeds = seedsOf(1);
    seeds.pin(1, 1);
    for (let i = 2; i < 50; i++) seeds.learn(i, 1);
    assert.deepEqual(list(seeds), ["1:1"]);
  });

  it("a learnt address replaces only learnt ones, each of them in the course of time", () => {
    const seeds = seedsOf(5);
    seeds.pin(1, 1);
    seeds.pin(2, 1);
    for (let i = 10; i < 13; i++) seeds.learn(i, 1);
    assert.equal(seeds.count, 5);
    const replaced = new Set<number>();
    for (let i = 100; i < 200; i++) {
      const before = list(seeds);
      seeds.learn(i, 1);
      const after = list(seeds);
      const changed = after.flatMap((seed, index) => seed === before[index] ? [] : [index]);
      assert.equal(changed.length, 1);
      assert.equal(after[changed[0]], `${i}:1`);
      replaced.add(changed[0]);
    }
    assert.deepEqual([...replaced].sort(), [2, 3, 4]);
    assert.deepEqual(list(seeds).slice(0, 2), ["1:1", "2:1"]);
  });

  it("the list has no address twice, never too many, and all pinned ones", () => {
    const addresses = fc.constantFrom(OWN, BROADCAST, 2, 3, 4, 5, 6, 0xffffffff);
    const endpoint = fc.tuple(addresses, fc.constantFrom(PORT, 1));
    const pins = fc.array(endpoint, { maxLength: 4 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), pins, fc.array(endpoint), (capacity, pinned, learnt) => {
      const seeds = seedsOf(capacity);
      const kept = pinned.filter(([address, port]) => seeds.pin(address, port) && seeds.has(address, port));
      const before = seeds.count;
      for (const [address, port] of learnt) seeds.learn(address, port);
      const after = list(seeds);
      assert.ok(after.length <= capacity && after.length >= before);
      assert.equal(new Set(after).size, after.length);
      for (const [address, port] of kept) assert.ok(seeds.has(address, port));
      assert.ok(!seeds.has(OWN, PORT) && !seeds.has(BROADCAST, PORT) && !seeds.has(BROADCAST, 1));
    }), propertyOptions(1000));
  });
});
