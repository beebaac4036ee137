import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../../../desktop/gateway/config.js";
import { Gateway } from "../../../../desktop/gateway/gateway.js";
import { GatewayLog } from "../../../../desktop/gateway/gateway-log.js";
import { eventually, requireSqlite } from "../gateway-process.js";
import { NatsServer, manage, requireNats } from "./nats-server.js";
import { Site, SiteGateway, endSites } from "./site.js";

describe("sites joined by NATS JetStream", function () {
  this.timeout(300000);

  before(function () {
    requireNats(this);
    requireSqlite(this);
  });

  afterEach(endSites);

  it("have each other's events as they were: odd names, bytes, removals; once, from two gateways", async () => {
    const server = await new NatsServer().start();
    const lines = `  servers: ["${server.url}"]\n`;
    const home = await new Site("at home: a.b > *", 2, lines).start();
    const away = await new Site("away", 1, lines).start();
    const [one, other] = home.addNodes(2);
    const [far] = away.addNodes(1);
    const topics = ["+/#", "a/b", "a.b", "a.*", ">", " ", "дверь", "%", "\n", "a/./b"];
    for (const topic of topics) one.log(topic, topic);
    other.log("raw", new Uint8Array([0, 255]));
    other.log("raw", { deep: [new Uint8Array([1])], none: undefined, big: Infinity });
    other.log("raw", null);
    one.set("voucher", "7", { paid: true }, { ttlMs: 3600000 });
    one.set("voucher", "", 1);
    one.remove("voucher", "7");
    one.set("+hosts", "desk", "10.0.0.1");
    one.withdraw("+hosts", "desk");
    far.log("hello", "from afar");
    const fields = "author, time_ms, counter, kind, generation, sequence, topic, key, ttl_ms, hex(value) AS value";
    const own = (gateway = home.gateways[0]): unknown[] =>
      gateway.rows(`SELECT ${fields} FROM events WHERE site = 0 ORDER BY author, sequence`);
    const foreign = (gateway = away.gateways[0]): unknown[] =>
      gateway.rows(`SELECT ${fields} FROM events WHERE site <> 0 ORDER BY author, sequence`);
    // Of values that follow each other closely a node may publish the last one only.
    const count = topics.length + 6;
    await eventually("all are there", () => own().length >= count && own(home.gateways[1]).length === own().length
      && foreign().length === own().length);
    assert.deepEqual(foreign(), own());
    assert.deepEqual(away.gateways[0].rows("SELECT name FROM sites ORDER BY id"), [{ name: "" }, { name: home.name }]);
    const names = away.gateways[0].rows(
      "SELECT DISTINCT author_name AS name FROM event_list WHERE site <> '' AND author = 1");
    assert.deepEqual(names, [{ name: one.row(1)?.name }]);
    for (const gateway of home.gateways) {
      await eventually("the other site's event is there", () => foreign(gateway).length === 1);
      assert.equal(gateway.count("sites"), 2, "its own events did not come back as another site's");
    }
    one.log("\u0000", "a name of its own");
    await eventually("it is there", () => away.gateways[0].count("events WHERE topic = x'00'") === 1);
    for (const { output } of [...home.gateways, ...away.gateways]) assert.doesNotMatch(output, /warning: sites/);
  });

  it("lose nothing while there is no server, a gateway is killed, and a server restarts", async () => {
    const server = new NatsServer();
    const lines = `  servers: ["${server.url}"]\n`;
    const home = new Site("home", 1, lines);
    const away = await new Site("away", 1, lines).start();
    const [author] = home.addNodes(1);
    let published = 0;
    const publish = (count: number): void => {
      for (const end = published + count; published < end; published++) author.log("count", published);
    };
    const [gateway, other] = [home.gateways[0], away.gateways[0]];
    const arrived = (): number[] => other.rows<{ value: string }>(
      "SELECT value FROM events WHERE site <> 0 AND topic = 'count' ORDER BY number").map(({ value }) => Number(value));
    const first = await gateway.spawn();
    publish(300);
    await eventually("the database has them", () => gateway.count("events WHERE topic = 'count'") === 300);
    await first.kill();
    publish(300);
    await server.start();
    const second = await gateway.spawn();
    await eventually("some arrived", () => arrived().length > 100);
    await second.kill();
    await server.kill();
    publish(300);
    const third = await gateway.spawn();
    await eventually("the database has them", () => gateway.count("events WHERE topic = 'count'") === published);
    await third.until("it says so", () => third.stderr.includes("tried again each 2 s"));
    await server.start();
    await eventually("all arrived", () => arrived().length >= published);
    assert.deepEqual(arrived(), Array.from({ length: published }, (_one, number) => number));
    assert.match(other.output, /connection refused; tried again/);
    await third.kill();
  });

  it("are refused without a name, a secret, or with two kinds of them", () => {
    const gateway = new SiteGateway("home", 1, "", undefined);
    const check = (lines: string, change = (text: string): string => text): void => {
      const file = gateway.configuration(`  servers: ["nats://127.0.0.1"]\n${lines}`);
      writeFileSync(file, change(readFileSync(file, "utf8")));
      new Gateway(loadConfig(file), new GatewayLog(() => undefined), () => undefined).check();
    };
    check("");
    assert.throws(() => check("", (text) => text.replace(/^site:.*/, "")), /sites: this site needs a name: site/);
    assert.throws(() => check("  user: a\n  passwordFile: missing\n"), /sites\.passwordFile: ENOENT/);
    assert.throws(() => check("  credentialsFile: missing\n"), /sites\.credentialsFile: ENOENT/);
    assert.throws(() => check("  caFile: missing\n"), /sites\.caFile: ENOENT/);
    assert.throws(() => check("  user: a\n"), /passwordFile or passwordEnv is missing/);
    assert.throws(() => check("  tokenFile: a\n  tokenEnv: B\n"), /two of a kind/);
    assert.throws(() => check("  replicas: 2\n"), /sites\.replicas: 2 is none of 1, 3, 5/);
    assert.throws(() => check("", (text) => text.replace("nats://", "nats://user:pass@")), /sites\.servers\.0/);
  });

  it("tell a wrong password once, and show no secret", async () => {
    const server = await new NatsServer({ lines: "authorization { user: gate, password: right-secret }" }).start();
    const lines = `  servers: ["${server.url}"]\n  user: gate\n  passwordFile: password\n`;
    const home = new Site("home", 1, lines);
    const [gateway] = home.gateways;
    writeFileSync(join(gateway.folder, "password"), "wrong-secret\n");
    await gateway.start();
    await eventually("it is told", () => gateway.output.includes("warning: sites"));
    await sleep(5000);
    assert.equal(gateway.lines.filter((line) => /warning: sites/.test(line)).length, 1, gateway.output);
    assert.match(gateway.output, /authorization violation/i);
    assert.doesNotMatch(gateway.output, /secret/);
    await gateway.close();
    writeFileSync(join(gateway.folder, "password"), "right-secret\n");
    await gateway.start();
    await eventually("it connects", () => gateway.output.includes("connected to"));
    assert.doesNotMatch(gateway.output, /secret/);
  });

  it("leave a stream of another configuration: one that loses events is refused, other limits are told", async () => {
    const server = await new NatsServer().start();
    const { manager } = await manage([server.url]);
    await manager.streams.add({ name: "queue", subjects: ["queue.>"], retention: "workqueue" });
    await manager.streams.add({ name: "few", subjects: ["few.>"], max_msgs_per_subject: 1 });
    await manager.streams.add({ name: "elsewhere", subjects: ["somewhere.>"] });
    await manager.streams.add({ name: "small", subjects: ["small.>"], max_bytes: 1000000, storage: "memory" });
    const home = new Site("home", 1, "");
    const [gateway] = home.gateways;
    const refused = {
      queue: /retention workqueue/, few: /only 1 messages/, elsewhere: /subjects somewhere\.>, and not elsewhere\.>/,
    };
    for (const [stream, message] of Object.entries(refused)) {
      await gateway.start(`  servers: ["${server.url}"]\n  stream: ${stream}\n`);
      await eventually("it is refused", () => message.test(gateway.output));
      await gateway.close();
      assert.equal((await manager.streams.info(stream)).state.messages, 0);
    }
    home.addNodes(1)[0].log("hello", 1);
    await gateway.start(`  servers: ["${server.url}"]\n  stream: small\n`);
    await eventually("the event is there", async () => (await manager.streams.info("small")).state.messages === 1);
    assert.match(gateway.output, /stream small keeps events for ever, and sites.days says 30 days; it stays as it is/);
    assert.match(gateway.output, /stream small holds 1000000 bytes/);
    assert.match(gateway.output, /stream small is only in memory/);
  });

  it("tell a gap with numbers, and fill a stream that was lost", async () => {
    const server = await new NatsServer().start();
    const lines = `  servers: ["${server.url}"]\n`;
    const home = await new Site("home", 1, lines).start();
    const away = new Site("away", 1, lines);
    const late = new Site("late", 1, lines);
    const [gateway] = away.gateways;
    await gateway.start();
    const [author] = home.addNodes(1);
    const { manager } = await manage([server.url]);
    const last = async (): Promise<number> => (await manager.streams.info("chisme")).state.last_seq;
    author.log("count", 0);
    await eventually("one arrived", () => gateway.count("events") === 1);
    await gateway.close();
    for (let number = 1; number <= 9; number++) author.log("count", number);
    await eventually("all are in the stream", async () => await last() === 10);
    await manager.streams.purge("chisme", { seq: 8 });
    await gateway.start();
    await eventually("the rest arrived", () => gateway.count("events") === 4);
    assert.match(gateway.output, /gap: 6 messages, 2 to 7, are no longer in the stream/);
    await manager.streams.delete("chisme");
    await eventually("another one was made", () => last().then((number) => number >= 10, () => false));
    await eventually("what was missing arrived", () => gateway.count("events") === 10);
    await late.gateways[0].start();
    await eventually("a new gateway gets all", () => late.gateways[0].count("events") === 10);
  });

  it("skip messages that are no events, and go on", async () => {
    const server = await new NatsServer().start();
    const home = await new Site("home", 1, `  servers: ["${server.url}"]\n`).start();
    const [gateway] = home.gateways;
    await eventually("it connected", () => gateway.output.includes("connected to"));
    const { connection } = await manage([server.url]);
    const event = { timeMs: 5, counter: 0, kind: "log", value: 1, ttlMs: 0, generation: 0, sequence: 1 };
    const send = (subject: string, message: unknown): void =>
      connection.publish(`chisme.${subject}`, typeof message === "string" ? message : JSON.stringify(message));
    send("x", event);
    send("away.1.a b".replace(" ", "%2"), event);
    send("away.4294967296.count", event);
    send("away.1.count", "{");
    send("away.1.count", [event]);
    send("away.1.count", { ...event, timeMs: -1 });
    send("away.1.count", { ...event, kind: "push" });
    send("away.1.count", { ...event, key: "k" });
    send("away.1.count", { ...event, kind: "set" });
    send("away.1.count", { ...event, kind: "set", key: "k".repeat(32) });
    send(`away.1.${"t".repeat(32)}`, event);
    send("away.1.count", { ...event, authorName: "n".repeat(25) });
    send("home.1.count", event);
    send("away.1.count", event);
    send("away.1.count", event);
    await eventually("the event is there", () => gateway.count("events") === 1);
    assert.deepEqual(gateway.rows("SELECT site, author, topic, value FROM event_list"),
      [{ site: "away", author: 1, topic: "count", value: "1" }]);
    assert.match(gateway.output, /message 1, "chisme.x": its subject is not STREAM.SITE.AUTHOR.TOPIC; skipped/);
  });
});
