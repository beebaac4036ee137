import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { IPublishPacket } from "mqtt";
import type { CborValue, FeedEvent, NodeRow } from "../../../src/gossip.js";
import { EVENTS_MAX } from "../../control/node-queries.js";
import { bytesAsHex } from "../../control/json.js";
import type { GatewayEvent, GatewayNodeState, GatewayOutput, OutputContext } from "../output.js";
import { readSecret } from "../secrets.js";
import { HomeAssistant } from "./home-assistant.js";
import { IncomingCommands } from "./incoming-commands.js";
import { MqttConnection } from "./mqtt-connection.js";
import type { MqttSection } from "./mqtt-section.js";
import { TakenMessages } from "./taken-messages.js";
import { Topics } from "./topics.js";

/** What the broker may have in flight to the gateway, and so how many messages it may repeat. */
const RECEIVE_MAX = 64;
const MS_IN_S = 1000;
const EXPIRY_S_MAX = 0xffffffff;
/** How long after the start a node that only the broker knows may be silent until it is shown as removed. */
const UNKNOWN_MS = 600000;
/** Ids of nodes that the broker knows. */
const KNOWN_MAX = 65536;

const { version: VERSION } = createRequire(import.meta.url)("chisme/package.json") as { version: string };

/** Publishes nodes, values and events to an MQTT broker, and takes commands from it. docs/GATEWAY.md has the topics. */
export class MqttOutput implements GatewayOutput {
  readonly sites = "own";
  private readonly context: OutputContext;
  private readonly topics: Topics;
  private readonly isVersion5: boolean;
  private readonly homeAssistant: HomeAssistant | undefined;
  private readonly commands: IncomingCommands;
  private readonly connection: MqttConnection;
  /** What was published to a retained topic over this connection: at most 4 for each node. */
  private readonly published = new Map<string, string>();
  /** Nodes that the broker has a state of. */
  private readonly known = new Set<number>();
  private timer: NodeJS.Timeout | undefined;

  /** @throws Error that names what is wrong in the section */
  constructor(section: MqttSection, context: OutputContext) {
    const { url, version = "5", user, prefix = "chisme" } = section;
    const { secrets, log, site = "" } = context;
    const file = (name: "caFile" | "certificateFile" | "certificateKeyFile"): Buffer | undefined => {
      const path = section[name];
      if (path === undefined) return undefined;
      try {
        return readFileSync(resolve(secrets.folder, path));
      } catch (error) {
        throw new Error(`mqtt.${name}: ${(error as Error).message}`, { cause: error });
      }
    };
    const password = readSecret(secrets, "mqtt", section, "password");
    this.context = context;
    this.topics = new Topics(prefix);
    this.isVersion5 = version === "5";
    const { homeAssistant = false, commands = true } = section;
    const network = site === "" ? prefix : site;
    this.homeAssistant = homeAssistant === false ? undefined
      : new HomeAssistant(homeAssistant === true ? {} : homeAssistant, this.topics, network, VERSION);
    const taken = new TakenMessages(resolve(context.folder, "mqtt-taken"));
    this.commands = new IncomingCommands(this.topics, taken, () => context.actions, log);
    const [ca, cert, key] = [file("caFile"), file("certificateFile"), file("certificateKeyFile")];
    this.connection = new MqttConnection({
      url, log, statusTopic: this.topics.status,
      client: {
        clientId: section.clientId ?? `chisme-${network}`,
        protocolVersion: this.isVersion5 ? 5 : 4,
        ...this.isVersion5 && { properties: { receiveMaximum: RECEIVE_MAX } },
        ...user !== undefined && { username: user },
        ...password !== undefined && { password },
        ...ca !== undefined && { ca }, ...cert !== undefined && { cert }, ...key !== undefined && { key },
      },
      subscriptions: [
        this.topics.state("+"),
        ...commands ? this.topics.commands : [],
        ...this.homeAssistant === undefined ? [] : [this.homeAssistant.birth],
      ],
      onConnect: () => this.connected(),
      onMessage: (topic, packet) => this.message(topic, packet),
    });
  }

  start(): void {
    this.connection.start();
    this.timer = setTimeout(() => this.removeUnknown(), UNKNOWN_MS).unref();
  }

  async takeEvents(events: readonly GatewayEvent[]): Promise<void> {
    await settled(events.map(({ number: _number, storedMs: _storedMs, ...event }) =>
      this.connection.publish(this.topics.event(event.author, event.topic), json(event))));
    await settled(events.filter(({ kind }) => kind !== "log").map((event) => this.publishLatest(event)));
  }

  async takeNodes(nodes: readonly GatewayNodeState[]): Promise<void> {
    await settled(nodes.flatMap(({ row, isForgotten }) =>
      isForgotten || row.state === "removed" ? this.forget(row.id) : this.show(row)));
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.connection.close();
  }

  private connected(): void {
    // The broker may have lost what it retained.
    this.published.clear();
    this.context.retry(true);
    this.publishAllLatest().catch((error: unknown) => this.context.log.warn((error as Error).message));
  }

  private message(topic: string, packet: IPublishPacket): void {
    if (topic === this.homeAssistant?.birth) {
      this.published.clear();
      this.context.retry(true);
      return;
    }
    const id = this.topics.idOf(topic);
    // Others may publish there, too; a state of what is no id says nothing.
    if (id === undefined && this.topics.isState(topic)) return;
    if (id === undefined) this.commands.take(topic, packet);
    else if (packet.payload.length > 0 && this.known.size < KNOWN_MAX) this.known.add(id);
  }

  private show(row: NodeRow): Promise<void>[] {
    const { id, name, version, address, port, revision, state, data } = row;
    this.known.add(id);
    const info = { id, name, version, address, port, revision };
    const { homeAssistant } = this;
    return [
      // Home Assistant must know a device before its values.
      ...homeAssistant === undefined ? [] : [this.retain(homeAssistant.topic(id), json(homeAssistant.payload(row)))],
      this.retain(this.topics.node(id), JSON.stringify(info)),
      this.retain(this.topics.value(id), json(data ?? null)),
      this.retain(this.topics.state(id), state),
    ];
  }

  /** An empty message removes what is retained. */
  private forget(id: number): Promise<void>[] {
    const { homeAssistant } = this;
    this.known.delete(id);
    const topics = [this.topics.state(id), this.topics.value(id), this.topics.node(id)];
    if (homeAssistant !== undefined) {
      homeAssistant.forget(id);
      topics.push(homeAssistant.topic(id));
    }
    return topics.map(async (topic) => {
      await this.connection.publish(topic, "", { retain: true });
      this.published.delete(topic);
    });
  }

  private async retain(topic: string, payload: string): Promise<void> {
    if (this.published.get(topic) === payload) return;
    await this.connection.publish(topic, payload, { retain: true });
    this.published.set(topic, payload);
  }

  /** Nodes that the broker has from an earlier run, and that nobody has seen since. */
  private removeUnknown(): void {
    this.connection.unsubscribe(this.topics.state("+"));
    const rows = new Set(this.context.queries.rows().map(({ id }) => id));
    const gone = [...this.known].filter((id) => !rows.has(id));
    settled(gone.map((id) => this.retain(this.topics.state(id), "removed")))
      .catch((error: unknown) => this.context.log.warn((error as Error).message));
  }

  private async publishLatest(event: GatewayEvent): Promise<void> {
    const { topic, key = "" } = event;
    if (topic.startsWith("+")) {
      await this.publishContributions(topic, key);
      return;
    }
    const value = this.context.queries.get(topic, key);
    // Of another event, the winner, which has a message of its own.
    if (value !== undefined && !isDeepStrictEqual(value, event.value)) return;
    await this.publishValue(topic, key, value, event);
  }

  private async publishContributions(topic: string, key: string): Promise<void> {
    const values = this.context.queries.contributions(topic, key)
      .map(({ author, authorName, value }) => ({ author, authorName, value }));
    const payload = values.length === 0 ? "" : json(values);
    await this.connection.publish(this.topics.latest(topic, key), payload, { retain: true });
  }

  /** A value with an end leaves the broker at its end; MQTT 3.1.1 cannot say that, so there it is not retained. */
  private async publishValue(
    topic: string, key: string, value: CborValue, { timeMs, ttlMs }: Pick<GatewayEvent, "timeMs" | "ttlMs">,
  ): Promise<void> {
    const at = this.topics.latest(topic, key);
    if (value === undefined) {
      await this.connection.publish(at, "", { retain: true });
      return;
    }
    if (ttlMs === 0) {
      await this.connection.publish(at, json(value), { retain: true });
      return;
    }
    const leftS = Math.ceil((timeMs + ttlMs - Date.now()) / MS_IN_S);
    if (!this.isVersion5) {
      await this.connection.publish(at, "", { retain: true });
      await this.connection.publish(at, json(value));
    } else if (leftS > 0) {
      await this.connection.publish(at, json(value),
        { retain: true, properties: { messageExpiryInterval: Math.min(leftS, EXPIRY_S_MAX) } });
    }
  }

  private async publishAllLatest(): Promise<void> {
    const { queries } = this.context;
    const ofTimes = new Map(queries.events({ limit: EVENTS_MAX }).map((event) => [stampOf(event), event]));
    for (const entry of queries.latest()) {
      const { topic, key, value } = entry;
      await this.publishValue(topic, key, value, ofTimes.get(stampOf(entry)) ?? { timeMs: 0, ttlMs: 0 });
    }
    const merged = new Map(queries.contributions().map((entry) => [JSON.stringify([entry.topic, entry.key]), entry]));
    for (const { topic, key } of merged.values()) await this.publishContributions(topic, key);
  }
}

function stampOf({ topic, key, author, timeMs }: Pick<FeedEvent, "topic" | "key" | "author" | "timeMs">): string {
  return JSON.stringify([topic, key, author, timeMs]);
}

function json(value: unknown): string {
  return JSON.stringify(value, bytesAsHex);
}

/** Waits for all, so that none is left behind, and then throws what the first one threw. */
async function settled(promises: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}
