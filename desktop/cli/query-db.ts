import { existsSync } from "node:fs";
import CliTable from "cli-table3";
import { Command, Option } from "commander";
import { escaped, terminalJson } from "../control/value-text.js";
import { type SqliteRow, type SqliteValue, openSqlite } from "../gateway/database/sqlite.js";

type Format = "table" | "json" | "csv";

const HELP = `
The database is opened for reading only. docs/GATEWAY.md describes its tables and
views: event_list, value_list, winners, nodes, node_states, and what is below them.
Values are JSON; where JSON cannot hold one it is CBOR, shown as hexadecimal text.
Integers beyond 2^53 are text in JSON. Of two columns of one name the second gets _2.

  chisme query-db readings.db "SELECT * FROM winners"
  chisme query-db readings.db "SELECT time, value FROM value_list WHERE name = 'hall'"`;
const TABLE_ROWS_MAX = 1000;

/** `chisme query-db`. */
export function queryDbCommand(): Command {
  return new Command("query-db")
    .description("Ask the database of a gateway by SQL; a gateway may write into it meanwhile.")
    .argument("<file>", "the database")
    .argument("<sql>", "one statement that reads")
    .addOption(new Option("--format <name>", "how to print rows: table (at most 1000 rows), json (one object a line), "
      + "csv (RFC 4180)").choices(["table", "json", "csv"]).default("table"))
    .addHelpText("after", HELP)
    .showHelpAfterError("(chisme query-db --help lists the options)")
    .action((file: string, sql: string, { format }: { format: Format }) => {
      try {
        query(file, sql, format);
      } catch (error) {
        process.stderr.write(`error: ${file}: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}

function query(file: string, sql: string, format: Format): void {
  checkStatement(sql);
  // SQLite says "unable to open database file" for each cause.
  if (!existsSync(file)) throw new Error("there is no such file");
  const database = openSqlite(file, true);
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays?.(true);
    const names = distinct(statement.columns().map(({ name }) => name));
    const rows = (): Iterable<SqliteValue[]> => arrays(statement.iterate());
    const write = (line: string): void => void process.stdout.write(`${line}\n`);
    process.stdout.on("error", () => process.exit());
    if (format === "table") writeTable(names, rows(), write);
    if (format === "csv") write(names.map(csvField).join(","));
    if (format === "table") return;
    for (const row of rows()) {
      write(format === "csv" ? row.map(csvField).join(",") : terminalJson(readable(names, row)));
    }
  } finally {
    database.close();
  }
}

/** SQLite's libraries run the first statement and do not say that there are others. @throws Error */
function checkStatement(sql: string): void {
  const code = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]/g, "x")
    .replace(/--.*|\/\*[^]*?(?:\*\/|$)/g, " ");
  if (/^[\s;]*$/.test(code)) throw new Error("there is no statement");
  if (/;[\s;]*[^\s;]/.test(code)) throw new Error("there is more than one statement");
  if (/^\s*vacuum\b/i.test(code)) throw new Error("VACUUM writes");
}

/** Names of columns, of which two may be the same. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let count = 2; taken.has(free); count++) free = `${name}_${count}`;
    taken.add(free);
    return free;
  });
}

/** Rows by the place of their columns. Where the library has only objects, columns of one name are one. */
function* arrays(rows: Iterable<SqliteRow | SqliteValue[]>): Generator<SqliteValue[]> {
  for (const row of rows) yield Array.isArray(row) ? row : Object.values(row);
}

function writeTable(names: string[], rows: Iterable<SqliteValue[]>, write: (line: string) => void): void {
  const table = new CliTable({ head: names.map(printable), style: { head: [], border: [] } });
  let count = 0;
  for (const row of rows) {
    if (++count > TABLE_ROWS_MAX) break;
    table.push(row.map((value) => printable(String(shown(value) ?? ""))));
  }
  write(table.toString());
  if (count > TABLE_ROWS_MAX) process.stderr.write(`warning: only the first ${TABLE_ROWS_MAX} rows\n`);
}

/** Names come from other nodes: what would control the terminal is shown as JSON has it. */
function printable(text: string): string {
  // A line feed begins a line of the cell.
  return text.split("\n").map(escaped).join("\n");
}

function readable(names: readonly string[], row: readonly SqliteValue[]): object {
  return Object.fromEntries(row.map((value, place) => [names[place], shown(value)]));
}

function shown(value: SqliteValue): string | number | null {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function csvField(value: SqliteValue): string {
  const text = String(shown(value) ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
