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
    const removed = database.transaction(() => removeBefore(database, untilMs, number, Math.floor(nowMs / DAY_MS)));
    if (isOver && removed === 0 && !this.isTold) {
      log.warn(`retention: the database uses more than ${megabytes} megabytes, and an output has not taken the rest`);
    }
    this.isTold = isOver && removed === 0;
    return removed > 0;
  }
}

function removeBefore(database: GatewayDatabase, untilMs: number, number: number, today: number): number {
  const chosen = `FROM events WHERE number IN (
    SELECT number FROM events WHERE stored_ms < ? AND number <= ? ORDER BY number LIMIT ${CHUNK})`;
  database.statement(`
    INSERT OR REPLACE INTO removed_events SELECT site, author, time_ms, counter, kind, ? ${chosen}
  `).run(today, untilMs, number);
  let removed = Number(database.statement(`DELETE ${chosen}`).run(untilMs, number).changes);
  if (removed > 0) database.noteRemoved();
  for (const table of ["node_states", "node_values"]) {
    removed += Number(database.statement(`DELETE FROM ${table} WHERE number IN (
      SELECT number FROM ${table} WHERE time_ms < ? ORDER BY number LIMIT ${CHUNK})`).run(untilMs).changes);
  }
  database.statement("DELETE FROM removed_events WHERE removed_day < ?").run(today - KEY_DAYS);
  return removed;
}
