import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FrontierEntry } from "../../../src/gossip.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

const ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];

describe("chisme node with events", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  function jsonNode(port: number, index: number, seed: number, ...more: string[]): NodeProcess {
    return new NodeProcess("--json", "--listen", `${ADDRESSES[index]}:${port}`, "--seed", ADDRESSES[seed],
      "--interval", "200", "--id", String(index + 1), ...more);
  }

  async function quit(node: NodeProcess): Promise<void> {
    node.write("quit\n");
    assert.deepEqual(await node.exited, { status: 0, signal: null });
    assert.equal(node.stderr, "");
  }

  /** What a node answers to `view` or `front`. */
  async function answer(node: NodeProcess, command: "view" | "front"): Promise<unknown> {
    const asked = node.events.length;
    node.write(`${command}\n`);
    await node.until(`it answered ${command}`, () => node.events.slice(asked).some(({ event }) => event === command));
    const said = node.events.slice(asked).find(({ event }) => event === command);
    return (said as Record<string, unknown> | undefined)?.[command];
  }

  /** Waits until a node was told of so many events of others and its own. */
  async function untilEvents(node: NodeProcess, count: number): Promise<void> {
    await node.until(`it has ${count} events`, () => {
      return node.events.filter(({ event }) => event === "feedEvent").length === count;
    });
  }

  for (const ending of ["quit", "kill"] as const) {
    it(`three processes get equal views, though one never meets both others at once (${ending})`, async () => {
      const port = freshPort();
      const folder = freshFolder();
      const storage = (index: number): string[] => ["--storage", join(folder, ADDRESSES[index])];
      const a = jsonNode(port, 0, 1, ...storage(0));
      const b = jsonNode(port, 1, 0, ...storage(1));
      a.write('set voucher 7 {"paid":false}\nset voucher 8 "new"\nlog door open\n');
      await untilEvents(b, 3);
      if (ending === "quit") await quit(a);
      else await a.kill();

      const c = jsonNode(port, 2, 1, ...storage(2));
      c.write('set voucher 7 {"paid":true}\n');
      await untilEvents(c, 4);
      await untilEvents(b, 4);
      const view = { voucher: { 7: { paid: true }, 8: "new" } };
      assert.deepEqual(await answer(c, "view"), view);
      await b.kill();

      const again = jsonNode(port, 0, 2, ...storage(0));
      await untilEvents(again, 1);
      assert.deepEqual(await answer(again, "view"), view);
      await quit(c);
      const bAgain = jsonNode(port, 1, 0, ...storage(1));
      await untilEvents(bAgain, 4);
      assert.deepEqual(await answer(bAgain, "view"), view);
      const front = await answer(bAgain, "front") as FrontierEntry[];
      assert.deepEqual(await answer(again, "front"), front);
      // The first node may have ended its voucher 7 by now, which another one replaced.
      assert.ok([3, 4].includes(front[0].sequence));
      assert.deepEqual(front.map(({ generation }) => generation), [0, 0]);
      assert.equal(front[1].sequence, 1);
    });
  }

  it("the node runs a script, exports the events that it holds and quits", async () => {
    const folder = freshFolder();
    const script = join(folder, "script");
    const [early, late] = [join(folder, "early.jsonl"), join(folder, "late.jsonl")];
    writeFileSync(script, [
      "# what happens at the door", "log door open", "", `export ${early}`, "wait 50", "  set lamp hall 0.5",
      "set lamp hall {\"red\":1}", "set lamp cellar", "remove lamp attic", "21.5", "view", "front",
      "quit", "log door late",
    ].join("\n"));
    const node = new NodeProcess("--listen", `127.0.0.2:${freshPort()}`, "--seed", "127.0.0.3", "--interval", "200",
      "--script", script, "--export", late);
    assert.deepEqual(await node.exited, { status: 0, signal: null });
    assert.equal(node.stderr, `warning: line 8 of ${script}: set: VALUE is missing: set TOPIC KEY VALUE\n`);
    assert.ok(node.lines.includes('lamp hall {"red":1}'));
    assert.ok(node.lines.some((line) => /^\d+ 0 4$/.test(line)), node.lines.join("\n"));
    assert.ok(node.lines.some((line) => line.includes("minimum 21.5")));
    const events = readFileSync(late, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as object);
    const expected = [
      { generation: 0, sequence: 1, kind: "log", topic: "door", value: "open" },
      { generation: 0, sequence: 2, kind: "set", topic: "lamp", key: "hall", value: 0.5 },
      { generation: 0, sequence: 3, kind: "set", topic: "lamp", key: "hall", value: { red: 1 } },
      { generation: 0, sequence: 4, kind: "remove", topic: "lamp", key: "attic" },
    ];
    assert.equal(events.length, expected.length);
    events.forEach((event, i) => assert.deepEqual({ ...event, ...expected[i] }, event));
    assert.equal(readFileSync(early, "utf8").trimEnd().split("\n").length, 1);
  });

  it("the node names what is wrong with a command", async () => {
    const node = jsonNode(freshPort(), 0, 1, "--feed-bytes", "512");
    node.write("log\nlog door\nset a b\nremove a\n");
    node.write(`log ${"t".repeat(32)} 1\nlog a ${"v".repeat(200)}\nwait x\nopen the door\n`);
    const problems = (): string[] => node.stderr.split("\n");
    await node.until("all problems came", () => problems().length === 9);
    const about = [
      "log: TOPIC is missing: log TOPIC VALUE", "log: VALUE is missing: log TOPIC VALUE",
      "set: VALUE is missing: set TOPIC KEY VALUE", "remove: KEY is missing: remove TOPIC KEY",
      "log: topic: ", "log: ", 'wait: "x" is not a number', '"open the door" is neither a command nor a number',
    ];
    about.forEach((text, i) => {
      assert.ok(problems()[i].startsWith(`warning: line ${i + 1} of standard input: ${text}`), problems()[i]);
    });
  });

  it("the flag --event-bytes bounds the events that a node publishes", async () => {
    const node = jsonNode(freshPort(), 0, 1, "--event-bytes", "1081");
    node.write(`log a ${"v".repeat(1060)}\nlog a ${"v".repeat(1081)}\n`);
    await untilEvents(node, 1);
    await node.until("the second line is refused", () => node.stderr.includes("\n"));
    assert.equal(node.stderr,
      "warning: line 2 of standard input: log: value: takes more than 1081 bytes of CBOR (--event-bytes)\n");
  });

  it("the node refuses a script or an export that it can't open, and a wrong size", async () => {
    for (const [args, message] of [
      [["--script", "/nowhere/script"], /^error: --script: ENOENT/],
      [["--export", "/nowhere/export"], /^error: --export: ENOENT/],
      [["--fill-gaps", "--feed-bytes", "0"], /^error: --fill-gaps: needs room for events/],
      [["--event-bytes", "64", "--feed-bytes", "0"], /^error: --event-bytes: needs room for events, --feed-bytes\n/],
      [["--event-bytes", "64", "--dialect", "auto"], /^error: --event-bytes: needs room for events, --feed-bytes\n/],
      [["--feed-bytes", "100"], /^error: --feed-bytes: 100 is not an integer from 512 to 16777216/],
    ] as const) {
      const node = new NodeProcess("--listen", `127.0.0.2:${freshPort()}`, ...args);
      assert.deepEqual(await node.exited, { status: 1, signal: null });
      assert.match(node.stderr, message);
    }
  });
});
