import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventFeeds } from "../../../src/events/index.js";
import { loadConfig } from "../../../desktop/gateway/config.js";
import { Gateway } from "../../../desktop/gateway/gateway.js";
import { GatewayLog } from "../../../desktop/gateway/gateway-log.js";
import { Gossip } from "../../../desktop/platform/node.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { main } from "../../support/command-line.js";
import { ask } from "../http/http-client.js";
import { GatewayProcess, eventually, killGateways, requireSqlite, sqlite } from "./gateway-process.js";

interface EventRow {
  number: number;
  author: number;
  author_name: string | null;
  kind: string;
  topic: string;
  key: string | null;
  value: string | null;
}

describe("chisme gateway", function () {
  this.timeout(180000);

  let folder: string;
  let port: number;
  let closing: Gossip[] = [];

  before(function () {
    requireSqlite(this);
  });

  beforeEach(() => {
    folder = freshFolder();
    port = freshPort();
  });

  afterEach(async () => {
    await Promise.all(closing.map((gossip) => gossip.close()));
    closing = [];
    await killGateways();
    await cleanUp();
  });

  const file = (): string => join(folder, "readings.db");
  const config = (more = ""): string => {
    const path = join(folder, "gateway.yaml");
    writeFileSync(path, `storage: gateway\nnode: {listen: "127.0.0.1:${port}", broadcast: none, interval: 200}\n`
      + `sqlite: {file: readings.db}\n${more}`);
    return path;
  };
  const node = (name: string, id: number): Gossip => {
    const gossip = new Gossip({
      listen: "127.0.0.1", port: freshPort(), seedList: [`127.0.0.1:${port}`], name, id, roundIntervalMs: 200,
      broadcastAddress: "none", valueBytesMax: 100, events: eventFeeds({ bytes: 1048576 }),
    });
    closing.push(gossip);
    gossip.start();
    return gossip;
  };
  const count = (sql: string): number => sqlite<{ n: number }>(file(), `SELECT count(*) AS n FROM ${sql}`)[0].n;

  it("stores events, values and states of all nodes; also of two of one name, odd topics, and bytes", async () => {
    await new GatewayProcess([config()]).untilStarted();
    const [one, other] = [node("hall", 11), node("hall", 12)];
    const topics = ["+/#", "a/b", "a.b", "'; DROP TABLE events; --", " ", "дверь", "\u0000\n"];
    for (const topic of topics) one.log(topic, topic);
    other.log("raw", new Uint8Array([0, 255]));
    other.log("raw", { deep: [new Uint8Array([1])], none: undefined, big: Infinity });
    other.set("voucher", "7", { paid: true });
    one.set("voucher", "7", null);
    other.set("voucher", "8", 1);
    other.remove("voucher", "8");
    one.set("+hosts", "desk", "10.0.0.1");
    other.set("+hosts", "desk", "10.0.0.2");
    one.set("+hosts", "gone", "10.0.0.3");
    one.withdraw("+hosts", "gone");
    one.push(21.5);
    other.push({ temp: 1, raw: new Uint8Array([7]) });
    await eventually("all is stored", () => count("events") >= 16 && count("node_values") >= 2);
    const events = sqlite<EventRow>(file(), "SELECT * FROM event_list ORDER BY number");
    const logged = events.filter(({ author, kind }) => author === 11 && kind === "log");
    assert.deepEqual(logged.map(({ value }) => JSON.parse(value ?? "") as string), topics, "in the author's order");
    assert.ok(events.every(({ author_name: name }) => name === "hall"));
    const raw = sqlite<{ bytes: string; type: string }>(file(),
      "SELECT hex(value) AS bytes, typeof(value) AS type FROM events WHERE topic = 'raw' ORDER BY number");
    assert.deepEqual(raw[0], { bytes: "4200FF", type: "blob" }, "CBOR");
    assert.equal(raw[1].type, "blob");
    const winners = sqlite(file(), "SELECT topic, key, author, value FROM winners ORDER BY topic, key, author");
    assert.deepEqual(winners, [
      { topic: "+hosts", key: "desk", author: 11, value: '"10.0.0.1"' },
      { topic: "+hosts", key: "desk", author: 12, value: '"10.0.0.2"' },
      { topic: "voucher", key: "7", author: sqlite<{ author: number }>(file(),
        "SELECT author FROM events WHERE topic = 'voucher' AND key = '7' ORDER BY time_ms DESC, counter DESC, "
          + "author DESC"
      )[0].author, value: winners.at(-1)?.value },
    ]);
    const states = sqlite(file(), "SELECT node, name, state FROM nodes WHERE node IN (11, 12) ORDER BY node");
    assert.deepEqual(states, [{ node: 11, name: "hall", state: "up" }, { node: 12, name: "hall", state: "up" }]);
    assert.deepEqual(sqlite(file(), "SELECT value FROM value_list WHERE node = 11"), [{ value: "21.5" }]);
    await one.close();
    await eventually("it left", () => count("node_states WHERE node = 11 AND state = 'left'") === 1);
  });

  it("killed again and again under load, it lacks no event and has none twice, each author's in order", async () => {
    const path = config();
    const authors = [21, 22, 23].map((id) => node(`author ${id}`, id));
    let published = 0;
    const publish = (): void => {
      authors.forEach((author) => author.log("count", published));
      published++;
    };
    const timer = setInterval(publish, 5);
    try {
      for (let round = 0; round < 4; round++) {
        const gateway = await new GatewayProcess([path]).untilStarted();
        const before = existsSync(file()) ? published : 0;
        await eventually("it stores what is new", () =>
          count("events") > 0 && count(`events WHERE CAST(value AS INTEGER) >= ${before}`) > 30);
        await gateway.kill();
      }
    } finally {
      clearInterval(timer);
    }
    const last = await new GatewayProcess([path]).untilStarted();
    await eventually("all is stored", () => count("events") === published * authors.length);
    for (const { id } of authors) {
      const values = sqlite<{ value: string }>(file(), `SELECT value FROM events WHERE author = ${id} ORDER BY number`)
        .map(({ value }) => Number(value));
      assert.deepEqual(values, Array.from({ length: published }, (_, index) => index));
    }
    last.signal("SIGTERM");
    assert.deepEqual(await last.exited, { status: 0, signal: null });
    assert.deepEqual(sqlite(file(), "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  });

  it("SIGHUP reads the configuration anew; a wrong one is refused and the old one stays", async () => {
    const path = config();
    const gateway = await new GatewayProcess([path]).untilStarted();
    const id = Number(/node (\d+)/.exec(gateway.stdout)?.[1]);
    const hooked = join(folder, "hooked");
    for (const [wrong, problem] of [
      ["hookz: {}\n", /warning: gateway: \S+gateway.yaml:4:1: hookz: is not known/],
      [`http: {tokenFile: none}\n`, /warning: gateway: \S+gateway.yaml:4:19: http.tokenFile: ENOENT/],
    ] as const) {
      config(wrong);
      gateway.signal("SIGHUP");
      await gateway.until("it refused it", () => problem.test(gateway.stderr));
    }
    // A node that cannot start: the one before starts anew.
    writeFileSync(path, readFileSync(path, "utf8").replace("127.0.0.1:", "203.0.113.1:").replace(/http.*\n/, "")
      .replace("storage: gateway", "storage: gateway.yaml"));
    gateway.signal("SIGHUP");
    await gateway.until("it refused it", () => gateway.stderr.split("the old one stays").length === 4);
    config(`hooks: {door: {command: "cat > ${hooked}"}}\n`);
    gateway.signal("SIGHUP");
    await gateway.until("it took it", () => /gateway: reloaded, node \d+.*hook door/.test(gateway.stdout));
    await eventually("the hook ran", () => readFileSync(hooked, "utf8") === "{}");
    await eventually("the same node is there", () => count(`nodes WHERE node = ${id}`) === 1 && count("nodes") === 1);
    gateway.signal("SIGTERM");
    assert.equal((await gateway.exited).status, 0);
  });

  it("a database of a later version is refused with a message and not changed; the rest goes on", async () => {
    await new GatewayProcess([config()]).untilStarted().then((gateway) => gateway.kill());
    execFileSync("sqlite3", [file(), "PRAGMA user_version = 99"]);
    const hooked = join(folder, "hooked");
    const gateway = await new GatewayProcess([config(`hooks: {door: {command: "cat > ${hooked}"}}\n`)]).untilStarted();
    assert.match(gateway.stderr, /sqlite: \S+readings.db: is of version 99, and this program knows versions up to 2/);
    const author = node("hall", 31);
    author.set("door", "front", "open");
    await eventually("the hook ran", () => readFileSync(hooked, "utf8") === '{"front":"open"}');
    assert.equal(count("events"), 0);
    assert.equal(sqlite<{ user_version: number }>(file(), "PRAGMA user_version")[0].user_version, 99);
  });

  it("commands ask it, and chisme leave ends it; a node of chisme node shares what it sees", async () => {
    const gateway = await new GatewayProcess([config()]).untilStarted();
    const other = await new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--seed", `127.0.0.1:${port}`, "--json",
      "--interval", "200", "--broadcast", "none").untilStarted();
    const ask = (...args: string[]): string => execFileSync(process.execPath,
      [main, ...args, "--storage", join(folder, "gateway")], { encoding: "utf8" });
    ask("set", "voucher", "7", '{"paid":true}');
    await other.until("the event came", () => other.events.some(({ event }) => event === "feedEvent"));
    ask("leave");
    assert.equal((await gateway.exited).status, 0);
    assert.equal(count("events"), 1);
  });

  it("a node that the network forgot while the gateway did not run is shown as forgotten in the end", async () => {
    const path = config();
    const author = node("hall", 81);
    const first = await new GatewayProcess([path]).untilStarted();
    await eventually("the node is there", () => count("nodes WHERE node = 81 AND state = 'up'") === 1);
    await first.kill();
    await author.close();
    writeFileSync(path, readFileSync(path, "utf8").replace("interval: 200", "interval: 200, removeAfter: 60000"));
    // It has no events, so the gateway's storage does not know it.
    await new GatewayProcess([path]).untilStarted();
    await eventually("it is forgotten", () => count("nodes WHERE node = 81 AND state = 'forgotten'") === 1);
  });

  it("a part that does not end keeps nothing from being written", async () => {
    const log = new GatewayLog(() => undefined);
    const gateway = new Gateway(loadConfig(config()), log, () => undefined);
    mkdirSync(join(folder, "gateway"), { recursive: true });
    await gateway.start();
    const { parts } = gateway as unknown as { parts: Map<string, object> };
    parts.set("hung", { section: {}, part: { close: () => new Promise(() => undefined) } });
    assert.equal(await gateway.close(), true);
    assert.equal(count("nodes"), 1);
  });

  it("a port or a folder in use ends it with exit status 1, and the option's name", async () => {
    const path = config();
    await new GatewayProcess([path]).untilStarted();
    const second = new GatewayProcess([path, "--storage", join(folder, "other"), "--sqlite", join(folder, "other.db")]);
    assert.equal((await second.exited).status, 1);
    assert.match(second.stderr, /^error: node\.listen: bind EADDRINUSE/m);
    const third = new GatewayProcess([path, "--listen", `127.0.0.1:${freshPort()}`]);
    assert.equal((await third.exited).status, 1);
    assert.match(third.stderr, /^error: storage: .* is in use by process \d+/m);
  });

  it("over HTTP, events and values come in with the token, and only with write: true", async () => {
    const httpPort = freshPort();
    const token = "0123456789abcdef-secret";
    const path = config(`http: {listen: "127.0.0.1:${httpPort}", tokenEnv: CHISME_TEST_TOKEN, write: true}\n`);
    const gateway = await new GatewayProcess([path], { env: { CHISME_TEST_TOKEN: token } }).untilStarted();
    const post = async (body: object, authorization = `Bearer ${token}`): Promise<number> => (await ask(
      httpPort, "/v1/actions",
      { method: "POST", headers: { "content-type": "application/json", authorization }, body: JSON.stringify(body) },
    )).status;
    await eventually("it answers", async () => await post({ action: "log", topic: "door", value: "open" }) === 200);
    assert.equal(await post({ action: "push", value: 21.5 }), 200);
    assert.equal(await post({ action: "log", topic: "door", value: "shut" }, "Bearer wrong-0123456789"), 401);
    await eventually("all is stored", () => count("value_list WHERE value = '21.5'") === 1
      && count("event_list WHERE topic = 'door'") === 1);
    writeFileSync(path, readFileSync(path, "utf8").replace(", write: true", ""));
    gateway.signal("SIGHUP");
    await gateway.until("it took it", () => gateway.stdout.includes("gateway: reloaded"));
    assert.equal(await post({ action: "push", value: 1 }), 403);
    assert.ok(!(gateway.stdout + gateway.stderr).includes(token));
  });

  it("--check and --init need no node; a wrong configuration has exit status 2", async () => {
    const path = config();
    const check = new GatewayProcess(["--check", path]);
    assert.deepEqual(await check.exited, { status: 0, signal: null });
    assert.equal(check.stdout, `${path}: ok\n`);
    assert.ok(!existsSync(join(folder, "gateway")));
    writeFileSync(path, "storage: 1\n");
    const wrong = new GatewayProcess(["--check", path]);
    assert.equal((await wrong.exited).status, 2);
    assert.match(wrong.stderr, /^error: \S+gateway.yaml:1:10: storage: 1 is not text\n$/);
    rmSync(path);
    const init = new GatewayProcess(["--init", path]);
    assert.equal((await init.exited).status, 0);
    assert.match(readFileSync(path, "utf8"), /^storage: gateway$/m);
  });
});
