import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../desktop/gateway/config.js";
import { GatewayLog } from "../../../desktop/gateway/gateway-log.js";
import { Gateway } from "../../../desktop/gateway/gateway.js";
import { ControlClient, findSocket } from "../../../desktop/control/control-client.js";
import { nodeIdentity } from "../../../desktop/platform/node-signing.js";
import { hexOf, readOwnerSecret } from "../../../desktop/platform/signing-folder.js";
import { NO_END_MS, NO_LIMIT, signAdmission } from "../../../src/signing/owner.js";
import { main } from "../../support/command-line.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../cli/node-process.js";
import { ask } from "../http/http-client.js";
import { GatewayProcess, eventually, killGateways, requireSqlite, sqlite } from "./gateway-process.js";
import { Broker, type Subscriber, endBrokers, requireBroker } from "./mqtt/broker.js";
import { NatsServer, endNats, manage, requireNats } from "./sites/nats-server.js";
import { logHolds } from "../../support/log-holds.js";

describe("a gateway of a network with signed events", function () {
  this.timeout(240000);

  let folder: string;
  let port: number;
  let owner: string;

  before(function () {
    requireBroker(this, "mosquitto");
    requireSqlite(this);
  });
  beforeEach(() => {
    folder = freshFolder();
    port = freshPort();
    chisme("identity", "new", "--owner", place("owner.key"));
    for (const name of ["data", "hall", "sensor"]) chisme("identity", "new", ...at(name));
    owner = /public key +(\w+)/.exec(chisme("identity", "show", "--owner", place("owner.key")))?.[1] ?? assert.fail();
  });
  afterEach(async () => {
    await killGateways();
    await endBrokers();
    await endNats();
    await cleanUp();
  });

  const place = (name: string): string => join(folder, name);
  const at = (name: string): string[] => ["--storage", place(name)];
  const chisme = (...args: string[]): string => execFileSync(process.execPath, [main, ...args],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trimEnd();
  const byOwner = (): string[] => ["--owner", place("owner.key"), ...at("data")];
  const admit = (name: string): string => chisme("admit", chisme("identity", "export", ...at(name)), ...byOwner());

  const config = (more = "", ofNode = `signed: true, owner: "${owner}"`): string => {
    const path = place("gateway.yaml");
    writeFileSync(path, `storage: data\nsqlite: {file: readings.db}\n`
      + `node: {listen: "127.0.0.1:${port}", broadcast: none, interval: 200, ${ofNode}}\n${more}`);
    return path;
  };
  const start = async (name: string, ...more: string[]): Promise<NodeProcess> => new NodeProcess("--listen",
    `127.0.0.1:${freshPort()}`, "--seed", `127.0.0.1:${port}`, "--interval", "200", "--broadcast", "none", "--name",
    name, "--json", "--signed", "--owner", owner, ...at(name), ...more).untilStarted();
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    const id = ids.get(place(name)) ?? Number(chisme("identity", "export", ...at(name)).split(" ")[0]);
    ids.set(place(name), id);
    return id;
  };
  const refusals = async (): Promise<number> => {
    const client = await ControlClient.connect(await findSocket({ storage: place("data") }));
    const { drops } = await client.call<{ drops: { signature: number } }>("stats");
    client.close();
    return drops.signature;
  };

  it("what it brings in is signed in its name; a device that is not admitted, or revoked, never reaches the broker",
    async () => {
      const broker = await new Broker("mosquitto").start();
      const all = await broker.subscriber("chisme/#");
      const http = freshPort();
      const gateway = await new GatewayProcess([config(`mqtt: {url: "${broker.url}"}
http: {listen: "127.0.0.1:${http}", write: true}
publish: [{topic: leases, everySeconds: 60, command: "echo '{\\"desk\\":1}'"}]
`)]).untilStarted();
      await gateway.until("it is connected", () => gateway.stderr.includes("mqtt: connected"));
      const [hall, sensor] = await Promise.all([start("hall"), start("sensor")]);
      for (const name of ["data", "hall"]) admit(name);

      const client = await broker.client();
      await client.publishAsync("chisme/log/bell/set", "ring", { qos: 1 });
      const body = JSON.stringify({ action: "set", topic: "lamp", key: "hall", value: true });
      const headers = { "content-type": "application/json" };
      assert.equal((await ask(http, "/v1/actions", { method: "POST", headers, body })).status, 200);
      const arrived = (): string[] => hall.events.flatMap((event) =>
        event.event === "feedEvent" && event.author === idOf("data") && event.topic !== "+admit"
          ? [`${event.topic} ${event.key ?? ""} ${JSON.stringify(event.value)}`] : []);
      await hall.until("all that the gateway brings in is there", () => new Set(arrived()).size === 3);
      assert.deepEqual(arrived().sort(), ['bell  "ring"', "lamp hall true", "leases desk 1"]);

      sensor.write("log door early\n");
      await eventually("it was refused", async () => await refusals() > 0);
      hall.write("log door hello\n");
      await untilDoor(all, "hello");
      admit("sensor");
      await untilDoor(all, "hello", "early");
      chisme("revoke", "sensor", ...byOwner());
      const before = await refusals();
      sensor.write("log door stolen\n");
      await eventually("it was refused", async () => await refusals() > before);
      hall.write("log door after\n");
      await untilDoor(all, "hello", "early", "after");
      assert.ok(all.messages.every(({ payload }) => !payload.includes("stolen")));
      const stored = sqlite<{ value: string }>(place("readings.db"), "SELECT value FROM events WHERE topic = 'door'");
      assert.deepEqual(stored.map(({ value }) => value), ['"hello"', '"early"', '"after"']);
    });

  async function untilDoor(subscriber: Subscriber, ...wanted: string[]): Promise<void> {
    const values = (): unknown[] => subscriber.messages.filter(({ topic }) => /^chisme\/events\/\d+\/door$/.test(topic))
      .map(({ payload }) => (JSON.parse(payload) as { value: unknown }).value);
    await eventually(`the broker has ${wanted.join()}`, () => values().length >= wanted.length);
    assert.deepEqual(values(), wanted);
  }

  it("--check and the start say what is wrong with the fields, with line and column", () => {
    writeFileSync(place("text"), "hello\n");
    const problemOf = (ofNode: string, storage = "data"): string => {
      const path = config("", ofNode);
      writeFileSync(path, readFileSync(path, "utf8").replace("storage: data", `storage: ${storage}`));
      try {
        new Gateway(loadConfig(path), new GatewayLog(() => undefined), () => undefined).check();
      } catch (error) {
        return (error as Error).message.replaceAll(folder, "");
      }
      return "";
    };
    assert.equal(problemOf("signed: true"), "");
    assert.equal(problemOf(`signed: true, owner: ${owner}`), "");
    const wrong: [string, RegExp][] = [
      ["owner: x", /^\/gateway.yaml:3:7: node: owner has no effect without signed$/],
      ["signed: false, owner: text", /^\S+3:\d+: node.owner: has no effect without node.signed: true$/],
      ["signed: yes please", /^\S+3:\d+: node.signed: "yes please" is not true or false$/],
      ["signed: true, owner: nowhere", /^\S+3:\d+: node.owner: \S*\/nowhere is neither a public key .* nor a file/],
      ["signed: true, owner: text", /^\S+3:\d+: node.owner: \/text is neither a public key of 64 hex digits nor a card$/],
      ["signed: true, owner: owner.key", /^\S+3:\d+: node.owner: \/owner.key is the owner's private key/],
    ];
    for (const [ofNode, problem] of wrong) assert.match(problemOf(ofNode), problem);
    assert.match(problemOf("signed: true", "attic"),
      /^\S+3:\d+: node.signed: \/attic has no identity: chisme identity new --storage \/attic$/);
    assert.ok(!existsSync(place("attic")), "it makes no folder");
    assert.match(chisme("gateway", "--check", config("", `signed: true, owner: ${owner}`)), /: ok$/);
  });

  it("SIGHUP has it sign from then on, and read a card again; a wrong owner is refused and all is as before",
    async () => {
      const gateway = await new GatewayProcess([config("", "id: 77")]).untilStarted();
      const signingOf = async (): Promise<{ owner?: string; admitted: unknown[] } | undefined> => {
        const client = await ControlClient.connect(await findSocket({ storage: place("data") }));
        return client.call<{ owner: string; admitted: unknown[] }>("signing").catch(() => undefined)
          .finally(() => client.close());
      };
      assert.equal(await signingOf(), undefined);
      const reload = async (ofNode: string, count: number): Promise<void> => {
        config("", ofNode);
        gateway.signal("SIGHUP");
        await gateway.until("it took it", () => gateway.stdout.split("gateway: reloaded").length === count + 1);
      };
      writeFileSync(place("card"), `owner ${owner}\n`);
      await reload("id: 77, signed: true, owner: card", 1);
      assert.deepEqual(await signingOf().then((state) => [state?.owner, state?.admitted.length]), [owner, 0]);
      chisme("admit", "77", ...byOwner());
      const identity = nodeIdentity(readOwnerSecret(place("owner.key")));
      const admission = signAdmission({
        version: 1, author: 5, key: new Uint8Array(32), generation: NO_LIMIT, sequence: NO_LIMIT, untilMs: NO_END_MS,
      }, 0, (message) => identity.sign(message));
      appendFileSync(place("card"), `admission ${hexOf(admission)}\n`);
      await reload("id: 77, signed: true, owner: card", 2);
      assert.equal((await signingOf())?.admitted.length, 2);
      config("", "id: 77, signed: true, owner: nowhere");
      gateway.signal("SIGHUP");
      await gateway.until("it refused it", () => gateway.stderr.includes("the old one stays"));
      assert.match(gateway.stderr, /warning: gateway: \S+:3:\d+: node.owner: \S+ is neither a public key of 64 hex digits nor a file/);
      assert.equal((await signingOf())?.admitted.length, 2);
      gateway.signal("SIGTERM");
      assert.equal((await gateway.exited).status, 0);
    });

  it("what it kept before it signed comes from no signature, and is not shown; what it verified outlives kill -9",
    async () => {
      const before = await new GatewayProcess([config("", "id: 77")]).untilStarted();
      const plain = await new NodeProcess("--listen", `127.0.0.1:${freshPort()}`, "--seed", `127.0.0.1:${port}`,
        "--interval", "200", "--broadcast", "none", "--id", "9", "--json").untilStarted();
      plain.write("log door unsigned\n");
      const shown = (): string => chisme("events", "--topic", "door", ...at("data"));
      await eventually("it is there", () => shown().includes("unsigned"));
      await Promise.all([before.kill(), plain.kill()]);
      const ofNode = `id: 77, signed: true, owner: "${owner}"`;
      const gateway = await new GatewayProcess([config("", ofNode)]).untilStarted();
      assert.equal(shown(), "");
      const hall = await start("hall");
      for (const name of ["data", "hall"]) admit(name);
      hall.write("log door signed\n");
      await eventually("it is kept", () => logHolds(place("data/signed-feeds"), "signed"));
      await Promise.all([gateway.kill(), hall.kill()]);
      await new GatewayProcess([config("", ofNode)]).untilStarted();
      assert.match(shown(), /^[^\n]*"signed"[^\n]*$/);
    });

  it("events of other sites are its own word: the stream has no signatures, and what is imported is signed by it",
    async function () {
      requireNats(this);
      const server = await new NatsServer().start();
      const sites = `site: SITE\nsites: {servers: ["${server.url}"], import: [door]}\n`;
      await new GatewayProcess([config(sites.replace("SITE", "home"))]).untilStarted();
      const hall = await start("hall");
      for (const name of ["data", "hall"]) admit(name);
      // Anybody who may publish in the stream speaks for a site, and for each of its authors.
      const { connection: stream } = await manage([server.url]);
      const event = { timeMs: Date.now(), counter: 0, kind: "set", key: "front", value: "open", ttlMs: 0,
        generation: 4, sequence: 1 };
      await eventually("the stream is there", async () =>
        (await stream.request("chisme.away.9.door", JSON.stringify(event), { timeout: 1000 }))
          .string().includes("seq"));
      await hall.until("it is imported", () => hall.events.some((one) =>
        one.event === "feedEvent" && one.topic === "door" && one.key === "@away/front" && one.author === idOf("data")));
    });

  it("follows a change of the network's key, also after a restart; a revoked device is locked out", async () => {
    writeFileSync(place("old-key"), `${"5c".repeat(32)}\n`);
    const path = config("", `signed: true, owner: "${owner}", keyFile: old-key`);
    let gateway = await new GatewayProcess([path]).untilStarted();
    const byHand = ["--key-file", place("old-key")];
    const [hall, sensor] = await Promise.all([start("hall", ...byHand), start("sensor", ...byHand)]);
    for (const name of ["data", "hall", "sensor"]) admit(name);
    const stored = (value: number): boolean => sqlite(place("readings.db"),
      `SELECT 1 FROM events WHERE topic = 'door' AND value = '${value}'`).length === 1;
    sensor.write("log door 1\n");
    await eventually("an event of the sensor is stored", () => stored(1));
    chisme("revoke", String(idOf("sensor")), ...byOwner());
    const confirmed = async (step: string): Promise<void> => eventually(`all confirmed: ${step}`, () => {
      const status = chisme("rekey", "status", ...at("data"));
      return status.split("\n").filter((line) => line.includes(step)).length === 2;
    });
    chisme("rekey", "new", ...byOwner());
    await confirmed("opens frames");
    chisme("rekey", "switch", ...byOwner());
    await confirmed("seals with it");
    chisme("rekey", "end", ...byOwner());
    await confirmed("has no older one");
    await gateway.kill();
    gateway = await new GatewayProcess([path]).untilStarted();
    await gateway.until("the warning", () => gateway.stderr.includes("given by hand is not used"));
    sensor.write("log door 2\n");
    hall.write("log door 3\n");
    await eventually("an event under the new key is stored", () => stored(3));
    assert.equal(stored(2), false);
    const client = await ControlClient.connect(await findSocket({ storage: place("data") }));
    await eventually("the sensor is dropped", async () =>
      (await client.call<{ drops: { seal: number } }>("stats")).drops.seal > 0);
    client.close();
  });
});
