import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type Socket, createConnection } from "node:net";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Context } from "mocha";
import { ChangeFeed } from "../../../desktop/control/changes.js";
import { Contributions } from "../../../desktop/control/contributions.js";
import { HeardLinks, MemberTimes } from "../../../desktop/control/members.js";
import { NodeActions } from "../../../desktop/control/node-actions.js";
import { NodeNetwork } from "../../../desktop/control/node-network.js";
import { NodeQueries } from "../../../desktop/control/node-queries.js";
import { FOLLOW_BYTES_MAX } from "../../../desktop/control/protocol.js";
import { STREAMS_MAX } from "../../../desktop/http/change-streams.js";
import { CONNECTIONS_MAX, type HttpOptions, HttpServer } from "../../../desktop/http/http-server.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { eventFeeds } from "../../../src/events/index.js";
import { messages } from "../../../src/messages/index.js";
import { latestMap } from "../../../src/views/latest-map.js";
import { assertShape } from "../../support/control-schema.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { type Asked, type Answer, EventStream, ask } from "./http-client.js";

const PATHS = ["/v1/network", "/v1/nodes", "/v1/status", "/v1/events", "/v1/openapi.json", "/v1/changes", "/metrics"];
const TOKEN = "correct-horse-battery-staple";

interface Page {
  events: { number: number; topic: string; value: unknown }[];
  next: number;
  skipped: number;
  run: string;
}

describe("HTTP", function () {
  this.timeout(120000);
  let gossip: Gossip;
  let network: NodeNetwork;
  let server: HttpServer;
  let port: number;
  const streams: EventStream[] = [];

  const listen = async (more: Partial<HttpOptions> = {}): Promise<void> => {
    port = freshPort();
    server = await HttpServer.listen(network, { address: "127.0.0.1", port, pageFolder: freshFolder(), ...more });
  };
  const follow = async (): Promise<EventStream> => {
    const stream = await EventStream.open(port);
    streams.push(stream);
    return stream;
  };
  const get = async (path: string, asked?: Asked): Promise<Answer> => ask(port, path, asked);
  const json = async (path: string): Promise<unknown> => {
    const { status, headers, text } = await get(path);
    assert.equal(status, 200, text);
    assert.equal(headers["content-type"], "application/json");
    return JSON.parse(text);
  };
  const page = async (query: string): Promise<Page> => await json(`/v1/events${query}`) as Page;
  const refused = async (path: string, status: number, detail: RegExp, asked?: Asked): Promise<Answer> => {
    const answer = await get(path, asked);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers["content-type"], "application/problem+json");
    const problem = JSON.parse(answer.text) as { type: string; title: string; status: number; detail: string };
    assert.deepEqual([problem.type, problem.status, typeof problem.title], ["about:blank", status, "string"]);
    assert.match(problem.detail, detail);
    return answer;
  };

  beforeEach(async () => {
    const latest = latestMap({ capacity: 1024 });
    const contributions = new Contributions();
    const times = new MemberTimes(() => performance.now());
    const changes = new ChangeFeed();
    gossip = new Gossip({
      listen: "127.0.0.1", port: freshPort(), broadcastAddress: "none", name: 'ha"ll', version: "1.2",
      links: new HeardLinks((id) => times.heard(id)), valueBytesMax: 128, messages: messages({}),
      events: eventFeeds({
        bytes: 16777216, views: [latest, contributions], onEvent: (event) => changes.notify("event", event),
      }),
    });
    gossip.start();
    const queries = new NodeQueries({ gossip, latest, contributions, times });
    const actions = new NodeActions({ gossip, share: (value) => gossip.push(value), leave: () => undefined });
    const node = { queries, actions, changes };
    network = new NodeNetwork({ node, roundMs: 3600000, minMax: () => ({ count: 0 }) });
    gossip.log("door", "before");
    await listen();
  });

  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    server.close();
    network.close();
    await gossip.close();
    await cleanUp();
  });

  it("answers each path by its schema, which is that of the control socket", async () => {
    gossip.push({ text: "ü", bytes: new Uint8Array([1, 255]) });
    const nodes = await json("/v1/nodes") as { members: { id: number; data: unknown }[] };
    assertShape("members", nodes);
    assert.deepEqual(nodes.members.map(({ id, data }) => [id, data]), [[gossip.id, { text: "ü", bytes: "01ff" }]]);
    const shown = await json("/v1/network");
    assertShape("network", shown);
    const status = await json("/v1/status");
    assertShape("status", status);
    const events = await page("");
    assert.deepEqual(events.events.map(({ number, value }) => [number, value]), [[1, "before"]]);

    const api = await json("/v1/openapi.json") as { openapi: string; paths: Record<string, object> };
    assert.equal(api.openapi, "3.1.0");
    assert.deepEqual(Object.keys(api.paths).sort(), [...PATHS, "/v1/actions"].toSorted());
    assert.ok(!JSON.stringify(api).includes("definitions"));
    // Each schema of the document stands alone, and describes what its path answers.
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(api, "api");
    const check = (name: string, object: unknown): void => {
      assert.ok(ajv.validate({ $ref: `api#/components/schemas/${name}` }, object), JSON.stringify(ajv.errors));
    };
    check("members", nodes);
    check("network", shown);
    check("status", status);
    check("eventsPage", events);
    assert.ok(!ajv.validate({ $ref: "api#/components/schemas/eventsPage" }, { ...events, next: -1 }));
    check("problem", JSON.parse((await get("/")).text));
    for (const name of Object.keys((api as unknown as { components: { schemas: object } }).components.schemas)) {
      ajv.validate({ $ref: `api#/components/schemas/${name}` }, {});
    }
  });

  it("a client goes on after the number of the last event, and is told what it missed", async () => {
    for (let i = 2; i <= 6; i++) gossip.log(i % 2 === 0 ? "even" : "odd", i);
    const numbers = async (query: string): Promise<unknown[]> => {
      const { events, next, skipped } = await page(query);
      return [events.map(({ number }) => number), next, skipped];
    };
    assert.deepEqual(await numbers("?after=0"), [[1, 2, 3, 4, 5, 6], 6, 0]);
    assert.deepEqual(await numbers("?after=2&limit=2"), [[3, 4], 4, 0]);
    assert.deepEqual(await numbers("?after=4&limit=2"), [[5, 6], 6, 0]);
    assert.deepEqual(await numbers("?after=6"), [[], 6, 0]);
    assert.deepEqual(await numbers("?after=1&topic=even&limit=2"), [[2, 4], 4, 0]);
    assert.deepEqual(await numbers("?limit=2"), [[5, 6], 6, 0]);
    assert.deepEqual(await numbers("?topic=odd&limit=1"), [[5], 6, 0]);
    for (let i = 7; i <= 10007; i++) gossip.log("many", i);
    assert.deepEqual(await numbers("?after=0&limit=2"), [[8, 9], 9, 7]);
    assert.deepEqual(await numbers("?after=5&limit=1"), [[8], 8, 2]);
    assert.deepEqual(await numbers("?after=10006"), [[10007], 10007, 0]);
    const { run } = await page("");
    assert.equal((await page("?after=3")).run, run);
    server.close();
    await listen();
    assert.notEqual((await page("")).run, run);
  });

  it("names the field of a bad query", async () => {
    const wrong: [string, RegExp][] = [
      ["/v1/events?after=x", /^after: "x" is not an integer from 0 to 1$/],
      ["/v1/events?after=2", /^after: "2" is not/],
      ["/v1/events?after=-1", /^after: /],
      ["/v1/events?after=", /^after: /],
      ["/v1/events?limit=0", /^limit: "0" is not an integer from 1 to 10000$/],
      ["/v1/events?limit=10001", /^limit: /],
      ["/v1/events?limit=1&limit=2", /^limit: is there twice$/],
      ["/v1/events?a%22=1", /^"a\\"": the path takes after, topic, limit$/],
      ["/v1/nodes?a", /^"a": the path takes no parameters$/],
    ];
    for (const [path, detail] of wrong) await refused(path, 400, detail);
  });

  it("sends changes as they come", async () => {
    const stream = await follow();
    const start = await stream.until("the start", ({ event }) => event === "start");
    assert.deepEqual(start.data, { last: 1 });
    gossip.log("door", new Uint8Array([1, 2]));
    const { data: { number, ...event } } = await stream.until("the event", (message) => message.event === "event");
    assertShape("event", event);
    assert.deepEqual([number, event.value], [2, "0102"]);
    const row = gossip.row(gossip.id);
    assert.ok(row !== undefined);
    network.changes.notify("row", row);
    network.changes.notify("forgotten", row);
    assertShape("row", (await stream.until("the row", (message) => message.event === "row")).data);
    assertShape("row", (await stream.until("the end", (message) => message.event === "forgotten")).data);
    server.close();
    await once(stream.response, "close");
  });

  it("a slow reader of changes is told how many it missed, and costs a bounded amount", async () => {
    const [slow, other] = [await follow(), await follow()];
    slow.response.pause();
    const value = "v".repeat(400);
    // What the client's kernel takes, what the node keeps, and more.
    const count = Math.ceil(4 * FOLLOW_BYTES_MAX / value.length) + 8000;
    for (let i = 0; i < count; i++) {
      gossip.log("door", value);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    gossip.log("door", "end");
    await other.until("the end", ({ event, data }) => event === "skipped" || data.value === "end");
    slow.response.resume();
    const { data } = await slow.until("what was skipped", ({ event }) => event === "skipped");
    gossip.log("door", "last");
    await slow.until("the last event", (message) => message.data.value === "last");
    const got = slow.messages.filter(({ event }) => event === "event").length - 1;
    assert.ok(got > 0);
    assert.equal(got + Number(data.count), count + 1);
  });

  it("follows for 16 clients, and says so to the next one", async () => {
    for (let i = 0; i < STREAMS_MAX; i++) await follow();
    const { headers } = await refused("/v1/changes", 503, /^16 clients follow changes/);
    assert.equal(headers["retry-after"], "15");
    assert.equal((await get("/v1/changes", { method: "HEAD" })).status, 200);
    const [first] = streams;
    first.close();
    for (let status = 503; status !== 200;) {
      const stream = await get("/v1/nodes").then(async () => EventStream.open(port)).catch(() => undefined);
      if (stream !== undefined) {
        streams.push(stream);
        status = 200;
      }
    }
  });

  it("reads only, and answers HEAD, with headers that keep browsers safe", async () => {
    for (const path of PATHS) {
      const { status, headers, text } = await get(path, { method: "HEAD" });
      assert.deepEqual([status, text], [200, ""], path);
      assert.match(String(headers["content-security-policy"]), /^default-src 'none'/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        const answer = await refused(path, 405, /has only GET and HEAD$/, { method, body: "{}" });
        assert.equal(answer.headers.allow, "GET, HEAD");
        const names = Object.keys(answer.headers);
        assert.ok(!names.some((name) => name.startsWith("access-control-")), names.join());
        assert.equal(answer.headers["x-content-type-options"], "nosniff");
      }
    }
    await refused("/", 404, /^the page was not built: npm run build$/);
    for (const path of ["/v1/nodes/", "/../metrics", "//v1/nodes", "/v1/%6eodes"]) {
      await refused(path, 404, /is none of \/, \/v1\/network, /);
    }
  });

  it("refuses what a page of elsewhere can make a browser send", async () => {
    const hosts = [
      "evil.example", `evil.example:${port}`, `127.0.0.1:${port + 1}`, "127.0.0.1",
      `127.0.0.1.evil:${port}`, `127.1:${port}`, `[::1]x:${port}`, `user@127.0.0.1:${port}`,
    ];
    for (const host of hosts) await refused("/v1/nodes", 403, /^Host: /, { headers: { host } });
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LocalHost:${port}`, `[::1]:${port}`]) {
      assert.equal((await get("/v1/nodes", { headers: { host } })).status, 200, host);
    }
    const host = `localhost:${port}`;
    const origins = ["http://evil.example", "null", `https://${host}`, `http://127.0.0.1:${port}`, "http://localhost"];
    for (const origin of origins) await refused("/v1/nodes", 403, /^Origin: /, { headers: { host, origin } });
    assert.equal((await get("/v1/nodes", { headers: { host, origin: `http://${host}` } })).status, 200);
    for (const site of ["cross-site", "same-site"]) {
      const elsewhere = { "sec-fetch-site": site, "sec-fetch-mode": "no-cors" };
      await refused("/v1/changes", 403, /^Sec-Fetch-Site: /, { headers: elsewhere });
      const navigates = { ...elsewhere, "sec-fetch-mode": "navigate" };
      assert.equal((await get("/v1/nodes", { headers: navigates })).status, 200);
      // A form of another site navigates, too.
      await refused("/v1/nodes", 403, /^Sec-Fetch-Site: /, { method: "POST", headers: navigates });
    }
    for (const site of ["same-origin", "none"]) {
      assert.equal((await get("/v1/nodes", { headers: { "sec-fetch-site": site } })).status, 200, site);
    }
  });

  it("needs the token, where there is one, on each path", async () => {
    server.close();
    await listen({ token: TOKEN });
    for (const path of [...PATHS, "/"]) {
      const { headers } = await refused(path, 401, /^Authorization: needs the token/);
      assert.equal(headers["www-authenticate"], "Bearer");
    }
    for (const authorization of ["", "Bearer", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`]) {
      const { text } = await refused("/v1/nodes", 401, /^Authorization: /, { headers: { authorization } });
      assert.ok(!text.includes(TOKEN));
    }
    const authorization = `Bearer ${TOKEN}`;
    assert.equal((await get("/v1/nodes", { headers: { authorization } })).status, 200);
    assert.equal((await get("/v1/nodes", { headers: { authorization: `bearer ${TOKEN}` } })).status, 200);
    await refused("/v1/nodes", 403, /^Host: /, { headers: { authorization, host: "evil.example" } });
  });

  it("says what is wrong with bytes that are no request", async () => {
    const wrong: [string, RegExp][] = [
      ["hello\r\n\r\n", /^HTTP\/1.1 400 [^]*no request of HTTP/],
      ["GET /v1/nodes HTTP/1.1\r\nHost:\r\n\r\n", /^HTTP\/1.1 403 [^]*Host: \\"\\" is no IP address/],
      ["GET /v1/nodes HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 [^]*Host: is missing/],
      [`GET / HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(9000)}\r\n\r\n`, /^HTTP\/1.1 431 [^]*more than 8192 bytes/],
      [`GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, /^HTTP\/1.1 431 /],
    ];
    for (const [bytes, answer] of wrong) {
      const socket = createConnection(port, "127.0.0.1");
      socket.end(bytes);
      let text = "";
      for await (const part of socket.setEncoding("utf8")) text += part as string;
      assert.match(text, answer);
      assert.match(text, /application\/problem\+json/);
    }
    // What comes after a stream of changes began is not answered in the middle of it.
    const socket = createConnection(port, "127.0.0.1");
    socket.write(`GET /v1/changes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    let text = "";
    for await (const part of socket.setEncoding("utf8")) {
      text += part as string;
      if (text.endsWith("\n\n\r\n")) socket.write("hello\r\n\r\n");
    }
    assert.match(text, /^HTTP\/1.1 200 /);
    assert.ok(!text.includes("400"), text);
  });

  it("holds 64 connections, and closes the next one", async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      sockets.push(createConnection(port, "127.0.0.1"));
      await once(sockets[i], "connect");
    }
    const next = createConnection(port, "127.0.0.1").resume().on("error", () => undefined);
    await once(next, "close");
    const [first] = sockets;
    first.write(`HEAD /v1/nodes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    const [bytes] = await once(first, "data") as [Buffer];
    assert.match(bytes.toString(), /^HTTP\/1.1 200 /);
    for (const socket of sockets) socket.destroy();
  });

  it("counts for Prometheus, and each reading has the node's counters once", async () => {
    const peer = new Gossip({
      listen: "127.0.0.2", port: freshPort(), broadcastAddress: "none", name: "attic",
      links: new HeardLinks(() => undefined),
      seedList: [`127.0.0.1:${gossip.status().node.port}`], roundIntervalMs: 100,
    });
    try {
      peer.start();
      let text = "";
      while (!text.includes("chisme_neighbour_round_trip_seconds{")) text = (await get("/metrics")).text;
      const { headers } = await get("/metrics");
      assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
      assert.match(text, /^chisme_nodes\{state="up"\} 2$/m);
      assert.match(text, /^chisme_neighbours 1$/m);
      assert.match(text, /^chisme_info\{id="\d+",name="ha\\"ll",version="1.2",dialect="compact"\} 1$/m);
      assert.match(text, /^chisme_drops_total\{reason="\w+"\} 0$/m);
      assert.match(text, /^chisme_events_total 1$/m);
      // This node knows no time of day.
      assert.ok(!text.includes("\nchisme_clock_error_seconds "));
      assert.match(text, /^chisme_messages_total\{kind="delivered"\} 0$/m);
    } finally {
      await peer.close();
    }
    for (let i = 0; i < 2; i++) {
      const before = gossip.stats();
      const { text } = await get("/metrics");
      const after = gossip.stats();
      const [, sent] = /^chisme_datagrams_sent_total (\d+)$/m.exec(text) ?? [];
      const [, received] = /^chisme_received_bytes_total (\d+)$/m.exec(text) ?? [];
      assert.ok(Number(sent) >= before.datagramsSent && Number(sent) <= after.datagramsSent, sent);
      assert.ok(Number(received) >= before.bytesReceived && Number(received) <= after.bytesReceived, received);
      assert.ok(before.datagramsSent > 0 && before.bytesReceived > 0);
    }
  });

  it("promtool has no complaint about the metrics", async function () {
    requirePromtool(this);
    const { text } = await get("/metrics");
    assert.equal(execFileSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8", stdio: "pipe" }), "");
  });
});

/** Skips the test where promtool is missing, except in CI. */
function requirePromtool(context: Context): void {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
  } catch (error) {
    if (process.env.CI === "true") throw error;
    console.log("      skipped: needs the Debian package prometheus");
    context.skip();
  }
}
