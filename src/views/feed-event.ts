import type { CborValue } from "../cbor/cbor.js";

/** What a node said in its feed. */
export interface FeedEvent {
  /** Id of the node, a uint32. */
  readonly author: number;
  /** A greater one supersedes the author's whole older feed. uint32 */
  readonly generation: number;
  /** 1 for the first event of the generation, and one more for each. uint32 */
  readonly sequence: number;
  /** Milliseconds since 1970, 0 to 2^48 - 1; with `counter` the hybrid logical clock, which rises along a feed. */
  readonly timeMs: number;
  /** Orders the events of one millisecond. 0 to 65,535 */
  readonly counter: number;
  /** 1 to 31 bytes as UTF-8; "" is what nodes share with `push`. */
  readonly topic: string;
  /** 0 to 31 bytes as UTF-8; undefined in an event of the kind "log". */
  readonly key: string | undefined;
  /**
   * "log": one of many; "set": in place of what the author last said of topic
   * and key; "remove": takes that back.
   */
  readonly kind: "log" | "set" | "remove";
  /** How long the event counts, from `timeMs` on; 0: for ever. */
  readonly ttlMs: number;
  /** undefined where the kind is "remove". */
  readonly value: CborValue;
}

/**
 * Something that is computed from events, the same on each node that has the
 * same events, whatever the order in which they came and however often.
 */
export interface FeedView {
  /** An event came. Views keep the object: it must not change. */
  apply(event: FeedEvent): void;
  /**
   * What an author said in a generation, and in those before, counts no more:
   * it has begun a newer one. None of it is told after that.
   *
   * @returns whether all events that still count have to be told anew, by
   * `clear()` and `apply`: there were more than the view holds, and some of
   * those that it dropped would have room now
   */
  forget(author: number, generation: number): boolean;
  /** Forgets all. */
  clear(): void;
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

/** Whether an event's time to live is not over at a time, in milliseconds since 1970. */
export function isAlive(event: FeedEvent, nowMs: number): boolean {
  return event.ttlMs === 0 || nowMs < event.timeMs + event.ttlMs;
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

/** Where strings are UTF-16, halves of surrogate pairs stand for what comes after all other characters. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
