import assert from "node:assert/strict";
import fc from "fast-check";
import { Clock, earlier } from "../../src/engine/clock.js";
import { propertyOptions } from "../support/random.js";

const TWO_31 = 2 ** 31;
const TWO_32 = 2 ** 32;

function started(callerMs: number): Clock {
  const clock = new Clock(10000);
  clock.start(callerMs);
  return clock;
}

describe("Clock", () => {
  it("the clock begins at 0, whatever the caller's time is", () => {
    for (const callerMs of [0, 1, TWO_31, TWO_32 - 1]) {
      const clock = started(callerMs);
      clock.advance(callerMs);
      assert.deepEqual([clock.nowMs, clock.uptimeSeconds], [0, 0]);
    }
  });

  it("the clock advances across the wrap of the caller's clock", () => {
    const clock = started(TWO_32 - 300);
    clock.advance(TWO_32 - 1);
    assert.equal(clock.nowMs, 299);
    clock.advance(0);
    assert.equal(clock.nowMs, 300);
    clock.advance(700);
    assert.deepEqual([clock.nowMs, clock.uptimeSeconds], [1000, 1]);
  });

  it("the clock counts a step back as no time and goes on from there", () => {
    const clock = started(5000);
    clock.advance(6000);
    clock.advance(5400);
    assert.deepEqual([clock.nowMs, clock.uptimeSeconds], [1000, 1]);
    clock.advance(5700);
    assert.equal(clock.nowMs, 1300);
    clock.advance(100);
    assert.equal(clock.nowMs, 1300);
    clock.advance(TWO_32 - 100);
    assert.equal(clock.nowMs, 1300, "back over the wrap");
    clock.advance(600);
    assert.deepEqual([clock.nowMs, clock.uptimeSeconds], [2000, 2]);
  });

  it("the clock takes 2^31 ms and more for a step back, less for a step ahead", () => {
    const clock = started(0);
    clock.advance(TWO_31);
    assert.equal(clock.nowMs, 0);
    clock.advance(TWO_31 + TWO_31 - 1);
    assert.equal(clock.nowMs, TWO_31 - 1);
  });

  it("the clock counts whole seconds and keeps the rest", () => {
    const clock = started(TWO_32 - 5000);
    for (let i = 1; i <= 30000; i++) {
      clock.advance((TWO_32 - 5000 + i) % TWO_32);
      if (clock.uptimeSeconds !== Math.floor(i / 1000)) assert.fail(`${clock.uptimeSeconds} s after ${i} ms`);
    }
  });

  it("the clock counts seconds beyond 2^32 ms, although its own time wraps", () => {
    const clock = started(123456);
    let total = 0;
    for (const step of [TWO_31 - 1, 999, TWO_31 - 1, 1, TWO_31 - 1000, 1001, TWO_31 - 1, 500]) {
      total += step;
      clock.advance((123456 + total) % TWO_32);
    }
    assert.ok(total > 2 * TWO_31 + TWO_31);
    assert.equal(clock.nowMs, total % TWO_32);
    assert.equal(clock.uptimeSeconds, Math.floor(total / 1000));
  });

  it("the clock agrees with a clock that does not wrap", () => {
    const step = fc.oneof(
      fc.integer({ min: -TWO_31, max: TWO_31 - 1 }), fc.integer({ min: -2000, max: 20000 }),
      fc.constantFrom(0, 1, 999, 1000, TWO_31 - 1, -TWO_31),
    );
    const start = fc.integer({ min: 0, max: TWO_32 - 1 });
    fc.assert(fc.property(start, fc.array(step, { maxLength: 40 }), (startMs, steps) => {
      const clock = started(startMs);
      let callerMs = startMs;
      let total = 0;
      for (const ms of steps) {
        callerMs = (callerMs + ms + TWO_32) % TWO_32;
        total += Math.max(ms, 0);
        clock.advance(callerMs);
        assert.equal(clock.nowMs, total % TWO_32);
        assert.equal(clock.uptimeSeconds, Math.floor(total / 1000));
        assert.equal(clock.toCaller(clock.nowMs), callerMs);
      }
    }), propertyOptions(2000));
  });

  it("a deadline is due when it passes and for 24.8 days after that, also across the wrap", () => {
    const clock = started(0);
    clock.advance(TWO_31 - 1);
    clock.advance(TWO_32 - 2);
    for (const [deadline, due] of [
      [TWO_32 - 2, true], [TWO_32 - 1, false], [TWO_32, false], [0, false], [1000, false], [TWO_32 - 3, true],
      [TWO_31 - 1, true], [TWO_31 - 3, false],
    ] as const) assert.equal(clock.isDue(deadline), due, String(deadline));
    clock.advance(1);
    assert.equal(clock.nowMs, 1);
    for (const [deadline, due] of [[0, true], [1, true], [TWO_32 - 1, true], [TWO_32 + 1, true], [2, false]] as const) {
      assert.equal(clock.isDue(deadline), due, String(deadline));
    }
  });

  it("the clock converts a deadline to the caller's time across the caller's wrap", () => {
    const clock = started(TWO_32 - 0x100);
    assert.equal(clock.toCaller(0xff), TWO_32 - 1);
    assert.equal(clock.toCaller(0x100), 0);
    assert.equal(clock.toCaller(0x300), 0x200);
    clock.advance(0x10);
    assert.equal(clock.toCaller(clock.nowMs + 5), 0x15);
    assert.equal(clock.toCaller(clock.nowMs - 0x20), TWO_32 - 0x10);
  });

  it("the clock converts a deadline to the caller's time across its own wrap", () => {
    const clock = started(40);
    clock.advance(40 + TWO_31 - 1);
    clock.advance(40 + TWO_32 - 10);
    assert.equal(clock.nowMs, TWO_32 - 10);
    // The deadline both as it was added and as a typed array keeps it.
    assert.equal(clock.toCaller(TWO_32 - 10 + 30), 60);
    assert.equal(clock.toCaller(20), 60);
  });

  it("earlier() finds the earlier of two deadlines, also across the wrap", () => {
    for (const [a, b] of [[0, 1], [5, 5], [0, TWO_31 - 1], [TWO_32 - 1, 0], [TWO_32 - 5, 7], [TWO_31, TWO_32 - 1]]) {
      assert.equal(earlier(a, b), a);
      assert.equal(earlier(b, a), a);
    }
  });
});
