import { isDeepStrictEqual } from "node:util";
import type { CborValue } from "../../src/gossip.js";
import type { NodeActions } from "../control/node-actions.js";
import type { NodeQueries } from "../control/node-queries.js";
import { Alarm } from "./backoff.js";
import type { PublisherSection } from "./config.js";
import type { PartLog } from "./gateway-log.js";
import { runCommand } from "./run-command.js";
import type { SecretPlace } from "./secrets.js";

const TIMEOUT_SECONDS = 30;
/** In front of keys that the import from other sites sets, by the same node: docs/SITES.md. */
const IMPORT_MARK = "@";

export interface PublisherOptions {
  section: PublisherSection;
  secrets: SecretPlace;
  log: PartLog;
  queries: () => NodeQueries;
  actions: () => NodeActions;
}

/**
 * Runs a command again and again, and sets each key of the JSON object that it prints, where the value is another one
 * than before. What this node has set and is no longer there is removed, but for what came from other sites. A run that
 * fails changes nothing.
 */
export class Publisher {
  private readonly options: PublisherOptions;
  private readonly alarm = new Alarm();
  private readonly ending = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  /** When this run of the gateway set a key, by `performance.now()`; only with a time to live. */
  private setMs = new Map<string, number>();

  constructor(options: PublisherOptions) {
    this.options = options;
  }

  start(): void {
    this.loop = this.run();
  }

  /** Ends the run that goes on, too. */
  async close(): Promise<void> {
    this.ending.abort();
    this.alarm.wake();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { log, section: { everySeconds } } = this.options;
    const { signal } = this.ending;
    let told = "";
    while (!signal.aborted) {
      try {
        this.publish(await this.read());
        if (told !== "") log.info("succeeded after failures");
        told = "";
      } catch (error) {
        if (this.ending.signal.aborted) return;
        const { message } = error as Error;
        if (message !== told) log.warn(`${message}; tried again every ${everySeconds} s`);
        told = message;
      }
      await this.alarm.wait(everySeconds * 1000);
    }
  }

  private async read(): Promise<Map<string, CborValue>> {
    const { section: { command, topic, timeoutSeconds = TIMEOUT_SECONDS }, secrets } = this.options;
    const text = await runCommand({
      command, input: "", environment: { ...secrets.environment(), CHISME_TOPIC: topic },
      timeoutMs: timeoutSeconds * 1000, signal: this.ending.signal,
    });
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (error) {
      throw new Error(`what the command printed is no JSON: ${(error as Error).message}`, { cause: error });
    }
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new Error("what the command printed is no JSON object");
    }
    return new Map(Object.entries(values as Record<string, CborValue>));
  }

  private publish(values: ReadonlyMap<string, CborValue>): void {
    const { section: { topic, ttlSeconds = 0 }, actions } = this.options;
    const held = this.held();
    const problems: string[] = [];
    const attempt = (key: string, run: () => void): void => {
      try {
        run();
      } catch (error) {
        problems.push(`${JSON.stringify(key)}: ${(error as Error).message}`);
      }
    };
    const setMs = new Map<string, number>();
    for (const [key, value] of values) {
      const before = held.get(key);
      const nowMs = performance.now();
      const lastMs = this.setMs.get(key) ?? -Infinity;
      const isFresh = ttlSeconds === 0 || nowMs - lastMs < ttlSeconds * 500;
      const isSame = before !== undefined && isDeepStrictEqual(before.value, value) && isFresh;
      if (!isSame) {
        const options = ttlSeconds === 0 ? undefined : { ttlMs: ttlSeconds * 1000 };
        attempt(key, () => actions().set(topic, key, value, options));
      }
      if (ttlSeconds > 0) setMs.set(key, isSame ? lastMs : nowMs);
    }
    this.setMs = setMs;
    for (const [key, { isOwn }] of held) {
      if (!isOwn || values.has(key) || key.startsWith(IMPORT_MARK)) continue;
      attempt(key, () => topic.startsWith("+") ? actions().withdraw(topic, key) : actions().remove(topic, key));
    }
    if (problems.length > 0) throw new Error(`${problems.length} keys could not be set; ${problems[0]}`);
  }

  /** What counts before: in a topic with "+" in front what this node has set, otherwise what any node has. */
  private held(): Map<string, { value: CborValue; isOwn: boolean }> {
    const { section: { topic }, queries } = this.options;
    const { id } = queries();
    const entries = topic.startsWith("+")
      ? queries().contributions(topic).filter(({ author }) => author === id)
      : queries().latest().filter((entry) => entry.topic === topic);
    return new Map(entries.map(({ key, value, author }) => [key, { value, isOwn: author === id }]));
  }
}
