import { checkUnbound } from "../checks.js";
import { Changes } from "./changes.js";
import { EventSet, unknownTime } from "./event-set.js";
import type { FeedEvent } from "./feed-event.js";

/** What the views of events have in common: the events that they hold, which of them changed, and the node's time. */
export abstract class EventView {
  /** @internal */
  protected readonly set: EventSet;
  /** @internal */
  protected readonly changes: Changes;
  /** @internal The time of the node that the view is given to. */
  protected nowMs = unknownTime;

  /**
   * @internal
   * @param capacity events that the view holds
   * @param compare orders the events; 0: one replaces the other
   */
  constructor(capacity: number, compare: (a: FeedEvent, b: FeedEvent) => number) {
    this.set = new EventSet(capacity, compare);
    this.changes = new Changes(compare);
  }

  /** Whether there was ever more than the capacity. */
  get isCut(): boolean { return this.set.isCut; }

  /** When an event that counts ends by time alone, in milliseconds since 1970; Infinity for never. */
  get endMs(): number { return this.changes.endMs; }

  /**
   * Takes the time of a node.
   *
   * @throws RangeError ERR_OPTION when another node has the view
   */
  bind(nowMs: () => number): void {
    checkUnbound("events.views", this.nowMs !== unknownTime);
    this.nowMs = nowMs;
  }

  /** Drops all events of an author. Returns whether there were any. */
  forget(author: number): boolean {
    this.changes.isNew = true;
    return this.set.forget(author);
  }

  /** Drops all events. */
  clear(): void {
    this.changes.isNew = true;
    this.set.clear();
  }

  /** @internal */
  protected hold(event: FeedEvent): void {
    this.set.add(event);
    this.changes.isNew = true;
  }

  /** @internal Whether other events may count than when the application was notified. */
  protected mayHaveChanged(): boolean {
    return this.changes.isNew || this.nowMs() >= this.changes.endMs;
  }
}
