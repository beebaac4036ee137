import type { FeedEvent, NodeRow } from "../../../src/gossip.js";
import type { ForeignEvent, GatewayEvent, SiteValue } from "../output.js";
import { ORDER_LATEST, SELECT_LATEST, foreignValues } from "./foreign-values.js";
import { migrate, readPragma } from "./schema.js";
import { type Sqlite, type SqliteRow, type SqliteStatement, openSqlite } from "./sqlite.js";
import { readStoredText, readStoredValue, storedText, storedValue } from "./stored-value.js";

/** The own site, in the database and in events. */
export const OWN_SITE = "";
const OWN_SITE_ID = 0;
const SITES_MAX = 65536;

/** What is written in one transaction. */
export interface WriteBatch {
  events?: readonly FeedEvent[];
  foreign?: readonly ForeignEvent[];
  nodes?: readonly { row: NodeRow; isForgotten: boolean }[];
  /** Numbers up to which outputs have all events. */
  positions?: ReadonlyMap<string, number>;
}

export type EventsOf = "own" | "other" | "all";

const SITES_OF: Record<EventsOf, string> = { own: "events.site = 0", other: "events.site <> 0", all: "1" };

/** The statements of one open database. docs/GATEWAY.md describes its tables. */
export class GatewayDatabase {
  readonly sqlite: Sqlite;
  private readonly statements = new Map<string, SqliteStatement>();
  private readonly siteIds = new Map<string, number>();
  /** Whether retention removed events: only then their keys are looked for. */
  private hasRemoved: boolean;

  /**
   * Opens the database, makes it if it is missing, and brings it to the version of this program.
   *
   * @throws Error of SQLite, or one that says why the database is refused; then it is not changed
   */
  constructor(file: string) {
    this.sqlite = openSqlite(file);
    try {
      migrate(this.sqlite);
      this.sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      this.hasRemoved = this.statement("SELECT 1 FROM removed_events LIMIT 1").get() !== undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.statements.clear();
    this.sqlite.close();
  }

  /**
   * Writes all of it, or nothing. When this returns it is synced to the disk.
   *
   * @returns events that were new
   * @throws Error of SQLite
   */
  write({ events = [], foreign = [], nodes = [], positions = new Map() }: WriteBatch): number {
    return this.transaction(() => {
      const nowMs = Date.now();
      let count = 0;
      for (const event of events) if (this.addEvent(OWN_SITE_ID, { site: OWN_SITE, ...event }, nowMs)) count++;
      for (const event of foreign) {
        const site = this.siteId(event.site);
        if (!this.addEvent(site, event, nowMs)) continue;
        count++;
        if (event.authorName !== undefined) this.saveName(site, event.author, event.authorName, nowMs);
      }
      for (const { row, isForgotten } of nodes) this.saveNode(row, isForgotten, nowMs);
      for (const [output, number] of positions) this.savePosition(output, number, nowMs);
      return count;
    });
  }

  /** Runs `run` in a transaction, which `run`'s error undoes. */
  transaction<Result>(run: () => Result): Result {
    this.sqlite.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      this.sqlite.exec("COMMIT");
      return result;
    } catch (error) {
      this.siteIds.clear();
      try {
        this.sqlite.exec("ROLLBACK");
      } catch {
        // SQLite has ended the transaction itself, as on a full disk.
      }
      throw error;
    }
  }

  /** Events behind a number, the oldest first. */
  eventsAfter(number: number, limit: number, sites: EventsOf): GatewayEvent[] {
    return this.statement(`
      SELECT events.*, sites.name AS site_name, nodes.name AS author_name
      FROM events JOIN sites ON sites.id = events.site
      LEFT JOIN nodes ON nodes.site = events.site AND nodes.node = events.author
      WHERE events.number > ? AND ${SITES_OF[sites]} ORDER BY events.number LIMIT ?
    `).all(number, limit).map(eventOf);
  }

  /** Number of the newest event; 0: there is none. */
  lastNumber(): number {
    return Number(this.statement("SELECT max(number) AS number FROM events").get()?.number ?? 0);
  }

  /** The number up to which an output has all events; 0 for a new one. */
  position(output: string): number {
    return this.namedPosition(output) ?? 0;
  }

  /** undefined: it was never stored. */
  namedPosition(name: string): number | undefined {
    const row = this.statement("SELECT number FROM positions WHERE output = ?").get(name);
    return row === undefined ? undefined : Number(row.number);
  }

  /** What counts of topics at other sites. */
  foreignValues(topics: readonly string[], of?: { site: string; key: string }): SiteValue[] {
    const which = of === undefined ? "latest.site <> 0"
      : "latest.site = (SELECT id FROM sites WHERE name = ?) AND key = ?";
    const rows = this.statement(`${SELECT_LATEST} ${which} ${ORDER_LATEST}`)
      .all(JSON.stringify(topics), ...of === undefined ? [] : [of.site, storedText(of.key)]);
    return foreignValues(rows, Date.now());
  }

  /** Log events of topics of other sites behind a number, the oldest first, and up to where there are no others. */
  foreignLogs(
    topics: readonly string[], number: number, limit: number,
  ): { events: GatewayEvent[]; number: number } {
    const last = this.lastNumber();
    const events = this.statement(`
      SELECT events.*, sites.name AS site_name, NULL AS author_name
      FROM events JOIN sites ON sites.id = events.site
      WHERE events.number > ? AND events.site <> 0 AND kind = 'log' AND topic IN (SELECT value FROM json_each(?))
      ORDER BY events.number LIMIT ?
    `).all(number, JSON.stringify(topics), limit).map(eventOf);
    return { events, number: events.length === limit ? events[limit - 1].number : Math.max(number, last) };
  }

  /** The nodes of the own site that were not forgotten, as they were last. */
  knownNodes(): NodeRow[] {
    return this.statement("SELECT * FROM nodes WHERE site = 0 AND state <> 'forgotten'").all().map((row) => ({
      id: Number(row.node),
      ...row.name !== null && { name: readStoredText(row.name) },
      ...row.version !== null && { version: readStoredText(row.version) },
      address: String(row.address),
      port: Number(row.port),
      revision: Number(row.revision),
      heartbeat: 0,
      state: String(row.state) as NodeRow["state"],
      data: readStoredValue(row.value),
    }));
  }

  /** Bytes of the database that are in use. */
  usedBytes(): number {
    const pages = readPragma(this.sqlite, "page_count") - readPragma(this.sqlite, "freelist_count");
    return pages * readPragma(this.sqlite, "page_size");
  }

  /** For retention: from now on the keys of removed events are looked for. */
  noteRemoved(): void {
    this.hasRemoved = true;
  }

  /** A prepared statement, which is kept: there is a fixed number of texts. */
  statement(sql: string): SqliteStatement {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.sqlite.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private addEvent(site: number, event: ForeignEvent & { endMs?: number }, nowMs: number): boolean {
    const { author, timeMs, counter, kind, ttlMs } = event;
    const topic = storedText(event.topic);
    const key = event.key === undefined ? null : storedText(event.key);
    if (this.hasRemoved && this.statement(`
      SELECT 1 FROM removed_events WHERE site = ? AND author = ? AND time_ms = ? AND counter = ? AND kind = ?
    `).get(site, author, timeMs, counter, kind) !== undefined) return false;
    const value = storedValue(event.value);
    const { changes } = this.statement(`
      INSERT INTO events (site, author, time_ms, counter, kind, generation, sequence, topic, key, ttl_ms, value,
        stored_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    `).run(site, author, timeMs, counter, kind, event.generation, event.sequence, topic, key, ttlMs, value, nowMs);
    if (Number(changes) === 0) return false;
    if (kind === "log" || key === null) return true;
    const endMs = ttlMs === 0 ? null : event.endMs ?? timeMs + ttlMs;
    this.statement(`
      INSERT INTO latest (site, topic, key, author, time_ms, counter, kind, end_ms, value)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        time_ms = excluded.time_ms, counter = excluded.counter, kind = excluded.kind, end_ms = excluded.end_ms,
        value = excluded.value
      WHERE (excluded.time_ms, excluded.counter, excluded.kind = 'withdraw') > (time_ms, counter, kind = 'withdraw')
    `).run(site, topic, key, author, timeMs, counter, kind, endMs, value);
    return true;
  }

  private saveNode(row: NodeRow, isForgotten: boolean, nowMs: number): void {
    const { id, address, port, revision, data } = row;
    const name = row.name === undefined ? null : storedText(row.name);
    const version = row.version === undefined ? null : storedText(row.version);
    // A node is probed for a moment, and nothing notifies of the end of it.
    const state = isForgotten ? "forgotten" : row.state === "probed" ? "up" : row.state;
    const value = storedValue(data);
    const before = this.statement("SELECT * FROM nodes WHERE site = 0 AND node = ?").get(id);
    const isStateNew = before === undefined || before.state !== state || !isSame(before.name, name)
      || before.address !== address || before.port !== port || before.revision !== revision
      || !isSame(before.version, version);
    const isValueNew = before === undefined ? value !== null : !isSame(before.value, value);
    if (!isStateNew && !isValueNew) return;
    this.statement(`
      INSERT OR REPLACE INTO nodes (site, node, name, state, address, port, revision, version, value, changed_ms)
      VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    `).run(id, name, state, address, port, revision, version, value, nowMs);
    if (isStateNew) {
      this.statement(`
        INSERT INTO node_states (site, node, time_ms, name, state, address, port, revision, version)
        VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?)
      `).run(id, nowMs, name, state, address, port, revision, version);
    }
    if (isValueNew) {
      this.statement("INSERT INTO node_values (site, node, time_ms, value) VALUES (0, ?, ?, ?)").run(id, nowMs, value);
    }
  }

  /** Of a node of another site only the name is known. */
  private saveName(site: number, node: number, name: string, nowMs: number): void {
    this.statement(`
      INSERT INTO nodes (site, node, name, state, address, port, revision, changed_ms)
      VALUES (?, ?, ?, 'unknown', '', 0, 0, ?)
      ON CONFLICT DO UPDATE SET name = excluded.name, changed_ms = excluded.changed_ms WHERE name IS NOT excluded.name
    `).run(site, node, storedText(name), nowMs);
  }

  private savePosition(output: string, number: number, nowMs: number): void {
    this.statement("INSERT OR REPLACE INTO positions (output, number, moved_ms) VALUES (?, ?, ?)")
      .run(output, number, nowMs);
  }

  private siteId(name: string): number {
    const known = this.siteIds.get(name);
    if (known !== undefined) return known;
    if (this.siteIds.size >= SITES_MAX) this.siteIds.clear();
    this.statement("INSERT INTO sites (name) VALUES (?) ON CONFLICT DO NOTHING").run(name);
    const id = Number(this.statement("SELECT id FROM sites WHERE name = ?").get(name)?.id);
    this.siteIds.set(name, id);
    return id;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return one === other;
}

function eventOf(row: SqliteRow): GatewayEvent {
  return {
    number: Number(row.number),
    site: String(row.site_name),
    author: Number(row.author),
    authorName: row.author_name === null ? undefined : readStoredText(row.author_name),
    generation: Number(row.generation),
    sequence: Number(row.sequence),
    timeMs: Number(row.time_ms),
    counter: Number(row.counter),
    kind: String(row.kind) as GatewayEvent["kind"],
    topic: readStoredText(row.topic),
    key: row.key === null ? undefined : readStoredText(row.key),
    ttlMs: Number(row.ttl_ms),
    value: readStoredValue(row.value),
    storedMs: Number(row.stored_ms),
  };
}
