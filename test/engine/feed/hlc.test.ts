import assert from "node:assert/strict";
import fc from "fast-check";
import { COUNTER_MAX, Hlc } from "../../../src/engine/feed/hlc.js";
import { CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "../../../src/engine/feed/kinds.js";
import { propertyOptions } from "../../support/random.js";

/** 2026-01-01. */
const T = 1767225600000;
const MINUTE = 60000;
const DAY = 86400000;
const YEAR = 365 * DAY;

type Stamp = [ms: number, counter: number];

function stampOf(clock: Hlc): Stamp {
  return [clock.ms, clock.counter];
}

/** A clock whose platform says `ms` at engine time 0. */
function clockAt(ms: number): Hlc {
  const clock = new Hlc(MINUTE);
  clock.setPhysical(0, ms);
  return clock;
}

function make(clock: Hlc, nowMs: number): Stamp {
  clock.now(nowMs);
  return stampOf(clock);
}

function receive(clock: Hlc, nowMs: number, [ms, counter]: Stamp): Stamp {
  clock.receive(nowMs, ms, counter);
  return stampOf(clock);
}

function isLater(a: Stamp, b: Stamp): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

describe("hybrid logical clock", () => {
  it("the clock stamps a local event as figure 5 does", () => {
    const clock = clockAt(T);
    assert.deepEqual(make(clock, 0), [T, 0], "physical time is ahead");
    assert.deepEqual(make(clock, 0), [T, 1], "physical time stands");
    assert.deepEqual(make(clock, 5), [T + 5, 0]);
    clock.setPhysical(5, T - 1000);
    assert.deepEqual(make(clock, 5), [T + 5, 1], "physical time stepped back");
  });

  const cases: { name: string; held: Stamp; message: Stamp; physical: number; after: Stamp }[] = [
    { name: "all equal", held: [T, 3], message: [T, 7], physical: T, after: [T, 8] },
    { name: "all equal, own counter ahead", held: [T, 9], message: [T, 7], physical: T, after: [T, 10] },
    { name: "held and message equal, physical behind", held: [T, 3], message: [T, 7], physical: T - 9, after: [T, 8] },
    { name: "held ahead of both", held: [T + 2, 3], message: [T, 7], physical: T, after: [T + 2, 4] },
    { name: "held and physical equal", held: [T, 3], message: [T - 1, 7], physical: T, after: [T, 4] },
    { name: "message ahead of both", held: [T, 3], message: [T + 2, 7], physical: T, after: [T + 2, 8] },
    { name: "message and physical equal", held: [T, 3], message: [T + 2, 7], physical: T + 2, after: [T + 2, 8] },
    { name: "physical ahead of both", held: [T, 3], message: [T + 1, 7], physical: T + 2, after: [T + 2, 0] },
  ];
  for (const { name, held, message, physical, after } of cases) {
    it(`the clock stamps a receipt as figure 5 does: ${name}`, () => {
      const clock = clockAt(physical);
      clock.recall(held[0], held[1]);
      assert.deepEqual(receive(clock, 0, message), after);
    });
  }

  it("the clock carries a full counter into the milliseconds", () => {
    const clock = clockAt(T);
    assert.deepEqual(receive(clock, 0, [T + 1, COUNTER_MAX]), [T + 2, 0]);
    clock.recall(T + 2, COUNTER_MAX);
    assert.deepEqual(make(clock, 0), [T + 3, 0]);
    assert.deepEqual(make(clock, 0), [T + 3, 1]);
  });

  it("a stamp that is far ahead does not move the clock", () => {
    const clock = clockAt(T);
    make(clock, 0);
    assert.equal(clock.receive(0, T + MINUTE + 1, 0), false);
    assert.equal(clock.receive(0, T + YEAR, COUNTER_MAX), false);
    assert.deepEqual(stampOf(clock), [T, 0]);
    assert.equal(clock.receive(0, T + MINUTE, 0), true);
    assert.deepEqual(stampOf(clock), [T + MINUTE, 1]);
  });

  it("a stamp far ahead of physical time moves the clock if the clock is ahead already", () => {
    const clock = clockAt(T);
    make(clock, 0);
    clock.setPhysical(0, T - DAY);
    assert.deepEqual(receive(clock, 0, [T, 8]), [T, 9]);
  });

  it("the clock goes on where an earlier start ended, and never back", () => {
    const clock = clockAt(T);
    clock.recall(T + DAY, 5);
    clock.recall(T + DAY, 4);
    clock.recall(T, 9);
    assert.deepEqual(make(clock, 0), [T + DAY, 6]);
  });

  it("physical time advances with engine time, across the wrap-around", () => {
    const clock = new Hlc(MINUTE);
    clock.setPhysical(0xffffff00, T);
    assert.equal(clock.physical(0x100), T + 0x200);
    assert.equal(clock.physical(0x80), T + 0x200, "engine time ran backwards");
  });
});

describe("hybrid logical clock without a clock", () => {
  it("the clock counts until a stamp has the time", () => {
    const clock = new Hlc(MINUTE);
    assert.deepEqual(make(clock, 1000), [0, 1]);
    assert.deepEqual(make(clock, 2000), [0, 2]);
    assert.deepEqual(receive(clock, 3000, [0, 10]), [0, 11], "of another without a clock");
    assert.equal(clock.source, CLOCK_NONE);
    assert.equal(clock.physical(3000), 0);
  });

  it("the clock gets the time from a stamp, then goes on by itself", () => {
    const clock = new Hlc(MINUTE);
    assert.deepEqual(receive(clock, 1000, [T, 3]), [T, 4]);
    assert.equal(clock.source, CLOCK_PEER);
    assert.deepEqual(make(clock, 1000), [T, 5]);
    assert.deepEqual(make(clock, 3500), [T + 2500, 0]);
  });

  it("the clock follows later stamps, since the first ones may be of old events", () => {
    const clock = new Hlc(MINUTE);
    for (let hours = 0; hours < 100; hours += 10) receive(clock, 0, [T + hours * 3600000, 0]);
    assert.equal(clock.physical(0), T + 90 * 3600000);
  });

  it("the clock does not follow a stamp that is a year ahead", () => {
    const clock = new Hlc(MINUTE);
    receive(clock, 0, [T, 0]);
    assert.equal(clock.receive(0, T + YEAR, 0), false);
    assert.deepEqual(stampOf(clock), [T, 1]);
    assert.equal(clock.physical(0), T);
  });

  it("the clock does not get its first time from the far future, or from a clock that was never set", () => {
    const clock = new Hlc(MINUTE);
    assert.equal(clock.receive(0, T + 300 * YEAR, 0), false);
    assert.equal(clock.receive(0, 946684800000, 0), true, "2000-01-01 orders events");
    assert.equal(clock.source, CLOCK_NONE);
    clock.setPhysical(0, 946684800000);
    assert.equal(clock.source, CLOCK_NONE);
    clock.setPhysical(0, NaN);
    assert.equal(clock.source, CLOCK_NONE);
  });

  it("the clock follows its platform once the platform knows the time", () => {
    const clock = new Hlc(MINUTE);
    receive(clock, 0, [T + DAY, 0]);
    clock.setPhysical(0, T);
    assert.equal(clock.source, CLOCK_OWN);
    assert.equal(clock.physical(0), T);
    assert.deepEqual(make(clock, 0), [T + DAY, 2], "but its stamps never go back");
  });
});

describe("hybrid logical clocks", () => {
  const act = fc.record({
    node: fc.nat(2), from: fc.nat(2), pass: fc.oneof(fc.nat(3), fc.nat(100000)),
    kind: fc.constantFrom("make", "receive", "step"), step: fc.integer({ min: -200000, max: 200000 }),
  });
  const hasClock = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());

  it("a clock rises with each event, and beyond each stamp that moved it", () => {
    fc.assert(fc.property(hasClock, fc.array(act, { maxLength: 200 }), (own, acts) => {
      const clocks = own.map((known) => known ? clockAt(T) : new Hlc(MINUTE));
      let nowMs = 0;
      for (const { node, from, pass, kind, step } of acts) {
        nowMs += pass;
        const clock = clocks[node];
        const before = stampOf(clock);
        const message = stampOf(clocks[from]);
        if (kind === "step") {
          if (own[node]) clock.setPhysical(nowMs, T + nowMs + step);
          assert.deepEqual(stampOf(clock), before);
        } else if (kind === "make") {
          const physical = clock.physical(nowMs);
          assert.ok(isLater(make(clock, nowMs), before));
          assert.ok(clock.ms >= physical);
        } else {
          const moved = clock.receive(nowMs, message[0], message[1]);
          if (moved) assert.ok(isLater(stampOf(clock), before) && isLater(stampOf(clock), message));
          else assert.deepEqual(stampOf(clock), before);
        }
        assert.ok(Number.isSafeInteger(clock.ms) && clock.counter >= 0 && clock.counter <= COUNTER_MAX);
      }
    }), propertyOptions(300));
  });

  it("a clock stays within its bound of physical time, whatever stamps arrive", () => {
    const stamps = fc.array(fc.tuple(fc.oneof(
      fc.integer({ min: T - YEAR, max: T + YEAR }), fc.integer({ min: T, max: T + 2 * MINUTE }),
      fc.constantFrom(0, 281474976710655),
    ), fc.nat(COUNTER_MAX)), { maxLength: 100 });
    fc.assert(fc.property(stamps, (list) => {
      const clock = clockAt(T);
      list.forEach((stamp, i) => receive(clock, i, stamp));
      // One more for each counter that overflowed.
      assert.ok(clock.ms - clock.physical(list.length) <= MINUTE + list.length);
    }), propertyOptions(300));
  });
});
