import type { CborValue } from "./cbor/cbor.js";
import { KIND_LOG, KIND_REMOVE, KIND_SET } from "./engine/feed/kinds.js";
import type { FrontierEntry, EventApi, HlcStamp } from "./events/event-api.js";
import { GossipNode } from "./gossip-node.js";
import type { FeedEvent } from "./views/feed-event.js";

export type { CborValue } from "./cbor/cbor.js";
export type { Dialect } from "./engine/node-engine.js";
export type { Sealer, Sealing } from "./engine/wire/sealer.js";
export { PROBED, DOWN, LEFT, REMOVE, SUSPECT, UP } from "./engine/table/states.js";
export type { Digest } from "./digest/sha256.js";
export type { EventFeeds } from "./events/index.js";
export type { FrontierEntry, HlcStamp } from "./events/event-api.js";
export { GossipNode, type GossipStats } from "./gossip-node.js";
export type { NetworkStateRow } from "./network-state.js";
export type { GossipErrorCode, GossipOptions, NodeRow } from "./options.js";
export type { GossipClock, GossipLog, GossipSocket, GossipStorage, Platform } from "./platform/types.js";
export type { FeedEvent, FeedView } from "./views/feed-event.js";
export { MinMax, type MinMaxOptions, minMax } from "./views/min-max.js";
export type { View } from "./views/view.js";

/** Of a value that is set. */
export interface SetOptions {
  /** How long the value counts, from now: 0, the default, is for ever. Whole seconds, rounded up; up to 136 years. */
  ttlMs?: number;
}

/** A node of a gossip network that also says events, if it is given the option `feeds`. */
export class Gossip extends GossipNode {
  // Without a constructor: while one of Espruino's calls super(), no other derived class can be made.

  /**
   * Says something that stays one of many: kept in the feeds of all nodes for as
   * long as there is room. It is stored, if the storage has a log, before it is
   * sent.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @throws Error that names what is out of its range, or when there is no room, no feed or no running node; and what
   * the storage throws. Nothing is said then
   */
  log(topic: string, value: CborValue): void {
    this.publish("log", KIND_LOG, topic, "", 0, value);
  }

  /**
   * Sets this node's value of a topic and key, in place of the one before.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @param key 0 to 31 bytes in UTF-8
   * @throws as `log`
   */
  set(topic: string, key: string, value: CborValue, options?: SetOptions): void {
    const ttlMs = options === undefined || options.ttlMs === undefined ? 0 : options.ttlMs;
    this.publish("set", KIND_SET, topic, key, ttlMs, value);
  }

  /**
   * Takes back what this node set for a topic and key.
   *
   * @throws as `log`
   */
  remove(topic: string, key: string): void {
    this.publish("remove", KIND_REMOVE, topic, key, 0, undefined);
  }

  /** How far this node holds which feeds, in the order of the authors' ids; none without the option feeds. */
  frontier(): FrontierEntry[] {
    return this.feed === undefined ? [] : this.feed.frontier();
  }

  /** Calls `each` for all events that are held: author by author, each feed in its order. It may call any method. */
  eachEvent(each: (event: FeedEvent) => void): void {
    if (this.feed !== undefined) this.feed.each(each);
  }

  /** All events that are held, as `eachEvent` gives them. */
  events(): FeedEvent[] {
    const events: FeedEvent[] = [];
    this.eachEvent((event) => events.push(event));
    return events;
  }

  /**
   * A stamp of the hybrid logical clock: later than each event that this node knows
   * of, and earlier than its next one.
   *
   * @throws Error without the option feeds
   */
  now(): HlcStamp {
    return this.needFeed("now").now(this.setTime());
  }

  private needFeed(method: string): EventApi {
    if (this.feed === undefined) throw new Error(`${method}: there are no events without the option feeds`);
    return this.feed;
  }

  private publish(method: string, kind: number, topic: string, key: string, ttlMs: number, value: CborValue): void {
    const feed = this.needFeed(method);
    this.publishEvent(method, (nowMs) => {
      return feed.prepare(method, nowMs, kind, topic, key, ttlMs, value, () => this.storeRevision());
    });
  }
}
