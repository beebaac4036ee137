import { createRequire } from "node:module";

/** The part of `node:sqlite` that is used here. */
export interface Sqlite {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export type SqliteValue = number | string | bigint | Uint8Array | null;
export type SqliteRow = Record<string, SqliteValue>;

export interface SqliteStatement {
  run(...values: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: SqliteValue[]): SqliteRow | undefined;
  all(...values: SqliteValue[]): SqliteRow[];
  iterate(...values: SqliteValue[]): IterableIterator<SqliteRow>;
  /** Later rows have their integers as bigint. */
  setReadBigInts(isOn: boolean): void;
  /** Later rows are arrays of values. node:sqlite has it from Node.js 22.16 on. */
  setReturnArrays?(isOn: boolean): void;
  columns(): { name: string }[];
}

interface SqliteLibrary {
  DatabaseSync: new (path: string, options?: { readOnly?: boolean; timeout?: number }) => Sqlite;
}

/**
 * The package comes with its binaries, and has the interface of `node:sqlite`. So where there is no binary of it, that
 * of Node.js 22.13 or later serves.
 */
const LIBRARIES = ["@photostructure/sqlite", "node:sqlite"];
/** How long a write waits while another process writes; the gateway does nothing else meanwhile. */
const BUSY_MS = 2000;

/** @throws Error of SQLite, or one that says that there is no SQLite here */
export function openSqlite(file: string, isReadOnly = false): Sqlite {
  const require = createRequire(import.meta.url);
  let failure: unknown;
  for (const name of LIBRARIES) {
    let library: SqliteLibrary;
    try {
      library = require(name) as SqliteLibrary;
    } catch (error) {
      failure ??= error;
      continue;
    }
    return new library.DatabaseSync(file, { readOnly: isReadOnly, timeout: BUSY_MS });
  }
  throw new Error(`SQLite does not run here (${process.platform} ${process.arch}): ${
    (failure as Error).message.split("\n")[0]}; Node.js 22.13 or later has one built in`, { cause: failure });
}
