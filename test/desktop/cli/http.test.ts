import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { assertShape } from "../../support/control-schema.js";
import { EventStream, ask } from "../http/http-client.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "./node-process.js";

describe("chisme node --http", function () {
  this.timeout(120000);

  afterEach(cleanUp);

  const nodeWith = (...more: string[]): NodeProcess =>
    new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--broadcast", "none", "--json", ...more);

  it("shows what the node learns: rows and events of its prompt, those of its storage first", async () => {
    const [port, storage] = [freshPort(), freshFolder()];
    const before = await nodeWith("--storage", storage, "--interval", "200").untilStarted();
    before.write("log door first\nquit\n");
    await before.exited;
    const node = await nodeWith("--storage", storage, "--http", String(port)).untilStarted();
    assertShape("status", JSON.parse((await ask(port, "/v1/status")).text));
    const stream = await EventStream.open(port);
    node.write("log door open\n21.5\n");
    const event = await stream.until("the event", (message) => message.event === "event");
    assert.deepEqual([event.data.number, event.data.value], [2, "open"]);
    await stream.until("the row", ({ event: kind, data }) => kind === "row" && data.data === 21.5);
    const { events } = JSON.parse((await ask(port, "/v1/events")).text) as { events: { value: unknown }[] };
    assert.deepEqual(events.map(({ value }) => value), ["first", "open"]);
    node.signal("SIGINT");
    assert.equal((await node.exited).status, 0);
  });

  it("names what is wrong with its options, and never shows the token", async () => {
    const file = join(freshFolder(), "token");
    writeFileSync(file, "my secret");
    const wrong: [string[], RegExp][] = [
      [["--http", "0.0.0.0"], /^error: --http: 0\.0\.0\.0 is open to other computers, and needs --http-token-file\n/],
      [["--http", "localhost:1"], /^error: --http: "localhost:1" is no IP address/],
      [["--http-token-file", file], /^error: --http-token-file: has no effect without --http\n/],
      [["--http-write"], /^error: --http-write: has no effect without --http\n/],
      [["--http", "--http-token-file", file], /^error: --http-token-file: \S+ is not a token: 16 to 256 /],
      [["--http", "--http-token-file", `${file}s`], /^error: --http-token-file: ENOENT/],
    ];
    await Promise.all(wrong.map(async ([args, message]) => {
      const node = nodeWith(...args);
      assert.equal((await node.exited).status, 1);
      assert.match(node.stderr, message);
      assert.ok(!node.stderr.includes("secret"));
    }));
  });

  it("warns where another program has the port, and goes on; a node with a token asks for it", async () => {
    const port = freshPort();
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const file = join(freshFolder(), "token");
    writeFileSync(file, "0123456789abcdef\n");
    const node = await nodeWith("--http", String(port)).untilStarted();
    await node.until("it warns", () => /--http: .*EADDRINUSE.*; the node runs without HTTP/.test(node.stderr));
    other.close();
    await once(other, "close");
    await nodeWith("--http", `0.0.0.0:${port}`, "--http-token-file", file, "--debug").untilStarted();
    assert.equal((await ask(port, "/metrics")).status, 401);
    const headers = { authorization: "Bearer 0123456789abcdef" };
    assert.equal((await ask(port, "/metrics", { headers })).status, 200);
  });
});
