import assert from "node:assert/strict";
import { levelOf, nameOf } from "../../../../desktop/gateway/mqtt/topics.js";
import { readSubject, subjectOf } from "../../../../desktop/gateway/sites/subjects.js";
import { readMessage, writeMessage } from "../../../../desktop/gateway/sites/event-message.js";
import { importedIdentity, isImported, localValue } from "../../../../desktop/gateway/sites/import-marks.js";
import { identityOf } from "../../../../desktop/gateway/sites/subjects.js";
import type { GatewayEvent } from "../../../../desktop/gateway/output.js";
import type { CborValue } from "../../../../src/gossip.js";

describe("subjects and messages between sites", () => {
  const names = ["a", "A", "a.b", "a/b", "a b", "*", ">", "%", "%25", "дверь", "\u0000", "\n", "é", "e\u0301"];
  const event: GatewayEvent = {
    number: 7, site: "", author: 4294967295, authorName: "hall", generation: 3, sequence: 9, timeMs: 1764000000000,
    counter: 2, kind: "set", topic: "door", key: "front", ttlMs: 60000, value: 1, storedMs: 5,
  };

  it("give each name a level of its own, which NATS takes, and read it back", () => {
    const levels = names.map(levelOf);
    assert.equal(new Set(levels).size, names.length);
    for (const level of levels) assert.match(level, /^[A-Za-z0-9_%-]+$/);
    assert.deepEqual(levels.map(nameOf), names);
  });

  it("read no subject that they do not write", () => {
    for (const site of names) {
      for (const topic of names) {
        const subject = subjectOf("chisme", { site, author: 12, topic });
        assert.deepEqual(readSubject(subject), { site, author: 12, topic });
      }
    }
    for (const subject of ["chisme", "chisme.a.1", "chisme.a.1.b.c", "chisme..1.b", "chisme.a.01.b", "chisme.a.x.b",
      "chisme.a.1.", "chisme.a.4294967296.b", "chisme.a.1.%2e", "chisme.a.1.%41", "chisme.a.1.%FF", "chisme.%.1.b"]) {
      assert.equal(readSubject(subject), undefined, subject);
    }
  });

  it("carry an event as it is, also values that JSON cannot hold", () => {
    const values: CborValue[] = [1, -0, NaN, Infinity, "", null, true, new Uint8Array([0, 255]), [new Uint8Array(0)],
      { a: [1, { b: undefined }] }, "\u0000"];
    for (const value of values) {
      const sent = { ...event, value, site: "a.b" };
      const got = readMessage(subjectOf("x", sent), Buffer.from(writeMessage({ ...event, value })));
      assert.deepEqual({ ...got, number: sent.number, storedMs: sent.storedMs }, sent);
    }
  });

  it("refuse what the database of another site could not hold, or would take for another site's", () => {
    const good = { timeMs: 1, counter: 0, kind: "set", key: "k", value: 1, ttlMs: 0, generation: 0, sequence: 1 };
    const read = (more: object, subject = "x.a.1.t", raw = "1"): unknown =>
      readMessage(subject, Buffer.from(JSON.stringify({ ...good, ...more }).replace('"RAW"', raw)));
    assert.ok(read({ value: [[[[1]]]] }));
    assert.throws(() => read({ value: [[[[[1]]]]] }), /value is nested deeper than 4 levels/);
    const deep = `${"[".repeat(7000)}${"]".repeat(7000)}`;
    assert.throws(() => read({ value: "RAW" }, "x.a.1.t", deep), /value is nested deeper than 4 levels/);
    assert.throws(() => read({ value: "RAW" }, "x.a.1.t", '{"__proto__":-0}'), /value cannot be stored/);
    assert.throws(() => read({ cbor: "!!!!" }), /cbor is no CBOR in base64/);
    const { MAX_SAFE_INTEGER } = Number;
    assert.ok(read({ timeMs: 1, ttlMs: MAX_SAFE_INTEGER - 1 }));
    assert.throws(() => read({ timeMs: 2, ttlMs: MAX_SAFE_INTEGER - 1 }), /ttlMs is not an integer from 0 to/);
    for (const site of ["%00", "a%00b", "a".repeat(65)]) {
      assert.throws(() => read({}, `x.${site}.1.t`), /its site is not a text of 1 to 64 characters without zero bytes/);
    }
  });

  it("have an identity that differs where the event does", () => {
    const of = { ...event, site: "a" };
    const all = [of, { ...of, kind: "withdraw" as const }, { ...of, counter: 3 }, { ...of, timeMs: 1 },
      { ...of, author: 1 }, { ...of, site: "b" }].map(identityOf);
    assert.equal(new Set(all).size, all.length);
    assert.equal(identityOf(of), identityOf({ ...of, kind: "remove" }));
  });

  it("mark what was imported", () => {
    const log = { ...event, kind: "log" as const, key: undefined, site: "far" };
    const value = localValue(log);
    assert.equal(importedIdentity(value), identityOf(log));
    assert.ok(isImported({ kind: "log", key: undefined, value }));
    assert.ok(isImported({ kind: "set", key: "@far/front", value: 1 }));
    assert.ok(!isImported({ kind: "set", key: "front", value: { "@site": "far" } }));
    for (const other of [1, null, [value], { site: "far" }, { "@site": 1 }]) {
      assert.equal(importedIdentity(other as CborValue), undefined);
    }
  });
});
