import assert from "node:assert/strict";
import pc from "picocolors";
import { JsonReport } from "../../../desktop/cli/json-report.js";
import { readNumber } from "../../../desktop/cli/number.js";
import { TextReport } from "../../../desktop/cli/text-report.js";
import type { FeedEvent, GossipStats, NodeRow } from "../../../src/gossip.js";
import type { GossipStatus } from "../../../src/status/index.js";

const start = {
  id: 7, name: undefined, address: "10.0.0.7", port: 5000, revision: 3, roundIntervalMs: 2500, seeds: [],
  broadcasts: true, sealing: "all" as const,
};
const event: FeedEvent = {
  author: 8, copiedBy: undefined, generation: 1, sequence: 5, timeMs: 9, counter: 0, topic: "door", key: undefined,
  kind: "log", ttlMs: 0, endMs: Infinity, value: "open",
};
const row: NodeRow = {
  id: 8, address: "10.0.0.8", port: 5000, revision: 4, heartbeat: 12, state: "up", data: 21.5,
};
const stats: GossipStats = {
  datagramsSent: 5, bytesSent: 200, datagramsReceived: 4, bytesReceived: 160, sendFailures: 1,
  drops: { echo: 2, stale: 0, value: 1 }, valuesTooLong: 0, clock: "none", removalsForgotten: 0, valuesForgotten: 0,
};

const status: GossipStatus = {
  node: {
    id: 7, name: "hall", address: "10.0.0.7", port: 5000, revision: 3, heartbeat: 60, dialect: "compact",
    isSealed: false, isNamed: true,
  },
  neighbours: [
    {
      id: 8, name: "Küche", address: "10.0.0.8", port: 5000, state: "up",
      roundTripMs: 12.25, lossTo: 0, lossFrom: 0.0227,
    },
    { id: 9, address: "10.0.0.109", port: 50001, state: "suspect" },
  ],
  routes: [{ id: 4294967295, nextHop: 8 }, { id: 10, name: "a b" }],
  rows: { up: 3, probed: 0, suspect: 0, down: 1, removed: 0, left: 0, capacity: 64 },
  queues: { updates: 2, messages: 1, messagesMax: 8 },
  memory: { rowBytes: 4400, eventBytes: 0, otherBytes: 900, platform: { rss: 41943040 } },
  stats,
};

describe("the report of chisme node", () => {
  describe("as text", () => {
    let lines: string[];
    let warnings: string[];

    function textReport(isColored = false): TextReport {
      lines = [];
      warnings = [];
      const report = new TextReport({
        elapsedMs: () => 12345,
        writeLine: (line) => lines.push(line),
        writeWarning: (message) => warnings.push(message),
        colors: pc.createColors(isColored),
        hint: "stop it some time",
      });
      report.start(start);
      lines.length = 0;
      return report;
    }

    it("the report has a line for each row, in columns", () => {
      const report = textReport();
      report.rows([row, { ...row, id: 7, address: "10.0.0.7", data: undefined }]);
      report.rows([{ ...row, address: "10.0.0.123", port: 5001, data: { warm: [true, Uint8Array.of(1, 254)] } }]);
      report.state({ ...row, state: "suspect", heartbeat: 86400 });
      assert.deepEqual(lines, [
        "  12.3 s  10.0.0.8  up       revision 4    heartbeat 12    21.5",
        "  12.3 s  10.0.0.7  up       revision 4    heartbeat 12    no value  (this node)",
        '  12.3 s  10.0.0.123:5001  up       revision 4    heartbeat 12    {"warm":[true,"01fe"]}',
        "  12.3 s  10.0.0.8         suspect  revision 4    heartbeat 86400  21.5",
      ]);
    });

    it("the report says that a row was forgotten, and in which state it was", () => {
      const report = textReport();
      report.rows([{ ...row, name: "pump" }]);
      report.forgotten({ ...row, name: "pump", state: "removed" });
      assert.equal(lines[1], "  12.3 s  10.0.0.8  pump  forgot the node, which was removed");
    });

    it("the report has a column of names from the first name on, and quotes names that are no plain word", () => {
      const report = textReport();
      report.rows([row]);
      report.rows([{ ...row, name: "Küche" }, { ...row, name: "水" }, row, { ...row, name: "my pump" }]);
      report.state({ ...row, state: "down", name: "e\u0301\u202e" });
      assert.deepEqual(lines, [
        "  12.3 s  10.0.0.8  up       revision 4    heartbeat 12    21.5",
        "  12.3 s  10.0.0.8  Küche  up       revision 4    heartbeat 12    21.5",
        "  12.3 s  10.0.0.8  水     up       revision 4    heartbeat 12    21.5",
        "  12.3 s  10.0.0.8         up       revision 4    heartbeat 12    21.5",
        '  12.3 s  10.0.0.8  "my pump"  up       revision 4    heartbeat 12    21.5',
        '  12.3 s  10.0.0.8  "e\u0301\\u202e"  down     revision 4    heartbeat 12    21.5',
      ]);
    });

    it("the report names this node at the start, and authors in events and in the frontier", () => {
      const report = textReport();
      report.start({ ...start, name: "hall" });
      assert.equal(lines[0], "chisme node hall, 10.0.0.7:5000, id 7, revision 3");
      lines.length = 0;
      report.feedEvent(event);
      report.feedEvent({ ...event, authorName: "my pump" });
      report.front([
        { author: 8, authorName: undefined, generation: 1, sequence: 5 },
        { author: 9, authorName: "hall", generation: 0, sequence: 2 },
      ]);
      assert.deepEqual(lines, [
        '  12.3 s  log door "open"  by 8, event 1:5',
        '  12.3 s  log door "open"  by "my pump" (8), event 1:5',
        "8 1 5",
        "9 0 2 hall",
      ]);
    });

    it("the report has one line for an update and a state that come together", () => {
      const report = textReport();
      report.rows([row]);
      report.state({ ...row });
      report.state({ ...row, state: "down" });
      assert.equal(lines.length, 2);
    });

    it("the report removes control characters from values of others", () => {
      const report = textReport();
      report.rows([{ ...row, data: "\u001b[2J\u009b2J\u007f\n" }]);
      assert.ok(lines[0].endsWith('"\\u001b[2J\\u009b2J\\u007f\\n"'), lines[0]);
    });

    it("the report colours the states", () => {
      const report = textReport(true);
      for (const state of ["up", "suspect", "down", "removed"] as const) report.state({ ...row, state });
      const codes = ["\u001b[32mup ", "\u001b[33msuspect", "\u001b[31mdown", "\u001b[2mremoved"];
      codes.forEach((code, index) => assert.ok(lines[index].includes(code), lines[index]));
    });

    it("the report shows minimum and maximum, or that there is none", () => {
      const report = textReport();
      report.minMax({ minimum: -1.5, maximum: 3, count: 2 });
      report.minMax({ minimum: undefined, maximum: undefined, count: 0 });
      assert.deepEqual(lines, [
        "  12.3 s  minimum -1.5  maximum 3  of 2 nodes",
        "  12.3 s  no minimum and no maximum: no node shares a number",
      ]);
    });

    it("the report shows a status in columns, and says where there is nothing", () => {
      const report = textReport();
      report.status(status);
      assert.deepEqual(lines, [
        "node      hall, 10.0.0.7:5000, id 7",
        "          revision 3, heartbeat 60",
        "network   dialect compact, not sealed, with a name",
        "rows      4 of 64: 3 up, 1 down",
        "queues    2 updates, 1 of 8 messages",
        "memory    rows 4.3 KiB, events 0 B, other 900 B",
        "process   rss 40.0 MiB",
        "sent      5 datagrams, 200 bytes, 1 failed",
        "received  4 datagrams, 160 bytes",
        "dropped   2 echo, 1 value",
        "clock     none",
        "",
        "neighbours",
        "  id  name   address           state    round trip  loss to  loss from",
        "  8   Küche  10.0.0.8:5000     up       12 ms       0.0 %    2.3 %",
        "  9          10.0.0.109:50001  suspect",
        "",
        "nodes out of reach",
        "  id          name   over",
        "  4294967295         8 Küche",
        '  10          "a b"  no way known',
      ]);
      lines.length = 0;
      report.status({ ...status, neighbours: [], routes: [], stats: { ...stats, drops: {} } });
      const ending = ["dropped   none", "clock     none", "", "no neighbours", "", "no nodes out of reach"];
      assert.deepEqual(lines.slice(9), ending);
    });

    it("the report warns, and ends with the counters", () => {
      const report = textReport();
      report.error("storage", new Error("the disk is full"));
      report.stop(stats);
      assert.deepEqual(warnings, ["the disk is full"]);
      assert.deepEqual(lines, [
        "  12.3 s  stopped: 5 datagrams sent (200 bytes), 4 received (160 bytes), " +
        "2 dropped (echo), 1 dropped (value: not deterministic, or nested deeper than 4), 1 failed to send",
      ]);
    });
  });

  it("the report as JSON is one object a line", () => {
    const lines: string[] = [];
    const report = new JsonReport(() => 12345, (line) => lines.push(line));
    report.start({ ...start, name: "hall" });
    report.rows([{ ...row, data: Uint8Array.of(1, 254) }, { ...row, name: "Küche" }]);
    report.state({ ...row, data: undefined });
    report.forgotten({ ...row, data: undefined, state: "removed" });
    report.minMax({ minimum: 1, maximum: 2, count: 3 });
    report.minMax({ minimum: undefined, maximum: undefined, count: 0 });
    report.error("tableFull", new Error("no room"));
    report.status(status);
    report.stop(stats);
    const timeMs = 12345;
    const statement = { id: 8, address: "10.0.0.8", port: 5000, revision: 4, heartbeat: 12, state: "up" };
    assert.deepEqual(lines.map((line) => JSON.parse(line) as unknown), [
      { event: "start", timeMs, ...start, name: "hall" },
      { event: "row", timeMs, ...statement, data: "01fe" },
      { event: "row", timeMs, ...statement, name: "Küche", data: 21.5 },
      { event: "state", timeMs, ...statement },
      { event: "forgotten", timeMs, ...statement, state: "removed" },
      { event: "minMax", timeMs, minimum: 1, maximum: 2, count: 3 },
      { event: "minMax", timeMs, minimum: null, maximum: null, count: 0 },
      { event: "error", timeMs, code: "tableFull", message: "no room" },
      { event: "status", timeMs, status },
      { event: "stop", timeMs, stats },
    ]);
    assert.ok(lines.every((line) => !line.includes("\n")));
  });
});

describe("readNumber", () => {
  const numbers = { "21.5": 21.5, "-3": -3, "+.5": 0.5, "7.": 7, "1e2": 100, "2E-1": 0.2 };
  for (const [text, number] of Object.entries(numbers)) {
    it(`readNumber reads ${text}`, () => assert.equal(readNumber(text), number));
  }
  for (const text of ["", " ", ".", "-", "1,5", "0x10", "1e", "1e999", "NaN", "Infinity", "1 2", "12°"]) {
    it(`readNumber does not read ${JSON.stringify(text)}`, () => assert.equal(readNumber(text), undefined));
  }
});
