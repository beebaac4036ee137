import type { Retention } from "../config.js";
import type { PartLog } from "../gateway-log.js";
import type { GatewayDatabase } from "./gateway-database.js";

/** How often it looks for what is too old or too much. */
const LOOK_MS = 60000;
const FIRST_MS = 1000;
/** Events removed in one transaction. */
const CHUNK = 1000;
/** A pause between chunks, in which the node goes on. */
const CHUNK_MS = 20;
const DAY_MS = 86400000;
const MEGABYTE = 1000000;
/** So long a removed event is known, so that a node that comes back with it does not bring it anew. */
const KEY_DAYS = 400;
/** Of `megabytes` the identities of removed events take a quarter at most, with so many bytes each. */
const KEYS_SHARE = 0.25;
const KEY_BYTES = 60;
const KEYS_CHUNK = 2 * CHUNK;

export interface RetentionOptions {
  database: GatewayDatabase;
  limits: Retention;
  log: PartLog;
  /** The number up to which all outputs have all events; Infinity: there are no outputs. */
  taken: () => number;
}

/**
 * Removes events, states and values that are older than so many days, and the oldest ones while the database uses more
 * than so many megabytes. The age counts from when they were stored. It leaves what an output has not taken, and it
 * never touches `latest` and `nodes`: what counts now stays. Bytes that become free are used again; the file does not
 * become smaller.
 */
export class RetentionKeeper {
  private readonly options: RetentionOptions;
  private timer: NodeJS.Timeout | undefined;
  private isTold = false;
  /** Identities of removed events that are known; undefined: they were not counted yet. */
  private keys: number | undefined;

  constructor(options: RetentionOptions) {
    this.options = options;
  }

  start(): void {
    const { days, megabytes } = this.options.limits;
    if (days !== undefined || megabytes !== undefined) this.schedule(FIRST_MS);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => {
      let isMore = false;
      try {
        isMore = this.removeChunk();
      } catch (error) {
        this.options.log.warn(`retention: ${(error as Error).message}; tried again in a minute`);
      }
      this.schedule(isMore ? CHUNK_MS : LOOK_MS);
    }, ms);
  }

  /** @returns whether there may be more */
  removeChunk(): boolean {
    const { database, limits: { days = Infinity, megabytes = Infinity }, log, taken } = this.options;
    const nowMs = Date.now();
    const beforeMs = days === Infinity ? 0 : nowMs - days * DAY_MS;
    const isOver = database.usedBytes() > megabytes * MEGABYTE;
    const untilMs = isOver ? Number.MAX_SAFE_INTEGER : beforeMs;
    const number = Math.min(taken(), Number.MAX_SAFE_INTEGER);
    const removed = this.inTransaction(() => {
      const today = Math.floor(nowMs / DAY_MS);
      const { removed: count, keys } = removeBefore(database, untilMs, number, today);
      if (this.keys !== undefined) this.keys += keys;
      return count + this.forgetKeys(today, megabytes);
    });
    if (isOver && removed === 0 && !this.isTold) {
      const why = number < database.lastNumber() ? "an output has not taken the rest" : "the rest counts now";
      log.warn(`retention: the database uses more than ${megabytes} megabytes, and ${why}`);
      this.isTold = true;
    }
    if (!isOver) this.isTold = false;
    return removed > 0;
  }

  private inTransaction(run: () => number): number {
    try {
      return this.options.database.transaction(run);
    } catch (error) {
      this.keys = undefined;
      throw error;
    }
  }

  /** Forgets the identities of removed events that are too old or too many. @returns how many */
  private forgetKeys(today: number, megabytes: number): number {
    const { database } = this.options;
    const old = Number(database.statement(`DELETE FROM removed_events WHERE (site, author, time_ms, counter, kind) IN (
      SELECT site, author, time_ms, counter, kind FROM removed_events WHERE removed_day < ? LIMIT ${KEYS_CHUNK})
    `).run(today - KEY_DAYS).changes);
    this.keys = (this.keys ?? countKeys(database)) - old;
    const tooMany = Math.min(Math.ceil(this.keys - megabytes * MEGABYTE * KEYS_SHARE / KEY_BYTES), KEYS_CHUNK);
    if (tooMany <= 0) return old;
    const dropped = Number(database.statement(`
      DELETE FROM removed_events WHERE (site, author, time_ms, counter, kind) IN (
        SELECT site, author, time_ms, counter, kind FROM removed_events ORDER BY removed_day LIMIT ?)
    `).run(tooMany).changes);
    this.keys -= dropped;
    return old + dropped;
  }
}

function countKeys(database: GatewayDatabase): number {
  return Number(database.statement("SELECT count(*) AS count FROM removed_events").get()?.count ?? 0);
}

function removeBefore(
  database: GatewayDatabase, untilMs: number, number: number, today: number,
): { removed: number; keys: number } {
  const chosen = `FROM events WHERE number IN (
    SELECT number FROM events WHERE stored_ms < ? AND number <= ? ORDER BY number LIMIT ${CHUNK})`;
  const { changes: keys } = database.statement(`
    INSERT OR REPLACE INTO removed_events SELECT site, author, time_ms, counter, kind, ? ${chosen}
  `).run(today, untilMs, number);
  let removed = Number(database.statement(`DELETE ${chosen}`).run(untilMs, number).changes);
  if (removed > 0) database.noteRemoved();
  for (const table of ["node_states", "node_values"]) {
    removed += Number(database.statement(`DELETE FROM ${table} WHERE number IN (
      SELECT number FROM ${table} WHERE time_ms < ? ORDER BY number LIMIT ${CHUNK})`).run(untilMs).changes);
  }
  return { removed, keys: Number(keys) };
}
