import type { FeedEvent } from "../../src/gossip.js";
import { plainEvent } from "../control/json.js";

/** Events that are kept: as many as one answer may have. */
export const RING_EVENTS = 10000;

/** An event, and its number at this node: 1 for the first, and 1 more for each further one. */
export type NumberedEvent = { number: number } & ReturnType<typeof plainEvent>;

/** Events from a number on. */
export interface EventsPage {
  /** The oldest first. */
  events: NumberedEvent[];
  /** Number to go on after. */
  next: number;
  /** Events after the wanted number that are no longer kept, of all topics. */
  skipped: number;
}

/** The newest events in the order in which they arrived here. */
export class EventRing {
  private readonly events: FeedEvent[] = [];
  private readonly capacity: number;
  private count = 0;
  /** Number of the last event that is no longer kept. */
  private gone = 0;

  constructor(capacity = RING_EVENTS) {
    this.capacity = capacity;
  }

  /** Number of the newest event; 0: there was none. */
  get last(): number {
    return this.count;
  }

  /** @returns the event's number */
  add(event: FeedEvent): number {
    this.events[this.count % this.capacity] = event;
    this.count++;
    this.gone = Math.max(this.gone, this.count - this.capacity);
    return this.count;
  }

  /** Keeps none of the events; the numbers go on. */
  clear(): void {
    this.gone = this.count;
  }

  /**
   * The oldest events after a number.
   *
   * @param limit the most events
   */
  after(number: number, limit: number, topic?: string): EventsPage {
    const first = Math.max(number, this.gone) + 1;
    const events: NumberedEvent[] = [];
    let at = first;
    for (; at <= this.count && events.length < limit; at++) this.pick(events, at, topic);
    return { events, next: at - 1, skipped: first - 1 - number };
  }

  /** The newest events. */
  newest(limit: number, topic?: string): EventsPage {
    const events: NumberedEvent[] = [];
    for (let at = this.count; at > this.gone && events.length < limit; at--) this.pick(events, at, topic);
    return { events: events.reverse(), next: this.count, skipped: 0 };
  }

  private pick(events: NumberedEvent[], number: number, topic: string | undefined): void {
    const event = this.events[(number - 1) % this.capacity];
    if (topic === undefined || event.topic === topic) events.push({ number, ...plainEvent(event) });
  }
}
