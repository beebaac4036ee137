import { failure, invalid } from "../errors.js";
import { show } from "../checks.js";
import { NAME_BYTES_MAX } from "../engine/feed/event.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";
import { checkText } from "./check-text.js";
import type { EventApi } from "./event-api.js";

/** Subscriptions that a node has at most. */
export const SUBSCRIPTIONS_MAX = 64;
/** Longest delay of a timer for a view: a day. */
const DELAY_MS_MAX = 86400000;

interface Subscription {
  /** undefined: all topics. */
  topic: string | undefined;
  callback: (event: FeedEvent) => void;
}

/**
 * Notifies an application of events: its views, then `onEvent`, then its
 * subscriptions, then the callbacks of its views. If a callback throws, the next
 * input of the node goes on behind it.
 */
export class EventNotifier {
  readonly api: EventApi;
  private readonly views: FeedView[];
  private readonly nowMs: () => number;
  /** In the order in which they are called; `onEvent` first. */
  private readonly subscriptions: Subscription[] = [];
  /** `onEvent` among the subscriptions. */
  private readonly permanent: number;
  /** Subscriptions that are still to be called with `event`. */
  private waiting: Subscription[] = [];
  private event: FeedEvent | undefined;
  declare private readonly giveUp: (() => boolean) | undefined;
  private readonly begin = (event: FeedEvent): void => {
    this.event = event;
    for (let i = 0; i < this.subscriptions.length; i++) {
      const topic = this.subscriptions[i].topic;
      if (topic === undefined || topic === event.topic) this.waiting.push(this.subscriptions[i]);
    }
  };

  /**
   * @param nowMs the node's time in milliseconds since 1970; 0 while the node does not know the time
   * @param giveUp gives up events that are no longer accepted, and returns whether there were any
   */
  constructor(
    api: EventApi, views: FeedView[], onEvent: ((event: FeedEvent) => void) | undefined, nowMs: () => number,
    giveUp?: () => boolean,
  ) {
    if (giveUp !== undefined) this.giveUp = giveUp;
    this.api = api;
    this.views = views;
    this.nowMs = nowMs;
    if (onEvent !== undefined) this.subscriptions.push({ topic: undefined, callback: onEvent });
    this.permanent = this.subscriptions.length;
    for (let i = 0; i < views.length; i++) views[i].bind(nowMs);
  }

  /** Calls back about all that is new while the node is open. Returns whether there was anything. */
  notify(node: { isOpen(): boolean }): boolean {
    let any = false;
    while (node.isOpen() && (this.callNext() || this.notifyNext())) any = true;
    if (node.isOpen() && this.giveUp !== undefined && this.giveUp()) this.api.refillViews();
    while (node.isOpen() && this.settleNext()) any = true;
    return any;
  }

  /** Has `callback` called with each event of a topic. Returns a function that ends it. */
  subscribe(topic: string, callback: (event: FeedEvent) => void): () => void {
    checkText("subscribe", "topic", topic, 1, NAME_BYTES_MAX);
    if (typeof callback !== "function") {
      throw invalid("subscribe", "callback", `${show(callback)} is not a function`, false);
    }
    if (this.subscriptions.length - this.permanent >= SUBSCRIPTIONS_MAX) {
      throw failure("ERR_NO_ROOM", `subscribe: there are ${SUBSCRIPTIONS_MAX} subscriptions already`);
    }
    const subscription = { topic, callback };
    this.subscriptions.push(subscription);
    return () => {
      const at = this.subscriptions.indexOf(subscription);
      if (at >= 0) this.subscriptions.splice(at, 1);
    };
  }

  /** Milliseconds until a view changes by time alone, at most a day; -1 for never. */
  delayMs(): number {
    let endMs = Infinity;
    for (let i = 0; i < this.views.length; i++) endMs = Math.min(endMs, this.views[i].endMs);
    if (endMs === Infinity) return -1;
    return Math.max(0, Math.min(endMs - this.nowMs(), DELAY_MS_MAX));
  }

  /** Without a subscription the event needs no object. */
  private notifyNext(): boolean {
    return this.api.notifyNext(this.subscriptions.length === 0 ? undefined : this.begin);
  }

  private callNext(): boolean {
    const next = this.waiting.shift();
    if (next === undefined) return false;
    // A callback may have ended it.
    if (this.subscriptions.indexOf(next) >= 0) next.callback(this.event as FeedEvent);
    return true;
  }

  private settleNext(): boolean {
    for (let i = 0; i < this.views.length; i++) {
      if (this.views[i].settle()) return true;
    }
    return false;
  }
}
