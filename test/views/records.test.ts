import assert from "node:assert/strict";
import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import type { CborValue } from "../../src/cbor/cbor.js";
import { type FeedRecord, RecordsView, records } from "../../src/views/records.js";
import { START_MS, at, event, histories, applyShuffled, applied, unsuperseded } from "../support/feed-history.js";
import { propertyOptions } from "../support/random.js";

const TOPICS = ["record.create", "field.set", "note.add", "attachment.add"];

function valueOf(random: SimRandom, topic: string): CborValue {
  const record = random.pick(["a", "b", "ñ"]);
  const field = random.pick(["name", "size", "\u{1f4cf}"]);
  if (random.chance(0.1)) return random.pick([null, 5, "x", [], {}, Uint8Array.of(1), { record: 4 }, { record }]);
  switch (topic) {
    case "record.create": return { record, fields: { [field]: random.below(9), name: random.below(9) } };
    case "field.set": return { record, field, value: random.below(9) };
    case "note.add": return { record, text: `note ${random.below(9)}` };
    default: return { record, name: "plan.pdf", data: random.below(9) };
  }
}

const history = histories({ topics: [...TOPICS, "other"], keys: ["1", "2"], logProbability: 0.5, value: valueOf });

describe("records", () => {
  let clock = 0;
  /** Events that follow each other. */
  const about = (topic: string, value: CborValue, given = {}) => {
    clock++;
    return event({ topic, value, sequence: clock, timeMs: START_MS + clock, ...given });
  };
  beforeEach(() => {
    clock = 0;
  });

  it("the view folds the events of a record into one", () => {
    const view = records();
    assert.ok(view instanceof RecordsView);
    for (const one of [
      about("record.create", { record: "r", fields: { title: "Gate", open: true } }),
      about("field.set", { record: "r", field: "open", value: false }, { author: 2 }),
      about("note.add", { record: "r", text: "squeaks" }),
      about("note.add", { record: "r", text: "oiled" }, { author: 2 }),
      about("attachment.add", { record: "r", name: "photo", data: Uint8Array.of(1, 2) }),
      about("record.delete", { record: "r" }),
    ]) view.apply(one);
    const expected: FeedRecord = {
      id: "r",
      created: { author: 1, timeMs: START_MS + 1 },
      fields: [
        { name: "open", value: false, author: 2, timeMs: START_MS + 2 },
        { name: "title", value: "Gate", author: 1, timeMs: START_MS + 1 },
      ],
      notes: [
        { text: "squeaks", author: 1, timeMs: START_MS + 3 }, { text: "oiled", author: 2, timeMs: START_MS + 4 },
      ],
      attachments: [{ name: "photo", data: Uint8Array.of(1, 2), author: 1, timeMs: START_MS + 5 }],
    };
    assert.deepEqual(view.get("r"), expected);
    assert.deepEqual(view.records(), [expected]);
    assert.equal(view.get("s"), undefined);
  });

  it("the view shows a record before its creation arrives, and takes the oldest creation for the creation", () => {
    const view = records();
    view.apply(about("field.set", { record: "r", field: "f", value: 1 }));
    assert.equal(view.get("r")?.created, undefined);
    view.apply(about("record.create", { record: "r" }, { author: 5 }));
    view.apply(about("record.create", { record: "r" }, { author: 6, timeMs: START_MS, sequence: 1 }));
    assert.deepEqual(view.get("r")?.created, { author: 6, timeMs: START_MS });
  });

  it("the view shows the latest event that any author set under a key, and nothing after a removal", () => {
    const view = records();
    const notes = () => view.get("r")?.notes.map(({ text }) => text);
    view.apply(about("note.add", { record: "r", text: "a" }, { key: "1" }));
    const second = about("note.add", { record: "r", text: "b" }, { key: "1", author: 2 });
    view.apply(second);
    view.apply(about("note.add", { record: "r", text: "other" }, { key: "2" }));
    assert.deepEqual(notes(), ["b", "other"]);
    view.apply({ ...second, kind: "withdraw", value: undefined });
    assert.deepEqual(notes(), ["a", "other"], "an end takes one event out");
    view.apply(about("note.add", { record: "r", text: "c" }, { key: "1", author: 3 }));
    assert.deepEqual(notes(), ["other", "c"]);
    view.apply(about("note.add", undefined, { key: "1", kind: "remove" }));
    assert.deepEqual(notes(), ["other"], "a removal hides the events of all authors");
  });

  it("the view orders records and fields by their bytes, and shows no field twice", () => {
    const view = records();
    for (const name of ["b", "\u{1f4cf}", "__proto__", "", "\uffff", "b"]) {
      view.apply(about("field.set", { record: name, field: name, value: 1 }));
      view.apply(about("field.set", { record: "all", field: name, value: 1 }));
    }
    const names = ["", "__proto__", "b", "\uffff", "\u{1f4cf}"];
    assert.deepEqual(view.get("all")?.fields.map(({ name }) => name), names);
    assert.deepEqual(view.records().map(({ id }) => id), ["", "__proto__", "all", ...names.slice(2)]);
  });

  it("the view ignores values of another form", () => {
    const view = records();
    const bad: CborValue[] = [
      undefined, null, 1, "r", [], { record: 1 }, Uint8Array.of(1), { record: "r", field: 1 }, { record: "r", text: 1 },
      { record: "r", name: [] },
    ];
    for (const value of bad) {
      for (const topic of TOPICS.slice(1)) view.apply(about(topic, value));
    }
    assert.deepEqual(view.records(), []);
    view.apply(about("record.create", { record: "r", fields: [1] }));
    assert.deepEqual(view.get("r")?.fields, []);
  });

  it("the view forgets expired events, and an author's events", () => {
    const view = records();
    view.apply(about("field.set", { record: "r", field: "f", value: "old" }));
    view.apply(about("field.set", { record: "r", field: "f", value: "new" }, { ttlMs: 5 }));
    const after = (ms: number) => at(START_MS + ms, view).get("r")?.fields[0].value;
    assert.deepEqual([6, 7].map(after), ["new", "old"]);
    assert.equal(view.forget(1), false);
    assert.deepEqual(view.records(), []);
  });

  it("the view folds the newest events beyond its capacity", () => {
    const view = records({ capacity: 2 });
    for (const text of ["a", "b", "c"]) view.apply(about("note.add", { record: "r", text }));
    assert.deepEqual(view.get("r")?.notes.map(({ text }) => text), ["b", "c"]);
    assert.ok(view.isCut && view.forget(9));
  });

  for (const capacity of [3, 256]) {
    it(`the view does not depend on the order of events, with a capacity of ${capacity}`, () => {
      fc.assert(fc.property(history, (all) => {
        const expected = JSON.stringify(applied(records({ capacity }), all.events).records());
        for (let order = 0; order < 4; order++) {
          const other = records({ capacity });
          applyShuffled(other, all, new SimRandom(all.seed, 2 + order));
          assert.equal(JSON.stringify(other.records()), expected);
          for (const one of other.records()) assert.deepEqual(other.get(one.id), one);
        }
        const few = applied(records({ capacity }), unsuperseded(all.events));
        assert.equal(JSON.stringify(few.records()), expected);
      }), propertyOptions(500));
    });
  }
});
