import { integer } from "../checks.js";
import { type FeedEvent, compareEvents, compareNumbers, compareTexts } from "./feed-event.js";

/**
 * The newest event of each author about each subject. Their number is bounded:
 * beyond it the newest of all stay. An author's newest event about a subject
 * only ever becomes a newer one. So an event that was dropped for being too old
 * would also be too old later, and what the set holds depends on the events
 * added and not on their order.
 */
export class EventSet {
  /** By subject and author, as `compare` orders them. */
  readonly events: FeedEvent[] = [];
  /** Whether there was ever more than the set holds, since the beginning or `clear`. */
  isCut = false;
  private readonly capacity: number;
  private readonly compare: (a: FeedEvent, b: FeedEvent) => number;

  /**
   * @param capacity events held, 1 to 65,535
   * @param compare orders events by subject and author; 0: both are the same
   * @throws RangeError ERR_OPTION when the capacity is out of its range
   */
  constructor(capacity: number, compare: (a: FeedEvent, b: FeedEvent) => number) {
    this.capacity = integer("capacity", capacity, 0, 1, CAPACITY_MAX);
    this.compare = compare;
  }

  /** Adds the event, unless the set holds a newer one of its author about the same subject. */
  add(event: FeedEvent): void {
    const place = lowerBound(this.events, (other) => this.compare(other, event));
    const held = this.events[place];
    if (held !== undefined && this.compare(held, event) === 0) {
      if (compareEvents(event, held) > 0) this.events[place] = event;
      return;
    }
    this.events.splice(place, 0, event);
    if (this.events.length <= this.capacity) return;
    this.isCut = true;
    this.events.splice(this.oldest(), 1);
  }

  /** Drops an author's events. Returns whether there may be room for dropped ones. */
  forget(author: number): boolean {
    for (let i = this.events.length - 1; i >= 0; i--) {
      if (this.events[i].author === author) this.events.splice(i, 1);
    }
    return this.isCut;
  }

  clear(): void {
    this.events.splice(0, this.events.length);
    this.isCut = false;
  }

  private oldest(): number {
    let oldest = 0;
    for (let i = 1; i < this.events.length; i++) {
      if (compareEvents(this.events[i], this.events[oldest]) < 0) oldest = i;
    }
    return oldest;
  }
}

/** Orders events by topic, key and author, for an `EventSet` of events that all have a key. */
export function compareSubjects(a: FeedEvent, b: FeedEvent): number {
  return compareKeys(a, b.topic, b.key as string) || compareNumbers(a.author, b.author);
}

/** Orders an event against a topic and a key: 0 when it is about them. */
export function compareKeys(event: FeedEvent, topic: string, key: string): number {
  return compareTexts(event.topic, topic) || compareTexts(event.key as string, key);
}

/** Where events about a topic and a key begin, or would, among events that `compareSubjects` orders. */
export function firstOf(events: FeedEvent[], topic: string, key: string): number {
  return lowerBound(events, (event) => compareKeys(event, topic, key));
}

/** Inserts an event into others that are ordered from the oldest on. */
export function insertByAge(events: FeedEvent[], event: FeedEvent): void {
  events.splice(lowerBound(events, (other) => compareEvents(other, event)), 0, event);
}

/** Where the events begin, in order, for which `order` is not negative. */
function lowerBound(events: FeedEvent[], order: (event: FeedEvent) => number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(events[middle]) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The time of a view that no node has bound yet: no time to live ends. */
export function unknownTime(): number {
  return 0;
}

const CAPACITY_MAX = 65535;
