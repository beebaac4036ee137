import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../support/engine-random.js";
import { Sfc32 } from "../../desktop/simulator/sfc32.js";
import { propertyOptions } from "../support/random.js";

const MASK = 0xffffffffn;
const uint32 = fc.integer({ min: 0, max: 0xffffffff });

/** sfc32 after PractRand, seeded as the engine does: [seed, stream, "chsm", 1], twelve outputs thrown away. */
function* sfc32(seed: number, stream: number): Generator<number, never> {
  let [a, b, c, counter] = [BigInt(seed), BigInt(stream), 0x6368736dn, 1n];
  for (let i = 0; ; i++) {
    const sum = (a + b + counter) & MASK;
    counter = (counter + 1n) & MASK;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & MASK;
    c = (((c << 21n) | (c >> 11n)) + sum) & MASK;
    if (i >= 12) yield Number(sum);
  }
}

describe("random numbers", () => {
  it("the simulator's object gives the numbers of the engine", () => {
    fc.assert(fc.property(uint32, uint32, (seed, stream) => {
      const random = new Random(seed, stream);
      const simulated = new Sfc32(seed, stream);
      for (let i = 0; i < 20; i++) assert.equal(simulated.next(), random.next());
      assert.equal(simulated.below(1000), random.below(1000));
    }), propertyOptions(100));
  });

  it("the generator is sfc32", () => {
    fc.assert(fc.property(uint32, uint32, (seed, stream) => {
      const random = new Random(seed, stream);
      const expected = sfc32(seed, stream);
      for (let i = 0; i < 50; i++) assert.equal(random.next(), expected.next().value);
    }), propertyOptions(300));
  });

  it("the generator is still sfc32 after many numbers", () => {
    const random = new Random(1, 2);
    const expected = sfc32(1, 2);
    for (let i = 0; i < 50000; i++) if (random.next() !== expected.next().value) assert.fail(`at ${i}`);
  });

  it("the generator gives known numbers", () => {
    const random = new Random(0, 0);
    const numbers = [3551986012, 1204775328, 3317514757, 1964821271];
    assert.deepEqual(numbers.map(() => random.next()), numbers);
    assert.equal(new Random(0xffffffff, 0x80000000).next(), 2437788781);
  });

  it("the same seed and stream give the same numbers, others give others", () => {
    const first = (seed: number, stream: number) => {
      const random = new Random(seed, stream);
      return Array.from({ length: 8 }, () => random.next()).join();
    };
    assert.equal(first(7, 9), first(7, 9));
    const sequences = new Set<string>();
    for (let i = 0; i < 400; i++) sequences.add(first(i % 20, Math.floor(i / 20)));
    assert.equal(sequences.size, 400);
  });

  it("a number stays below the bound", () => {
    const bound = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0xffffffff }));
    fc.assert(fc.property(uint32, bound, (seed, most) => {
      const random = new Random(seed, 1);
      for (let i = 0; i < 100; i++) {
        const number = random.below(most);
        assert.ok(Number.isInteger(number) && number >= 0 && number < most, `${number} of ${most}`);
      }
    }), propertyOptions(500));
  });

  it("a number below the bounds 0 and 1 is 0", () => {
    const random = new Random(3, 4);
    for (let i = 0; i < 100; i++) {
      assert.equal(random.below(0), 0);
      assert.equal(random.below(1), 0);
    }
  });

  it("each number below a small bound comes about equally often", () => {
    for (const bound of [2, 3, 7, 10]) {
      const random = new Random(5, bound);
      const counts = new Array<number>(bound).fill(0);
      for (let i = 0; i < 1000 * bound; i++) counts[random.below(bound)]++;
      // Five standard deviations of a binomial count of 1000.
      for (const count of counts) assert.ok(Math.abs(count - 1000) < 160, `${bound}: ${counts.join()}`);
    }
  });
});
