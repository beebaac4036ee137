import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

describe("the id of chisme node", function () {
  this.timeout(120000);
  afterEach(cleanUp);

  const port = freshPort();
  async function node(host: string, ...more: string[]): Promise<NodeProcess> {
    const listen = `${host}:${port}`;
    const started = new NodeProcess("--json", "--interval", "200", "--listen", listen, "--seed", "127.0.1.1", ...more);
    await started.until("it starts", () => started.events.some(({ event }) => event === "start"));
    return started;
  }

  function idOf(node: NodeProcess): number {
    const start = node.events.find(({ event }) => event === "start");
    assert.ok(start?.event === "start");
    return start.id;
  }

  function told(node: NodeProcess): [number, unknown][] {
    return node.events.flatMap((event) => event.event === "feedEvent" ? [[event.author, event.value]] : []);
  }

  it("a node keeps id and feed with another address, and a copy of its storage takes --new-id", async () => {
    const folder = join(freshFolder(), "s");
    const observer = await node("127.0.1.1");
    const first = await node("127.0.1.2", "--storage", folder);
    const id = idOf(first);
    first.write("log door open\nset voucher 7 paid\n");
    await observer.until("both events arrive", () => told(observer).length === 2);
    await first.kill();

    const moved = await node("127.0.1.9", "--storage", folder);
    assert.equal(idOf(moved), id);
    moved.write("remove voucher 7\nlog door closed\n");
    await observer.until("all events arrive", () => told(observer).length === 4);
    const all = [[id, "open"], [id, "paid"], [id, undefined], [id, "closed"]];
    assert.deepEqual(told(observer), all);

    const copy = join(freshFolder(), "copy");
    // `cpSync` refuses the control socket of a node that runs.
    cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    const other = await node("127.0.1.4", "--storage", copy, "--new-id");
    const newId = idOf(other);
    assert.notEqual(newId, id);
    const news = `the storage had the id ${id}, its id is ${newId} now. Its events go on as copies of node ${newId}`;
    const messages = other.events.flatMap((event) => event.event === "error" ? [event.message] : []);
    assert.deepEqual(messages, [news]);
    other.write("log door other\n");
    await observer.until("the copy's event arrives", () => told(observer).length === 5);
    assert.deepEqual(told(observer), [...all, [newId, "other"]]);
    other.write("quit\n");
    await other.exited;
    assert.equal(idOf(await node("127.0.1.4", "--storage", copy)), newId);
    assert.deepEqual(told(observer).length, 5);
  });

  it("without a storage each start has another id, and --new-id goes with no --id", async () => {
    const [one, other] = [await node("127.0.1.5"), await node("127.0.1.6")];
    assert.notEqual(idOf(one), idOf(other));
    const wrong = new NodeProcess("--id", "5", "--new-id");
    assert.deepEqual(await wrong.exited, { status: 1, signal: null });
    assert.match(wrong.stderr, /^error: --new-id: true has no effect beside --id$/m);
  });
});
