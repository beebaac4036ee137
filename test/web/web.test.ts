import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { SimNetwork, type SimNode } from "../../desktop/simulator/index.js";
import type { GossipOptions, NodeRow } from "../../src/gossip.js";
import { LinkTable } from "../../src/links/index.js";
import { type WebAnswer, WebAnswers, type WebOptions, type WebRequest } from "../../src/web/index.js";
import { PAGE, PAGE_POLICY } from "../../src/web/page.js";

const MINUTE_MS = 60000;
const TOKEN = "0123456789abcdef~";
const memberSchema = (JSON.parse(readFileSync(new URL("../../docs/control.schema.json", import.meta.url), "utf8")) as {
  definitions: { member: { properties: object } };
}).definitions.member.properties;

function simulate(count: number, options: (i: number) => Partial<GossipOptions> = () => ({})): SimNetwork {
  const network = new SimNetwork({ seed: 20 });
  for (let i = 0; i < count; i++) network.addNode({ options: { seedList: ["10.0.0.1"], ...options(i) } });
  network.runFor(20 * MINUTE_MS);
  return network;
}

function answersOf(node: SimNode, options: WebOptions = {}): (request?: Partial<Head>) => WebAnswer {
  assert.ok(node.gossip !== undefined);
  const answers = new WebAnswers(node.gossip, options);
  return ({ method = "GET", path = "/v1/nodes", headers = {} } = {}) => {
    const all: Record<string, string | undefined> = { host: "10.0.0.1", ...headers };
    const request: WebRequest = { method, path, header: (name) => all[name] };
    return answers.answer(request);
  };
}

interface Head { method: string; path: string; headers: Record<string, string | undefined> }

/** The body of an answer, read in pieces. */
function body(answer: WebAnswer, pieceBytes = 100): string {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = new Uint8Array(pieceBytes);
    const length = answer.read(piece, pieceBytes);
    pieces.push(piece.subarray(0, length));
    if (length < pieceBytes) break;
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces));
}

function header({ headers }: WebAnswer, name: string): string | undefined {
  const at = headers.indexOf(name);
  return at < 0 ? undefined : headers[at + 1];
}

function members(answer: WebAnswer): (NodeRow & { isSelf: boolean; roundTripMs?: number })[] {
  return (JSON.parse(body(answer)) as { members: (NodeRow & { isSelf: boolean })[] }).members;
}

describe("a board's nodes over HTTP", () => {
  it("/v1/nodes has the rows, with the fields that desktops have", () => {
    const network = simulate(6, (i) => i === 1 ? { name: "küche 🏠", version: "2.0" } : { links: new LinkTable() });
    network.nodes[2].push(21.5);
    network.nodes[3].push({ temp: 21.5, list: [1, null, "</script>\u0000"] });
    network.nodes[4].close();
    network.nodes[5].crash();
    network.runFor(10 * MINUTE_MS);
    const ask = answersOf(network.nodes[0]);
    const answer = ask();
    assert.deepEqual([answer.status, header(answer, "content-type")], [200, "application/json"]);
    const shown = members(answer).sort((a, b) => a.id - b.id);
    const own = network.nodes[0].gossip!;
    assert.deepEqual(shown.map(({ isSelf }) => isSelf), own.rows().map(({ id }) => id === own.id));
    assert.deepEqual(new Set(shown.map(({ state }) => state)), new Set(["up", "left", "down"]));
    assert.ok(shown.some(({ roundTripMs }) => typeof roundTripMs === "number"));
    for (const member of shown) {
      for (const field of Object.keys(member)) assert.ok(field in memberSchema, field);
    }
    const rows = own.rows().map((row) => JSON.parse(JSON.stringify(row)) as NodeRow);
    shown.forEach((member, i) => {
      for (const field of Object.keys(rows[i]) as (keyof NodeRow)[]) {
        assert.deepEqual(member[field], rows[i][field], field);
      }
    });
  });

  it("/v1/nodes has bytes and large keys as chisme/json writes them", () => {
    const network = simulate(1);
    network.nodes[0].gossip!.push({ 3000000000: new Uint8Array([0, 255]) });
    assert.deepEqual(members(answersOf(network.nodes[0])())[0].data, { 3000000000: "00ff" });
  });

  it("an answer is the same in pieces of any size", () => {
    const network = simulate(9, (i) => ({ name: `nœud ${i} 🌡` }));
    const ask = answersOf(network.nodes[0]);
    const whole = body(ask(), 100000);
    for (const bytes of [1, 2, 3, 7, 64, 1024]) assert.equal(body(ask(), bytes), whole, `${bytes} bytes`);
    for (const bytes of [1, 500, 512, 513, 1024]) assert.equal(body(ask({ path: "/" }), bytes), PAGE, `${bytes} bytes`);
  });

  it("rows that come and go while an answer is sent neither repeat nor hide others", () => {
    const network = simulate(12);
    const { gossip } = network.nodes[0];
    const stays = gossip!.rows().map(({ id }) => id);
    const answer = answersOf(network.nodes[0])();
    let text = "";
    const piece = new Uint8Array(40);
    for (let i = 0; ; i++) {
      const length = answer.read(piece, piece.length);
      text += Buffer.from(piece.subarray(0, length)).toString("latin1");
      if (length < piece.length) break;
      if (i % 10 !== 5) continue;
      network.addNode({ options: { seedList: ["10.0.0.1"] } });
      network.runFor(MINUTE_MS);
    }
    const shown = (JSON.parse(text) as { members: NodeRow[] }).members.map(({ id }) => id);
    assert.ok(gossip!.rows().length > stays.length);
    assert.equal(new Set(shown).size, shown.length);
    for (const id of stays) assert.ok(shown.includes(id));
  });

  it("only addresses, names that end in .local and given names may ask", () => {
    const network = simulate(1);
    const ask = answersOf(network.nodes[0], { hosts: ["Hall.example"] });
    const status = (host: string | undefined) => ask({ headers: { host } }).status;
    for (const host of ["10.0.0.1", "192.168.4.1:8080", "hall.local", "Hall.Local:80", "hall.example",
      "HALL.example:80"]) {
      assert.equal(status(host), 200, host);
    }
    for (const host of ["", "evil.example", "hall.example.evil", "local", ".local.", "1.2.3.4.example", "hall.local:x",
      "evil.example/.local", "localhost", "10.0.0.1:123456"]) {
      assert.equal(status(host), 403, host);
    }
    assert.equal(status(undefined), 400);
    const from = (origin: string) => ask({ headers: { origin } }).status;
    assert.deepEqual([from("http://10.0.0.1"), from("http://evil.example"), from("null")], [200, 403, 403]);
  });

  it("there are two paths, which are only read", () => {
    const network = simulate(1);
    const ask = answersOf(network.nodes[0]);
    assert.equal(ask({ path: "/v1/nodes?x=1" }).status, 200);
    for (const path of ["", "/v1", "/v1/nodes/", "/V1/NODES", "//", "/v1/events", "*"]) {
      const answer = ask({ path });
      assert.equal(answer.status, 404, path);
      const text = body(answer);
      assert.equal(header(answer, "content-length"), String(text.length));
      assert.deepEqual(JSON.parse(text), {
        type: "about:blank", title: "Not Found", status: 404, detail: "paths: / and /v1/nodes",
      });
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get"]) {
      const answer = ask({ method });
      assert.deepEqual([answer.status, header(answer, "allow")], [405, "GET, HEAD"], method);
    }
    for (const path of ["/", "/v1/nodes", "/none"]) {
      const got = ask({ path });
      const head = ask({ path, method: "HEAD" });
      assert.deepEqual([head.status, head.headers, body(head)], [got.status, got.headers, ""], path);
    }
  });

  it("rows need the token where there is one, the page does not", () => {
    const network = simulate(1);
    const ask = answersOf(network.nodes[0], { token: TOKEN });
    const status = (authorization?: string) => ask({ headers: { authorization } }).status;
    assert.deepEqual([status(`Bearer ${TOKEN}`), status(`bearer  ${TOKEN} `)], [200, 200]);
    for (const given of [undefined, "", "Bearer", "Bearer ", TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}0`,
      `Bearer ${TOKEN.slice(1)}`, `Bearer ${TOKEN.slice(0, -1)}`]) {
      assert.equal(status(given), 401, given);
    }
    assert.equal(header(ask(), "www-authenticate"), "Bearer");
    assert.equal(ask({ path: "/" }).status, 200);
  });

  it("a wrong option is named with what is allowed", () => {
    const network = simulate(1);
    const refused = (options: object) => {
      let message = "";
      assert.throws(() => answersOf(network.nodes[0], options), (error: Error & { code: string }) => {
        message = error.message;
        return error.code === "ERR_OPTION";
      });
      return message;
    };
    assert.equal(refused({ token: "short" }), "token: is not a token: 16 to 256 letters, digits and -._~+/");
    assert.equal(refused({ hosts: "hall" }), "hosts: is not an array of up to 8 names");
    assert.equal(refused({ hosts: ["hall:80"] }), "hosts[0]: is not a host name without a port");
    assert.match(refused({ tokens: TOKEN }), /^tokens: /);
  });

  describe("the page", () => {
    it("its policy allows its own script and style, and nothing from elsewhere", () => {
      const hash = (tag: string) => {
        const [, text] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(PAGE)!;
        return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
      };
      assert.ok(PAGE_POLICY.includes(`script-src ${hash("script")}`), hash("script"));
      assert.ok(PAGE_POLICY.includes(`style-src ${hash("style")}`), hash("style"));
      assert.ok(PAGE_POLICY.startsWith("default-src 'none'; "));
      assert.doesNotMatch(PAGE, /https?:|[/][/]|innerHTML|src=|@import|url[(]/);
    });

    it("the page is ASCII, so that its length in bytes is that of the text", () => {
      assert.equal(Buffer.byteLength(PAGE), PAGE.length);
      const network = simulate(1);
      const answer = answersOf(network.nodes[0])({ path: "/" });
      assert.equal(header(answer, "content-length"), String(PAGE.length));
      assert.equal(header(answer, "content-security-policy"), PAGE_POLICY);
    });

    it("the script of the page is JavaScript", () => {
      const [, script] = /<script>(.*?)<[/]script>/s.exec(PAGE)!;
      execFileSync(process.execPath, ["--check", "-"], { input: script });
    });
  });
});
