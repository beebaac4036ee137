import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { CborValue, FeedEvent } from "../../../src/gossip.js";
import { latestMap } from "../../../src/views/latest-map.js";
import { GatewayDatabase } from "../../../desktop/gateway/database/gateway-database.js";
import { RetentionKeeper } from "../../../desktop/gateway/database/retention.js";
import { openSqlite } from "../../../desktop/gateway/database/sqlite.js";
import { readStoredValue, storedValue } from "../../../desktop/gateway/database/stored-value.js";
import { propertyOptions } from "../../support/random.js";
import { cleanUp, freshFolder } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";

describe("database of a gateway", function () {
  this.timeout(60000);

  let file: string;
  let opened: GatewayDatabase[] = [];

  beforeEach(() => {
    file = join(freshFolder(), "gateway.db");
  });
  afterEach(async () => {
    opened.forEach((database) => database.close());
    opened = [];
    await cleanUp();
  });

  const open = (): GatewayDatabase => {
    const database = new GatewayDatabase(file);
    opened.push(database);
    return database;
  };
  const event = (more: Partial<FeedEvent>): FeedEvent => ({
    author: 1, copiedBy: undefined, generation: 0, sequence: 1, timeMs: 1000, counter: 0, topic: "t", key: "k",
    kind: "set", ttlMs: 0, endMs: Infinity, value: 1, ...more,
  });

  it("a file of another program, and one that is no database, are refused and stay as they are", () => {
    const other = openSqlite(file);
    other.exec("CREATE TABLE mine (x)");
    other.close();
    assert.throws(open, /^Error: is a database of another program$/);
    const text = "this is no database, it is text that somebody wants to keep\n".repeat(20);
    writeFileSync(file, text);
    assert.throws(open, /file is not a database/);
    assert.equal(readFileSync(file, "utf8"), text);
  });

  it("gives each value back as it was: JSON as text, all else as CBOR", () => {
    const values: CborValue[] = [
      null, true, 0, -0, 1.5, NaN, -Infinity, "", "ж\u0000", [], {}, [undefined], { a: [new Uint8Array([0, 255])] },
      new Uint8Array(), 9007199254740991, { 2: 1, 1: 2 },
    ];
    for (const value of values) assert.deepEqual(readStoredValue(storedValue(value)), value);
    assert.equal(storedValue({ temp: 21.5 }), '{"temp":21.5}');
    assert.ok(storedValue(-0) instanceof Uint8Array);
  });

  it("its winners are those of a latest map, in whatever order events arrive, and however often", () => {
    const one = fc.record({
      author: fc.integer({ min: 1, max: 4 }), timeMs: fc.integer({ min: 1000, max: 1010 }),
      key: fc.constantFrom("a", "b"), isSet: fc.boolean(),
    });
    const database = open();
    fc.assert(fc.property(fc.array(one, { maxLength: 30 }), fc.array(fc.nat(29), { maxLength: 60 }), (all, order) => {
      database.sqlite.exec("DELETE FROM events; DELETE FROM latest");
      const events = all.map(({ author, timeMs, key, isSet }, counter) =>
        event({ author, timeMs, key, counter, kind: isSet ? "set" : "remove", value: isSet ? counter : undefined }));
      const map = latestMap({ capacity: 1000 });
      map.bind(() => 0);
      events.forEach((applied) => map.apply(applied));
      database.write({ events: order.flatMap((place) => events.slice(place, place + 1)) });
      database.write({ events });
      const winners = database.statement("SELECT key, author, time_ms, value FROM winners ORDER BY key").all()
        .map((row) => [row.key, row.author, row.time_ms, JSON.parse(String(row.value))] as unknown[]);
      assert.deepEqual(winners, map.entries().map(({ key, author, timeMs, value }) => [key, author, timeMs, value]));
    }), propertyOptions(100));
  });

  it("a value whose time is over is no winner, and the one before it counts again; withdrawn ones do not", () => {
    const database = open();
    const winners = (): unknown[] => database.statement("SELECT value FROM winners ORDER BY value").all()
      .map(({ value }) => value);
    database.write({ events: [event({ value: "old" })] });
    const soon = Date.now() + 60000;
    database.write({ events: [event({ author: 2, timeMs: 2000, ttlMs: 1000, endMs: soon, value: "new" })] });
    assert.deepEqual(winners(), ['"new"']);
    database.write({ events: [event({ author: 3, timeMs: 3000, ttlMs: 1000, endMs: Date.now() - 1, value: "over" })] });
    assert.deepEqual(winners(), ['"new"']);
    database.write({ events: [event({ author: 2, timeMs: 2000, kind: "withdraw", value: undefined })] });
    assert.deepEqual(winners(), ['"old"']);
    const merge = { topic: "+t" };
    database.write({ events: [1, 2, 3].map((author) => event({ ...merge, author, timeMs: author, value: author })) });
    database.write({ events: [event({ ...merge, author: 9, timeMs: 2, kind: "remove", value: undefined })] });
    assert.deepEqual(winners(), ['"old"', "3"], "a removal removes all older ones");
  });

  it("chisme query-db prints tables, JSON and CSV, writes nothing, and names what is wrong", () => {
    const raw = event({ key: "raw", counter: 1, value: new Uint8Array([1]) });
    open().write({ events: [event({ value: 'a "b"' }), raw] });
    const query = (...args: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [main, "query-db", file, ...args], { encoding: "utf8" });
    const sql = "SELECT key, value FROM winners ORDER BY key";
    assert.equal(query(sql, "--format", "csv").stdout, 'key,value\nk,"""a \\""b\\"""""\nraw,4101\n');
    assert.equal(query(sql, "--format", "json").stdout,
      `${JSON.stringify({ key: "k", value: JSON.stringify('a "b"') })}\n{"key":"raw","value":"4101"}\n`);
    assert.match(String(query(sql).stdout), /│ raw │ 4101 +│/);
    const wrong = query("DELETE FROM events");
    assert.equal(wrong.status, 1);
    assert.match(String(wrong.stderr), /^error: \S+gateway.db: attempt to write a readonly database\n$/);
    assert.match(String(query("SELECT nope FROM events").stderr), /no such column: nope/);
    const two = "SELECT 1 AS a, 2 AS a, 9223372036854775807 AS big, char(27, 155, 8238) || '[31m' AS shown -- ;\n";
    assert.equal(query(two, "--format", "csv").stdout,
      "a,a_2,big,shown\n1,2,9223372036854775807,\u001b\u009b\u202e[31m\n");
    assert.equal(query(two, "--format", "json").stdout,
      '{"a":1,"a_2":2,"big":"9223372036854775807","shown":"\\u001b\\u009b\\u202e[31m"}\n');
    assert.match(String(query(two).stdout), /│ 1 │ 2 +│ 9223372036854775807 │ \\u001b\\u009b\\u202e\[31m │/);
    const none = spawnSync(process.execPath, [main, "query-db", `${file}.none`, sql], { encoding: "utf8" });
    assert.match(none.stderr, /^error: \S+gateway\.db\.none: there is no such file\n$/);
    const copy = `${file}.copy`;
    for (const [bad, problem] of [
      [" ;", /there is no statement/], ["SELECT 1; DELETE FROM events", /there is more than one statement/],
      [`VACUUM INTO '${copy}'`, /VACUUM writes/],
    ] as const) assert.match(String(query(bad).stderr), problem);
    assert.ok(!existsSync(copy));
    assert.equal(query("SELECT ';' AS a; -- b; c\n", "--format", "csv").stdout, "a\n;\n");
  });

  it("retention by size keeps the newest events, however many it removed before, and warns once", () => {
    const database = open();
    const told: string[] = [];
    const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
    let taken = Infinity;
    const keeper = new RetentionKeeper({ database, limits: { megabytes: 1 }, log, taken: () => taken });
    const add = (round: number): void => {
      const of = { key: undefined, kind: "log" as const };
      const events = Array.from({ length: 1000 }, (_none, place) => event({ ...of, timeMs: round * 1000 + place }));
      database.write({ events });
    };
    for (let round = 0; round < 60; round++) {
      add(round);
      while (keeper.removeChunk());
    }
    const count = (table: string): number => Number(database.statement(`SELECT count(*) AS n FROM ${table}`).get()?.n);
    assert.ok(count("events") > 4000, `${count("events")} events are left`);
    assert.ok(count("removed_events") > 1000);
    assert.ok(database.usedBytes() < 1100000, `${database.usedBytes()} bytes`);
    assert.deepEqual(told, []);
    taken = 0;
    for (let round = 60; round < 70; round++) {
      add(round);
      while (keeper.removeChunk());
    }
    assert.equal(told.length, 1);
    assert.match(told[0], /uses more than 1 megabytes, and an output has not taken the rest$/);
  });

  it("a database of version 1 is brought to this version", () => {
    open().close();
    opened = [];
    const old = openSqlite(file);
    old.exec("DROP INDEX removed_events_by_day; PRAGMA user_version = 1");
    old.close();
    const { sqlite } = open();
    assert.deepEqual({ ...sqlite.prepare("PRAGMA user_version").get() }, { user_version: 2 });
    assert.ok(sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'removed_events_by_day'").get() !== undefined);
  });
});
