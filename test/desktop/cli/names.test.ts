import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

describe("chisme node with names", function () {
  this.timeout(300000);
  afterEach(cleanUp);

  it("three processes, two of them of one name: rows, events, front, export and errors have the names", async () => {
    const port = freshPort();
    const file = join(freshFolder(), "events.jsonl");
    const start = (host: number, seed: number, ...more: string[]): NodeProcess => new NodeProcess(
      "--listen", `127.0.0.${host}:${port}`, "--seed", `127.0.0.${seed}`, "--interval", "200", "--json", ...more,
    );
    const a = start(2, 3, "--name", "Küche", "--value", "21.5");
    const b = start(3, 2, "--export", file);
    const c = start(4, 2, "--name", "Küche");
    a.write("log door open\nfront\n");
    await b.untilRow("has a name and a value", "127.0.0.2", (row) => row.name === "Küche" && row.data === 21.5);
    await b.untilRow("has a name and no value", "127.0.0.4", (row) => row.name === "Küche" && row.data === undefined);
    await b.until("it has the event", () => b.events.some(({ event }) => event === "feedEvent"));
    for (const [node, other] of [[a, 4], [c, 2]] as const) {
      await node.until("it is told of the other", () => node.events.some(({ event }) => event === "error"));
      const error = node.events.find((event) => event.event === "error");
      assert.equal(error?.code, "nameConflict");
      const message = error?.message ?? "";
      assert.ok(message.startsWith(`node "Küche" at 127.0.0.${other}:${port} (id `), message);
    }
    b.write("front\nquit\n");
    assert.deepEqual(await b.exited, { status: 0, signal: null });
    const started = a.events[0];
    assert.ok(started.event === "start" && started.name === "Küche");
    assert.ok(!("name" in b.events[0]));
    const front = b.events.find((event) => event.event === "front");
    assert.deepEqual(front?.front.map(({ authorName, sequence }) => [authorName, sequence]), [["Küche", 1]]);
    const event = b.events.find((one) => one.event === "feedEvent");
    assert.deepEqual([event?.author, event?.authorName, event?.value], [started.id, "Küche", "open"]);
    const line = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    assert.deepEqual([line.author, line.authorName, line.topic], [started.id, "Küche", "door"]);
    assert.ok(!b.events.some((one) => one.event === "error"));
  });
});
