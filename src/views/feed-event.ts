import type { CborValue } from "../cbor/cbor.js";

/** One event of an author's feed. */
export interface FeedEvent<Value extends CborValue = CborValue> {
  /** Id of the node that published it, a uint32. */
  readonly author: number;
  /**
   * Name of that node, if this node holds a row with one when it makes the event for the application. Events for views
   * have none, so that a view is the same on all nodes.
   */
  readonly authorName?: string;
  /** Id of the node whose feed holds a copy of it, as its author is gone; undefined: its author's feed holds it. */
  readonly copiedBy: number | undefined;
  /** Generation of the feed that holds it. A higher one supersedes the whole earlier feed. uint32 */
  readonly generation: number;
  /** 1 for the first event of the generation, and one more for each. uint32 */
  readonly sequence: number;
  /**
   * Milliseconds since 1970, before 2200. With `counter` and `author` it is the identity of the event, and decides
   * which of two events is the later one.
   */
  readonly timeMs: number;
  /** Orders the events of one millisecond. 0 to 65,535 */
  readonly counter: number;
  /** 1 to 31 bytes as UTF-8; the empty topic is reserved. */
  readonly topic: string;
  /** 0 to 31 bytes as UTF-8; undefined in an event of the kind "log". */
  readonly key: string | undefined;
  /**
   * "log": replaces nothing; "set": sets the value of topic and key; "remove":
   * removes it, also that of other authors; "withdraw": takes back what its author
   * set, up to this stamp. Only views get the last one.
   */
  readonly kind: "log" | "set" | "remove" | "withdraw";
  /** The time to live with which it was published, in milliseconds; 0: for ever. A copy has what was left. */
  readonly ttlMs: number;
  /**
   * When that time ends, in milliseconds since 1970; Infinity: never. Where this node, or the author at that time, does
   * not know the time of day, it counts from when this node made the object, and moves with this node's time.
   */
  readonly endMs: number;
  /** undefined where the kind is "remove" or "withdraw". */
  readonly value: Value | undefined;
}

/**
 * Something that is computed from events. It is the same on each node that has
 * the same events, in whatever order and however often they were applied.
 */
export interface FeedView<Value extends CborValue = CborValue> {
  /**
   * The node that the view is given to calls this once, before all others.
   *
   * @param nowMs the node's time in milliseconds since 1970; while the node does not know it, since its start
   */
  bind(nowMs: () => number): void;
  /** Adds an event. Views keep the object: it must not change. */
  apply(event: FeedEvent<Value>): void;
  /**
   * Drops all events of an author. The node then adds those again that it still
   * holds, as the author has begun a new generation, or its row was forgotten.
   *
   * @returns whether the node must add the events of all authors again, by
   * `clear()` and `apply`: the view had dropped some for want of room
   */
  forget(author: number): boolean;
  /** Drops all events. */
  clear(): void;
  /**
   * Notifies the application of one change. The node calls it after each input,
   * until it returns false.
   *
   * @returns whether there was one
   */
  settle(): boolean;
  /**
   * When the view next changes by time alone, in milliseconds since 1970;
   * Infinity for never. The node calls `settle` then.
   */
  readonly endMs: number;
}

/**
 * Orders events by hybrid logical clock, then by author: negative when `a` is the
 * older one, 0 when they are one and the same. An event is older than its own end.
 */
export function compareEvents(a: FeedEvent, b: FeedEvent): number {
  return compareNumbers(a.timeMs, b.timeMs) || a.counter - b.counter || compareNumbers(a.author, b.author) ||
    compareNumbers(a.kind === "withdraw" ? 1 : 0, b.kind === "withdraw" ? 1 : 0);
}

/** Negative when `a` is the smaller one. */
export function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** When the first time to live of some events ends, in milliseconds since 1970; Infinity when none ends. */
export function earliestEndOf(events: readonly FeedEvent[]): number {
  let endMs = Infinity;
  for (const event of events) endMs = Math.min(endMs, event.endMs);
  return endMs;
}

/** Whether an event's time to live is not over at a time, in milliseconds since 1970. */
export function isAlive(event: FeedEvent, nowMs: number): boolean {
  return nowMs < event.endMs;
}

/** Orders texts as their bytes in UTF-8 do, on every engine: negative when `a` comes first. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** Where strings are UTF-16, halves of surrogate pairs stand for characters that come after all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
