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

function idsOf(probes: Probes): number[] {
  return Array.from({ length: probes.count }, (_, i) => probes.idOf(i));
}

describe("Probes", () => {
  it("the list keeps id, address, attempt and time of each probe", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    assert.equal(probes.due(clockAt(0)), -1);
    probes.add(true, 0xffffffff, 0xc0a80001, 65535, 50);
    probes.add(false, 0, 0x0a000001, 5000, 60);
    assert.equal(probes.count, 2);
    assert.deepEqual(
      [0, 1].map((i) => [
        probes.isKnown(i), probes.idOf(i), probes.address(i), probes.port(i), probes.attempt(i), probes.deadline(i),
      ]),
      [[true, 0xffffffff, 0xc0a80001, 65535, 1, 1050], [false, 0, 0x0a000001, 5000, 1, 1060]],
    );
    assert.ok(probes.has(0xffffffff));
    assert.ok(!probes.has(0), "an ask of an address has no id");
  });

  it("the next attempts wait 2, 4, 8 and 16 times as long", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 2, 3, 0);
    probes.add(true, 2, 2, 3, 0);
    probes.retransmitted(0, 1000, 0);
    assert.deepEqual([probes.attempt(0), probes.deadline(0)], [2, 3000]);
    probes.retransmitted(0, 3000, 0);
    assert.deepEqual([probes.attempt(0), probes.deadline(0)], [3, 7000]);
    probes.retransmitted(0, 7000, 0);
    assert.deepEqual([probes.attempt(0), probes.deadline(0)], [4, 15000]);
    probes.retransmitted(0, 15000, 0);
    assert.deepEqual([probes.attempt(0), probes.deadline(0)], [ATTEMPTS_MAX, 31000]);
    assert.deepEqual([probes.attempt(1), probes.deadline(1)], [1, 1000]);
  });

  it("a probe is due at its deadline and not before, the oldest first", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 1, 1, 10);
    probes.add(true, 2, 1, 1, 5);
    probes.add(true, 3, 1, 1, 20);
    assert.equal(probes.due(clockAt(1004)), -1);
    assert.equal(probes.due(clockAt(1005)), 1);
    assert.equal(probes.due(clockAt(1010)), 0);
    probes.remove(0);
    probes.remove(0);
    assert.equal(probes.due(clockAt(1019)), -1);
    assert.equal(probes.due(clockAt(1020)), 0);
  });

  it("deadlines pass over the wrap of the clock", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 1, 1, TWO_32 - 400);
    assert.equal(probes.due(clockAt(TWO_32 - 1)), -1);
    assert.equal(probes.due(clockAt(599)), -1);
    assert.equal(probes.due(clockAt(600)), 0);
    assert.equal(probes.nextDeadline(TWO_32 - 1), TWO_32 - 1);
    assert.equal(probes.nextDeadline(601), 600);
  });

  it("the list gives the earliest deadline, its own or the caller's", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    assert.equal(probes.nextDeadline(77), 77);
    probes.add(true, 1, 1, 1, 100);
    probes.add(true, 2, 1, 1, 50);
    assert.equal(probes.nextDeadline(5000), 1050);
    assert.equal(probes.nextDeadline(1049), 1049);
  });

  it("postpone gives all probes more time", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 1, 1, 0);
    probes.add(false, 0, 1, 1, TWO_32 - 1500);
    probes.postpone(700);
    assert.deepEqual([probes.deadline(0), probes.deadline(1)], [1700, 200]);
    assert.deepEqual([probes.attempt(0), probes.idOf(0), probes.address(0)], [1, 1, 1]);
  });

  it("a new probe takes the place of the oldest when the list is full", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    for (let id = 1; id <= PROBES_MAX; id++) {
      assert.equal(probes.isFull(), false);
      probes.add(true, id, 1, 1, id);
    }
    assert.equal(probes.isFull(), true);
    probes.add(true, 99, 1, 1, 99);
    assert.deepEqual(idsOf(probes), [2, 3, 4, 5, 6, 7, 8, 99]);
    assert.equal(probes.count, PROBES_MAX);
  });

  it("an answer matches by id, or by address where no id was known", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 7, 100, 5000, 0);
    probes.add(false, 0, 100, 5000, 0);
    probes.add(false, 0, 100, 5001, 0);
    probes.add(false, 0, 101, 5000, 0);
    probes.add(true, 8, 100, 5000, 0);
    probes.answered(0, 1, 1, clockAt(0));
    assert.equal(probes.count, 5, "id 0 is no wildcard");
    probes.answered(7, 100, 5000, clockAt(0));
    assert.deepEqual([0, 1, 2].map((i) => [probes.idOf(i), probes.address(i), probes.port(i)]), [
      [0, 100, 5001], [0, 101, 5000], [8, 100, 5000],
    ]);
    assert.equal(probes.count, 3);
    probes.answered(8, 55, 66, clockAt(0));
    assert.equal(probes.has(8), false, "the id counts, from wherever it comes");
    assert.equal(probes.count, 2);
  });

  it("one answer ends all probes of an address", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    for (let i = 0; i < PROBES_MAX; i++) probes.add(false, 0, 100, 5000, i);
    probes.answered(7, 100, 5000, clockAt(0));
    assert.equal(probes.count, 0);
    assert.equal(probes.isFull(), false);
  });

  it("the list has at most eight probes", () => {
    const operation = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), known: fc.boolean(), id: fc.nat(5) }) },
      fc.record({ kind: fc.constant("answered" as const), id: fc.nat(5) }),
      fc.record({ kind: fc.constant("remove" as const), index: fc.nat(7) }),
      fc.record({ kind: fc.constant("again" as const), index: fc.nat(7) }),
    );
    fc.assert(fc.property(fc.array(operation, { maxLength: 50 }), (operations) => {
      const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
      let model: { known: boolean; id: number; attempt: number; deadline: number }[] = [];
      operations.forEach((step, now) => {
        if (step.kind === "add") {
          probes.add(step.known, step.id, 1000 + step.id, 5000, now);
          if (model.length === PROBES_MAX) model.shift();
          model.push({ known: step.known, id: step.id, attempt: 1, deadline: now + probes.timeoutMs });
        } else if (step.kind === "answered") {
          const isProbed = model.some(({ id }) => id === step.id);
          assert.equal(probes.answered(step.id, 1000 + step.id, 5000, clockAt(now)), isProbed);
          model = model.filter(({ id }) => id !== step.id);
        } else if (step.index < model.length) {
          if (step.kind === "remove") {
            probes.remove(step.index);
            model.splice(step.index, 1);
          } else if (model[step.index].attempt < ATTEMPTS_MAX) {
            probes.retransmitted(step.index, now, step.index);
            const ask = model[step.index];
            ask.deadline = now + probes.timeoutMs * 2 ** ask.attempt++ * (1 + step.index);
          }
        }
        assert.deepEqual(Array.from({ length: probes.count }, (_, i) => (
          { known: probes.isKnown(i), id: probes.idOf(i), attempt: probes.attempt(i), deadline: probes.deadline(i) }
        )), model);
        for (let id = 0; id <= 5; id++) assert.equal(probes.has(id), model.some((ask) => ask.known && ask.id === id));
      });
    }), propertyOptions(500));
  });

  it("the wait follows the round-trip time, between a 20th and a quarter of the interval", () => {
    const timeoutAfter = (tookMs: number[]): number => {
      const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
      let nowMs = 4294967000;
      for (const ms of tookMs) {
        probes.add(true, 1, 1, 1, nowMs);
        nowMs = (nowMs + ms) >>> 0;
        probes.answered(1, 1, 1, clockAt(nowMs));
      }
      return probes.timeoutMs;
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
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 1, 1, 0);
    probes.retransmitted(0, 1000, 0);
    probes.answered(1, 1, 1, clockAt(1001));
    assert.equal(probes.timeoutMs, TIMEOUT_MS);
  });

  it("the wait grows with the node's local health, and restart resets it", () => {
    const probes = new Probes(10 * TIMEOUT_MS, new WordPool(PROBE_WORDS));
    probes.add(true, 1, 2, 3, 0);
    probes.retransmitted(0, 1000, 3);
    assert.deepEqual([probes.attempt(0), probes.deadline(0), probes.sentMs(0)], [2, 1000 + 4 * 2000, 0]);
    probes.restart(0, 9000);
    assert.deepEqual([probes.attempt(0), probes.deadline(0), probes.sentMs(0)], [1, 10000, 9000]);
    assert.deepEqual([probes.idOf(0), probes.isKnown(0), probes.port(0)], [1, true, 3]);
  });
});
