import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { Alarm, Backoff } from "../backoff.js";
import { EVENTS_BATCH_MAX, type ForeignEvent, type ForeignEvents } from "../output.js";
import type { PartLog } from "../gateway-log.js";
import { readMessage } from "./event-message.js";
import type { Session } from "./nats-connection.js";
import { findStream } from "./stream.js";

/** Events that come one by one are stored together after so long. */
const COLLECT_MS = 50;
/** The server forgets a consumer that asks for nothing for so long. */
const INACTIVE_MS = 60000;
const RETRY_MS = 1000;
const TOLD_EACH_MS = 60000;
/** What says that a consumer is no more: it lives on one server. */
const ENDS = ["consumer_not_found", "consumer_deleted", "stream_not_found", "no_responders"];
const HEARTBEATS_MISSED_MAX = 2;

export interface SiteReceiverOptions {
  session: Session;
  /** Name of the own site. */
  site: string;
  foreign: ForeignEvents;
  /** Name of the position in the database. */
  positionName: string;
  log: PartLog;
  onStored: (events: readonly ForeignEvent[]) => void;
}

/**
 * Brings the events of other sites from the stream into the database, in the order of the stream, with the position in
 * the stream in the same transaction.
 *
 * It reads all of the stream, also what the own site published: so the numbers of its messages follow each other
 * without a hole, and each hole is one of the stream. The consumer at the server keeps nothing that matters.
 */
export class SiteReceiver {
  private readonly options: SiteReceiverOptions;
  private readonly alarm = new Alarm();
  private messages: ConsumerMessages | undefined;
  private batch: ForeignEvent[] = [];
  /** Number of the last message that came, and of the last one whose event is stored. */
  private sequence: number;
  private stored: number;
  private timer: NodeJS.Timeout | undefined;
  private storing = Promise.resolve();
  private isClosed = false;
  /** At the end, the database had not taken a batch: nothing behind it may be stored. */
  private gaveUp = false;
  private bad = 0;
  private toldMs = -Infinity;

  constructor(options: SiteReceiverOptions) {
    this.options = options;
    this.sequence = options.foreign.position(options.positionName) ?? 0;
    this.stored = this.sequence;
  }

  /** Resolves after `close`, or when there is no stream any more. */
  async run(): Promise<void> {
    const { session, log } = this.options;
    while (!this.isClosed) {
      try {
        await this.consume();
      } catch (error) {
        if (!this.isClosed) log.warn(`receiving: ${(error as Error).message}; tried again`);
      }
      await this.store();
      if (!this.isClosed) await this.alarm.wait(RETRY_MS);
      if (!this.isClosed && await this.isStreamGone(session)) return;
    }
  }

  close(): void {
    this.isClosed = true;
    this.messages?.stop();
    this.alarm.wake();
  }

  /** Another one may be made in its place, with other numbers. */
  private async isStreamGone({ manager, stream, created }: Session): Promise<boolean> {
    try {
      return (await findStream(manager, stream))?.created !== created;
    } catch {
      return false;
    }
  }

  /** Ends when the consumer does. */
  private async consume(): Promise<void> {
    const { manager, jetstream, stream } = this.options.session;
    const { name } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.sequence + 1,
      inactive_threshold: nanos(INACTIVE_MS), mem_storage: true, num_replicas: 1,
    });
    const consumer = await jetstream.consumers.get(stream, name);
    const messages = await consumer.consume({ max_messages: EVENTS_BATCH_MAX, idle_heartbeat: 5000, expires: 30000 });
    this.messages = messages;
    if (this.isClosed) messages.stop();
    void this.watch(messages);
    let delivered = 0;
    try {
      for await (const message of messages) {
        delivered++;
        // One was lost on its way here: from there again.
        if (message.info.deliverySequence !== delivered) return;
        this.take(message);
        if (this.sequence - this.stored >= EVENTS_BATCH_MAX) await this.store();
        else this.timer ??= setTimeout(() => void this.store(), COLLECT_MS);
        if (this.isClosed) return;
      }
    } finally {
      messages.stop();
      manager.consumers.delete(stream, name).catch(() => undefined);
    }
  }

  private async watch(messages: ConsumerMessages): Promise<void> {
    for await (const status of messages.status()) {
      if (ENDS.includes(status.type)) messages.stop();
      if (status.type === "heartbeats_missed" && status.count >= HEARTBEATS_MISSED_MAX) messages.stop();
    }
  }

  private take(message: JsMsg): void {
    const { site, log } = this.options;
    const { seq } = message;
    if (seq <= this.sequence) return;
    const missing = seq - this.sequence - 1;
    if (missing > 0 && this.sequence === 0) {
      log.info(`the stream begins with number ${seq}: what was before is not here`);
    } else if (missing > 0) {
      log.warn(`gap: ${missing} messages, ${this.sequence + 1} to ${seq - 1}, are no longer in the stream, `
        + "and are missing here");
    }
    this.sequence = seq;
    try {
      const event = readMessage(message.subject, message.data);
      if (event.site !== site) this.batch.push(event);
    } catch (error) {
      this.skipped(message, (error as Error).message);
    }
  }

  private skipped({ seq, subject }: JsMsg, why: string): void {
    this.bad++;
    const nowMs = performance.now();
    if (nowMs - this.toldMs < TOLD_EACH_MS) return;
    this.toldMs = nowMs;
    this.options.log.warn(`message ${seq}, ${JSON.stringify(subject)}: ${why}; `
      + `skipped, with ${this.bad - 1} others before`);
  }

  /** Stores what came, however often the database refuses it. */
  private store(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.storing = this.storing.then(async () => this.storeBatch());
    return this.storing;
  }

  private async storeBatch(): Promise<void> {
    const { foreign, positionName, log, onStored } = this.options;
    const { batch, sequence } = this;
    if (sequence === this.stored || this.gaveUp) return;
    this.batch = [];
    const backoff = new Backoff();
    for (;;) {
      try {
        await foreign.add(batch, { name: positionName, number: sequence });
        this.stored = sequence;
        if (batch.length > 0) onStored(batch);
        return;
      } catch (error) {
        if (!backoff.isFailing) log.warn(`events cannot be stored: ${(error as Error).message}; tried again`);
        const pauseMs = backoff.failed();
        if (!this.isClosed) await this.alarm.wait(pauseMs);
        if (this.isClosed) {
          this.gaveUp = true;
          return;
        }
      }
    }
  }
}
