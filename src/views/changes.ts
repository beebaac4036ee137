import type { FeedEvent } from "./feed-event.js";

/** The events of a view that count: finds what changed since the application was notified. */
export class Changes {
  /** When the counted events next change by time alone, in milliseconds since 1970; Infinity for never. */
  endMs = Infinity;
  /** Whether events were added or dropped since `update`. */
  isNew = false;
  /** The events that counted at the last `update`, in order. At most as many as the view holds. */
  counted: FeedEvent[] = [];
  private readonly compare: (a: FeedEvent, b: FeedEvent) => number;

  /** @param compare orders events; 0: one replaces the other */
  constructor(compare: (a: FeedEvent, b: FeedEvent) => number) {
    this.compare = compare;
  }

  /**
   * Takes the events that count now, in order, and when they next change by time
   * alone. Returns those that came or went, in order; where one replaced another,
   * both.
   */
  update(counted: FeedEvent[], endMs: number): FeedEvent[] {
    const before = this.counted;
    const changed: FeedEvent[] = [];
    this.counted = counted;
    this.endMs = endMs;
    this.isNew = false;
    for (let i = 0, j = 0; i < before.length || j < counted.length;) {
      const order = i === before.length ? 1 : j === counted.length ? -1 : this.compare(before[i], counted[j]);
      if (order !== 0 || !isSame(before[i], counted[j])) {
        if (order <= 0) changed.push(before[i]);
        if (order >= 0) changed.push(counted[j]);
      }
      if (order <= 0) i++;
      if (order >= 0) j++;
    }
    return changed;
  }
}

/** Whether two events of one subject are one: copies and new generations keep the stamp. */
export function isSame(a: FeedEvent, b: FeedEvent): boolean {
  return a.author === b.author && a.timeMs === b.timeMs && a.counter === b.counter && a.kind === b.kind;
}
