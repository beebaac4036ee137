import type { FeedEvent } from "../../src/gossip.js";
import type { NodeQueries } from "../control/node-queries.js";
import { Alarm, Backoff } from "./backoff.js";
import type { HookSection } from "./config.js";
import type { PartLog } from "./gateway-log.js";
import { runCommand } from "./run-command.js";
import { type SecretPlace, readSecret } from "./secrets.js";
import { topicValues } from "./topic-values.js";

/** Changes in so short a time are one state. */
const SETTLE_MS = 200;
/** How often values that may have ended by time are looked at. */
const ENDS_MS = 1000;
const TIMEOUT_SECONDS = 30;

export interface HookOptions {
  topic: string;
  section: HookSection;
  secrets: SecretPlace;
  log: PartLog;
  queries: () => NodeQueries;
}

/**
 * Runs a command, or posts to a URL, once for each state that the values of a topic reach: also for that at the start.
 * It never runs twice at a time. What changes meanwhile is one state. A run that fails is repeated after a pause, with
 * the state that is then the latest.
 */
export class Hook {
  private readonly options: HookOptions;
  private readonly token: string | undefined;
  private readonly alarm = new Alarm();
  private readonly ending = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  /** The values of the last run that succeeded. */
  private done: string | undefined;
  private hasEnds = false;
  private isNew = true;

  /** @throws Error that names the option */
  constructor(options: HookOptions) {
    this.options = options;
    this.token = readSecret(options.secrets, `hooks.${options.topic}`, options.section, "token");
  }

  start(): void {
    this.loop = this.run();
  }

  /** An event of any topic. */
  eventApplied({ topic, ttlMs }: FeedEvent): void {
    if (topic !== this.options.topic) return;
    if (ttlMs > 0) this.hasEnds = true;
    this.isNew = true;
    this.alarm.wake();
  }

  /** Ends the run that goes on, too. */
  async close(): Promise<void> {
    this.ending.abort();
    this.alarm.wake();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    const { log, queries, topic } = this.options;
    const backoff = new Backoff();
    while (!signal.aborted) {
      if (!this.isNew) await this.alarm.wait(this.hasEnds ? ENDS_MS : undefined);
      if (this.isNew) await this.pause(SETTLE_MS);
      if (signal.aborted) return;
      this.isNew = false;
      const values = topicValues(queries(), topic);
      if (values === this.done) continue;
      try {
        await this.call(values);
        this.done = values;
        if (backoff.succeeded()) log.info("succeeded after failures");
      } catch (error) {
        // What `close` ended is no failure.
        if (this.ending.signal.aborted) return;
        const pauseMs = backoff.failed();
        log.warn(`${(error as Error).message}; runs again in ${pauseMs / 1000} s`);
        this.isNew = true;
        await this.pause(pauseMs);
      }
    }
  }

  /** Waits for the whole time, unless the hook ends. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.ending;
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  private async call(values: string): Promise<void> {
    const { section: { command, url, timeoutSeconds = TIMEOUT_SECONDS }, secrets, topic } = this.options;
    const timeoutMs = timeoutSeconds * 1000;
    const { signal } = this.ending;
    if (command !== undefined) {
      const environment = { ...secrets.environment(), CHISME_TOPIC: topic };
      await runCommand({ command, input: values, environment, timeoutMs, signal });
    } else if (url !== undefined) {
      await this.post(url, values, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    }
  }

  private async post(url: string, body: string, signal: AbortSignal): Promise<void> {
    const headers = {
      "content-type": "application/json",
      "chisme-topic": encodeURIComponent(this.options.topic),
      ...this.token !== undefined && { authorization: `Bearer ${this.token}` },
    };
    let response: Response;
    try {
      response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
    } catch (error) {
      const { message, cause } = error as Error;
      throw new Error(`${url}: ${cause instanceof Error ? cause.message : message}`, { cause: error });
    }
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url}: answered ${response.status}`);
  }
}
