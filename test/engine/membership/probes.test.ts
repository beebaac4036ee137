import assert from "node:assert/strict";
import fc from "fast-check";
import { PROBES_MAX, ATTEMPTS_MAX, Probes } from "../../../src/engine/membership/probes.js";
import { Rows } from "../../../src/engine/table/rows.js";
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
  return Array.from({ length: probes.probeCount }, (_, i) => probes.probeId(i));
}

describe("Probes", () => {
  it("the list keeps id, address, attempt and time of each probe", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    assert.equal(probes.dueProbe(clockAt(0)), -1);
    probes.addProbe(true, 0xffffffff, 0xc0a80001, 65535, 50);
    probes.addProbe(false, 0, 0x0a000001, 5000, 60);
    assert.equal(probes.probeCount, 2);
    assert.deepEqual(
      [0, 1].map((i) => [
        probes.isProbeKnown(i), probes.probeId(i), probes.probeAddress(i), probes.probePort(i), probes.probeAttempt(i),
        probes.probeDeadline(i),
      ]),
      [[true, 0xffffffff, 0xc0a80001, 65535, 1, 1050], [false, 0, 0x0a000001, 5000, 1, 1060]],
    );
    assert.ok(probes.hasProbe(0xffffffff));
    assert.ok(!probes.hasProbe(0), "an ask of an address has no id");
  });

  it("the next attempts wait 2, 4, 8 and 16 times as long", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 2, 3, 0);
    probes.addProbe(true, 2, 2, 3, 0);
    probes.noteRetransmission(0, 1000, 0);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0)], [2, 3000]);
    probes.noteRetransmission(0, 3000, 0);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0)], [3, 7000]);
    probes.noteRetransmission(0, 7000, 0);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0)], [4, 15000]);
    probes.noteRetransmission(0, 15000, 0);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0)], [ATTEMPTS_MAX, 31000]);
    assert.deepEqual([probes.probeAttempt(1), probes.probeDeadline(1)], [1, 1000]);
  });

  it("a probe is due at its deadline and not before, the oldest first", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 1, 1, 10);
    probes.addProbe(true, 2, 1, 1, 5);
    probes.addProbe(true, 3, 1, 1, 20);
    assert.equal(probes.dueProbe(clockAt(1004)), -1);
    assert.equal(probes.dueProbe(clockAt(1005)), 1);
    assert.equal(probes.dueProbe(clockAt(1010)), 0);
    probes.removeProbe(0);
    probes.removeProbe(0);
    assert.equal(probes.dueProbe(clockAt(1019)), -1);
    assert.equal(probes.dueProbe(clockAt(1020)), 0);
  });

  it("deadlines pass over the wrap of the clock", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 1, 1, TWO_32 - 400);
    assert.equal(probes.dueProbe(clockAt(TWO_32 - 1)), -1);
    assert.equal(probes.dueProbe(clockAt(599)), -1);
    assert.equal(probes.dueProbe(clockAt(600)), 0);
    assert.equal(probes.earliestProbe(TWO_32 - 1), TWO_32 - 1);
    assert.equal(probes.earliestProbe(601), 600);
  });

  it("the list gives the earliest deadline, its own or the caller's", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    assert.equal(probes.earliestProbe(77), 77);
    probes.addProbe(true, 1, 1, 1, 100);
    probes.addProbe(true, 2, 1, 1, 50);
    assert.equal(probes.earliestProbe(5000), 1050);
    assert.equal(probes.earliestProbe(1049), 1049);
  });

  it("postpone gives all probes more time", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 1, 1, 0);
    probes.addProbe(false, 0, 1, 1, TWO_32 - 1500);
    probes.postpone(700);
    assert.deepEqual([probes.probeDeadline(0), probes.probeDeadline(1)], [1700, 200]);
    assert.deepEqual([probes.probeAttempt(0), probes.probeId(0), probes.probeAddress(0)], [1, 1, 1]);
  });

  it("a new probe takes the place of the oldest when the list is full", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    for (let id = 1; id <= PROBES_MAX; id++) {
      assert.equal(probes.areProbesFull(), false);
      probes.addProbe(true, id, 1, 1, id);
    }
    assert.equal(probes.areProbesFull(), true);
    probes.addProbe(true, 99, 1, 1, 99);
    assert.deepEqual(idsOf(probes), [2, 3, 4, 5, 6, 7, 8, 99]);
    assert.equal(probes.probeCount, PROBES_MAX);
  });

  it("an answer matches by id, or by address where no id was known", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 7, 100, 5000, 0);
    probes.addProbe(false, 0, 100, 5000, 0);
    probes.addProbe(false, 0, 100, 5001, 0);
    probes.addProbe(false, 0, 101, 5000, 0);
    probes.addProbe(true, 8, 100, 5000, 0);
    probes.removeAnswered(0, 1, 1, clockAt(0));
    assert.equal(probes.probeCount, 5, "id 0 is no wildcard");
    probes.removeAnswered(7, 100, 5000, clockAt(0));
    assert.deepEqual([0, 1, 2].map((i) => [probes.probeId(i), probes.probeAddress(i), probes.probePort(i)]), [
      [0, 100, 5001], [0, 101, 5000], [8, 100, 5000],
    ]);
    assert.equal(probes.probeCount, 3);
    probes.removeAnswered(8, 55, 66, clockAt(0));
    assert.equal(probes.hasProbe(8), false, "the id counts, from wherever it comes");
    assert.equal(probes.probeCount, 2);
  });

  it("one answer ends all probes of an address", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    for (let i = 0; i < PROBES_MAX; i++) probes.addProbe(false, 0, 100, 5000, i);
    probes.removeAnswered(7, 100, 5000, clockAt(0));
    assert.equal(probes.probeCount, 0);
    assert.equal(probes.areProbesFull(), false);
  });

  it("the list has at most eight probes", () => {
    const operation = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), known: fc.boolean(), id: fc.nat(5) }) },
      fc.record({ kind: fc.constant("answered" as const), id: fc.nat(5) }),
      fc.record({ kind: fc.constant("remove" as const), index: fc.nat(7) }),
      fc.record({ kind: fc.constant("again" as const), index: fc.nat(7) }),
    );
    fc.assert(fc.property(fc.array(operation, { maxLength: 50 }), (operations) => {
      const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
      let model: { known: boolean; id: number; attempt: number; deadline: number }[] = [];
      operations.forEach((step, now) => {
        if (step.kind === "add") {
          probes.addProbe(step.known, step.id, 1000 + step.id, 5000, now);
          if (model.length === PROBES_MAX) model.shift();
          model.push({ known: step.known, id: step.id, attempt: 1, deadline: now + probes.answerTimeMs() });
        } else if (step.kind === "answered") {
          const isProbed = model.some(({ id }) => id === step.id);
          assert.equal(probes.removeAnswered(step.id, 1000 + step.id, 5000, clockAt(now)), isProbed);
          model = model.filter(({ id }) => id !== step.id);
        } else if (step.index < model.length) {
          if (step.kind === "remove") {
            probes.removeProbe(step.index);
            model.splice(step.index, 1);
          } else if (model[step.index].attempt < ATTEMPTS_MAX) {
            probes.noteRetransmission(step.index, now, step.index);
            const ask = model[step.index];
            ask.deadline = now + probes.answerTimeMs() * 2 ** ask.attempt++ * (1 + step.index);
          }
        }
        assert.deepEqual(Array.from({ length: probes.probeCount }, (_, i) => (
          {
            known: probes.isProbeKnown(i), id: probes.probeId(i), attempt: probes.probeAttempt(i),
            deadline: probes.probeDeadline(i),
          }
        )), model);
        for (let id = 0; id <= 5; id++) {
          assert.equal(probes.hasProbe(id), model.some((ask) => ask.known && ask.id === id));
        }
      });
    }), propertyOptions(500));
  });

  it("the wait follows the round-trip time, between a 20th and a quarter of the interval", () => {
    const timeoutAfter = (tookMs: number[]): number => {
      const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
      let nowMs = 4294967000;
      for (const ms of tookMs) {
        probes.addProbe(true, 1, 1, 1, nowMs);
        nowMs = (nowMs + ms) >>> 0;
        probes.removeAnswered(1, 1, 1, clockAt(nowMs));
      }
      return probes.answerTimeMs();
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
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 1, 1, 0);
    probes.noteRetransmission(0, 1000, 0);
    probes.removeAnswered(1, 1, 1, clockAt(1001));
    assert.equal(probes.answerTimeMs(), TIMEOUT_MS);
  });

  it("the wait grows with the node's local health, and restart resets it", () => {
    const probes = new Probes(new Rows(2, 0), 10 * TIMEOUT_MS);
    probes.addProbe(true, 1, 2, 3, 0);
    probes.noteRetransmission(0, 1000, 3);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0), probes.probeSentMs(0)], [2, 1000 + 4 * 2000, 0]);
    probes.restartProbe(0, 9000);
    assert.deepEqual([probes.probeAttempt(0), probes.probeDeadline(0), probes.probeSentMs(0)], [1, 10000, 9000]);
    assert.deepEqual([probes.probeId(0), probes.isProbeKnown(0), probes.probePort(0)], [1, true, 3]);
  });
});
