import { resolve } from "node:path";
import type { FeedEvent } from "../../src/gossip.js";
import type { LoadedConfig } from "./config.js";
import { DatabaseWriter } from "./database/database-writer.js";
import { GatewayDatabase } from "./database/gateway-database.js";
import type { PartLog } from "./gateway-log.js";
import type { ForeignEvents } from "./output.js";

/** The database file of a configuration. */
export function databaseFile({ config, folder }: LoadedConfig): string {
  return resolve(folder, config.sqlite?.file ?? resolve(folder, config.storage, "gateway.db"));
}

/** An open database, and what writes into it. */
export interface Store {
  file: string;
  database: GatewayDatabase;
  writer: DatabaseWriter;
  foreign: ForeignEvents;
}

/**
 * Opens the database of a configuration.
 *
 * @returns undefined: it was refused, and the operator was told. The gateway then runs without it
 */
export function openStore(
  loaded: LoadedConfig, log: PartLog, onStored: () => void, heldEvents: () => FeedEvent[],
): Store | undefined {
  const file = databaseFile(loaded);
  try {
    const database = new GatewayDatabase(file);
    const writer = new DatabaseWriter({ database, log, onStored, heldEvents });
    const foreign: ForeignEvents = {
      add: (events) => writer.addForeign(events),
      last: (site, author) => database.lastStamp(site, author),
    };
    return { file, database, writer, foreign };
  } catch (error) {
    log.warn(`${file}: ${(error as Error).message}; the gateway runs without a database, and its outputs get no events`);
    return undefined;
  }
}
