import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { NodeRow } from "../../../src/gossip.js";
import type { NetworkView } from "../../../desktop/control/network-view.js";
import { ROUNDS_KEPT, RoundHistory } from "../../../desktop/control/round-history.js";
import { BODY_BYTES_MAX } from "../../../desktop/http/body.js";
import { type HttpOptions, HttpServer } from "../../../desktop/http/http-server.js";
import { assertShape } from "../../support/control-schema.js";
import { cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { WatchedNode, liveNode } from "../page/live-network.js";
import { type Answer, EventStream, ask } from "./http-client.js";

const TOKEN = "correct-horse-battery-staple";

describe("the network over HTTP", function () {
  this.timeout(120000);
  let node: WatchedNode;
  let server: HttpServer;
  let port: number;
  let nodePort: number;

  const listen = async (more: Partial<HttpOptions> = {}): Promise<void> => {
    port = freshPort();
    server = await HttpServer.listen(node.network, { address: "127.0.0.1", port, pageFolder: freshFolder(), ...more });
  };
  const view = async (): Promise<NetworkView> => JSON.parse((await ask(port, "/v1/network")).text) as NetworkView;
  const act = async (body: object | string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(port, "/v1/actions", {
      method: "POST", body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  const refusedAct = async (
    status: number, detail: RegExp, body: object | string, headers?: Record<string, string>,
  ): Promise<void> => {
    const { status: got, text } = await act(body, headers);
    assert.equal(got, status, text);
    assert.match((JSON.parse(text) as { detail: string }).detail, detail);
  };

  beforeEach(() => {
    nodePort = freshPort();
    node = new WatchedNode({ listen: "127.0.0.1", port: nodePort, name: "hall" });
  });

  afterEach(async () => {
    server.close();
    await node.close();
    await cleanUp();
  });

  it("shows neighbours, nodes over a relay, feeds and rounds", async () => {
    await listen();
    const seedList = [`127.0.0.1:${nodePort}`];
    const near = liveNode({ listen: "127.0.0.2", port: nodePort, name: "near", seedList });
    // It takes no datagrams of the shown node.
    const far = liveNode({
      listen: "127.0.0.3", port: nodePort, name: "far", seedList: [`127.0.0.2:${nodePort}`],
      trustedSubnets: ["127.0.0.2/32"],
    });
    try {
      far.log("door", "open");
      const stream = await EventStream.open(port);
      let shown = await view();
      const isThere = ({ nodes, feeds }: NetworkView): boolean =>
        nodes.some(({ name, via }) => name === "far" && via === near.id)
        && nodes.some(({ name, isNeighbour }) => name === "near" && isNeighbour) && feeds.authors.includes(far.id);
      while (!isThere(shown)) shown = await view();
      assertShape("network", shown);
      assert.equal(shown.self, node.gossip.id);
      assert.deepEqual(shown.links.toSorted((one) => one.kind === "relay" ? 1 : -1), [
        { from: node.gossip.id, to: near.id, kind: "neighbour" }, { from: near.id, to: far.id, kind: "relay" },
      ]);
      const at = shown.feeds.authors.indexOf(far.id);
      assert.deepEqual([shown.feeds.newest[at], shown.feeds.holders], [1, [{ id: node.gossip.id,
        held: shown.feeds.newest }]]);
      const { data } = await stream.until("a round", ({ event }) => event === "round");
      assertShape("networkRound", data);
      stream.close();
      shown = await view();
      assert.ok(shown.rounds.length > 0 && shown.rounds.some(({ datagramsSent }) => datagramsSent > 0));
      shown.rounds.forEach(({ round }, index) => assert.equal(round, index + 1));
      const sent = shown.rounds.reduce((sum, round) => sum + round.bytesSent, 0);
      assert.ok(sent <= node.gossip.stats().bytesSent);
    } finally {
      await Promise.all([near.close(), far.close()]);
    }
  });

  it("counts a node that becomes suspect once", async () => {
    await listen();
    const stream = await EventStream.open(port);
    const row = node.gossip.row(node.gossip.id) as NodeRow;
    for (const state of ["suspect", "suspect", "up", "suspect"] as const) {
      node.network.changes.notify("row", { ...row, id: 99, state });
    }
    const { data } = await stream.until("the round", ({ event, data: { suspicions } }) =>
      event === "round" && suspicions !== 0);
    assert.equal(data.suspicions, 2);
    stream.close();
  });

  it("keeps 512 rounds, and goes on where a counter begins anew", () => {
    const history = new RoundHistory();
    const stats = { ...node.gossip.stats(), datagramsSent: 4294967290, drops: { echo: 1 } };
    server = { close: () => undefined } as HttpServer;
    assert.equal(history.add(stats, 0), undefined);
    const round = history.add({ ...stats, datagramsSent: 4, drops: { echo: 3, size: 1 } }, 2);
    assert.deepEqual([round?.round, round?.datagramsSent, round?.drops, round?.suspicions], [1, 10, 3, 2]);
    for (let i = 0; i < 600; i++) history.add(stats, 0);
    assert.equal(history.list().length, ROUNDS_KEPT);
    assert.equal(history.list()[0].round, 601 - ROUNDS_KEPT + 1);
  });

  it("a reset numbers the events that are held anew, and numbers go on", async () => {
    await listen();
    node.gossip.log("door", 1);
    const stream = await EventStream.open(port);
    node.network.changes.notify("reset", {});
    await stream.until("the reset", ({ event }) => event === "reset");
    stream.close();
    const events = async (query: string): Promise<unknown> => {
      const { events: list, next, skipped } = JSON.parse((await ask(port, `/v1/events${query}`)).text) as {
        events: { value: unknown; number: number }[]; next: number; skipped: number;
      };
      return { events: list.map(({ number, value }) => [number, value]), next, skipped };
    };
    assert.deepEqual(await events(""), { events: [[2, 1]], next: 2, skipped: 0 });
    assert.deepEqual(await events("?after=0"), { events: [[2, 1]], next: 2, skipped: 1 });
    node.gossip.log("door", 2);
    assert.deepEqual(await events("?after=0"), { events: [[2, 1], [3, 2]], next: 3, skipped: 1 });
  });

  it("--http-write: does what the body says", async () => {
    await listen({ canWrite: true });
    assert.deepEqual([(await act({ action: "push", value: { temp: 21.5 } })).status], [200]);
    assert.deepEqual(node.gossip.row(node.gossip.id)?.data, { temp: 21.5 });
    const headers = { "content-type": "application/json; charset=utf-8" };
    assert.equal((await act({ action: "withdraw" }, headers)).status, 200);
    assert.equal(node.gossip.row(node.gossip.id)?.data, undefined);
    await act({ action: "log", topic: "door", value: "open" });
    await act({ action: "set", topic: "lamp", key: "1", value: true, ttlMs: 60000 });
    await act({ action: "remove", topic: "lamp", key: "1" });
    const kinds = node.gossip.events().map(({ kind, topic, key }) => [kind, topic, key]);
    assert.deepEqual(kinds, [["log", "door", undefined], ["set", "lamp", "1"], ["remove", "lamp", "1"]]);
    const wrong: [number, RegExp, object | string][] = [
      [400, /^action: "leave" is none of push, withdraw, log, set, remove, forget$/, { action: "leave" }],
      [400, /^action: undefined is none of /, {}],
      [400, /^log: topic: is missing$/, { action: "log", value: 1 }],
      [400, /^log: "more": log takes topic, value$/, { action: "log", topic: "a", value: 1, more: 1 }],
      [400, /^log: "__proto__": log takes topic, value$/, '{"action":"log","topic":"a","value":1,"__proto__":{}}'],
      [400, /^log: topic: /, { action: "log", topic: "x".repeat(40), value: 1 }],
      [400, /^forget: /, { action: "forget", node: "nobody" }],
      [409, /^forget: /, { action: "forget", node: node.gossip.id }],
      [400, /^the body is not JSON$/, "{"],
      [400, /^the body is no JSON object$/, "[]"],
    ];
    for (const [status, detail, body] of wrong) await refusedAct(status, detail, body);
    const answer = await ask(port, "/v1/actions");
    assert.deepEqual([answer.status, answer.headers.allow], [405, "POST"]);
  });

  it("refuses to change the node without --http-write, of a page of elsewhere, of a form, and without the token",
    async () => {
      await listen();
      await refusedAct(403, /^\/v1\/actions: the node only lets read; it needs --http-write$/, { action: "withdraw" });
      server.close();
      await listen({ canWrite: true, token: TOKEN });
      const authorization = `Bearer ${TOKEN}`;
      const push = { action: "push", value: 1 };
      await refusedAct(401, /^Authorization: /, push);
      await refusedAct(403, /^Origin: /, push, { authorization, origin: "http://evil.example" });
      await refusedAct(403, /^Host: /, push, { authorization, host: `evil.example:${port}` });
      for (const mode of ["navigate", "no-cors"]) {
        await refusedAct(403, /^Sec-Fetch-Site: /, push, {
          authorization, "sec-fetch-site": "cross-site", "sec-fetch-mode": mode,
        });
      }
      for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
        await refusedAct(415, /^Content-Type: /, push, { authorization, "content-type": type });
      }
      assert.equal(node.gossip.row(node.gossip.id)?.data, undefined);
      assert.equal((await act(push, { authorization })).status, 200);
      assert.equal(node.gossip.row(node.gossip.id)?.data, 1);
    });

  it("a body has at most 16 KiB, whether its length is said or not", async () => {
    await listen({ canWrite: true });
    const withBytes = (bytes: number): string => JSON.stringify({ action: "log", topic: "a", value: "" })
      .padEnd(bytes, " ");
    assert.equal((await act(withBytes(BODY_BYTES_MAX))).status, 200);
    await refusedAct(413, /^a body has at most 16384 bytes$/, withBytes(BODY_BYTES_MAX + 1));
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST /v1/actions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`
      + "Transfer-Encoding: chunked\r\n\r\n");
    const chunk = `1000\r\n${" ".repeat(4096)}\r\n`;
    socket.write(chunk.repeat(5));
    let text = "";
    for await (const part of socket.setEncoding("utf8")) text += part as string;
    assert.match(text, /^HTTP\/1.1 413 /);
    assert.equal(node.gossip.events().length, 1);
  });

  it("serves the page's files without the token, and nothing else of their folder", async () => {
    const pageFolder = freshFolder();
    writeFileSync(join(pageFolder, "index.html"), "<!DOCTYPE html>");
    writeFileSync(join(pageFolder, "page.js"), "");
    writeFileSync(join(pageFolder, "notes.txt"), "");
    await listen({ token: TOKEN, pageFolder });
    const { status, headers, text } = await ask(port, "/");
    assert.deepEqual([status, text], [200, "<!DOCTYPE html>"]);
    assert.equal(headers["content-type"], "text/html; charset=utf-8");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["content-security-policy"], "default-src 'none'; script-src 'self'; style-src 'self'; "
      + "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    assert.equal((await ask(port, "/page.js")).headers["content-type"], "text/javascript; charset=utf-8");
    assert.equal((await ask(port, "/", { method: "POST" })).status, 405);
    assert.equal((await ask(port, "/", { headers: { host: "evil.example" } })).status, 403);
    for (const path of ["/notes.txt", "/index.html", "/../package.json", "/%2e%2e/package.json"]) {
      assert.equal((await ask(port, path)).status, 401, path);
    }
  });
});
