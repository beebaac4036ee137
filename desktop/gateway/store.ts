import { resolve } from "node:path";
import type { FeedEvent } from "../../src/gossip.js";
import type { LoadedConfig } from "./config.js";
import { DatabaseWriter } from "./database/database-writer.js";
import { GatewayDatabase } from "./database/gateway-database.js";
import { RetentionKeeper } from "./database/retention.js";
import type { PartLog } from "./gateway-log.js";
import type { ForeignEvents } from "./output.js";

/** The database file of a configuration. */
export function databaseFile({ config, folder }: LoadedConfig): string {
  return resolve(folder, config.sqlite?.file ?? resolve(folder, config.storage, "gateway.db"));
}

export interface StoreOptions {
  log: PartLog;
  /** Events were stored. */
  onStored: () => void;
  /** All events that the node holds. */
  heldEvents: () => FeedEvent[];
  /** The number up to which all outputs have all events; Infinity: there are no outputs. */
  taken: () => number;
}

/** An open database, and what writes into it. */
export interface Store {
  file: string;
  database: GatewayDatabase;
  writer: DatabaseWriter;
  retention: RetentionKeeper;
  foreign: ForeignEvents;
}

/**
 * Opens the database of a configuration.
 *
 * @returns undefined: it was refused, and the operator was told. The gateway then runs without it
 */
export function openStore(
  loaded: LoadedConfig, { log, onStored, heldEvents, taken }: StoreOptions,
): Store | undefined {
  const file = databaseFile(loaded);
  try {
    const database = new GatewayDatabase(file);
    const writer = new DatabaseWriter({ database, log, onStored, heldEvents });
    const retention = new RetentionKeeper({ database, log, taken, limits: loaded.config.sqlite?.retention ?? {} });
    const foreign: ForeignEvents = {
      add: (events, position) => writer.addForeign(events, position),
      position: (name) => database.namedPosition(name),
      values: (topics, of) => database.foreignValues(topics, of),
      logs: (topics, number, limit) => database.foreignLogs(topics, number, limit),
    };
    return { file, database, writer, retention, foreign };
  } catch (error) {
    const { message } = error as Error;
    log.warn(`${file}: ${message}; the gateway runs without a database, and its outputs get no events`);
    return undefined;
  }
}

/** Ends it. @returns false: it could not take all that waited */
export function closeStore({ database, writer, retention }: Store): boolean {
  retention.close();
  const isWritten = writer.close();
  database.close();
  return isWritten;
}
