import type { CborValue } from "../cbor/cbor.js";
import { EventSet, compareSubjects } from "./event-set.js";
import { type FeedEvent, type FeedView, compareEvents, isAlive } from "./feed-event.js";

export type { FeedEvent, FeedView } from "./feed-event.js";

export interface LatestMapOptions {
  /**
   * What authors last said of a topic and a key, removals included, that is
   * held: 1 to 65,535; 64 by default. Beyond it what was said longest ago is as
   * if it had never been.
   */
  capacity?: number;
  /** Topics that are held; all but that of `push` by default. */
  topics?: string[];
}

/** What is set for a topic and a key. */
export interface LatestEntry {
  topic: string;
  key: string;
  value: CborValue;
  /** Who set it, and when. */
  author: number;
  timeMs: number;
}

/**
 * The value that was last set for each topic and key, by whomever: of what each
 * author last said of them, the event with the highest hybrid logical clock
 * wins; at the same, that of the higher id. When it is a removal, nothing is set.
 *
 * When an event's time to live is over, it is as if it had never been: what it
 * had won against counts again. So it makes no difference whether a node still
 * has it.
 */
export class LatestMap implements FeedView {
  private readonly set: EventSet;
  private readonly topics: string[] | undefined;

  /** @throws Error when the capacity is out of its range */
  constructor(options?: LatestMapOptions) {
    const given: LatestMapOptions = options ?? {};
    this.set = new EventSet(given.capacity ?? CAPACITY_DEFAULT, compareSubjects);
    this.topics = given.topics;
  }

  /** Whether there was ever more than the capacity. */
  get isCut(): boolean { return this.set.isCut; }

  apply(event: FeedEvent): void {
    if (event.kind !== "log" && this.isHeld(event.topic)) this.set.add(event);
  }

  forget(author: number, generation: number): boolean {
    return this.set.forget(author, generation);
  }

  clear(): void {
    this.set.clear();
  }

  /** What is set for a topic and a key at a time, in milliseconds since 1970; undefined when nothing is. */
  get(topic: string, key: string, nowMs: number): CborValue {
    let winner: FeedEvent | undefined;
    for (const event of this.set.events) {
      if (event.key === key && event.topic === topic) winner = winnerOf(winner, event, nowMs);
    }
    return winner === undefined ? undefined : winner.value;
  }

  /** All that is set at a time, in milliseconds since 1970, ordered by the bytes of topic and key. */
  entries(nowMs: number): LatestEntry[] {
    const entries: LatestEntry[] = [];
    const events = this.set.events;
    for (let i = 0; i < events.length;) {
      const topic = events[i].topic;
      const key = events[i].key;
      let winner: FeedEvent | undefined;
      for (; i < events.length && events[i].key === key && events[i].topic === topic; i++) {
        winner = winnerOf(winner, events[i], nowMs);
      }
      if (winner === undefined || winner.kind === "remove") continue;
      entries.push({ topic, key: key as string, value: winner.value, author: winner.author, timeMs: winner.timeMs });
    }
    return entries;
  }

  private isHeld(topic: string): boolean {
    return this.topics === undefined ? topic !== "" : this.topics.indexOf(topic) >= 0;
  }
}

/** A view of the latest values by topic and key. */
export function latestMap(options?: LatestMapOptions): LatestMap {
  return new LatestMap(options);
}

const CAPACITY_DEFAULT = 64;

function winnerOf(winner: FeedEvent | undefined, event: FeedEvent, nowMs: number): FeedEvent | undefined {
  if (!isAlive(event, nowMs)) return winner;
  return winner === undefined || compareEvents(winner, event) < 0 ? event : winner;
}
