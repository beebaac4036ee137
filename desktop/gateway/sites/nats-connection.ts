import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { type NatsConnection, type NodeConnectionOptions, connect } from "@nats-io/transport-node";
import { Alarm } from "../backoff.js";
import { connectionProblem } from "../connection-problem.js";
import type { PartLog } from "../gateway-log.js";
import type { SitesSection } from "./sites-section.js";
import { openStream } from "./stream.js";

const RECONNECT_MS = 2000;
const CONNECT_MS = 5000;
/** How long one answer of JetStream may take; a cluster without a leader gives none. */
const ANSWER_MS = 5000;
/** After two of these without an answer the server counts as gone. */
const PING_MS = 10000;
const PINGS_MAX = 2;

/** A connection, with the stream there. */
export interface Session {
  connection: NatsConnection;
  jetstream: JetStreamClient;
  manager: JetStreamManager;
  /** Name of the stream, and when it was made: another one of the same name has numbers of its own. */
  stream: string;
  created: string;
  lastSequence: number;
}

export interface SitesConnectionOptions {
  section: SitesSection;
  client: NodeConnectionOptions;
  log: PartLog;
  /** Where it rejects, the connection ends, and is made anew. */
  onSession: (session: Session) => Promise<void>;
  onEnd: () => void;
}

/** One connection to one of the servers, made again, to any of them, whenever it ends. */
export class SitesConnection {
  private readonly options: SitesConnectionOptions;
  private readonly alarm = new Alarm();
  private readonly changes = new Alarm();
  private connection: NatsConnection | undefined;
  private current: Session | undefined;
  private isClosed = false;
  private lastProblem = "";
  private loop = Promise.resolve();

  constructor(options: SitesConnectionOptions) {
    this.options = options;
  }

  /** Waits until there is a connection and the stream. @throws (rejects) Error at the end */
  async session(): Promise<Session> {
    while (this.current === undefined && !this.isClosed) await this.changes.wait();
    if (this.current === undefined) throw new Error("the gateway ends");
    return this.current;
  }

  start(): void {
    this.loop = this.run();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.alarm.wake();
    this.changes.wake();
    await this.connection?.close();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      try {
        await this.connect();
      } catch (error) {
        this.problem((error as Error).message);
      }
      this.connection = undefined;
      this.current = undefined;
      this.options.onEnd();
      if (!this.isClosed) await this.alarm.wait(RECONNECT_MS);
    }
  }

  /** Resolves when a connection has ended. */
  private async connect(): Promise<void> {
    const { section, client, log, onSession } = this.options;
    // It connects anew itself: so what was being published fails at once, and is published again in order.
    const connection = await connect({
      ...client, servers: section.servers, reconnect: false, timeout: CONNECT_MS, pingInterval: PING_MS,
      maxPingOut: PINGS_MAX, ignoreClusterUpdates: true,
    });
    this.connection = connection;
    if (this.isClosed) {
      await connection.close();
      return;
    }
    try {
      const { manager, info } = await openStream(connection, section, log);
      const session = {
        connection, manager, jetstream: jetstream(connection, { timeout: ANSWER_MS }),
        stream: info.config.name, created: info.created, lastSequence: info.state.last_seq,
      };
      this.lastProblem = "";
      log.info(`connected to ${connection.getServer()}`);
      await onSession(session);
      this.current = session;
      this.changes.wake();
      const error = await connection.closed();
      if (!this.isClosed) this.problem(`the connection ended${error === undefined ? "" : `: ${(error).message}`}`);
    } finally {
      await connection.close();
    }
  }

  /** Says what is wrong once, until it is something else. */
  private problem(text: string): void {
    const message = connectionProblem(text);
    if (message === this.lastProblem || this.isClosed) return;
    this.lastProblem = message;
    const { section: { servers }, log } = this.options;
    log.warn(`${servers.join(", ")}: ${message}; tried again each ${RECONNECT_MS / 1000} s`);
  }
}
