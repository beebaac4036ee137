import { RECORD_GONE } from "../../src/engine/feed/arena.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "../../src/engine/feed/kinds.js";
import { BROADCAST_ADDRESS, Engine, type EngineOptions, type NodeEngine } from "../../src/engine/index.js";
import { type PlainEvent, cborOf } from "../engine/feed/feed-support.js";
import { PORT, engineOptions } from "./engine-options.js";
import { takeDatagrams, takeNotifications } from "./engine-outputs.js";
import { plainEvent } from "./engine-state.js";
import { publishEvent } from "./publish-event.js";

/** One datagram as it was sent. */
export interface Sent {
  from: number;
  to: number;
  bytes: Uint8Array;
}

/** A notification of the node at an address, with the row as it was then. */
export interface Notified {
  address: number;
  kind: number;
  id: number;
  state: number;
}

/** An event that a node gave its application. */
export interface NotifiedEvent extends PlainEvent {
  author: number;
  generation: number;
  sequence: number;
}

/**
 * Engines on one network, by address. Time passes in `run` only. Datagrams
 * arrive at once and in the order in which they were sent, unless `lose` drops them.
 */
export class EngineNetwork<E extends NodeEngine = Engine> {
  nowMs = 1000;
  readonly engines = new Map<number, E>();
  readonly sent: Sent[] = [];
  readonly notified: Notified[] = [];
  /** The events that each node gave its application. */
  readonly events = new Map<number, NotifiedEvent[]>();
  /** Returns whether a datagram is lost. */
  lose: (sent: Sent) => boolean = () => false;
  private readonly inFlight: Sent[] = [];

  /** Starts an engine of compact frames; its id is its address unless the options give another. */
  add(
    this: EngineNetwork, address: number, options: Partial<EngineOptions> = {}, seeds: number[] = [], revision = 0,
    isRemembered = true,
  ): Engine {
    const engine = new Engine(engineOptions({ id: address, address, ...options }));
    for (const seed of seeds) engine.addSeed(seed, PORT);
    return this.start(address, engine, revision, isRemembered);
  }

  /** Starts an engine of any dialect. */
  start(address: number, engine: E, revision = 0, isRemembered = true): E {
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
    this.publishEvent(address, KIND_LOG, topic, "", value);
  }

  set(address: number, topic: string, key: string, value: unknown, ttlSeconds = 0): void {
    this.publishEvent(address, KIND_SET, topic, key, value, ttlSeconds);
  }

  remove(address: number, topic: string, key: string): void {
    this.publishEvent(address, KIND_REMOVE, topic, key, undefined);
  }

  /** A node publishes an event. Returns the event's length in bytes, or the engine's negative refusal. */
  publishEvent(address: number, kind: number, topic: string, key: string, value: unknown, ttlSeconds = 0): number {
    const engine = this.engines.get(address)!;
    const payload = kind === KIND_REMOVE || kind === KIND_END ? new Uint8Array(0) : cborOf(value);
    const length = publishEvent(engine, this.nowMs, kind, topic, key, ttlSeconds, payload, payload.length);
    if (length > 0) this.drain(address);
    return length;
  }

  /** A node says goodbye and is gone. */
  leave(address: number): void {
    this.engines.get(address)!.leave(this.nowMs);
    this.drain(address);
    this.engines.delete(address);
  }

  /** A node gets another address without being told. */
  move(from: number, to: number): void {
    this.engines.set(to, this.engines.get(from)!);
    this.engines.delete(from);
  }

  /** Delivers a datagram, and everything that the nodes send because of it. */
  deliver(to: number, from: number, bytes: Uint8Array): void {
    // The engine unseals a datagram in place.
    this.engines.get(to)?.receive(this.nowMs, from, PORT, bytes.slice(), bytes.length);
    this.drain(to);
  }

  /** Takes a node's outputs and delivers its datagrams. */
  drain(address: number): void {
    const engine = this.engines.get(address);
    if (engine === undefined) return;
    this.takeEvents(address, engine);
    const { rows } = engine;
    for (const { kind, slot } of takeNotifications(engine)) {
      this.notified.push({ address, kind, id: rows.id(slot), state: rows.state(slot) });
    }
    const isDelivering = this.inFlight.length > 0;
    for (const { to, bytes } of takeDatagrams(engine)) this.inFlight.push({ from: address, to, bytes });
    if (!isDelivering) this.deliverAll();
  }

  /** Lets time pass; each node ticks when it is due. */
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

  /** The datagram that is being delivered stays in `inFlight`, so that its answers wait behind those already there. */
  private deliverAll(): void {
    for (let i = 0; i < this.inFlight.length; i++) {
      const sent = this.inFlight[i];
      this.sent.push(sent);
      if (this.lose(sent)) continue;
      const targets = sent.to === BROADCAST_ADDRESS ? [...this.engines.keys()] : [sent.to];
      for (const target of targets) this.deliver(target, sent.from, sent.bytes);
    }
    this.inFlight.length = 0;
  }

  private takeEvents(address: number, engine: E): void {
    if (engine.feed === undefined) return;
    const { feeds } = engine.feed;
    const { arena } = feeds;
    const events = this.events.get(address) ?? [];
    this.events.set(address, events);
    for (let record = arena.nextUnnotified(); record !== 0; record = arena.nextUnnotified()) {
      if (arena.hasFlag(record, RECORD_GONE)) continue;
      const slot = arena.owner(record);
      events.push({
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
