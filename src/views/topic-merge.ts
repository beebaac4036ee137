import type { CborValue } from "../cbor/cbor.js";
import { checkGiven, checkObject, isMergeTopic, show } from "../checks.js";
import { invalid } from "../errors.js";
import { compareSubjects, firstOf, insertByAge } from "./event-set.js";
import { EventView } from "./event-view.js";
import { type FeedEvent, type FeedView, compareEvents, earliestEndOf, isAlive } from "./feed-event.js";

export type { FeedEvent, FeedView } from "./feed-event.js";

/** The value that one author has set for a key. */
export interface Contribution<Value extends CborValue = CborValue> {
  /** Id of the node. */
  author: number;
  /** When it was set, in milliseconds since 1970. */
  timeMs: number;
  value: Value;
}

export interface TopicMergeOptions<Merged, Value extends CborValue = CborValue> {
  /** The topic. It begins with "+", which tells all nodes that each author's value counts. */
  topic: string;
  /**
   * Makes one value of the values that the authors have set for a key: one
   * contribution for each author, at least one, the oldest first. The result must
   * depend on nothing else. undefined: there is none.
   */
  merge: (contributions: Contribution<Value>[], key: string) => Merged;
  /**
   * Contributions that the view holds, removals included: 1 to 65,535; 64 by
   * default. Beyond it the oldest are dropped.
   */
  capacity?: number;
  /**
   * Called when the contributions to a key change, with their merged value, and
   * with undefined when the last of them is removed or its time to live ends.
   * `LatestMapOptions.onChange` describes when the node calls it.
   */
  onChange?: (key: string, value: Merged | undefined) => void;
}

/**
 * One topic in which no author overwrites the values of another: for each key the
 * view holds the latest value of *each* author, and a function of the application
 * makes one value of them.
 *
 * Example: two nodes take from one voucher at the same time and do not know of
 * each other. Each sets under the voucher's key the sum that it has taken so far.
 * The sum over both is what the voucher has lost:
 *
 *     const taken = topicMerge({
 *       topic: "+voucher",
 *       merge: (contributions) => contributions.reduce((sum, { value }) => sum + value, 0),
 *     });
 *
 * The view holds an author's latest value and no earlier ones, because earlier
 * ones are dropped when room is used up, by some nodes before others. All nodes
 * keep the latest. A removal removes all older contributions to the key, of all
 * authors. `Gossip.withdraw` takes back the author's own contribution. A
 * contribution whose time to live is over does not count.
 *
 * The time is that of the node that the view is given to. No time to live ends
 * before that. Where the node, or the author at that time, does not know the time
 * of day, it counts from when this node learnt of the event since its start.
 */
export class TopicMerge<Merged, Value extends CborValue = CborValue> extends EventView implements FeedView<Value> {
  private readonly options: TopicMergeOptions<Merged, Value>;
  /** Keys of which the application is to be notified, at most two for each event held. */
  private changed: string[] = [];

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(options: TopicMergeOptions<Merged, Value>) {
    checkObject("options", options, "merge");
    checkGiven(options, "onChange", "topic merge capacity");
    if (typeof options.topic !== "string") throw invalid("", "topic", `${show(options.topic)} is not a text`, false);
    if (!isMergeTopic(options.topic)) {
      throw invalid("", "topic", `${show(options.topic)} does not begin with "+", as merge topics do`, true);
    }
    super(options.capacity ?? CAPACITY_DEFAULT, compareContributions);
    this.options = options;
  }

  apply(event: FeedEvent): void {
    if (event.kind === "log" || event.topic !== this.options.topic) return;
    this.hold(event);
  }

  settle(): boolean {
    const onChange = this.options.onChange;
    if (onChange === undefined) return false;
    if (this.changed.length === 0) this.findChanged();
    const key = this.changed.shift();
    if (key === undefined) return false;
    onChange(key, this.merged(this.changes.counted, key));
    return true;
  }

  /** The merged value of a key; undefined when no author has set one. */
  get(key: string): Merged | undefined {
    return this.merged(this.alive(), key);
  }

  /** The merged values of all keys, ordered by the bytes of the keys. */
  entries(): { key: string; value: Merged }[] {
    const entries: { key: string; value: Merged }[] = [];
    const events = this.alive();
    for (let i = 0; i < events.length;) {
      const key = events[i].key as string;
      const value = this.merged(events, key);
      while (i < events.length && events[i].key === key) i++;
      if (value !== undefined) entries.push({ key, value });
    }
    return entries;
  }

  private findChanged(): void {
    const changes = this.changes;
    if (!this.mayHaveChanged()) return;
    const alive = this.alive();
    const changed = changes.update(alive, earliestEndOf(alive));
    for (let i = 0; i < changed.length; i++) {
      const key = changed[i].key as string;
      if (this.changed[this.changed.length - 1] !== key) this.changed.push(key);
    }
  }

  /** The contributions that count now, in order. */
  private alive(): FeedEvent[] {
    const nowMs = this.nowMs();
    const alive: FeedEvent[] = [];
    const events = this.set.events;
    for (let i = 0; i < events.length;) {
      const key = events[i].key;
      let next = i;
      let removal: FeedEvent | undefined;
      for (; next < events.length && events[next].key === key; next++) {
        const event = events[next];
        if (event.kind !== "remove" || (removal !== undefined && compareEvents(event, removal) < 0)) continue;
        removal = event;
      }
      for (; i < next; i++) {
        const event = events[i];
        if (event.kind !== "set" || !isAlive(event, nowMs)) continue;
        if (removal === undefined || compareEvents(event, removal) > 0) alive.push(event);
      }
    }
    return alive;
  }

  private merged(events: FeedEvent[], key: string): Merged | undefined {
    const byAge: FeedEvent[] = [];
    for (let i = firstOf(events, this.options.topic, key); i < events.length && events[i].key === key; i++) {
      insertByAge(byAge, events[i]);
    }
    if (byAge.length === 0) return undefined;
    const contributions: Contribution<Value>[] = [];
    for (const event of byAge) {
      contributions.push({ author: event.author, timeMs: event.timeMs, value: event.value as Value });
    }
    return this.options.merge(contributions, key);
  }
}

/** A view of one topic with the application's own merge function. */
export function topicMerge<Merged, Value extends CborValue = CborValue>(
  options: TopicMergeOptions<Merged, Value>,
): TopicMerge<Merged, Value> {
  return new TopicMerge(options);
}

const CAPACITY_DEFAULT = 64;

/** Orders as `compareSubjects` does. An author's removal stands beside its contribution. */
function compareContributions(a: FeedEvent, b: FeedEvent): number {
  return compareSubjects(a, b) || (a.kind === "remove" ? 1 : 0) - (b.kind === "remove" ? 1 : 0);
}
