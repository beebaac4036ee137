import type { CborValue } from "../cbor/cbor.js";
import { EventSet, compareSubjects, insertByAge } from "./event-set.js";
import { type FeedEvent, type FeedView, isAlive } from "./feed-event.js";

/** What one author has set for a key. */
export type { FeedEvent, FeedView } from "./feed-event.js";

export interface Contribution {
  author: number;
  timeMs: number;
  value: CborValue;
}

export interface TopicMergeOptions<Merged> {
  topic: string;
  /**
   * Makes one value of what the authors have set for a key: one contribution
   * for each of them, 1 or more, the oldest first. The result must depend on
   * nothing else. undefined: there is none.
   */
  merge: (contributions: Contribution[], key: string) => Merged;
  /**
   * Contributions that are held, removals included: 1 to 65,535; 64 by
   * default. Beyond it what was said longest ago is as if it had never been.
   */
  capacity?: number;
}

/**
 * One topic, in which nobody overwrites what others have set: for each key it
 * holds the latest value of *each* author, and a function of the application's
 * makes one of them.
 *
 * A voucher from which two nodes take at the same time, without knowing of each
 * other: each sets for the voucher's key what it has taken in all, and the sum
 * is what is gone of it.
 *
 *     const taken = topicMerge({
 *       topic: "voucher",
 *       merge: (contributions) => contributions.reduce((sum, { value }) => sum + value, 0),
 *     });
 *
 * Why an author's latest value, and not all that it ever set: the others are
 * forgotten when room is used up, by some nodes before others; the latest is
 * kept by all. What an author removes is its own contribution. One whose time to
 * live is over counts no more.
 */
export class TopicMerge<Merged> implements FeedView {
  private readonly set: EventSet;
  private readonly topic: string;
  private readonly merge: (contributions: Contribution[], key: string) => Merged;

  /** @throws Error when the capacity is out of its range */
  constructor(options: TopicMergeOptions<Merged>) {
    this.set = new EventSet(options.capacity ?? CAPACITY_DEFAULT, compareSubjects);
    this.topic = options.topic;
    this.merge = options.merge;
  }

  /** Whether there was ever more than the capacity. */
  get isCut(): boolean { return this.set.isCut; }

  apply(event: FeedEvent): void {
    if (event.kind !== "log" && event.topic === this.topic) this.set.add(event);
  }

  forget(author: number, generation: number): boolean {
    return this.set.forget(author, generation);
  }

  clear(): void {
    this.set.clear();
  }

  /** The merged value of a key at a time, in milliseconds since 1970; undefined when nobody has set one. */
  get(key: string, nowMs: number): Merged | undefined {
    const events: FeedEvent[] = [];
    for (const event of this.set.events) if (event.key === key) events.push(event);
    return this.merged(events, key, nowMs);
  }

  /** The merged values of all keys at a time, in milliseconds since 1970, ordered by the bytes of the keys. */
  entries(nowMs: number): { key: string; value: Merged }[] {
    const entries: { key: string; value: Merged }[] = [];
    const events = this.set.events;
    for (let start = 0, end = 0; start < events.length; start = end) {
      const key = events[start].key as string;
      const ofKey: FeedEvent[] = [];
      while (end < events.length && events[end].key === key) ofKey.push(events[end++]);
      const value = this.merged(ofKey, key, nowMs);
      if (value !== undefined) entries.push({ key, value });
    }
    return entries;
  }

  private merged(events: FeedEvent[], key: string, nowMs: number): Merged | undefined {
    const alive: FeedEvent[] = [];
    for (const event of events) {
      if (event.kind === "set" && isAlive(event, nowMs)) insertByAge(alive, event);
    }
    if (alive.length === 0) return undefined;
    const contributions: Contribution[] = [];
    for (const event of alive) {
      contributions.push({ author: event.author, timeMs: event.timeMs, value: event.value });
    }
    return this.merge(contributions, key);
  }
}

/** A view of one topic with an own merge function. */
export function topicMerge<Merged>(options: TopicMergeOptions<Merged>): TopicMerge<Merged> {
  return new TopicMerge(options);
}

const CAPACITY_DEFAULT = 64;
