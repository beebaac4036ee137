import assert from "node:assert/strict";
import { join } from "node:path";
import type { FeedEvent } from "../../../src/gossip.js";
import { DatabaseWriter } from "../../../desktop/gateway/database/database-writer.js";
import { GatewayDatabase } from "../../../desktop/gateway/database/gateway-database.js";
import { RetentionKeeper } from "../../../desktop/gateway/database/retention.js";
import type { GatewayEvent, GatewayNodeState, GatewayOutput } from "../../../desktop/gateway/output.js";
import { OutputPump } from "../../../desktop/gateway/output-pump.js";
import { cleanUp, freshFolder } from "../cli/node-process.js";
import { eventually } from "./gateway-process.js";

/** An output that takes what it gets, while it works. */
class TestOutput implements GatewayOutput {
  readonly sites: GatewayOutput["sites"];
  readonly taken: GatewayEvent[] = [];
  readonly nodes: GatewayNodeState[] = [];
  works = true;
  calls = 0;
  atOnce = 0;
  atOnceMost = 0;

  constructor(sites: GatewayOutput["sites"]) {
    this.sites = sites;
  }

  start(): void {
    // It is always connected.
  }

  async takeEvents(events: readonly GatewayEvent[]): Promise<void> {
    this.calls++;
    this.atOnce++;
    this.atOnceMost = Math.max(this.atOnceMost, this.atOnce);
    await new Promise(setImmediate);
    this.atOnce--;
    if (!this.works) throw new Error("the broker is away");
    this.taken.push(...events);
  }

  async takeNodes(nodes: readonly GatewayNodeState[]): Promise<void> {
    await new Promise(setImmediate);
    if (!this.works) throw new Error("the broker is away");
    this.nodes.push(...nodes);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

describe("outputs of a gateway", function () {
  this.timeout(120000);

  let file: string;
  const open: (() => void)[] = [];

  beforeEach(() => {
    file = join(freshFolder(), "gateway.db");
  });

  afterEach(async () => {
    for (const close of open.splice(0)) close();
    await cleanUp();
  });

  const event = (number: number, more: Partial<FeedEvent> = {}): FeedEvent => ({
    author: 1 + number % 3, copiedBy: undefined, generation: 0, sequence: number, timeMs: 1000 + number, counter: 0,
    topic: "count", key: undefined, kind: "log", ttlMs: 0, endMs: Infinity, value: number, ...more,
  });

  /** A gateway's database with one output, until `end`. */
  function start(output: TestOutput): {
    database: GatewayDatabase; writer: DatabaseWriter; pump: OutputPump; warnings: string[]; end: () => Promise<void>;
  } {
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (line: string) => void warnings.push(line) };
    const database = new GatewayDatabase(file);
    const writer = new DatabaseWriter({ database, log, onStored: () => pump.eventsStored(), heldEvents: () => [] });
    const pump = new OutputPump({ name: "test", output, log, rows: () => [], store: { database, writer } });
    const close = (): void => {
      writer.close();
      database.close();
    };
    open.push(close);
    pump.start();
    return { database, writer, pump, warnings, end: async () => {
      await pump.close();
      open.splice(open.indexOf(close), 1);
      close();
    } };
  }

  it("get each event in order, after failures and restarts, and go on where they were", async () => {
    const first = new TestOutput("own");
    const one = start(first);
    for (let i = 0; i < 1000; i++) one.writer.apply(event(i));
    await eventually("all are taken", () => first.taken.length === 1000);
    first.works = false;
    for (let i = 0; i < 2000; i++) one.writer.apply(event(i));
    await eventually("it failed", () => one.warnings.length > 0);
    assert.deepEqual(one.warnings, ["the broker is away; tried again"], "told once");
    first.works = true;
    one.pump.retry();
    await eventually("all are taken", () => first.taken.length === 2000);
    assert.deepEqual(first.taken.map(({ value }) => value), Array.from({ length: 2000 }, (_, index) => index));
    assert.equal(first.atOnceMost, 1);
    await one.end();
    const second = new TestOutput("own");
    const two = start(second);
    two.writer.apply(event(2000));
    await eventually("the new one is taken", () => second.taken.length === 1);
    assert.equal(second.taken[0].value, 2000, "and nothing twice after an orderly end");
    await two.end();
  });

  it("what was taken but whose position was not written comes again, and nothing is missing", async () => {
    const first = new TestOutput("own");
    const one = start(first);
    for (let i = 0; i < 600; i++) one.writer.apply(event(i));
    await eventually("all are taken", () => first.taken.length === 600);
    // As after kill -9: another process opens the database, and nothing was written at the end.
    const position = one.database.position("test");
    const again = new GatewayDatabase(file);
    open.push(() => again.close());
    const missing = again.eventsAfter(position, 1000, "own").map(({ value }) => value);
    assert.deepEqual(missing, first.taken.slice(first.taken.length - missing.length).map(({ value }) => value));
  });

  it("take the events of their sites only: own, other, all; an event is stored once, whoever brings it", async () => {
    const outputs = { own: new TestOutput("own"), other: new TestOutput("other"), all: new TestOutput("all") };
    const { writer, database, end } = start(outputs.all);
    const pumps = (["own", "other"] as const).map((name) => {
      const log = { info: () => undefined, warn: () => undefined };
      const pump = new OutputPump({ name, output: outputs[name], log, rows: () => [], store: { database, writer } });
      pump.start();
      return pump;
    });
    const foreign = (number: number, site: string): GatewayEvent =>
      ({ ...event(number), number: 0, storedMs: 0, site, authorName: "attic" });
    assert.equal(await writer.addForeign([foreign(1, "b"), foreign(2, "b"), foreign(1, "c")]), 3);
    assert.equal(await writer.addForeign([foreign(1, "b"), foreign(3, "b")]), 1);
    writer.apply(event(1));
    await eventually("all are stored", () => database.eventsAfter(0, 9, "all").length === 5);
    pumps.forEach((pump) => pump.eventsStored());
    await eventually("all are taken", () => outputs.all.taken.length === 5 && outputs.own.taken.length === 1);
    assert.deepEqual(outputs.other.taken.map(({ site, authorName }) => `${site} ${authorName}`),
      ["b attic", "b attic", "c attic", "b attic"]);
    const last = database.lastNumber();
    await eventually("they pass by what is not theirs", () => pumps.every(({ position }) => position === last));
    await Promise.all(pumps.map((pump) => pump.close()));
    await end();
  });

  it("get of a node that changes often only the last state, and after a failure the latest", async () => {
    const output = new TestOutput("own");
    const { pump, end } = start(output);
    const row = (revision: number, id = 1): GatewayNodeState["row"] =>
      ({ id, address: "127.0.0.1", port: 1, revision, heartbeat: 0, state: "up", data: undefined });
    output.works = false;
    for (let i = 0; i < 100; i++) pump.nodeChanged(row(i), false);
    pump.nodeChanged(row(0, 2), true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    pump.nodeChanged(row(100), false);
    output.works = true;
    pump.retry();
    await eventually("both nodes came", () => output.nodes.length === 2);
    assert.deepEqual(output.nodes.map((node) => [node.row.id, node.row.revision, node.isForgotten]).sort(),
      [[1, 100, false], [2, 0, true]]);
    await end();
  });

  it("retention removes what is too much, and it stays away; but nothing that an output has not taken", async () => {
    const output = new TestOutput("own");
    const { writer, database, pump, end } = start(output);
    const log = { info: () => undefined, warn: (line: string) => void warnings.push(line) };
    const warnings: string[] = [];
    const limits = { megabytes: 1 };
    const keeper = new RetentionKeeper({ database, limits, log, taken: () => pump.position });
    const text = "x".repeat(400);
    for (let i = 0; i < 3000; i++) writer.apply(event(i, { value: text, kind: "set", topic: "t", key: String(i % 7) }));
    await eventually("all are taken", () => output.taken.length === 3000);
    output.works = false;
    for (let i = 3000; i < 6000; i++) writer.apply(event(i, { value: text }));
    await eventually("all are stored", () => database.lastNumber() === 6000);
    while (keeper.removeChunk()) { /* until nothing is left to remove */ }
    keeper.removeChunk();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /more than 1 megabytes, and an output has not taken the rest/);
    const numbers = (): number[] => database.eventsAfter(0, 10000, "all").map(({ number }) => number);
    assert.equal(numbers()[0], pump.position + 1);
    assert.equal(database.statement("SELECT count(*) AS n FROM winners").get()?.n, 7, "what counts now stays");
    output.works = true;
    pump.retry();
    await eventually("all are taken", () => output.taken.length === 6000);
    while (keeper.removeChunk()) { /* until it fits */ }
    assert.ok(database.usedBytes() <= 1000000);
    const before = numbers().length;
    assert.equal(database.write({ events: [event(1, { value: text, kind: "set", topic: "t", key: "1" })] }), 0);
    assert.equal(numbers().length, before, "an event that was removed does not come anew");
    await end();
  });
});
