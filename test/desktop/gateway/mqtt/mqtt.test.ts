import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient, findSocket } from "../../../../desktop/control/control-client.js";
import { count } from "../../../support/random.js";
import { NodeProcess, cleanUp, freshFolder, freshPort } from "../../cli/node-process.js";
import { GatewayProcess, eventually, killGateways, requireSqlite, sqlite } from "../gateway-process.js";
import { Broker, endBrokers, requireBroker } from "./broker.js";

interface Sent { author: number; sequence: number; topic: string; key?: string; kind: string; value: unknown }

const ID = 77;
/** Rounds are short, so that the node and the gateway meet soon. */
const ROUND_MS = "200";

interface Setup { folder: string; gatewayPort: number; nodePort: number }

function setup(broker: Broker, mqtt = "", id = ID): Setup {
  const [folder, gatewayPort, nodePort] = [freshFolder(), freshPort(), freshPort()];
  writeFileSync(join(folder, "gateway.yaml"), `
storage: data
node: {listen: "127.0.0.1:${gatewayPort}", broadcast: none, id: ${id}, name: gate, interval: ${ROUND_MS}}
mqtt:
  url: ${broker.url}
${mqtt}`);
  return { folder, gatewayPort, nodePort };
}

async function startGateway({ folder }: Setup): Promise<GatewayProcess> {
  return new GatewayProcess([join(folder, "gateway.yaml")]).untilStarted();
}

function startNode({ folder, gatewayPort, nodePort }: Setup, ...more: string[]): NodeProcess {
  return new NodeProcess("--listen", `127.0.0.1:${nodePort}`, "--seed", `127.0.0.1:${gatewayPort}`, "--id", "5",
    "--broadcast", "none", "--interval", ROUND_MS, "--storage", join(folder, "node"), ...more);
}

async function control(storage: string): Promise<ControlClient> {
  return ControlClient.connect(await findSocket({ storage }));
}

function eventsOf(messages: { topic: string; payload: string }[]): Sent[] {
  return messages.filter(({ topic }) => topic.startsWith("chisme/events/"))
    .map(({ payload }) => JSON.parse(payload) as Sent);
}

/** What came for the first time, in the order of arrival. */
function firsts(events: Sent[]): Sent[] {
  return [...new Map(events.map((event) => [`${event.author} ${event.sequence}`, event])).values()];
}

describe("a gateway and an MQTT broker", function () {
  this.timeout(300000);
  before(function () {
    requireBroker(this, "mosquitto");
    requireSqlite(this);
  });
  afterEach(async () => {
    await killGateways();
    await endBrokers();
    await cleanUp();
  });

  it("shows nodes, values, events and latest values, and the end of a gateway by its last will", async () => {
    const broker = await new Broker("mosquitto").start();
    const all = await broker.subscriber("chisme/#");
    const found = await broker.subscriber("homeassistant/#");
    const place = setup(broker, "  homeAssistant: true\n");
    const gateway = await startGateway(place);
    const node = startNode(place, "--name", "a + b/#", "--value", '{"temp":21.5}');
    await eventually("the value is there", () => all.last("chisme/nodes/5/value") === '{"temp":21.5}');
    await eventually("the state is there", () => all.last("chisme/nodes/5/state") === "up");
    assert.equal((JSON.parse(all.last("chisme/nodes/5/info") ?? "") as { name: string }).name, "a + b/#");
    const discovery = JSON.parse(found.last("homeassistant/device/chisme_chisme_5/config") ?? "") as
      { device: { name: string }; components: { field_temp: { unit_of_measurement: string } } };
    assert.equal(discovery.device.name, "a + b/#");
    assert.equal(discovery.components.field_temp.unit_of_measurement, "°C");
    const asked = await control(join(place.folder, "node"));
    await asked.call("set", { topic: "room/+/x", key: "#", value: { on: true } });
    await eventually("the latest value is there", () => all.last("chisme/topics/room%2F%2B%2Fx/%23") === '{"on":true}');
    await eventually("the event is there", () => eventsOf(all.messages).some(({ topic }) => topic === "room/+/x"));
    await asked.call("remove", { topic: "room/+/x", key: "#" });
    await eventually("the latest value is gone", () => all.last("chisme/topics/room%2F%2B%2Fx/%23") === "");
    assert.equal(all.last("chisme/status"), "online");
    // Nothing is wrong before the first try to connect is over.
    assert.doesNotMatch(gateway.stderr, /no connection to the broker/);
    await gateway.kill();
    await eventually("the last will came", () => all.last("chisme/status") === "offline");
    await node.kill();
  });

  it("publishes what is retained anew when the broker has lost it, and removes a forgotten node", async () => {
    const broker = await new Broker("mosquitto", "").start();
    const place = setup(broker);
    const gateway = await startGateway(place);
    const node = startNode(place, "--value", "3");
    const all = await broker.subscriber("chisme/#");
    await eventually("the value is there", () => all.last("chisme/nodes/5/value") === "3");
    await broker.kill();
    // Nothing is left of what the broker knew.
    const empty = new Broker("mosquitto", "");
    Object.assign(empty, { port: broker.port });
    writeFileSync(join(empty.folder, "broker.conf"),
      readFileSync(join(broker.folder, "broker.conf"), "utf8").replace(broker.folder, empty.folder));
    await empty.start();
    const again = await empty.subscriber("chisme/#");
    await eventually("all is there again", () => again.last("chisme/nodes/5/value") === "3"
      && again.last("chisme/nodes/77/state") === "up" && again.last("chisme/status") === "online");
    await (await control(join(place.folder, "node"))).call("leave");
    await node.exited;
    await eventually("it left", () => again.last("chisme/nodes/5/state") === "left");
    await (await control(join(place.folder, "data"))).call("forget", { node: 5 });
    await eventually("it is forgotten", () => again.last("chisme/nodes/5/state") === ""
      && again.last("chisme/nodes/5/value") === "");
    assert.match(gateway.stderr, /mqtt: connected/);
  });

  it("does what the broker's messages ask for, each once", async () => {
    const broker = await new Broker("mosquitto").start();
    const place = setup(broker);
    const gateway = await startGateway(place);
    await gateway.until("it is connected", () => gateway.stderr.includes("mqtt: connected"));
    const client = await broker.client();
    const file = join(place.folder, "data", "gateway.db");
    await client.publishAsync("chisme/topics/lamp/hall%20way/set", '{"on":1}', { qos: 1 });
    await client.publishAsync("chisme/log/door/set", "open", { qos: 1 });
    await client.publishAsync("chisme/value/set", "20.5", { qos: 1 });
    const asked = await control(join(place.folder, "data"));
    await eventually("the value is set", async () =>
      (await asked.call<{ value: unknown }>("get", { topic: "lamp", key: "hall way" })).value !== undefined);
    for (let time = 0; time < 3; time++) {
      const properties = { userProperties: { id: "42" } };
      await client.publishAsync("chisme/log/bell/set", `"ring"`, { qos: 1, properties });
    }
    await client.publishAsync("chisme/nodes/nobody/state", "up", { qos: 1 });
    await client.publishAsync("chisme/log/do or/set", "x", { qos: 1 });
    await client.publishAsync("chisme/log/old/set", "x", { qos: 1, retain: true });
    await client.publishAsync(`chisme/log/${"x".repeat(40)}/set`, "1", { qos: 1 });
    await client.publishAsync("chisme/topics/lamp/hall%20way/set", "", { qos: 1 });
    await eventually("it is removed", async () =>
      (await asked.call<{ value: unknown }>("get", { topic: "lamp", key: "hall way" })).value === undefined);
    const stored = (): string[] =>
      sqlite<{ topic: string }>(file, "select topic from events order by number").map(({ topic }) => topic);
    await eventually("all is stored", () => stored().length === 5);
    assert.deepEqual(stored(),
      ["lamp", "door", "bell", "old", "lamp"]);
    // The broker has kept it, and sends it again to a gateway that connects: then it is no command.
    await gateway.kill();
    const second = await startGateway(place);
    await second.until("it was refused", () => second.stderr.includes("old/set: a retained message is no command"));
    assert.match(gateway.stderr, /do or\/set: a name in it is none/);
    assert.doesNotMatch(gateway.stderr, /nobody/, "a state of what is no node is no command");
    assert.match(gateway.stderr, /x{40}\/set: .*topic/);
  });

  it("loses no event while there is no broker, nor when it is killed, in the order of their author", async () => {
    const broker = new Broker("mosquitto", "max_queued_messages 0\nmax_inflight_messages 0\n");
    const place = setup(broker);
    const gateway = await startGateway(place);
    const asked = await control(join(place.folder, "data"));
    const total = count(10000, 1000);
    const add = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await asked.call("log", { topic: "n", value: n });
    };
    await add(0, total);
    assert.match(gateway.stderr, /mqtt: .*tried again/);
    await broker.start();
    const all = await broker.subscriber("chisme/events/#");
    await eventually("some came", () => all.messages.length > total / 10);
    await broker.kill();
    await add(total, total + 100);
    await broker.start();
    await gateway.kill();
    const second = await startGateway(place);
    await eventually(`all came: ${second.stderr}`, () => firsts(eventsOf(all.messages)).length === total + 100);
    const values = firsts(eventsOf(all.messages)).map(({ value }) => value);
    assert.deepEqual(values, Array.from({ length: total + 100 }, (_, n) => n));
  });

  it("tells of a wrong password once, and shows it in no line", async () => {
    const broker = new Broker("mosquitto");
    writeFileSync(join(broker.folder, "passwords"), "");
    const conf = join(broker.folder, "broker.conf");
    writeFileSync(conf, `${readFileSync(conf, "utf8").replace("allow_anonymous true", "allow_anonymous false")}
password_file ${join(broker.folder, "passwords")}\n`);
    await broker.start();
    const place = setup(broker, "  version: \"3.1.1\"\n  user: gate\n  passwordFile: password\n");
    writeFileSync(join(place.folder, "password"), "correct horse\n");
    const gateway = await startGateway(place);
    await gateway.until("it was refused", () => /mqtt: .*(Not authorized|Bad)/i.test(gateway.stderr));
    assert.ok(!gateway.stderr.includes("correct horse"));
    assert.equal((gateway.stderr.match(/uthorized/g) ?? []).length, 1);
    gateway.signal("SIGTERM");
    assert.equal((await gateway.exited).status, 0);
  });

  it("keeps names apart at nats-server, for which . and / are one", async function () {
    requireBroker(this, "nats-server");
    const broker = await new Broker("nats-server").start();
    // nats-server speaks MQTT 3.1.1 only.
    const place = setup(broker, "  version: \"3.1.1\"\n");
    const gateway = await startGateway(place);
    await gateway.until("it is connected", () => gateway.stderr.includes("mqtt: connected"));
    const asked = await control(join(place.folder, "data"));
    for (const key of ["a.b", "a/b", "a b", "a.b.", "+"]) await asked.call("set", { topic: "room.1", key, value: key });
    const client = await broker.client({ protocolVersion: 4 });
    const all = new Map<string, string>();
    client.on("message", (topic, payload) => all.set(topic, payload.toString()));
    await client.subscribeAsync("chisme/topics/#", { qos: 1 });
    await eventually("all five are there", () => all.size === 5);
    assert.deepEqual([...all.values()].sort(), [`"+"`, `"a b"`, `"a.b"`, `"a.b."`, `"a/b"`]);
  });
});
