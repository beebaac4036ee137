import { type IClientOptions, type IClientPublishOptions, type IPublishPacket, type MqttClient, connect } from "mqtt";
import { connectionProblem } from "../connection-problem.js";
import type { PartLog } from "../gateway-log.js";

const RECONNECT_MS = 2000;
/** The broker keeps the session of a gateway that is away for so long, in seconds. */
const SESSION_S = 604800;
const CLOSE_MS = 1000;

/**
 * Handles a message; then the broker is told that it arrived. Where it throws, the connection ends, and the broker
 * sends the message again over the next one.
 */
export type MessageHandler = (topic: string, packet: IPublishPacket) => void;

export interface MqttConnectionOptions {
  url: string;
  client: IClientOptions & { clientId: string; protocolVersion: 4 | 5 };
  subscriptions: string[];
  /** Retained topic that says whether the gateway is connected. */
  statusTopic: string;
  log: PartLog;
  onConnect: () => void;
  onMessage: MessageHandler;
}

/** One connection to a broker, made again whenever it ends. */
export class MqttConnection {
  private readonly options: MqttConnectionOptions;
  private readonly waiting = new Set<(error: Error) => void>();
  private client: MqttClient | undefined;
  /** Until the first try to connect is over: before that, nothing is wrong. */
  private readonly firstTry: Promise<void>;
  private endFirstTry: () => void = () => undefined;
  private isOnline = false;
  private lastProblem = "";

  constructor(options: MqttConnectionOptions) {
    this.options = options;
    this.firstTry = new Promise((resolve) => { this.endFirstTry = resolve; });
  }

  get isConnected(): boolean { return this.isOnline; }

  start(): void {
    const { url, client, statusTopic, onMessage } = this.options;
    const mqtt = connect(url, {
      ...client, clean: false, resubscribe: false, reconnectPeriod: RECONNECT_MS, reconnectOnConnackError: true,
      queueQoSZero: false,
      ...client.protocolVersion === 5 && { properties: { sessionExpiryInterval: SESSION_S } },
      will: { topic: statusTopic, payload: Buffer.from("offline"), qos: 1, retain: true },
    });
    this.client = mqtt;
    // The broker is told that a message arrived only after the node has taken it.
    mqtt.handleMessage = (packet, done) => {
      try {
        onMessage(String(packet.topic), packet);
        done();
      } catch (error) {
        this.problem((error as Error).message);
        mqtt.stream.destroy();
      }
    };
    mqtt.on("connect", () => this.connected(mqtt));
    mqtt.on("error", (error) => {
      this.problem(error.message === "" ? (error as NodeJS.ErrnoException).code : error.message);
    });
    mqtt.on("close", () => {
      if (this.isOnline) this.problem("the connection ended");
      this.isOnline = false;
      this.endFirstTry();
    });
  }

  /** Publishes with QoS 1. @throws (rejects) Error when there is no connection, or at the end */
  async publish(topic: string, payload: string, options: IClientPublishOptions = {}): Promise<void> {
    await this.firstTry;
    const { client } = this;
    if (client === undefined || !this.isOnline) throw new Error("there is no connection to the broker");
    return new Promise<void>((resolve, reject) => {
      this.waiting.add(reject);
      client.publish(topic, payload, { qos: 1, ...options }, (error) => {
        this.waiting.delete(reject);
        if (error === undefined || error === null) resolve();
        else reject(new Error(`${topic}: the broker refused it: ${error.message}`));
      });
    });
  }

  unsubscribe(topic: string): void {
    if (this.isOnline) this.client?.unsubscribe(topic);
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.endFirstTry();
    if (client === undefined) return;
    const { statusTopic } = this.options;
    if (this.isOnline) await withTimeout(client.publishAsync(statusTopic, "offline", { qos: 1, retain: true }));
    this.isOnline = false;
    await withTimeout(client.endAsync(true));
    for (const reject of this.waiting) reject(new Error("the gateway ends"));
    this.waiting.clear();
  }

  private connected(client: MqttClient): void {
    const { subscriptions, statusTopic, log, url, onConnect } = this.options;
    client.subscribe(subscriptions, { qos: 1 }, (error, granted) => {
      const refused = granted?.filter(({ qos }) => qos >= 128).map(({ topic }) => topic) ?? [];
      if (error !== null && error !== undefined && refused.length === 0) log.warn(`subscribe: ${error.message}`);
      if (refused.length > 0) log.warn(`subscribe: the broker refuses ${refused.join(", ")}`);
      log.info(`connected to ${withoutPassword(url)}`);
    });
    client.publish(statusTopic, "online", { qos: 1, retain: true });
    this.isOnline = true;
    this.lastProblem = "";
    this.endFirstTry();
    onConnect();
  }

  /** Says what is wrong once, until it is something else. */
  private problem(text = "unknown error"): void {
    const message = connectionProblem(text);
    if (message === this.lastProblem) return;
    this.lastProblem = message;
    const { log, url } = this.options;
    log.warn(`${withoutPassword(url)}: ${message}; tried again each ${RECONNECT_MS / 1000} s`);
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

async function withTimeout(promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([promise.catch(() => undefined), late]);
  clearTimeout(timer);
}
