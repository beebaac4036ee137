import assert from "node:assert/strict";
import fc from "fast-check";
import { PROBE_WORDS, PROBES_MAX, ATTEMPTS_MAX, Probes } from "../../../src/engine/membership/probes.js";
import { WordPool } from "../../../src/engine/word-pool.js";
import { Clock } from "../../../src/engine/clock.js";
import { propertyOptions } from "../../support/random.js";

const TIMEOUT_MS = 1000;
const TWO_32 = 2 ** 32;

function clockAt(nowMs: number): Clock {
  const clock = new Clock(10 * TIMEOUT_MS);
  clock.nowMs = nowMs;
  return clock;
}

function idsOf(asks: Probes): number[] {
  return Array.from({ length: asks.count }, (_, i) => asks.idOf(i));
}

describe("Probes", () => {
  it("the list keeps id, address, attempt and time of each probe", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    assert.equal(asks.due(clockAt(0)), -1);
    asks.add(true, 0xffffffff, 0xc0a80001, 65535, 50);
    asks.add(false, 0, 0x0a000001, 5000, 60);
    assert.equal(asks.count, 2);
    assert.deepEqual(
      [0, 1].map((i) => [
        asks.isKnown(i), asks.idOf(i), asks.address(i), asks.port(i), asks.attempt(i), asks.deadline(i),
      ]),
      [[true, 0xffffffff, 0xc0a80001, 65535, 1, 1050], [false, 0, 0x0a000001, 5000, 1, 1060]],
    );
    assert.ok(asks.has(0xffffffff));
    assert.ok(!asks.has(0), "an ask of an address has no id");
  });

  it("the next attempts wait 2, 4, 8 and 16 times as long", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 2, 3, 0);
    asks.add(true, 2, 2, 3, 0);
    asks.retransmitted(0, 1000, 0);
    assert.deepEqual([asks.attempt(0), asks.deadline(0)], [2, 3000]);
    asks.retransmitted(0, 3000, 0);
    assert.deepEqual([asks.attempt(0), asks.deadline(0)], [3, 7000]);
    asks.retransmitted(0, 7000, 0);
    assert.deepEqual([asks.attempt(0), asks.deadline(0)], [4, 15000]);
    asks.retransmitted(0, 15000, 0);
    assert.deepEqual([asks.attempt(0), asks.deadline(0)], [ATTEMPTS_MAX, 31000]);
    assert.deepEqual([asks.attempt(1), asks.deadline(1)], [1, 1000]);
  });

  it("a probe is due at its deadline and not before, the oldest first", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 1, 1, 10);
    asks.add(true, 2, 1, 1, 5);
    asks.add(true, 3, 1, 1, 20);
    assert.equal(asks.due(clockAt(1004)), -1);
    assert.equal(asks.due(clockAt(1005)), 1);
    assert.equal(asks.due(clockAt(1010)), 0);
    asks.remove(0);
    asks.remove(0);
    assert.equal(asks.due(clockAt(1019)), -1);
    assert.equal(asks.due(clockAt(1020)), 0);
  });

  it("deadlines pass over the wrap of the clock", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 1, 1, TWO_32 - 400);
    assert.equal(asks.due(clockAt(TWO_32 - 1)), -1);
    assert.equal(asks.due(clockAt(599)), -1);
    assert.equal(asks.due(clockAt(600)), 0);
    assert.equal(asks.nextDeadline(TWO_32 - 1), TWO_32 - 1);
    assert.equal(asks.nextDeadline(601), 600);
  });

  it("the list gives the earliest deadline, its own or the caller's", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    assert.equal(asks.nextDeadline(77), 77);
    asks.add(true, 1, 1, 1, 100);
    asks.add(true, 2, 1, 1, 50);
    assert.equal(asks.nextDeadline(5000), 1050);
    assert.equal(asks.nextDeadline(1049), 1049);
  });

  it("postpone gives all probes more time", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 1, 1, 0);
    asks.add(false, 0, 1, 1, TWO_32 - 1500);
    asks.postpone(700);
    assert.deepEqual([asks.deadline(0), asks.deadline(1)], [1700, 200]);
    assert.deepEqual([asks.attempt(0), asks.idOf(0), asks.address(0)], [1, 1, 1]);
  });

  it("a new probe takes the place of the oldest when the list is full", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    for (let id = 1; id <= PROBES_MAX; id++) {
      assert.equal(asks.isFull(), false);
      asks.add(true, id, 1, 1, id);
    }
    assert.equal(asks.isFull(), true);
    asks.add(true, 99, 1, 1, 99);
    assert.deepEqual(idsOf(asks), [2, 3, 4, 5, 6, 7, 8, 99]);
    assert.equal(asks.count, PROBES_MAX);
  });

  it("an answer matches by id, or by address where no id was known", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 7, 100, 5000, 0);
    asks.add(false, 0, 100, 5000, 0);
    asks.add(false, 0, 100, 5001, 0);
    asks.add(false, 0, 101, 5000, 0);
    asks.add(true, 8, 100, 5000, 0);
    asks.answered(0, 1, 1, 0);
    assert.equal(asks.count, 5, "id 0 is no wildcard");
    asks.answered(7, 100, 5000, 0);
    assert.deepEqual([0, 1, 2].map((i) => [asks.idOf(i), asks.address(i), asks.port(i)]), [
      [0, 100, 5001], [0, 101, 5000], [8, 100, 5000],
    ]);
    assert.equal(asks.count, 3);
    asks.answered(8, 55, 66, 0);
    assert.equal(asks.has(8), false, "the id counts, from wherever it comes");
    assert.equal(asks.count, 2);
  });

  it("one answer ends all probes of an address", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    for (let i = 0; i < PROBES_MAX; i++) asks.add(false, 0, 100, 5000, i);
    asks.answered(7, 100, 5000, 0);
    assert.equal(asks.count, 0);
    assert.equal(asks.isFull(), false);
  });

  it("the list has at most eight probes", () => {
    const operation = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), known: fc.boolean(), id: fc.nat(5) }) },
      fc.record({ kind: fc.constant("answered" as const), id: fc.nat(5) }),
      fc.record({ kind: fc.constant("remove" as const), index: fc.nat(7) }),
      fc.record({ kind: fc.constant("again" as const), index: fc.nat(7) }),
    );
    fc.assert(fc.property(fc.array(operation, { maxLength: 50 }), (operations) => {
      const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
      let model: { known: boolean; id: number; attempt: number; deadline: number }[] = [];
      operations.forEach((step, now) => {
        if (step.kind === "add") {
          asks.add(step.known, step.id, 1000 + step.id, 5000, now);
          if (model.length === PROBES_MAX) model.shift();
          model.push({ known: step.known, id: step.id, attempt: 1, deadline: now + asks.timeoutMs });
        } else if (step.kind === "answered") {
          const isAsked = model.some(({ id }) => id === step.id);
          assert.equal(asks.answered(step.id, 1000 + step.id, 5000, now), isAsked);
          model = model.filter(({ id }) => id !== step.id);
        } else if (step.index < model.length) {
          if (step.kind === "remove") {
            asks.remove(step.index);
            model.splice(step.index, 1);
          } else if (model[step.index].attempt < ATTEMPTS_MAX) {
            asks.retransmitted(step.index, now, step.index);
            const ask = model[step.index];
            ask.deadline = now + asks.timeoutMs * 2 ** ask.attempt++ * (1 + step.index);
          }
        }
        assert.deepEqual(Array.from({ length: asks.count }, (_, i) => (
          { known: asks.isKnown(i), id: asks.idOf(i), attempt: asks.attempt(i), deadline: asks.deadline(i) }
        )), model);
        for (let id = 0; id <= 5; id++) assert.equal(asks.has(id), model.some((ask) => ask.known && ask.id === id));
      });
    }), propertyOptions(500));
  });

  it("the wait follows the round-trip time, between a 20th and a quarter of the interval", () => {
    const timeoutAfter = (tookMs: number[]): number => {
      const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
      let nowMs = 4294967000;
      for (const ms of tookMs) {
        asks.add(true, 1, 1, 1, nowMs);
        nowMs = (nowMs + ms) >>> 0;
        asks.answered(1, 1, 1, nowMs);
      }
      return asks.timeoutMs;
    };
    assert.equal(timeoutAfter([]), TIMEOUT_MS);
    assert.equal(timeoutAfter([300]), 300 + 4 * 150, "RFC 6298, (2.2)");
    assert.equal(timeoutAfter([300, 300]), 300 + Math.floor(600 - 600 / 4));
    assert.equal(timeoutAfter([2]), 500);
    assert.equal(timeoutAfter(Array.from({ length: 50 }, () => 700)), 700 + 3, "steady answers need little more");
    assert.equal(timeoutAfter([9000]), 2500);
    assert.equal(timeoutAfter([9000, ...Array.from({ length: 60 }, () => 5)]), 500, "forgets a slow time");
  });

  it("an answer to one of several attempts does not change the wait", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 1, 1, 0);
    asks.retransmitted(0, 1000, 0);
    asks.answered(1, 1, 1, 1001);
    assert.equal(asks.timeoutMs, TIMEOUT_MS);
  });

  it("the wait grows with the node's local health, and restart resets it", () => {
    const asks = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    asks.add(true, 1, 2, 3, 0);
    asks.retransmitted(0, 1000, 3);
    assert.deepEqual([asks.attempt(0), asks.deadline(0), asks.sentMs(0)], [2, 1000 + 4 * 2000, 0]);
    asks.restart(0, 9000);
    assert.deepEqual([asks.attempt(0), asks.deadline(0), asks.sentMs(0)], [1, 10000, 9000]);
    assert.deepEqual([asks.idOf(0), asks.isKnown(0), asks.port(0)], [1, true, 3]);
  });
});
