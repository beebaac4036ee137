import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChangeFeed } from "../../../desktop/control/changes.js";
import { Contributions } from "../../../desktop/control/contributions.js";
import { ControlClient } from "../../../desktop/control/control-client.js";
import { ControlServer } from "../../../desktop/control/control-server.js";
import { HeardLinks, MemberTimes } from "../../../desktop/control/members.js";
import type { ControlledNode } from "../../../desktop/control/methods.js";
import { NodeActions } from "../../../desktop/control/node-actions.js";
import { NodeQueries } from "../../../desktop/control/node-queries.js";
import { CLIENTS_MAX, FOLLOW_BYTES_MAX, REQUEST_BYTES_MAX } from "../../../desktop/control/protocol.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { eventFeeds } from "../../../src/events/index.js";
import { latestMap } from "../../../src/views/latest-map.js";
import { assertShape } from "../../support/control-schema.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { RawClient } from "./raw-client.js";

/** More than the kernel takes of a connection, far less than the answers to the flood. */
const FLOOD_BYTES_MAX = 8388608;

describe("the control socket", function () {
  this.timeout(120000);
  let path: string;
  let gossip: Gossip;
  let node: ControlledNode;
  let server: ControlServer;
  let left: number;

  beforeEach(async () => {
    path = join(freshFolder(), "control.sock");
    const latest = latestMap({ capacity: 1024 });
    const contributions = new Contributions();
    const times = new MemberTimes(() => performance.now());
    const changes = new ChangeFeed();
    gossip = new Gossip({
      listen: "127.0.0.1", port: freshPort(), broadcastAddress: "none", name: "hall", version: "1.2",
      links: new HeardLinks((id) => times.heard(id)), valueBytesMax: 128,
      events: eventFeeds({
        bytes: 1048576, views: [latest, contributions], onEvent: (event) => changes.notify("event", event),
      }),
    });
    gossip.start();
    left = 0;
    node = {
      queries: new NodeQueries({ gossip, latest, contributions, times }),
      actions: new NodeActions({
        gossip, share: (value) => gossip.push(value), leave: () => { left++; }, noMessages: "has no messages",
      }),
      changes,
    };
    server = await ControlServer.listen(node, path);
  });

  afterEach(async () => {
    server.close();
    await gossip.close();
    await cleanUp();
  });

  it("answers each method by its schema", async () => {
    const client = await RawClient.connect(path);
    const result = async (method: string, definition: string, params?: object): Promise<Record<string, unknown>> => {
      const answer = await client.call(method, params);
      assert.equal(answer.error, undefined);
      assertShape(definition, answer.result);
      return answer.result ?? {};
    };
    const info = await result("info", "info");
    assert.deepEqual([info.id, info.name, info.pid], [gossip.id, "hall", process.pid]);
    await result("push", "nothing", { value: { text: "ü", list: [1, null, true] } });
    await result("set", "nothing", { topic: "voucher", key: "7", value: { paid: true }, ttlMs: 60000 });
    await result("set", "nothing", { topic: "+host", key: "a", value: 1 });
    await result("log", "nothing", { topic: "door", value: "open" });
    assert.deepEqual((await result("get", "value", { topic: "voucher", key: "7" })).value, { paid: true });
    assert.deepEqual(await result("get", "value", { topic: "voucher", key: "8" }), {});
    const merged = await result("get", "value", { topic: "+host", key: "a" });
    assert.deepEqual(merged.contributions,
      [{ topic: "+host", key: "a", author: gossip.id, authorName: "hall", value: 1 }]);
    const events = (await result("events", "events")).events as { topic: string }[];
    assert.deepEqual(events.map(({ topic }) => topic), ["voucher", "+host", "door"]);
    const newest = (await result("events", "events", { topic: "door", limit: 1 })).events as { value: unknown }[];
    assert.deepEqual(newest.map(({ value }) => value), ["open"]);
    await result("remove", "nothing", { topic: "voucher", key: "7" });
    await result("withdraw", "nothing", { topic: "+host", key: "a" });
    assert.deepEqual(await result("get", "value", { topic: "voucher", key: "7" }), {});
    const { members } = await result("members", "members") as { members: Record<string, unknown>[] };
    assert.deepEqual(members.map(({ id, isSelf, data }) => [id, isSelf, data]),
      [[gossip.id, true, { text: "ü", list: [1, null, true] }]]);
    await result("withdraw", "nothing");
    assert.equal(gossip.row(gossip.id)?.data, undefined);
    await result("status", "status");
    await result("stats", "stats");
    await result("follow", "nothing", { kinds: ["row", "event"] });
    await result("leave", "nothing");
    assert.equal(left, 1);
  });

  it("says what is wrong with a request, and goes on", async () => {
    const client = await RawClient.connect(path);
    const wrong: [string, number, RegExp][] = [
      ["hello", -32700, /not JSON/],
      ["[]", -32600, /one object/],
      ["null", -32600, /one object/],
      ['{"id":1,"method":"info"}', -32600, /^jsonrpc: undefined is not "2.0"/],
      ['{"jsonrpc":"2.0","method":"info"}', -32600, /^id: /],
      ['{"jsonrpc":"2.0","id":1,"method":7}', -32600, /^method: /],
      ['{"jsonrpc":"2.0","id":1,"method":"info","params":[1]}', -32602, /^params: /],
      ['{"jsonrpc":"2.0","id":1,"method":"toString"}', -32601, /^method: "toString" is none of follow, info, members/],
      ['{"jsonrpc":"2.0","id":1,"method":"info","params":{"a":1}}', -32602, /^info: "a": info takes no parameters/],
      ['{"jsonrpc":"2.0","id":1,"method":"set","params":{"topic":"a"}}', -32602, /^set: key: is missing/],
      ['{"jsonrpc":"2.0","id":1,"method":"get","params":{"topic":"a","key":1}}', -32602, /^get: key: 1 is not text/],
      ['{"jsonrpc":"2.0","id":1,"method":"log","params":{"topic":"","value":1}}', -32602, /^log: topic: /],
      ['{"jsonrpc":"2.0","id":1,"method":"withdraw","params":{"topic":"+a"}}', -32602, /^withdraw: key: is missing: /],
      ['{"jsonrpc":"2.0","id":1,"method":"withdraw","params":{"key":"a"}}', -32602, /^withdraw: topic: is missing: /],
      ['{"jsonrpc":"2.0","id":1,"method":"events","params":{"limit":"x"}}', -32602, /^events: limit: "x" is not/],
      ['{"jsonrpc":"2.0","id":1,"method":"follow","params":{"kinds":["all"]}}', -32602, /^follow: kinds: /],
      ['{"jsonrpc":"2.0","id":1,"method":"forget","params":{"node":7}}', -32602, /^forget: node: no row has 7/],
      ['{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":7,"topic":"a","value":1}}', -32000, /no messages/],
    ];
    // So deep that `JSON.stringify` cannot write it into an error.
    const deep = "[".repeat(30000) + "]".repeat(30000);
    wrong.push(
      [`{"jsonrpc":"2.0","id":1,"method":"follow","params":{"kinds":${deep}}}`, -32603, /call stack/],
      [`{"jsonrpc":${deep},"id":1,"method":"info"}`, -32603, /call stack/],
    );
    for (const [line, code, message] of wrong) {
      const before = client.messages.length;
      client.write(line);
      const { error } = await client.until(`the answer to ${line}`, () => true, before);
      assert.equal(error?.code, code, line);
      assert.match(error?.message ?? "", message, line);
    }
    assert.equal((await client.call("info")).result?.id, gossip.id);
  });

  it("a client that ends its side gets all answers, though it sent all requests at once", async () => {
    const client = await RawClient.connect(path);
    const requests = Array.from({ length: 500 }, (_one, i) => `{"jsonrpc":"2.0","id":${i},"method":"members"}\n`);
    client.socket.end(requests.join(""));
    await client.closed;
    assert.deepEqual(client.messages.map(({ id }) => id), requests.map((_one, i) => i));
  });

  it("a client that ends its side gets an answer to its last line, also without a line feed", async () => {
    for (const [text, ids, code] of [
      ['{"jsonrpc":"2.0","id":1,"method":"info"}', [1], undefined],
      ['{"jsonrpc":"2.0","id":1,"method":"info"}\n{"jsonrpc":"2.0","id":2,"method":"info"}', [1, 2], undefined],
      ['{"jsonrpc":"2.0","id":1,"meth', [null], -32700],
      ['{"jsonrpc":"2.0","id":1,"method":"info"}\n \n ', [1], undefined],
    ] as const) {
      const client = await RawClient.connect(path);
      client.socket.end(text);
      await client.closed;
      assert.deepEqual(client.messages.map(({ id }) => id), ids, text);
      assert.equal(client.messages.at(-1)?.error?.code, code, text);
    }
  });

  it("a line that is too long ends its connection only", async () => {
    const other = await RawClient.connect(path);
    const client = await RawClient.connect(path);
    client.socket.write("x".repeat(REQUEST_BYTES_MAX + 1));
    await client.closed;
    assert.deepEqual(client.messages.map(({ error }) => error?.code), [-32002]);
    assert.equal((await other.call("info")).result?.id, gossip.id);
  });

  it("a client that floods and reads nothing costs a bounded amount, and others are answered", async () => {
    const { queries } = node;
    const status = queries.status.bind(queries);
    let [asked, bytes] = [0, 0];
    queries.status = () => {
      const result = status();
      asked++;
      bytes += JSON.stringify(result).length;
      return result;
    };
    const flood = await RawClient.connect(path);
    flood.socket.pause();
    const request = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "status" })}\n`.repeat(1000);
    for (let i = 0; i < 64; i++) flood.socket.write(request);
    const other = await RawClient.connect(path);
    // Until no request of the flood was run for 100 requests of the other client.
    for (let before = -1; before < asked && bytes < FLOOD_BYTES_MAX;) {
      before = asked;
      for (let i = 0; i < 100; i++) assert.deepEqual((await other.call("get", { topic: "a", key: "" })).result, {});
    }
    assert.ok(asked > 0 && bytes < FLOOD_BYTES_MAX, `${bytes} bytes of answers to ${asked} requests`);
    flood.socket.destroy();
  });

  it("accepts 16 clients, and says so to the next one", async () => {
    const clients: RawClient[] = [];
    for (let i = 0; i < CLIENTS_MAX; i++) {
      clients.push(await RawClient.connect(path));
      await clients[i].call("info");
    }
    const next = await RawClient.connect(path);
    await next.closed;
    assert.deepEqual(next.messages.map(({ error }) => error?.message), ["16 clients are connected, the most"]);
    clients[0].socket.destroy();
    await clients[0].closed;
    await clients[1].call("info");
    const again = await RawClient.connect(path);
    assert.equal((await again.call("info")).result?.id, gossip.id);
  });

  it("follows the events of a topic; a slow reader is told how many it missed", async () => {
    const client = await RawClient.connect(path);
    await client.call("follow", { topic: "door" });
    node.actions.log("window", 1);
    node.actions.log("door", 2);
    const first = await client.until("the event", ({ method }) => method === "event");
    assert.deepEqual([first.params?.topic, first.params?.value], ["door", 2]);
    client.socket.pause();
    const value = "v".repeat(400);
    // What the client's kernel takes, what the node keeps, and more.
    const count = Math.ceil(4 * FOLLOW_BYTES_MAX / value.length) + 2000;
    for (let i = 0; i < count; i++) node.actions.log("door", value);
    client.socket.resume();
    const isSkipped = ({ method }: { method?: string }): boolean => method === "skipped";
    const skipped = await client.until("what was skipped", isSkipped);
    node.actions.log("door", "last");
    await client.until("the last event", ({ params }) => params?.value === "last");
    const got = client.messages.filter(({ params }) => params?.value === value).length;
    assert.ok(got > 0);
    assert.equal(got + Number(skipped.params?.count), count);
    assert.ok(got * value.length < 2 * count * value.length / 3, `${got} of ${count} were sent`);
  });

  it("is open to its user only, from its first moment on", async () => {
    const other = join(freshFolder(), "other.sock");
    const listening = ControlServer.listen(node, other);
    assert.equal(statSync(other).mode & 0o077, 0);
    (await listening).close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("replaces the socket of a process that was killed, and none that is served, and no other file", async () => {
    await assert.rejects(ControlServer.listen(node, path), { message: `${path} is in use by a running node` });
    const client = await RawClient.connect(path);
    assert.equal((await client.call("info")).result?.id, gossip.id);

    const stale = join(freshFolder(), "stale.sock");
    const program = `require("node:net").createServer().listen(${JSON.stringify(stale)}, () => console.log("here"))`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.ok(lstatSync(stale).isSocket());
    const second = await ControlServer.listen(node, stale);
    assert.equal((await (await RawClient.connect(stale)).call("info")).result?.id, gossip.id);
    second.close();
    assert.ok(!existsSync(stale));

    const file = join(freshFolder(), "file");
    writeFileSync(file, "mine");
    await assert.rejects(ControlServer.listen(node, file), { message: `${file} is there, and is no socket` });
    const folder = join(freshFolder(), "folder");
    mkdirSync(folder);
    await assert.rejects(ControlServer.listen(node, folder), { message: `${folder} is there, and is no socket` });
    assert.ok(lstatSync(folder).isDirectory());
  });

  it("a path that is too long for a socket is refused, and not cut", async () => {
    const folder = freshFolder();
    const long = join(folder, `${"x".repeat(120)}.sock`);
    const isClear = new RegExp(`${"x".repeat(120)}.sock has \\d+ bytes, and the path of a socket at most 10[37]$`);
    await assert.rejects(ControlServer.listen(node, long), isClear);
    assert.deepEqual(readdirSync(folder), []);
    // Cut, it would be that of a node.
    const other = await ControlServer.listen(node, `${folder}/`.padEnd(103, "y"));
    const cut = ControlClient.connect(`${folder}/`.padEnd(130, "y"));
    await assert.rejects(cut, /has 130 bytes, and the path of a socket/);
    other.close();
  });
});
