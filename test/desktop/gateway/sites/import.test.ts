import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, requireSqlite } from "../gateway-process.js";
import { NatsServer, requireNats } from "./nats-server.js";
import { Site, type SiteGateway, endSites } from "./site.js";

interface Entry { topic: string; key: string; value: string }

describe("import of topics of other sites", function () {
  this.timeout(300000);

  before(function () {
    requireNats(this);
    requireSqlite(this);
  });

  afterEach(endSites);

  /** What counts in the gateway's own network of other sites, as "topic key value". */
  const imported = (gateway: SiteGateway): string[] => gateway.rows<Entry>(
    `SELECT topic, key, value FROM winners WHERE site = '' AND key LIKE '@%' AND topic <> '+gateways'
      ORDER BY topic, key`)
    .map(({ topic, key, value }) => `${topic} ${key} ${value}`);
  const logs = (gateway: SiteGateway): { "@site": string; author: number; value: unknown }[] =>
    gateway.rows<{ value: string }>(
      "SELECT value FROM events WHERE site = 0 AND kind = 'log' AND topic = 'alarm' ORDER BY number")
      .map(({ value }) => JSON.parse(value) as { "@site": string; author: number; value: unknown });
  const numbers = (gateway: SiteGateway): unknown[] => logs(gateway).map(({ value }) => value);
  const upTo = (count: number): number[] => Array.from({ length: count }, (_one, number) => number);

  it("publishes them once, though two gateways could, also after kill -9 of one; and nothing comes back", async () => {
    const server = await new NatsServer().start();
    const lines = `  servers: ["${server.url}"]\n  import: [door, +hosts, alarm]\n`;
    const home = new Site("home", 2, lines);
    const away = await new Site("away", 1, lines).start();
    const [one, other] = home.gateways;
    const first = await one.spawn();
    await other.start();
    home.addNodes(1);
    const [far, further] = away.addNodes(2);
    far.set("door", "front", { open: true });
    far.set("door", "back", 1);
    far.set("secret", "not", "imported");
    far.set("+hosts", "desk", "10.0.0.1");
    further.set("+hosts", "desk", "10.0.0.2");
    upTo(15).forEach((number) => far.log("alarm", number));
    const hosts = ['+hosts @away/1/desk "10.0.0.1"', '+hosts @away/2/desk "10.0.0.2"'];
    for (const gateway of home.gateways) {
      await eventually("values are there", () => imported(gateway).length === 4);
      assert.deepEqual(imported(gateway), [...hosts, "door @away/back 1", 'door @away/front {"open":true}']);
      await eventually("log events are there", () => numbers(gateway).length === 15);
      assert.deepEqual(numbers(gateway), upTo(15));
    }
    assert.deepEqual(Object.keys(logs(one)[0]).sort(), ["@site", "author", "counter", "timeMs", "value"]);
    const authors = (): unknown[] =>
      other.rows("SELECT DISTINCT author FROM events WHERE site = 0 AND topic IN ('door', 'alarm')");
    assert.deepEqual(authors(), [{ author: one.id }], "the gateway with the lowest id did it");
    await first.kill();
    far.remove("door", "back");
    further.withdraw("+hosts", "desk");
    upTo(30).slice(15).forEach((number) => far.log("alarm", number));
    await eventually("the other gateway does it", () => numbers(other).length === 30 && imported(other).length === 2);
    assert.deepEqual(numbers(other), upTo(30));
    assert.deepEqual(imported(other), [hosts[0], 'door @away/front {"open":true}']);
    assert.deepEqual(authors(), [{ author: one.id }, { author: other.id }]);
    const again = await one.spawn();
    far.log("alarm", 30);
    await eventually("it is there", () => numbers(one).length >= 31 && numbers(other).length >= 31);
    await sleep(3000);
    for (const gateway of home.gateways) assert.deepEqual(numbers(gateway), upTo(31));
    assert.equal(away.gateways[0].count("events WHERE site <> 0"), 0, "nothing came back");
    await again.kill();
  });

  it("leaves out what is too long for this network, and says so once", async () => {
    const server = await new NatsServer().start();
    const lines = `  servers: ["${server.url}"]\n`;
    const home = await new Site("home", 1, `${lines}  import: [door, alarm]\n`).start();
    const away = await new Site("away", 1, lines).start();
    const [far] = away.addNodes(1);
    far.set("door", "k".repeat(31), 1);
    far.log("alarm", "v".repeat(180));
    far.log("alarm", 0);
    far.set("door", "front", 1);
    const [gateway] = home.gateways;
    await eventually("the rest is there", () => numbers(gateway).includes(0) && imported(gateway).length === 1);
    assert.match(gateway.output, /import: door @away\/k+: .*key.*; it is left out/);
  });
});
