import { Reader } from "../../src/engine/wire/cursor.js";
import { EventData, readEvent } from "../../src/engine/feed/event.js";
import { type NodeEngine, OWN_SLOT, type Rows } from "../../src/engine/index.js";
import { type PlainEvent, plainOf } from "../engine/feed/feed-support.js";

export interface HeldRow {
  id: number;
  revision: number;
  heartbeat: number;
  state: number;
  value: number[];
}

/** The row that a table holds of a node. */
export function held(rows: Rows, id: number): HeldRow | undefined {
  const slot = rows.find(id);
  if (slot < 0) return undefined;
  const start = rows.valueStart(slot);
  return {
    id, revision: rows.revision(slot), heartbeat: rows.heartbeat(slot), state: rows.state(slot),
    value: [...rows.valueBytes().subarray(start, start + rows.valueLength(slot))],
  };
}

/** All rows in the order of their order keys. */
export function table({ rows }: NodeEngine): HeldRow[] {
  return Array.from({ length: rows.count }, (_, place) => held(rows, rows.id(rows.slotAt(place)))!);
}

export function ownHeartbeat(engine: NodeEngine): number {
  return engine.rows.heartbeat(OWN_SLOT);
}

/** The event of a record in the arena. */
export function plainEvent(engine: NodeEngine, record: number): PlainEvent {
  const { arena } = engine.feed!.feeds;
  const reader = new Reader();
  const event = new EventData();
  const start = arena.eventAt(record);
  reader.reset(arena.bytes, start, start + arena.eventLength(record));
  readEvent(reader, event);
  return plainOf(arena.bytes, event);
}

/** What a node holds of an author's feed: its frontier, and topic, key and payload by sequence number. */
export function heldFeed(engine: NodeEngine, author: number): { frontier: number[]; events: Record<number, string> } {
  const { feeds } = engine.feed!;
  const slot = engine.rows.find(author);
  const events: Record<number, string> = {};
  if (slot < 0) return { frontier: [], events };
  for (let record = feeds.arena.first(slot); record !== 0; record = feeds.arena.next(record)) {
    const { topic, key, payload } = plainEvent(engine, record);
    events[feeds.arena.sequence(record)] = `${topic}/${key} ${payload}`;
  }
  const frontier = [feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot), feeds.tipSecond(slot)];
  return { frontier, events };
}
