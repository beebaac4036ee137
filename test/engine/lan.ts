import { Reader } from "../../src/engine/wire/cursor.js";
import { RECORD_GONE } from "../../src/engine/feed/arena.js";
import { EventData, readEvent } from "../../src/engine/feed/event.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "../../src/engine/feed/kinds.js";
import { Engine, type EngineOptions, OWN_SLOT, type Rows } from "../../src/engine/index.js";
import { type PlainEvent, cborOf, plainOf } from "./feed/feed-support.js";
import { publishEvent } from "../support/publish-event.js";

export const BROADCAST = 0xffffffff;
const PORT = 5000;

/** One datagram as it was sent. */
export interface Sent {
  from: number;
  to: number;
  bytes: Uint8Array;
}

export interface Told {
  address: number;
  kind: number;
  id: number;
  state: number;
}

/** An event of which a node told its application. */
export interface ToldEvent extends PlainEvent {
  author: number;
  generation: number;
  sequence: number;
}

/** Engines whose datagrams arrive at once, unless `lose` says otherwise. Node n has id and address n. */
export class Lan {
  nowMs = 1000;
  readonly engines = new Map<number, Engine>();
  readonly sent: Sent[] = [];
  readonly told: Told[] = [];
  /** Of which events each node told its application. */
  readonly events = new Map<number, ToldEvent[]>();
  /** Returns whether a datagram is lost. */
  lose: (sent: Sent) => boolean = () => false;
  private readonly out = { bytes: new Uint8Array(1472), length: 0, address: 0, port: 0 };

  add(
    address: number, options: Partial<EngineOptions> = {}, seeds: number[] = [], revision = 0, isRemembered = true,
  ): Engine {
    const engine = new Engine({
      id: address, address, port: PORT, capacity: 64, valueBytesMax: 32, datagramBytesMax: 1200,
      roundIntervalMs: 10000, removeAfterMs: 86400000, seedCapacity: 16, broadcastAddress: BROADCAST,
      randomSeed: 1, ...options,
    });
    for (const seed of seeds) engine.seeds.pin(seed, PORT);
    this.engines.set(address, engine);
    engine.start(this.nowMs, revision, isRemembered);
    this.drain(address);
    return engine;
  }

  publish(address: number, value: number[], to = 0): void {
    const bytes = Uint8Array.from(value);
    this.engines.get(address)!.publish(this.nowMs, bytes, bytes.length, to, to === 0 ? 0 : PORT);
    this.drain(address);
  }

  log(address: number, topic: string, value: unknown): void {
    this.say(address, KIND_LOG, topic, "", value);
  }

  set(address: number, topic: string, key: string, value: unknown, ttlSeconds = 0): void {
    this.say(address, KIND_SET, topic, key, value, ttlSeconds);
  }

  remove(address: number, topic: string, key: string): void {
    this.say(address, KIND_REMOVE, topic, key, undefined);
  }

  /** A node publishes an event. Returns its length, or why it could not. */
  say(address: number, kind: number, topic: string, key: string, value: unknown, ttlSeconds = 0): number {
    const engine = this.engines.get(address)!;
    const payload = kind === KIND_REMOVE ? new Uint8Array(0) : cborOf(value);
    const length = publishEvent(engine, this.nowMs, kind, topic, key, ttlSeconds, payload, payload.length);
    if (length >= 0) this.drain(address);
    return length;
  }

  /** A node says goodbye and is gone. */
  leave(address: number): void {
    const engine = this.engines.get(address)!;
    engine.leave(this.nowMs);
    this.drain(address);
    this.engines.delete(address);
  }

  /** A node gets another address and does not know it. */
  move(from: number, to: number): void {
    this.engines.set(to, this.engines.get(from)!);
    this.engines.delete(from);
  }

  /** Hands a datagram to a node. */
  deliver(to: number, from: number, bytes: Uint8Array): void {
    // A sealed datagram is opened in place.
    this.engines.get(to)?.receive(this.nowMs, from, PORT, bytes.slice(), bytes.length);
    this.drain(to);
  }

  /** Takes what a node has to say and delivers its datagrams, and what these cause. */
  drain(address: number): void {
    const engine = this.engines.get(address);
    if (engine === undefined) return;
    this.takeEvents(address, engine);
    const event = { kind: 0, slot: 0 };
    while (engine.pollNotification(event)) {
      const { rows } = engine;
      this.told.push({ address, kind: event.kind, id: rows.id(event.slot), state: rows.state(event.slot) });
    }
    const outgoing: Sent[] = [];
    while (engine.pollTransmit(this.out)) {
      outgoing.push({ from: address, to: this.out.address, bytes: this.out.bytes.slice(0, this.out.length) });
    }
    for (const sent of outgoing) {
      this.sent.push(sent);
      if (this.lose(sent)) continue;
      const targets = sent.to === BROADCAST ? [...this.engines.keys()] : [sent.to];
      for (const target of targets) this.deliver(target, address, sent.bytes);
    }
  }

  /** Lets time pass, every node ticking when it is due. */
  run(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const [address, deadline] = this.nextDue();
      if (deadline > end) break;
      this.nowMs = Math.max(this.nowMs, deadline);
      this.engines.get(address)!.tick(this.nowMs);
      this.drain(address);
    }
    this.nowMs = end;
  }

  private takeEvents(address: number, engine: Engine): void {
    if (engine.feed === undefined) return;
    const { feeds } = engine.feed;
    const { arena } = feeds;
    const told = this.events.get(address) ?? [];
    this.events.set(address, told);
    for (let record = arena.nextUnnotified(); record !== 0; record = arena.nextUnnotified()) {
      if (arena.hasFlag(record, RECORD_GONE)) continue;
      const slot = arena.owner(record);
      told.push({
        author: engine.rows.id(slot), generation: feeds.generation(slot), sequence: arena.sequence(record),
        ...plainEvent(engine, record),
      });
    }
  }

  private nextDue(): [number, number] {
    let first: [number, number] = [0, Infinity];
    for (const [address, engine] of this.engines) {
      const deadline = engine.nextDeadline();
      if (deadline < first[1]) first = [address, deadline];
    }
    return first;
  }
}

export interface HeldRow {
  id: number;
  revision: number;
  heartbeat: number;
  state: number;
  value: number[];
}

export function held(rows: Rows, id: number): HeldRow | undefined {
  const slot = rows.find(id);
  if (slot < 0) return undefined;
  const start = rows.valueStart(slot);
  return {
    id, revision: rows.revision(slot), heartbeat: rows.heartbeat(slot), state: rows.state(slot),
    value: [...rows.valueBytes().subarray(start, start + rows.valueLength(slot))],
  };
}

function plainEvent(engine: Engine, record: number): PlainEvent {
  const { arena } = engine.feed!.feeds;
  const reader = new Reader();
  const event = new EventData();
  const start = arena.eventAt(record);
  reader.reset(arena.bytes, start, start + arena.eventLength(record));
  readEvent(reader, event);
  return plainOf(arena.bytes, event);
}

/** What a node holds of an author's feed: its frontier, and topic, key and payload by sequence number. */
export function heldFeed(engine: Engine, author: number): { frontier: number[]; events: Record<number, string> } {
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

/** All rows in the order of keys. */
export function table(engine: Engine): HeldRow[] {
  const { rows } = engine;
  return Array.from({ length: rows.count }, (_, place) => held(rows, rows.id(rows.slotAt(place)))!);
}

export function ownHeartbeat(engine: Engine): number {
  return engine.rows.heartbeat(OWN_SLOT);
}
