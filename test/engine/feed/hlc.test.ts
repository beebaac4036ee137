import assert from "node:assert/strict";
import fc from "fast-check";
import { COUNTER_MAX, Hlc, STAMP_MS_END } from "../../../src/engine/feed/hlc.js";
import { CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "../../../src/engine/feed/kinds.js";
import { propertyOptions } from "../../support/random.js";

/** 2026-01-01. */
const T = 1767225600000;
const HOUR = 3600000;
const DAY = 86400000;
const YEAR = 365 * DAY;
const REVISION = 5;

type Stamp = [ms: number, counter: number];

function stampOf(clock: Hlc): Stamp {
  return [clock.ms, clock.counter];
}

/** A clock whose platform says `ms` at engine time 0. */
function clockAt(ms: number): Hlc {
  const clock = new Hlc();
  clock.start(REVISION);
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

/** The greatest stamp. */
const LAST_MS = STAMP_MS_END - 1;

describe("hybrid logical clock", () => {
  it("the clock stamps a local event as the paper does", () => {
    const clock = clockAt(T);
    assert.deepEqual(make(clock, 0), [T, 0], "physical time is ahead");
    assert.deepEqual(make(clock, 0), [T, 1], "physical time stands");
    assert.deepEqual(make(clock, 5), [T + 6, 0]);
    clock.setPhysical(5, T - 1000);
    assert.deepEqual(make(clock, 5), [T + 7, REVISION], "physical time stepped back");
    assert.deepEqual(make(clock, 5), [T + 9, REVISION]);
  });

  it("a stamp that was read from the platform's clock has even milliseconds, and no other stamp has", () => {
    const clock = clockAt(T);
    for (let ms = 0; ms < 20; ms++) assert.equal(make(clock, ms)[0] % 2, 0);
    receive(clock, 20, [T + HOUR, 0]);
    for (let ms = 20; ms < 40; ms++) assert.equal(make(clock, ms)[0] % 2, 1, "ahead of the clock");
    const other = new Hlc();
    other.adopt(T, CLOCK_PEER);
    for (let ms = 0; ms < 20; ms++) assert.equal(make(other, ms)[0] % 2, 1, "the time of peers");
  });

  const cases: { name: string; held: Stamp; message: Stamp; physical: number; after: Stamp }[] = [
    { name: "message later", held: [T, 3], message: [T, 7], physical: T, after: [T, 7] },
    { name: "own counter ahead", held: [T, 9], message: [T, 7], physical: T, after: [T, 9] },
    { name: "message ahead of both", held: [T, 3], message: [T + 2, 7], physical: T, after: [T + 2, 7] },
    { name: "held ahead of both", held: [T + 2, 3], message: [T, 7], physical: T, after: [T + 2, 3] },
    { name: "physical ahead of both", held: [T, 3], message: [T + 1, 7], physical: T + 2, after: [T + 1, 7] },
  ];
  for (const { name, held, message, physical, after } of cases) {
    it(`the clock moves to a received stamp that is later, and the next stamp comes after it: ${name}`, () => {
      const clock = clockAt(physical);
      clock.recall(held[0], held[1]);
      assert.deepEqual(receive(clock, 0, message), after);
      assert.ok(isLater(make(clock, 0), after));
      assert.ok(clock.ms >= physical);
    });
  }

  it("the clock carries a full counter into the milliseconds", () => {
    const clock = clockAt(T);
    for (let i = 0; i <= COUNTER_MAX; i++) make(clock, 0);
    assert.deepEqual(stampOf(clock), [T, COUNTER_MAX]);
    assert.deepEqual(make(clock, 0), [T + 1, REVISION]);
  });

  it("two starts make different stamps after the same received stamp", () => {
    const made = [7, 8].map((revision) => {
      const clock = clockAt(T);
      clock.start(revision);
      receive(clock, 0, [T + HOUR, 5]);
      return [make(clock, 0), make(clock, 0)].map((stamp) => stamp.join("."));
    });
    assert.equal(new Set(made.flat()).size, 4);
  });

  it("a stamp moves the clock if it is at most a day ahead", () => {
    const clock = clockAt(T);
    make(clock, 0);
    assert.equal(clock.receive(0, T + DAY + 1, 0), false);
    assert.equal(clock.receive(0, T + YEAR, COUNTER_MAX), false);
    assert.equal(clock.isFarAhead(0, T + DAY + 1), true);
    assert.deepEqual(stampOf(clock), [T, 0]);
    assert.equal(clock.isFarAhead(0, T + DAY), false);
    assert.equal(clock.receive(0, T + DAY, 0), true);
    assert.deepEqual(make(clock, 0), [T + DAY + 1, REVISION]);
  });

  it("the clock goes on where an earlier start ended, and never back", () => {
    const clock = clockAt(T);
    clock.recall(T + DAY, 5);
    clock.recall(T + DAY, 4);
    clock.recall(T, 9);
    assert.deepEqual(make(clock, 0), [T + DAY + 1, REVISION]);
  });

  it("the clock steps back to the platform's clock, and not to before a stamp that is given", () => {
    const clock = clockAt(T);
    clock.recall(T + YEAR, 5);
    clock.stepBack(0, 0, 0);
    assert.deepEqual(make(clock, 0), [T, 0]);
    clock.stepBack(0, T + HOUR, 3);
    assert.deepEqual(make(clock, 0), [T + HOUR + 1, REVISION]);
  });

  it("physical time advances with engine time, across the wrap-around", () => {
    const clock = new Hlc();
    clock.setPhysical(0xffffff00, T);
    assert.equal(clock.physical(0x100), T + 0x200);
    assert.equal(clock.physical(0x80), T + 0x200, "engine time ran backwards");
    assert.equal(clock.physical(0x90), T + 0x210);
  });
});

describe("stamps after a given one", () => {
  it("a stamp after one that is at most a day ahead is the clock's own", () => {
    const clock = clockAt(T);
    assert.equal(clock.nowAfter(0, T - HOUR, 9), false);
    assert.deepEqual(stampOf(clock), [T, 0]);
    assert.equal(clock.nowAfter(0, T + HOUR, 9), false);
    assert.deepEqual(stampOf(clock), [T + HOUR + 1, REVISION]);
  });

  it("after a stamp that is further ahead only the order follows", () => {
    const clock = clockAt(T);
    assert.equal(clock.nowAfter(0, T + YEAR, 9), true);
    assert.deepEqual(stampOf(clock), [T, 0]);
    assert.deepEqual([clock.orderMs, clock.orderCounter()], [T + YEAR + 1, REVISION]);
  });

  it("no two order stamps of a start are equal", () => {
    const clock = clockAt(T);
    const made = [T + YEAR, T + YEAR, T + 2 * YEAR, T + YEAR].map((ms) => {
      assert.equal(clock.nowAfter(0, ms, 0), true);
      assert.ok(clock.orderMs > ms);
      return clock.orderMs;
    });
    assert.equal(new Set(made).size, made.length);
  });

  it("a node that does not know the time follows each stamp", () => {
    const clock = new Hlc();
    clock.start(REVISION);
    assert.equal(clock.nowAfter(0, T + YEAR, 9), false);
    assert.ok(clock.ms > T + YEAR);
  });

  it("nothing comes after the last millisecond that a stamp can have", () => {
    const clock = clockAt(T);
    assert.equal(clock.nowAfter(0, LAST_MS - 1, 0), true);
    assert.equal(clock.orderMs, LAST_MS);
    assert.equal(clock.nowAfter(0, LAST_MS, 0), false);
    assert.ok(clock.ms < T + 10, "and the clock stays");
  });
});

describe("hybrid logical clock without a clock", () => {
  it("the clock counts from its revision on until it knows the time", () => {
    const clock = new Hlc();
    clock.start(3);
    assert.deepEqual(make(clock, 1000), [3 * 4096 + 1, 3]);
    assert.deepEqual(make(clock, 2000), [3 * 4096 + 3, 3]);
    assert.deepEqual(receive(clock, 3000, [20000, 10]), [20000, 10], "of another without a clock");
    assert.equal(clock.source, CLOCK_NONE);
    assert.equal(clock.physical(3000), 0);
  });

  it("no revision makes the clock begin at a stamp that might be a time", () => {
    for (const revision of [0, 1, 0x0fffffff, 0x10000000, 0xffffffff]) {
      const clock = new Hlc();
      clock.start(revision);
      assert.ok(clock.ms >= 0 && clock.ms < Date.UTC(2020, 0, 1), `revision ${revision}`);
    }
  });

  it("received stamps move the clock and are not the time", () => {
    const clock = new Hlc();
    for (const ms of [T, T + YEAR, 946684800000]) assert.equal(clock.receive(0, ms, 0), true);
    assert.deepEqual(stampOf(clock), [T + YEAR, 0]);
    assert.equal(clock.source, CLOCK_NONE);
    assert.equal(clock.isFarAhead(0, T + 100 * YEAR), false);
  });

  it("a stamp of the last day that stamps can have does not move the clock", () => {
    const clock = new Hlc();
    assert.equal(clock.receive(0, LAST_MS, COUNTER_MAX), false);
    assert.equal(clock.isSpent(), false);
    clock.recall(LAST_MS, COUNTER_MAX);
    assert.equal(clock.isSpent(), true, "unless it is in the own feed");
    clock.start(5);
    clock.stepBack(0, 0, 0);
    assert.deepEqual(make(clock, 0), [5 * 4096 + 1, 5], "it steps back to its start");
  });

  it("a platform's clock that was never set is no clock", () => {
    const clock = new Hlc();
    for (const ms of [0, 946684800000, STAMP_MS_END, NaN]) clock.setPhysical(0, ms);
    assert.equal(clock.source, CLOCK_NONE);
  });

  it("an adopted time advances by itself, and may step in both directions", () => {
    const clock = new Hlc();
    clock.physical(1000);
    clock.adopt(T - clock.upMs, CLOCK_PEER);
    assert.equal(clock.physical(1000), T);
    assert.equal(clock.physical(3500), T + 2500);
    clock.adopt(T - YEAR - clock.upMs, CLOCK_PEER);
    assert.equal(clock.physical(3500), T - YEAR);
  });

  it("the clock follows its platform once the platform knows the time", () => {
    const clock = new Hlc();
    clock.adopt(T + DAY, CLOCK_PEER);
    make(clock, 0);
    clock.setPhysical(0, T);
    assert.equal(clock.source, CLOCK_OWN);
    assert.equal(clock.physical(0), T);
    assert.ok(isLater(make(clock, 0), [T + DAY, 1]), "but its stamps do not step back by themselves");
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
      const clocks = own.map((known) => known ? clockAt(T) : new Hlc());
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
          if (moved) assert.ok(!isLater(before, stampOf(clock)) && !isLater(message, stampOf(clock)));
          else assert.deepEqual(stampOf(clock), before);
        }
        assert.ok(Number.isSafeInteger(clock.ms) && clock.counter >= 0 && clock.counter <= COUNTER_MAX);
      }
    }), propertyOptions(300));
  });

  it("a clock stays within its bound of physical time, whatever stamps arrive", () => {
    const stamps = fc.array(fc.tuple(fc.oneof(
      fc.integer({ min: T - YEAR, max: T + YEAR }), fc.integer({ min: T, max: T + 2 * DAY }),
      fc.constantFrom(0, 281474976710655),
    ), fc.nat(COUNTER_MAX)), { maxLength: 100 });
    fc.assert(fc.property(stamps, (list) => {
      const clock = clockAt(T);
      list.forEach((stamp, i) => receive(clock, i, stamp));
      assert.ok(clock.ms - clock.physical(list.length) <= DAY);
      assert.ok(make(clock, list.length)[0] - clock.physical(list.length) <= DAY + 2);
    }), propertyOptions(300));
  });
});
