import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type IClientOptions, type IPublishPacket, type MqttClient, connectAsync } from "mqtt";
import { freshFolder, freshPort } from "../../cli/node-process.js";
import { eventually } from "../gateway-process.js";

const brokers = new Set<Broker>();
const clients = new Set<MqttClient>();

/** For `before`: skips the tests where a broker of Debian is missing; in CI it fails. */
export function requireBroker(context: Mocha.Context, program: "mosquitto" | "nats-server"): void {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
  } catch {
    if (process.env.CI === "true") assert.fail(`${program} is missing`);
    process.stderr.write(`skipped: ${program} is missing\n`);
    context.skip();
  }
}

/** For `afterEach`. */
export async function endBrokers(): Promise<void> {
  await Promise.all([...clients].map((client) => client.endAsync(true)));
  clients.clear();
  await Promise.all([...brokers].map((broker) => broker.kill()));
}

/** A broker of its own on a free port of 127.0.0.1, with a configuration and data in a temporary folder. */
export class Broker {
  readonly port = freshPort();
  readonly folder = freshFolder();
  private readonly program: "mosquitto" | "nats-server";
  private child: ChildProcess | undefined;

  /** @param lines further lines of its configuration */
  constructor(program: "mosquitto" | "nats-server", lines = "") {
    this.program = program;
    const text = program === "mosquitto"
      ? `listener ${this.port} 127.0.0.1\npersistence true\npersistence_location ${this.folder}/\n`
        + `autosave_on_changes true\nautosave_interval 1\nallow_anonymous true\nuser root\n${lines}`
      : `listen: "127.0.0.1:${freshPort()}"\nserver_name: test\njetstream { store_dir: "${this.folder}" }\n`
        + `mqtt { listen: "127.0.0.1:${this.port}" }\n${lines}`;
    writeFileSync(join(this.folder, "broker.conf"), text);
  }

  get url(): string { return `mqtt://127.0.0.1:${this.port}`; }

  async start(): Promise<this> {
    this.child = spawn(this.program, ["-c", join(this.folder, "broker.conf")], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    this.child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    brokers.add(this);
    await eventually(`${this.program} answers`, async () => {
      assert.equal(this.child?.exitCode, null, `${this.program} ended: ${stderr}`);
      const socket = connect(this.port, "127.0.0.1");
      try {
        await once(socket, "connect");
        return true;
      } finally {
        socket.destroy();
      }
    });
    return this;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    brokers.delete(this);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "close");
  }

  async client(options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(this.url, { protocolVersion: 5, reconnectPeriod: 200, ...options });
    client.on("error", () => undefined);
    clients.add(client);
    return client;
  }

  /** Gets all of `filter`, over restarts of the broker, too. */
  async subscriber(filter: string, options: IClientOptions = {}): Promise<Subscriber> {
    const client = await this.client({ ...options, clientId: `subscriber-${clients.size}-${process.pid}`, clean: false,
      properties: { sessionExpiryInterval: 3600 } });
    const subscriber = new Subscriber();
    client.on("message", (topic, payload, packet) => subscriber.add(topic, payload.toString(), packet));
    await client.subscribeAsync(filter, { qos: 1 });
    return subscriber;
  }
}

export class Subscriber {
  readonly messages: { topic: string; payload: string; retain: boolean }[] = [];

  add(topic: string, payload: string, { retain }: IPublishPacket): void {
    this.messages.push({ topic, payload, retain });
  }

  /** The last message of a topic. */
  last(topic: string): string | undefined {
    return this.messages.findLast((message) => message.topic === topic)?.payload;
  }
}
