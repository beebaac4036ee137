import type { CborValue } from "./cbor/cbor.js";
import { KIND_END, KIND_LOG, KIND_REMOVE, KIND_SET } from "./engine/feed/kinds.js";
import { failure } from "./errors.js";
import type { FrontierEntry, HlcStamp } from "./events/event-api.js";
import type { EventNotifier } from "./events/event-notifier.js";
import { GossipNode } from "./gossip-node.js";
import type { MessageApi } from "./messages/message-api.js";
import type { PingOptions, QueryOptions, Reach, SendOptions } from "./messages/message-types.js";
import type { OnReady, Sleeping } from "./sleep/index.js";
import type { FeedEvent } from "./views/feed-event.js";

export type { CborValue } from "./cbor/cbor.js";
export type { Dialect } from "./engine/node-engine.js";
export type { Sealer, Sealing } from "./engine/wire/sealer.js";
export type { Digest } from "./digest/sha256.js";
export type { ChismeError, ErrorCode, GossipErrorCode } from "./errors.js";
export type { EventFeeds } from "./events/index.js";
export type { FrontierEntry, HlcStamp } from "./events/event-api.js";
export type { Messages } from "./messages/index.js";
export type {
  Answer, Message, MessageOutcome, PingOptions, PingResult, QueryOptions, Reach, SendOptions,
} from "./messages/message-types.js";
export type { MessageStats } from "./engine/message/message-stats.js";
export type { GossipStats } from "./gossip-node.js";
export type { NodeRow, NodeState } from "./node-row.js";
export type { GossipOptions } from "./options.js";
export type { GossipClock, GossipLog, GossipSocket, GossipStorage, Platform } from "./platform/types.js";
export type { OnReady, Sleeping } from "./sleep/index.js";
export type { NetworkTime, TimeOrigin, TimeQuality } from "./time/index.js";
export type { FeedEvent, FeedView } from "./views/feed-event.js";
export { MinMax, type MinMaxOptions, minMax } from "./views/min-max.js";
export type { View, ViewRows } from "./views/view.js";

/** Options of a value that is set. */
export interface SetOptions {
  /**
   * How long the value counts, from now, in ms: 0 to 4,294,967,295,000 (136 years), rounded up to whole seconds. 0, the
   * default, is for ever.
   */
  ttlMs?: number;
}

/**
 * A node of a gossip network, which also publishes events, if it has the option
 * `events`. `Value` is the type of what nodes share with `push`: by default any
 * CBOR; a type of the application's must be an alias, not an interface.
 */
export class Gossip<Value extends CborValue = CborValue> extends GossipNode<Value> {
  // Without a constructor: while one of Espruino's calls super(), no other derived class can be made.

  /**
   * Publishes a log event. It replaces nothing; every node keeps it while its event
   * buffer has room. If the storage has a log, the event is stored before it is
   * sent.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument; Error ERR_STATE without the option `events`
   * or a running node, ERR_NO_ROOM when the event buffer is full of latest values; and what the storage throws. No
   * event is published in that case
   */
  log(topic: string, value: CborValue): void {
    this.publish("log", KIND_LOG, topic, "", 0, value);
  }

  /**
   * Sets the value of a topic and key, in place of the one before, whoever set it.
   * In a merge topic, which begins with "+", it takes the place of this node's own
   * value only: `topicMerge` makes one of all.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @param key 0 to 31 bytes in UTF-8
   * @throws as `log`
   */
  set(topic: string, key: string, value: CborValue, options?: SetOptions): void {
    this.publish("set", KIND_SET, topic, key, this.needEvents("set").api.timeToLive(options), value);
  }

  /**
   * Removes the value of a topic and key, whoever set it; in a merge topic, the
   * values of all nodes.
   *
   * @throws as `log`
   */
  remove(topic: string, key: string): void {
    this.publish("remove", KIND_REMOVE, topic, key, 0, undefined);
  }

  /**
   * Takes back the value that this node set for a key of a merge topic. The values
   * of other nodes stay. Without such a value the call does nothing.
   *
   * @param topic begins with "+"
   * @throws as `log`
   */
  withdraw(topic: string, key: string): void {
    if (!this.needEvents("withdraw").api.hasContribution("withdraw", topic, key)) return;
    this.publish("withdraw", KIND_END, topic, key, 0, undefined);
  }

  /**
   * Has `callback` called with each event of a topic, by the rules of `onEvent` and
   * after it: the events of an author in the order of its feed, each once. At most
   * 64 subscriptions at a time.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @returns a function that ends the subscription; a second call of it does nothing
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument; Error ERR_STATE without the option `events`,
   * ERR_NO_ROOM beyond 64 subscriptions
   */
  subscribe<EventValue extends CborValue = CborValue>(
    topic: string, callback: (event: FeedEvent<EventValue>) => void,
  ): () => void {
    return this.needEvents("subscribe").subscribe(topic, callback as (event: FeedEvent) => void);
  }

  /** How far this node holds each feed, in the order of the authors' ids; empty without the option `events`. */
  frontier(): FrontierEntry[] {
    return this.eventNotifier === undefined ? [] : this.eventNotifier.api.frontier();
  }

  /** Calls `each` with all events that the node holds, author by author, in feed order. It may call any method. */
  eachEvent(each: (event: FeedEvent) => void): void {
    if (this.eventNotifier !== undefined) this.eventNotifier.api.each(each);
  }

  /** All events that the node holds, in the order of `eachEvent`. */
  events(): FeedEvent[] {
    const events: FeedEvent[] = [];
    this.eachEvent((event) => events.push(event));
    return events;
  }

  /**
   * A stamp of the hybrid logical clock: later than each event that this node has
   * received or published, and earlier than its next one.
   *
   * @throws Error ERR_STATE without the option `events`
   */
  now(): HlcStamp {
    return this.needEvents("now").api.now(this.setTime());
  }

  /**
   * Sends a message to one node, over other nodes where it is out of reach. The receiver's application gets it once;
   * it is repeated until the receiver confirms it, or its time is over.
   *
   * @param to id, name or address, as in `row`
   * @param topic 1 to 31 bytes in UTF-8
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument, or when `to` is this node itself; Error
   * ERR_STATE without the option `messages` or a running node
   */
  send(to: number | string, topic: string, value: CborValue, options?: SendOptions): void {
    this.needMessages("send").send(to, topic, value, options);
  }

  /**
   * Sends a message to all live nodes, once each. It is stored nowhere: a node that is not there does not get it.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @returns false when this node has no room for another message now
   * @throws as `send`
   */
  broadcast(topic: string, value: CborValue): boolean {
    return this.needMessages("broadcast").broadcast(topic, value);
  }

  /**
   * Asks all live nodes. Those that know an answer answer, each once.
   *
   * @param topic 1 to 31 bytes in UTF-8
   * @throws as `send`
   */
  query(topic: string, value: CborValue, options?: QueryOptions): void {
    this.needMessages("query").query(topic, value, options);
  }

  /** Measures the way to a node and back. @param to as in `send` @throws as `send` */
  ping(to: number | string, options?: PingOptions): void {
    this.needMessages("ping").ping(to, options);
  }

  /**
   * The way to a node as this node's table shows it: ids from the neighbour, which gets the message first, to the node.
   * Relays follow their own tables. undefined when the node is not live, no way is known, or it is this node itself.
   *
   * @throws as `row`; Error ERR_STATE without the option `messages`
   */
  route(to: number | string): number[] | undefined {
    return this.needMessages("route").route(to);
  }

  /**
   * Asks all live nodes whom they reach directly.
   *
   * @param onReach called with what a node says, as it comes
   * @param timeoutMs 100 to 14,400,000; 12 rounds by default
   * @param onEnd as in `QueryOptions`
   * @throws as `send`
   */
  reachability(onReach: (reach: Reach) => void, timeoutMs?: number, onEnd?: (wasSent: boolean) => void): void {
    this.needMessages("reachability").reachability(onReach, timeoutMs, onEnd);
  }

  /**
   * Says that this node sleeps from now on, and exchanges with one node that is awake: it gets the values and events
   * that changed since its last waking, and the others get what it pushed. It does no rounds until it wakes, and the
   * others do not ask it. A call while it sleeps is a waking: it renews the word, with one more exchange.
   *
   * @param seconds until it is back, by its word: 1 to 1,728,000 (20 days). It wakes up then if it still has power
   * @param onReady called when the radio may be off: after the exchange, or when six nodes did not answer, within
   * 2 s as a rule
   * @throws RangeError or TypeError ERR_ARGUMENT that names the argument; Error ERR_STATE without the option `sleep` or
   * a running node
   */
  sleep(seconds: number, onReady: OnReady): void {
    this.needSleep("sleep").sleep(this, seconds, onReady);
  }

  /** Ends the sleep: the node is UP and does its rounds again. Does nothing if it is awake. @throws as `sleep` */
  wake(): void {
    this.needSleep("wake").wake(this);
  }

  private needSleep(method: string): Sleeping {
    if (this.options.sleep !== undefined) return this.options.sleep;
    throw failure("ERR_STATE", `${method}: there is no sleep without the option sleep`);
  }

  private needMessages(method: string): MessageApi {
    if (this.messageApi !== undefined) return this.messageApi;
    throw failure("ERR_STATE", `${method}: there are no messages without the option messages`);
  }

  private needEvents(method: string): EventNotifier {
    if (this.eventNotifier !== undefined) return this.eventNotifier;
    throw failure("ERR_STATE", `${method}: there are no events without the option events`);
  }

  private publish(method: string, kind: number, topic: string, key: string, ttlMs: number, value: CborValue): void {
    const api = this.needEvents(method).api;
    this.publishEvent(method, (nowMs) => {
      return api.prepare(method, nowMs, kind, topic, key, ttlMs, value, () => this.storeRevision());
    });
  }
}
