import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DatabaseWriter } from "../desktop/gateway/database/database-writer.js";
import { GatewayDatabase } from "../desktop/gateway/database/gateway-database.js";
import type { FeedEvent } from "../src/gossip.js";

/** Events in one transaction by hand: as many as the gateway writes in one. */
const BATCH = 1000;
const AUTHORS = 50;
const KEYS = 20;

export interface GatewayFigures {
  events: number;
  /** Inserts by hand into the same table of the same events, in the same kind of transactions, a second. */
  byHand: number;
  /** Events that the gateway stored in a second. */
  byGateway: number;
  /** `byGateway` / `byHand`. */
  ratio: number;
  /** Resident memory after a tenth of the events, and after all of them, in bytes. */
  rssAfterTenth: number;
  rssAfterAll: number;
}

/** Event number `index`: nine in ten are log events, one is a value. */
function eventOf(index: number): FeedEvent {
  const isSet = index % 10 === 0;
  return {
    author: 4000000000 + index % AUTHORS, copiedBy: undefined, generation: 0, sequence: 1 + Math.floor(index / AUTHORS),
    timeMs: 1700000000000 + index, counter: 0, topic: isSet ? "setting" : "reading",
    key: isSet ? `key ${index % KEYS}` : undefined, kind: isSet ? "set" : "log", ttlMs: 0, endMs: Infinity,
    value: { temp: 20 + index % 100 / 10, hum: 40 },
  };
}

function insertByHand(file: string, events: number): number {
  const database = new GatewayDatabase(file);
  const statement = database.sqlite.prepare(`
    INSERT INTO events (site, author, time_ms, counter, kind, generation, sequence, topic, key, ttl_ms, value,
      stored_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const startMs = performance.now();
  for (let index = 0; index < events; index += BATCH) {
    database.sqlite.exec("BEGIN");
    for (let i = index; i < Math.min(index + BATCH, events); i++) {
      const { author, timeMs, counter, kind, generation, sequence, topic, key = null, ttlMs, value } = eventOf(i);
      const text = JSON.stringify(value);
      statement.run(0, author, timeMs, counter, kind, generation, sequence, topic, key, ttlMs, text, 0);
    }
    database.sqlite.exec("COMMIT");
  }
  const tookMs = performance.now() - startMs;
  database.close();
  return events / tookMs * 1000;
}

/** Stores events as a gateway does, and inserts the same ones by hand, in one run. */
export async function measureGateway(events: number): Promise<GatewayFigures> {
  const folder = mkdtempSync(join(tmpdir(), "chisme-bench-"));
  try {
    const byHand = insertByHand(join(folder, "hand.db"), events);
    const database = new GatewayDatabase(join(folder, "gateway.db"));
    const fail = (line: string): never => {
      throw new Error(line);
    };
    const writer = new DatabaseWriter({
      database, log: { info: fail, warn: fail }, onStored: () => undefined, heldEvents: () => [],
    });
    let rssAfterTenth = 0;
    const startMs = performance.now();
    for (let index = 0; index < events; index++) {
      writer.apply(eventOf(index));
      // The node comes back to its inputs.
      if (index % BATCH === BATCH - 1) await setImmediate();
      if (index === Math.floor(events / 10)) rssAfterTenth = process.memoryUsage.rss();
    }
    if (!writer.close()) throw new Error("not all is written");
    const byGateway = events / (performance.now() - startMs) * 1000;
    const rssAfterAll = process.memoryUsage.rss();
    const stored = Number(database.statement("SELECT count(*) AS n FROM events").get()?.n);
    database.close();
    if (stored !== events) throw new Error(`${stored} of ${events} events are stored`);
    return { events, byHand, byGateway, ratio: byGateway / byHand, rssAfterTenth, rssAfterAll };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
