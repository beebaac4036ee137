import CliTable from "cli-table3";
import { Command, Option } from "commander";
import { type SqliteRow, type SqliteValue, openSqlite } from "../gateway/database/sqlite.js";

type Format = "table" | "json" | "csv";

const HELP = `
The database is opened for reading only. docs/GATEWAY.md describes its tables and
views: event_list, value_list, winners, nodes, node_states, and what is below them.
Values are JSON; where JSON cannot hold one it is CBOR, shown as hexadecimal text.

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
  const database = openSqlite(file, true);
  try {
    const statement = database.prepare(sql);
    const names = statement.columns().map(({ name }) => name);
    const write = (line: string): void => void process.stdout.write(`${line}\n`);
    process.stdout.on("error", () => process.exit());
    if (format === "table") writeTable(names, statement.iterate(), write);
    if (format === "csv") write(names.map(csvField).join(","));
    if (format === "table") return;
    for (const row of statement.iterate()) {
      write(format === "csv" ? names.map((name) => csvField(row[name])).join(",") : JSON.stringify(readable(row)));
    }
  } finally {
    database.close();
  }
}

function writeTable(names: string[], rows: Iterable<SqliteRow>, write: (line: string) => void): void {
  const table = new CliTable({ head: names, style: { head: [], border: [] } });
  let count = 0;
  for (const row of rows) {
    if (++count > TABLE_ROWS_MAX) break;
    table.push(names.map((name) => String(shown(row[name]) ?? "")));
  }
  write(table.toString());
  if (count > TABLE_ROWS_MAX) process.stderr.write(`warning: only the first ${TABLE_ROWS_MAX} rows\n`);
}

function readable(row: SqliteRow): object {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, shown(value)]));
}

function shown(value: SqliteValue): string | number | null {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? String(value) : value;
}

function csvField(value: SqliteValue): string {
  const text = String(shown(value) ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
