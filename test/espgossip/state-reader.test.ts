import assert from "node:assert/strict";
import fc from "fast-check";
import { RowData } from "../../src/engine/table/rows.js";
import { DROP_NONE, DROP_VALUE, dropReasonName } from "../../src/engine/wire/drops.js";
import { JSON_BYTES_MAX, StateReader } from "../../src/espgossip/state-reader.js";
import { propertyOptions } from "../support/random.js";
import { FOUND, bytesOfText, readAll } from "./support.js";

function refusal(text: string): string {
  const result = readAll(bytesOfText(text));
  return typeof result === "number" ? dropReasonName(result) : "taken in";
}

function one(row: string, refuseNegative = true): unknown {
  const result = readAll(bytesOfText(`{"type":"SYN","1.2.3.4":${row}}`), undefined, refuseNegative);
  return typeof result === "number" ? dropReasonName(result) : result[0];
}

const good = { found: FOUND.good, id: "1.2.3.4", revision: 1, heartbeat: 2, state: 0 };

describe("StateReader", () => {
  it("the reader takes rows with any spacing, order of members and form of number", () => {
    assert.deepEqual(one('{"revision":1,"heartbeat":2,"state":0}'), good);
    assert.deepEqual(one(' {\n"state" : 0.0 ,\t"heartbeat":2e0,"revision":1.0, "more":[{}] } '), good);
    assert.deepEqual(one('{"revision":1,"heartbeat":2.9,"state":0}'), good);
  });

  it("the reader takes any data", () => {
    for (const data of [1, -0.5, "é\u{1f600}\n", null, false, [], {}, { temp: 21.5, list: [1, [2, { a: null }]] }]) {
      assert.deepEqual(one(`{"revision":1,"heartbeat":2,"state":0,"data":${JSON.stringify(data)}}`), { ...good, data });
    }
  });

  it("the reader finds no row in an object that lacks a number", () => {
    for (const row of ["{}", '{"revision":1}', '{"revision":"1","heartbeat":2,"state":0}', '{"state":null}']) {
      assert.deepEqual(one(row), { found: FOUND.incomplete });
    }
  });

  it("the reader refuses rows with numbers out of range, and other values", () => {
    for (const row of [
      '{"revision":4294967296,"heartbeat":2,"state":0}', '{"revision":1,"heartbeat":1e99,"state":0}',
      '{"revision":1,"heartbeat":2,"state":5}', '{"revision":-1,"heartbeat":2,"state":0}', "5", "[]", '"x"', "null",
    ]) assert.deepEqual(one(row), { found: FOUND.bad }, row);
  });

  it("the reader reads a negative number as 0 unless it must refuse it", () => {
    assert.deepEqual(one('{"revision":1,"heartbeat":-7,"state":0}', false), { ...good, heartbeat: 0 });
    assert.deepEqual(one('{"revision":1,"heartbeat":-7,"state":0}', true), { found: FOUND.bad });
  });

  it("the reader reads dotted addresses strictly", () => {
    for (const name of [
      "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", "1.2.3.-4", "0.0.0.0", "255.255.255.255", "",
      "1.2.3.4\\u0020", "999999999999999999", "1.2.3.0x4",
    ]) {
      const text = `{"type":"ACK","${name}":{"revision":1,"heartbeat":2,"state":0}}`;
      assert.deepEqual(readAll(bytesOfText(text)), [{ found: FOUND.bad }], name);
    }
  });

  it("the last of two equal members counts", () => {
    assert.deepEqual(one('{"revision":9,"heartbeat":2,"state":0,"revision":1}'), good);
    assert.equal(refusal('{"type":"SYN","type":"no"}'), "type");
  });

  it("the reader refuses text that is no datagram of ESPGossip", () => {
    assert.equal(refusal(""), "magic");
    assert.equal(refusal("[]"), "magic");
    assert.equal(refusal("{}"), "type");
    assert.equal(refusal('{"type":1}'), "type");
    assert.equal(refusal('{"type":"SYN"'), "section");
    assert.equal(refusal('{"type":"SYN",}'), "section");
    assert.equal(refusal('{"type":"SYN"}x'), "section");
    assert.equal(refusal('{"type":"SYN" "a":1}'), "section");
    assert.equal(refusal('{"type":"SYN","a":tru}'), "section");
    assert.equal(refusal('{"type":"SYN","a":"\u0001"}'), "section");
    assert.equal(refusal('{"type":"SYN","a":"\\'), "section");
    assert.equal(refusal('{"type":"SYN","a":"\\"}'), "section");
    assert.equal(refusal('{"type":"SYN","a":"\\\n"}'), "section");
    assert.equal(refusal('{"t\\u0079pe":"SYN"}'), "type");
    for (const number of ["01", "+1", ".5", "1.", "1e", "--1", "1e400", "-", "1".repeat(65), "NaN", "0x1"]) {
      assert.equal(refusal(`{"type":"SYN","a":${number}}`), "section", number);
    }
    assert.equal(refusal('{"type":"SYN"}'), "taken in");
  });

  it("the reader refuses no more than the data of a row for bad bytes and bad escapes", () => {
    const texts = ["caf\u00e9", "\u00b0C", "x\\q", "\\u12", "\\u12g4", "\\'", "\u00c2"];
    for (const text of texts) {
      for (const data of [`"${text}"`, `{"${text}":1}`, `[[1],"${text}"]`]) {
        const row = `{"revision":1,"heartbeat":2,"state":0,"data":${data}}`;
        const bytes = new Uint8Array(Buffer.from(
          `{"type":"SYN","1.2.3.3":{"revision":1,"heartbeat":2,"state":0,"data":7},"1.2.3.4":${row}}`, "latin1",
        ));
        const reader = new StateReader(true);
        const read = new RowData();
        assert.equal(reader.parse(bytes, bytes.length), DROP_NONE);
        reader.rewind();
        assert.equal(reader.nextRow(read), FOUND.good);
        assert.equal(reader.readData(read, new Uint8Array(255)), DROP_NONE);
        assert.equal(reader.nextRow(read), FOUND.good);
        assert.equal(reader.readData(read, new Uint8Array(255)), DROP_VALUE, data);
      }
    }
    const skipped = '{"revision":1,"heartbeat":2,"state":0,"more":"\\q","data":5}';
    assert.deepEqual(one(skipped), { ...good, data: 5 });
  });

  it("the reader bounds depth, members and bytes", () => {
    const nested = (depth: number) => `{"type":"SYN","a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    assert.equal(refusal(nested(9)), "taken in");
    assert.equal(refusal(nested(10)), "section");
    assert.equal(refusal(nested(700)), "section");
    const members = (count: number) => `{"type":"SYN"${',"a":0'.repeat(count)}}`;
    assert.equal(refusal(members(100)), "taken in");
    assert.equal(refusal(members(200)), "section");
    assert.equal(refusal(`{"type":"SYN"${" ".repeat(JSON_BYTES_MAX - 14)}}`), "taken in");
    assert.equal(refusal(`{"type":"SYN"${" ".repeat(JSON_BYTES_MAX - 13)}}`), "length");
  });

  it("the reader refuses __proto__, however it is written", () => {
    for (const name of ["__proto__", "\\u005f_proto__", "__prot\\u006f__"]) {
      assert.equal(refusal(`{"type":"SYN","1.2.3.4":{"data":{"${name}":1}}}`), "section");
    }
    const data = { __proto: 1, constructor: 2, toString: 3 };
    assert.deepEqual(one(`{"revision":1,"heartbeat":2,"state":0,"data":${JSON.stringify(data)}}`), { ...good, data });
  });

  it("the reader takes data with members that differ only in halves of surrogate pairs", () => {
    const row = one('{"revision":1,"heartbeat":2,"state":0,"data":{"\\ud800":1,"\\ud801":2}}');
    assert.deepEqual(row, good);
  });
});

/** JSON of the shapes that matter, and what may go wrong in it. */
const value = fc.jsonValue({ maxDepth: 5 });
const name = fc.oneof(
  fc.ipV4(), fc.constantFrom("type", "__proto__", "constructor", "data", "revision", "heartbeat", "state"), fc.string(),
);
const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-1, 2 ** 32, 2 ** 32 - 1, 1e308, -0));
const row = fc.record(
  { revision: number, heartbeat: number, state: fc.oneof(fc.nat(4), number), data: value, extra: value },
  { requiredKeys: [] },
);
const members = fc.array(fc.tuple(name, fc.oneof(row, value)), { maxLength: 6 });
const datagram = fc.tuple(fc.constantFrom("SYN", "ACK", "no"), members);

function text([type, said]: [string, [string, unknown][]]): string {
  const parts = said.map(([key, member]) => `${JSON.stringify(key)}:${JSON.stringify(member) ?? "null"}`);
  return `{${[...parts, `"type":"${type}"`].join(",")}}`;
}

/** Reads bytes amid others that must not matter. */
function readAmid(bytes: Uint8Array, filling: number): unknown {
  const buffer = new Uint8Array(bytes.length + 40).fill(filling);
  buffer.set(bytes);
  return readAll(buffer, bytes.length);
}

function assertSafe(bytes: Uint8Array): void {
  const result = readAmid(bytes, 0x22);
  assert.deepEqual(readAmid(bytes, 0x7d), result, "reads past the end");
  if (typeof result === "number") return;
  // Whatever is taken in is JSON, bad escapes apart, and its members are what JSON.parse finds.
  const json = Buffer.from(bytes).toString().replace(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\/g, (escape) => (
    escape === "\\" ? "" : escape
  ));
  const parsed = JSON.parse(json) as Record<string, Record<string, unknown>>;
  for (const read of result as { found: number; id?: string; data?: unknown; revision?: number }[]) {
    if (read.found !== FOUND.good) continue;
    const member = parsed[read.id ?? ""];
    assert.ok(member !== undefined);
  }
}

describe("StateReader: damaged input", () => {
  it("the reader never throws for any well-formed JSON", () => {
    fc.assert(fc.property(datagram, (parts) => assertSafe(bytesOfText(text(parts)))), propertyOptions(3000));
  });

  it("the reader never throws for a damaged datagram", () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(...bytesOfText('{}[]":,\\0e-u')));
    const changes = fc.array(fc.tuple(fc.nat(), byte));
    fc.assert(fc.property(datagram, changes, fc.nat(), (parts, edits, end) => {
      const bytes = bytesOfText(text(parts));
      for (const [at, edit] of edits) bytes[at % bytes.length] = edit;
      assertSafe(end % 4 === 0 ? bytes.subarray(0, end % bytes.length) : bytes);
    }), propertyOptions(5000));
  });

  it("the reader never throws for random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const all = new Uint8Array([0x7b, ...bytes]);
      readAll(all);
    }), propertyOptions(3000));
  });
});
