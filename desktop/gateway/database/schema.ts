import type { Sqlite } from "./sqlite.js";

/**
 * The steps from each version of the database to the next one. The version is in `PRAGMA user_version`. A step that was
 * released never changes. docs/GATEWAY.md describes the tables.
 */
const MIGRATIONS: readonly string[] = [`
  CREATE TABLE sites (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  );
  INSERT INTO sites VALUES (0, '');

  CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL REFERENCES sites,
    author INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    topic TEXT NOT NULL,
    key TEXT,
    ttl_ms INTEGER NOT NULL,
    value,
    stored_ms INTEGER NOT NULL,
    UNIQUE (site, author, time_ms, counter, kind)
  );

  CREATE TABLE removed_events (
    site INTEGER NOT NULL,
    author INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    removed_day INTEGER NOT NULL,
    PRIMARY KEY (site, author, time_ms, counter, kind)
  ) WITHOUT ROWID;

  CREATE TABLE latest (
    site INTEGER NOT NULL REFERENCES sites,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    author INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    end_ms INTEGER,
    value,
    PRIMARY KEY (site, topic, key, author)
  ) WITHOUT ROWID;

  CREATE TABLE nodes (
    site INTEGER NOT NULL REFERENCES sites,
    node INTEGER NOT NULL,
    name TEXT,
    state TEXT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    version TEXT,
    value,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (site, node)
  ) WITHOUT ROWID;

  CREATE TABLE node_states (
    number INTEGER PRIMARY KEY,
    site INTEGER NOT NULL REFERENCES sites,
    node INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    name TEXT,
    state TEXT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    version TEXT
  );
  CREATE INDEX node_states_by_node ON node_states (site, node, time_ms);

  CREATE TABLE node_values (
    number INTEGER PRIMARY KEY,
    site INTEGER NOT NULL REFERENCES sites,
    node INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    value
  );
  CREATE INDEX node_values_by_node ON node_values (site, node, time_ms);

  CREATE TABLE positions (
    output TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    moved_ms INTEGER NOT NULL
  );

  CREATE VIEW event_list AS
    SELECT events.number, sites.name AS site, events.author, nodes.name AS author_name,
      datetime(events.time_ms / 1000, 'unixepoch') AS time, events.kind, events.topic, events.key, events.value
    FROM events JOIN sites ON sites.id = events.site
    LEFT JOIN nodes ON nodes.site = events.site AND nodes.node = events.author;

  CREATE VIEW value_list AS
    SELECT node_values.number, sites.name AS site, node_values.node, nodes.name AS name,
      datetime(node_values.time_ms / 1000, 'unixepoch') AS time, node_values.value
    FROM node_values JOIN sites ON sites.id = node_values.site
    LEFT JOIN nodes ON nodes.site = node_values.site AND nodes.node = node_values.node;

  CREATE VIEW winners AS
    WITH alive AS (
      SELECT * FROM latest WHERE kind <> 'withdraw'
        AND (end_ms IS NULL OR end_ms > (julianday('now') - 2440587.5) * 86400000)
    ), ranked AS (
      SELECT *, row_number() OVER (
        PARTITION BY site, topic, key ORDER BY time_ms DESC, counter DESC, author DESC
      ) AS place FROM alive
    )
    SELECT sites.name AS site, topic, key, author, time_ms, value, end_ms
    FROM ranked JOIN sites ON sites.id = ranked.site
    WHERE kind = 'set' AND (
      CASE WHEN topic LIKE '+%' THEN NOT EXISTS (
        SELECT 1 FROM alive AS removal
        WHERE removal.kind = 'remove' AND removal.site = ranked.site AND removal.topic = ranked.topic
          AND removal.key = ranked.key
          AND (removal.time_ms, removal.counter, removal.author) > (ranked.time_ms, ranked.counter, ranked.author)
      ) ELSE place = 1 END
    );
`, `
  CREATE INDEX removed_events_by_day ON removed_events (removed_day);
`];

export const DATABASE_VERSION = MIGRATIONS.length;
/** "chis": marks the file as a database of chisme. */
const APPLICATION_ID = 0x63686973;

/**
 * Brings a database to the version of this program.
 *
 * @throws Error when it is of a later version, or of another program; then it is not changed
 */
export function migrate(sqlite: Sqlite): void {
  const version = readPragma(sqlite, "user_version");
  if (version > DATABASE_VERSION) {
    throw new Error(`is of version ${version}, and this program knows versions up to ${DATABASE_VERSION}: it was `
      + "written by a later chisme; use that one, or another file");
  }
  const isOther = readPragma(sqlite, "application_id") !== APPLICATION_ID;
  if (isOther && (version > 0 || sqlite.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined)) {
    throw new Error("is a database of another program");
  }
  for (let step = version; step < DATABASE_VERSION; step++) {
    sqlite.exec("BEGIN IMMEDIATE");
    try {
      sqlite.exec(MIGRATIONS[step]);
      sqlite.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${step + 1}; COMMIT`);
    } catch (error) {
      sqlite.exec("ROLLBACK");
      throw error;
    }
  }
}

/** @param name one of this program's own */
export function readPragma(sqlite: Sqlite, name: string): number {
  return Number(Object.values(sqlite.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
