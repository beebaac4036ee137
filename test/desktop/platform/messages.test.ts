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
    await Promise.all(waiting);
  });

  it("wrong arguments reject all promises and the iteration; broadcast and route throw", async () => {
    const [first, second] = await network();
    const wrong = { code: "ERR_ARGUMENT" };
    await assert.rejects(first.send(first.id, "t", 1), wrong);
    await assert.rejects(first.send(second.id, "t", 1, null as never), wrong);
    await assert.rejects(first.send(second.id, "t", 1, { onOutcome: 1 as never }), wrong);
    await assert.rejects(first.ping(2 ** 32), wrong);
    await assert.rejects(first.ping(second.id, { onPong: 1 as never }), wrong);
    await assert.rejects(async () => await first.query("", null), wrong);
    await assert.rejects(async () => await first.query("t", null, { onAnswer: 1 as never }), wrong);
    await assert.rejects(async () => {
      for await (const answer of first.query("x".repeat(40), null)) assert.fail(String(answer.from));
    }, wrong);
    await assert.rejects(async () => await first.reachability(1 as never), wrong);
    await assert.rejects(async () => await first.reachability(undefined, 5), wrong);
    assert.throws(() => first.broadcast("", 1), wrong);
    assert.throws(() => first.route(-1), wrong);
  });

  it("what is open settles when the node is closed; no callback is called then", async () => {
    const [first, second] = await network();
    await second.close();
    const told: unknown[] = [];
    const tell = (one: unknown): void => void told.push(one);
    const sent = first.send(second.id, "t", 1, { timeoutMs: 3600000, onOutcome: tell });
    const live = first.send("node 4", "t", 1, { timeoutMs: 3600000, onOutcome: tell });
    const pinged = first.ping("node 4", { timeoutMs: 3600000, onPong: tell });
    const asked = first.query("who", null, { timeoutMs: 3600000, onEnd: tell });
    const reached = first.reachability(undefined, 3600000, tell);
    told.length = 0;
    void first.close();
    assert.deepEqual(await Promise.all([live, pinged, asked, reached]), ["closed", { outcome: "closed" }, [], []]);
    assert.ok(["closed", "unknown"].includes(await sent));
    assert.deepEqual(told, []);
    await assert.rejects(first.send("node 4", "t", 1), { code: "ERR_STATE" });
  });
});
