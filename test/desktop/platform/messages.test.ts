import assert from "node:assert/strict";
import { messages } from "../../../src/messages/index.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { freshPort } from "../cli/node-process.js";

const PATIENCE_MS = 60000;
const KEY = "2f".repeat(32);

describe("messages on Node.js", function () {
  this.timeout(2 * PATIENCE_MS);
  const open: Gossip[] = [];
  afterEach(() => Promise.all(open.splice(0).map((gossip) => gossip.close())));

  /** Three nodes that know each other; each answers queries with its name. */
  async function network(): Promise<Gossip[]> {
    const port = freshPort();
    for (const host of [2, 3, 4]) {
      const gossip = new Gossip({
        listen: `127.0.0.${host}`, port, seedList: [`127.0.0.${host === 2 ? 3 : 2}`], roundIntervalMs: 200, key: KEY,
        name: `node ${host}`, broadcastAddress: "none",
        messages: messages({
          onMessage: ({ topic, reply }) => {
            if (topic === "refuse") throw new Error("refused");
            reply?.(`node ${host}`);
          },
        }),
      });
      gossip.start();
      open.push(gossip);
    }
    const isDone = (): boolean => open.every((one) => open.every((other) =>
      one === other || (one.row(other.id)?.name !== undefined && one.route(other.id) !== undefined)));
    for (const deadlineMs = performance.now() + PATIENCE_MS; !isDone();) {
      assert.ok(performance.now() < deadlineMs, "waited in vain");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return open;
  }

  it("send, ping, query and reachability return what comes, over real sockets and sealed", async () => {
    const [first, second, third] = await network();
    const told: string[] = [];
    const outcome = await first.send("node 3", "hello", { a: 1 }, { onOutcome: (one) => told.push(one) });
    assert.deepEqual([outcome, told], ["delivered", ["delivered"]]);
    assert.equal(await first.send("node 5", "hello", 1), "unknown");

    const { outcome: answered, there, back } = await first.ping(third.id);
    assert.deepEqual([answered, there, back], ["delivered", [], []]);

    const asked = first.query<string>("who", null, { timeoutMs: 1500 });
    const names: string[] = [];
    for await (const { value } of asked) {
      names.push(value);
      if (names.length === 2) break;
    }
    assert.deepEqual(names.sort(), ["node 3", "node 4"]);
    assert.deepEqual((await asked).map(({ from }) => from).sort(), [second.id, third.id].sort());

    const reached = await first.reachability(undefined, 1500);
    assert.deepEqual(reached.map(({ from }) => from).sort(), [second.id, third.id].sort());
  });

  it("a question for which there is no room throws from the promise and from the iteration", async () => {
    const [first, second] = await network();
    await second.close();
    const waiting = Array.from({ length: 6 }, () => first.send(second.id, "t", 1, { timeoutMs: 1000 }));
    const asked = first.query("who", null);
    await assert.rejects(async () => await asked, { code: "ERR_NO_ROOM" });
    await assert.rejects(async () => {
      for await (const answer of asked) assert.fail(String(answer.from));
    }, { code: "ERR_NO_ROOM" });
    assert.throws(() => first.query("", null), { code: "ERR_ARGUMENT" });
    await assert.rejects(first.send(first.id, "t", 1), { code: "ERR_ARGUMENT" });
    await Promise.all(waiting);
  });
});
