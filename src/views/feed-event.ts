import type { CborValue } from "../cbor/cbor.js";

/** One event of an author's feed. */
export interface FeedEvent<Value extends CborValue = CborValue> {
  /** Id of the node, a uint32. */
  readonly author: number;
  /** A higher generation supersedes the author's whole earlier feed. uint32 */
  readonly generation: number;
  /** 1 for the first event of the generation, and one more for each. uint32 */
  readonly sequence: number;
  /** Milliseconds since 1970, 0 to 2^48 - 1; with `counter` the hybrid logical clock, which rises along a feed. */
  readonly timeMs: number;
  /** Orders the events of one millisecond. 0 to 65,535 */
  readonly counter: number;
  /** 1 to 31 bytes as UTF-8; the empty topic is reserved. */
  readonly topic: string;
  /** 0 to 31 bytes as UTF-8; undefined in an event of the kind "log". */
  readonly key: string | undefined;
  /**
   * "log": replaces nothing; "set": replaces what the author set before for
   * topic and key; "remove": withdraws that.
   */
  readonly kind: "log" | "set" | "remove";
  /** How long the event counts, from `timeMs` on, in milliseconds; 0: for ever. */
  readonly ttlMs: number;
  /** undefined where the kind is "remove". */
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
   * @param nowMs the node's time in milliseconds since 1970; 0 while the node does not know the time
   */
  bind(nowMs: () => number): void;
  /** Adds an event. Views keep the object: it must not change. */
  apply(event: FeedEvent<Value>): void;
  /**
   * Drops what an author published in a generation and in those before: the
   * author has begun a later one.
   *
   * @returns whether the node must add all events again that still count, by
   * `clear()` and `apply`: the view had dropped some for want of room
   */
  forget(author: number, generation: number): boolean;
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
 * Orders events by hybrid logical clock, then by author and place in the feed:
 * negative when `a` is the older one, 0 when they are one and the same.
 */
export function compareEvents(a: FeedEvent, b: FeedEvent): number {
  return compareNumbers(a.timeMs, b.timeMs) || a.counter - b.counter || compareNumbers(a.author, b.author) ||
    compareNumbers(a.generation, b.generation) || compareNumbers(a.sequence, b.sequence);
}

/** Negative when `a` is the smaller one. */
export function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** When an event's time to live ends, in milliseconds since 1970; Infinity for never. */
export function endOf(event: FeedEvent): number {
  return event.ttlMs === 0 ? Infinity : event.timeMs + event.ttlMs;
}

/** When the first time to live of some events ends, in milliseconds since 1970; Infinity when none ends. */
export function earliestEndOf(events: readonly FeedEvent[]): number {
  let endMs = Infinity;
  for (const event of events) endMs = Math.min(endMs, endOf(event));
  return endMs;
}

/** Whether an event's time to live is not over at a time, in milliseconds since 1970. */
export function isAlive(event: FeedEvent, nowMs: number): boolean {
  return event.ttlMs === 0 || nowMs < endOf(event);
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
