import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

describe("chisme node on a storage that another process uses", function () {
  this.timeout(120000);
  afterEach(cleanUp);

  function node(folder: string): NodeProcess {
    const listen = `127.0.0.2:${freshPort()}`;
    return new NodeProcess("--json", "--listen", listen, "--seed", "127.0.0.3", "--storage", folder);
  }

  async function isRefused(folder: string, holder: NodeProcess): Promise<void> {
    const second = node(folder);
    assert.deepEqual(await second.exited, { status: 1, signal: null });
    assert.equal(second.stderr, `error: --storage: ${folder} is in use by process ${holder.pid}\n`);
    assert.deepEqual(second.lines, []);
  }

  /** Publishes an event, and waits until the log holds the event. */
  async function publish(node: NodeProcess, value: string): Promise<void> {
    node.write(`log door ${value}\n`);
    await node.until("the event is stored", () => valuesOf(node).includes(value));
  }

  function valuesOf(node: NodeProcess): unknown[] {
    return node.events.flatMap((event) => event.event === "feedEvent" ? [event.value] : []);
  }

  /** Sequence numbers that the node holds of its own feed. */
  async function heldBy(node: NodeProcess): Promise<number[]> {
    node.write("front\n");
    await node.until("the node answers", () => node.events.some(({ event }) => event === "front"));
    return node.events.flatMap((event) => event.event === "front" ? event.front.map(({ sequence }) => sequence) : []);
  }

  it("a second process ends with an error, and the first one keeps all its events", async () => {
    const folder = join(freshFolder(), "s");
    const first = await node(folder).untilStarted();
    await publish(first, "one");
    await isRefused(folder, first);
    await publish(first, "two");
    first.write("quit\n");
    assert.deepEqual(await first.exited, { status: 0, signal: null });
    const again = await node(folder).untilStarted();
    assert.deepEqual(await heldBy(again), [2]);
  });

  it("a process that was killed leaves no lock", async () => {
    const folder = freshFolder();
    const first = await node(folder).untilStarted();
    await publish(first, "one");
    await first.kill();
    const second = await node(folder).untilStarted();
    assert.deepEqual(await heldBy(second), [1]);
    await isRefused(folder, second);
  });

  it("a process that stands still keeps its lock", async () => {
    const folder = freshFolder();
    const first = await node(folder).untilStarted();
    first.signal("SIGSTOP");
    await isRefused(folder, first);
    first.signal("SIGCONT");
    await publish(first, "one");
  });
});
