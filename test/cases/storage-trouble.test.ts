import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FeedEvent } from "../../src/gossip.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../desktop/cli/node-process.js";

const EVENTS = 20;
const VALUES = Array.from({ length: EVENTS }, (_, i) => `event${i}`);

/** What a process held at its end, the errors that it told, and the size of its log after each event. */
interface Run {
  values: unknown[];
  errors: string[];
  sizes: number[];
}

describe("chisme node with a storage folder that is damaged", function () {
  this.timeout(600_000);
  let original: string;
  /** Sizes of the log after each event. */
  let ends: number[];

  function node(folder: string, ...more: string[]): NodeProcess {
    const listen = `127.0.1.2:${freshPort()}`;
    return new NodeProcess("--json", "--listen", listen, "--seed", "127.0.1.77", "--storage", folder, ...more);
  }

  function valuesOf(node: NodeProcess): unknown[] {
    return node.events.flatMap((event) => event.event === "feedEvent" ? [event.value] : []);
  }

  function errorsOf(node: NodeProcess): string[] {
    return node.events.flatMap((event) => event.event === "error" ? [`${event.code}: ${event.message}`] : []);
  }

  /** Starts a node on the folder, publishes values and stops it. Returns the values that it then held. */
  async function run(folder: string, publish: string[]): Promise<Run> {
    const exported = join(freshFolder(), "exported");
    const running = await node(folder, "--export", exported).untilStarted();
    const sizes: number[] = [];
    for (const value of publish) {
      running.write(`log door ${value}\n`);
      await running.until("the event is stored", () => valuesOf(running).includes(value));
      sizes.push(statSync(join(folder, "events")).size);
    }
    running.write("quit\n");
    assert.deepEqual(await running.exited, { status: 0, signal: null }, running.stderr);
    const lines = readFileSync(exported, "utf8").split("\n").filter((line) => line !== "");
    return { values: lines.map((line) => (JSON.parse(line) as FeedEvent).value), errors: errorsOf(running), sizes };
  }

  /** A copy of a folder in which a node has stored VALUES, and of its log. */
  function copied(): { folder: string; path: string; log: Buffer } {
    const folder = join(freshFolder(), "copy");
    cpSync(original, folder, { recursive: true });
    const path = join(folder, "events");
    return { folder, path, log: readFileSync(path) };
  }

  beforeEach(async function () {
    original = join(freshFolder(), "original");
    const { values, sizes } = await run(original, VALUES);
    assert.deepEqual(values, VALUES);
    ends = sizes;
  });
  afterEach(cleanUp);

  const without = (...lost: string[]): string[] => VALUES.filter((value) => !lost.includes(value));

  const DAMAGES: [string, (log: Buffer) => Buffer, string[], boolean][] = [
    ["a flipped bit near the start of the log", (log) => {
      log[ends[2] - 8] ^= 4;
      return log;
    }, without("event2"), true],
    ["zeros in place of two events", (log) => log.fill(0, ends[7], ends[9]), without("event8", "event9"), true],
    ["4,096 zero bytes behind the log", (log) => Buffer.concat([log, Buffer.alloc(4096)]), VALUES, false],
    ["a log of zeros", () => Buffer.alloc(500), [], true],
    ["a log without its end", (log) => log.subarray(0, ends[12] - 5), VALUES.slice(0, 12), false],
  ];
  for (const [what, damage, left, isTold] of DAMAGES) {
    it(`the node keeps all that is intact beside ${what}, and what it publishes afterwards`, async () => {
      const { folder, path, log } = copied();
      writeFileSync(path, damage(log));
      const first = await run(folder, ["more"]);
      assert.deepEqual(first.values, [...left, "more"]);
      if (isTold) assert.match(first.errors.join("\n"), /^storage: [^\n]*damaged/);
      const second = await run(folder, ["again"]);
      assert.deepEqual([second.values, second.errors], [[...left, "more", "again"], []]);
    });
  }

  it("the node keeps its events when the revision is gone", async () => {
    const { folder } = copied();
    rmSync(join(folder, "revision"));
    assert.deepEqual((await run(folder, ["more"])).values, [...VALUES, "more"]);
    assert.deepEqual((await run(folder, [])).values, [...VALUES, "more"]);
  });

  it("the node ends with an error that names what is no storage, and changes nothing", async () => {
    const file = join(freshFolder(), "file");
    writeFileSync(file, "x");
    const noLog = copied();
    writeFileSync(noLog.path, "a text that somebody keeps here\n");
    const folderAsLog = join(freshFolder(), "folder");
    mkdirSync(join(folderAsLog, "events"), { recursive: true });
    const noRevision = copied();
    writeFileSync(join(noRevision.folder, "revision"), "5");
    for (const [folder, name] of [
      [file, file], [noLog.folder, noLog.path], [folderAsLog, join(folderAsLog, "events")],
      [noRevision.folder, join(noRevision.folder, "revision")],
    ]) {
      const refused = node(folder);
      assert.deepEqual(await refused.exited, { status: 1, signal: null });
      assert.ok(refused.stderr.includes(name), refused.stderr);
      assert.deepEqual(valuesOf(refused), []);
    }
    assert.equal(readFileSync(noLog.path, "utf8"), "a text that somebody keeps here\n");
    assert.deepEqual(readFileSync(noRevision.path), noRevision.log);
  });
});
