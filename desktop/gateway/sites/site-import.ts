import { isDeepStrictEqual } from "node:util";
import { isMergeTopic } from "../../../src/checks.js";
import type { CborValue } from "../../../src/gossip.js";
import { EVENTS_MAX } from "../../control/node-queries.js";
import { Alarm } from "../backoff.js";
import type { ForeignEvent, ForeignEvents, OutputContext, SiteValue } from "../output.js";
import { GATEWAYS_TOPIC, IMPORT_KEY, importedIdentity, localKey, localValue } from "./import-marks.js";
import { identityOf } from "./subjects.js";

const STEP_MS = 1000;
/** Events that are published here in a step at most: boards and slow links are behind it. */
const STEP_EVENTS = 50;
/** A gateway without a connection for so long leaves the import to another one. */
const AWAY_MS = 30000;
/** After its start a gateway does not yet know of the others. */
const START_ROUNDS = 3;
/** How often all values are compared. */
const COMPARE_MS = 600000;
/** How often a gateway looks what the one that imports has imported. */
const LOOK_MS = 5000;
const LOOK_EVENTS = 1000;
const TOLD_MAX = 256;
const SUBJECTS_MAX = 4096;
const LIVE = ["up", "probed", "suspect"];
const POSITION = "sites import";

export interface SiteImportOptions {
  context: OutputContext;
  foreign: ForeignEvents;
  site: string;
  topics: readonly string[];
}

/**
 * Publishes in this network what other sites have in the topics of `import`. Of the gateways of the site that are up
 * and connected, the one with the lowest id does it. Values are compared: each is set where it is not there, whoever
 * set it before. Log events are published one after the other; those that the network has are left out.
 */
export class SiteImport {
  private readonly options: SiteImportOptions;
  private readonly alarm = new Alarm();
  /** What changed since the last step. */
  private changed = new Map<string, { site: string; topic: string; key: string }>();
  private mustCompareAll = true;
  private mayHaveLogs = true;
  private isFirst = false;
  private isConnected = false;
  private awayMs = -Infinity;
  /** What is set in merge topics here, by topic and key, as it was at the begin of a step. */
  private contributions = new Map<string, CborValue[]>();
  private startMs = Infinity;
  private comparedMs = -Infinity;
  private lookedMs = -Infinity;
  private position = 0;
  private imported = new Set<string>();
  private readonly told = new Set<string>();
  private isClosed = false;
  private loop = Promise.resolve();
  private lastProblem = "";

  constructor(options: SiteImportOptions) {
    this.options = options;
  }

  get readUntil(): number { return this.mayHaveLogs ? this.position : Infinity; }

  start(): void {
    this.startMs = performance.now();
    this.position = this.options.foreign.position(POSITION) ?? 0;
    this.loop = this.run();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.alarm.wake();
    await this.loop;
    withdrawImport(this.options.context);
  }

  connected(isConnected: boolean): void {
    if (isConnected !== this.isConnected) this.awayMs = performance.now();
    this.isConnected = isConnected;
  }

  stored(events: readonly ForeignEvent[]): void {
    for (const { site, topic, key } of events) {
      if (!this.options.topics.includes(topic)) continue;
      if (key === undefined) this.mayHaveLogs = true;
      else if (this.changed.size >= SUBJECTS_MAX) this.mustCompareAll = true;
      else this.changed.set(JSON.stringify([site, topic, key]), { site, topic, key });
    }
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      try {
        await this.step();
        this.lastProblem = "";
      } catch (error) {
        const { message } = error as Error;
        if (message !== this.lastProblem) this.options.context.log.warn(`import: ${message}; tried again`);
        this.lastProblem = message;
      }
      await this.alarm.wait(STEP_MS);
    }
  }

  private async step(): Promise<void> {
    this.announce();
    const wasFirst = this.isFirst;
    this.isFirst = this.amFirst();
    const nowMs = performance.now();
    if (!this.isFirst) {
      this.changed.clear();
      if (nowMs - this.lookedMs >= LOOK_MS) await this.passBy();
      return;
    }
    if (!wasFirst) this.look();
    const mustCompare = !wasFirst || this.mustCompareAll || nowMs - this.comparedMs >= COMPARE_MS;
    if (mustCompare || this.changed.size > 0) this.lookAtContributions();
    if (mustCompare) {
      this.changed = this.allSubjects();
      this.mustCompareAll = false;
      this.comparedMs = nowMs;
    }
    const count = this.importValues();
    await this.importLogs(STEP_EVENTS - count);
  }

  /** Tells the other gateways of the site that this one imports, or that it does not any more. */
  private announce(): void {
    const { context: { actions, queries }, site } = this.options;
    const isThere = queries.contributions(GATEWAYS_TOPIC, IMPORT_KEY)
      .some(({ author, value }) => author === queries.id && value === site);
    if (this.isConnected && !isThere) actions.set(GATEWAYS_TOPIC, IMPORT_KEY, site);
    const isAway = !this.isConnected && performance.now() - this.awayMs >= AWAY_MS;
    if (isAway && isThere) actions.withdraw(GATEWAYS_TOPIC, IMPORT_KEY);
  }

  private amFirst(): boolean {
    const { context: { queries, roundMs }, site } = this.options;
    if (!this.isConnected || performance.now() - this.startMs < START_ROUNDS * roundMs) return false;
    return queries.contributions(GATEWAYS_TOPIC, IMPORT_KEY).every(({ author, value }) =>
      value !== site || author >= queries.id || !LIVE.includes(queries.row(author)?.state ?? ""));
  }

  private allSubjects(): Map<string, { site: string; topic: string; key: string }> {
    const { foreign, topics } = this.options;
    return new Map(foreign.values(topics).filter((value) => this.isDifferent(value))
      .map(({ site, topic, key }) => [JSON.stringify([site, topic, key]), { site, topic, key }]));
  }

  /** Whether this network does not have what counts at the other site. */
  private isDifferent(value: SiteValue): boolean {
    const { topic } = value;
    const key = localKey(value);
    const there = isMergeTopic(topic) ? this.contributions.get(JSON.stringify([topic, key])) ?? []
      : [this.options.context.queries.get(topic, key)].filter((one) => one !== undefined);
    return value.isSet ? !there.some((one) => isDeepStrictEqual(one, value.value)) : there.length > 0;
  }

  private lookAtContributions(): void {
    const { context: { queries }, topics } = this.options;
    this.contributions = new Map();
    for (const { topic, key, value } of topics.some(isMergeTopic) ? queries.contributions() : []) {
      const subject = JSON.stringify([topic, key]);
      const values = this.contributions.get(subject);
      if (values === undefined) this.contributions.set(subject, [value]);
      else values.push(value);
    }
  }

  /** @returns how many events were published */
  private importValues(): number {
    const { foreign } = this.options;
    let count = 0;
    for (const [subject, { site, topic, key }] of this.changed) {
      if (count >= STEP_EVENTS) break;
      for (const value of foreign.values([topic], { site, key })) {
        // What ends is set anew when the other site does so.
        if (!this.isDifferent(value) && value.endMs === undefined) continue;
        this.tryTo(`${topic} ${localKey(value)}`, () => this.importValue(value));
        count++;
      }
      this.changed.delete(subject);
    }
    return count;
  }

  private importValue(value: SiteValue): void {
    const { actions } = this.options.context;
    const key = localKey(value);
    if (!value.isSet) {
      actions.remove(value.topic, key);
      return;
    }
    const leftMs = value.endMs === undefined ? 0 : value.endMs - Date.now();
    if (value.endMs === undefined || leftMs > 0) actions.set(value.topic, key, value.value, { ttlMs: leftMs });
  }

  private async importLogs(count: number): Promise<void> {
    if (count <= 0 || !this.mayHaveLogs) return;
    const { foreign, topics, context: { actions } } = this.options;
    const { events, number } = foreign.logs(topics, this.position, count);
    for (const event of events) {
      const identity = identityOf(event);
      if (!this.imported.has(identity)) {
        this.tryTo(`${event.topic} of ${event.site}`, () => actions.log(event.topic, localValue(event)));
        this.imported.add(identity);
      }
      this.position = event.number;
    }
    this.mayHaveLogs = events.length === count;
    await this.moveTo(number);
  }

  /**
   * Moves behind what the gateway that imports has imported. What it left out counts as imported when a later event of
   * the author is there.
   */
  private async passBy(): Promise<void> {
    if (!this.mayHaveLogs) return;
    const { foreign, topics } = this.options;
    this.lookedMs = performance.now();
    this.look();
    const { events, number } = foreign.logs(topics, this.position, LOOK_EVENTS);
    const later = new Set<string>();
    let missing = events.length;
    for (let place = events.length - 1; place >= 0; place--) {
      const author = `${events[place].author} ${events[place].site}`;
      if (this.imported.has(identityOf(events[place]))) later.add(author);
      else if (!later.has(author)) missing = place;
    }
    this.mayHaveLogs = missing < events.length || events.length === LOOK_EVENTS;
    await this.moveTo(missing === events.length ? number : events[missing].number - 1);
  }

  private async moveTo(number: number): Promise<void> {
    this.position = number;
    await this.options.foreign.add([], { name: POSITION, number });
  }

  /** Finds the newest log events of other sites that this network has. */
  private look(): void {
    const { context: { queries }, topics } = this.options;
    this.imported = new Set();
    for (const topic of topics) {
      for (const { kind, value } of queries.events({ topic, limit: EVENTS_MAX })) {
        const identity = kind === "log" ? importedIdentity(value) : undefined;
        if (identity !== undefined) this.imported.add(identity);
      }
    }
  }

  /** What this network cannot hold, such as a key that is too long, is told once and left out. */
  private tryTo(what: string, publish: () => void): void {
    try {
      publish();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ERR_ARGUMENT") throw error;
      if (this.told.has(what)) return;
      if (this.told.size >= TOLD_MAX) this.told.clear();
      this.told.add(what);
      this.options.context.log.warn(`import: ${what}: ${message}; it is left out`);
    }
  }
}

/** Tells the other gateways of the site that this one does not import. */
export function withdrawImport({ actions }: OutputContext): void {
  actions.withdraw(GATEWAYS_TOPIC, IMPORT_KEY);
}
