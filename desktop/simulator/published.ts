import { compareNumbers } from "../../src/views/feed-event.js";

/** An event whose `log`, `set` or `remove` call returned without an error. */
export interface PublishedEvent {
  /** Id of the node. */
  author: number;
  kind: "log" | "set" | "remove";
  topic: string;
  key: string;
  /** Unique in the run. */
  value: number;
  ttlMs: number;
  /** The stamp, which decides the order with the author. */
  timeMs: number;
  counter: number;
  /** How many times the author had been started. */
  start: number;
  /** The author withdrew this contribution to a merge topic. */
  isWithdrawn: boolean;
  /** A fault destroyed the last copy. Nobody can give it back, so no checker demands it. */
  isDestroyed: boolean;
}

/** What must be shown for a name. */
export interface RightValue {
  /** The latest set or removal that is not over; undefined: there is none. */
  event: PublishedEvent | undefined;
  /** Whether no event that a fault destroyed could be, or could have hidden, what must be shown. */
  isCertain: boolean;
}

/** Copies count their time to live in whole seconds, so near the end nodes may differ. */
const END_MARGIN_MS = 5000;

/** All acknowledged events of a run, of all authors: living, gone and forgotten. */
export class PublishedEvents {
  readonly all: PublishedEvent[] = [];
  private readonly values = new Map<number, PublishedEvent>();
  private readonly names = new Map<string, PublishedEvent[]>();

  add(event: PublishedEvent): void {
    this.all.push(event);
    this.values.set(event.value, event);
    if (event.kind === "log") return;
    const name = nameOf(event);
    const ofName = this.names.get(name);
    if (ofName === undefined) this.names.set(name, [event]);
    else ofName.push(event);
  }

  /** The event that set a value. */
  withValue(value: unknown): PublishedEvent | undefined {
    return this.values.get(value as number);
  }

  /** Sets and removals, by name. */
  byName(): ReadonlyMap<string, readonly PublishedEvent[]> {
    return this.names;
  }

  ofName(name: string): readonly PublishedEvent[] {
    return this.names.get(name) ?? [];
  }

  /** Drops what cannot count any more, for long runs. */
  prune(nowMs: number): void {
    const kept = this.all.filter((event) => {
      if (event.kind === "log") return false;
      if (isMergeTopic(event.topic)) return !this.isHiddenInMerge(event);
      const { event: right, isCertain } = rightValue(this.ofName(nameOf(event)), nowMs);
      return !isCertain || right === undefined || compareStamps(event, right) >= 0;
    });
    this.all.length = 0;
    this.values.clear();
    this.names.clear();
    for (const event of kept) this.add(event);
  }

  private isHiddenInMerge(event: PublishedEvent): boolean {
    return this.ofName(nameOf(event)).some((other) => !other.isDestroyed && compareStamps(other, event) > 0
      && (other.kind === "remove" || (event.kind === "set" && other.author === event.author)));
  }
}

/** Topic and key as one text, equal for events that are about the same. */
export function nameOf({ topic, key }: { topic: string; key: string | undefined }): string {
  return `${topic}/${key}`;
}

/** Whether each author has its own value of each key, as `topicMerge` shows them. */
export function isMergeTopic(topic: string): boolean {
  return topic.startsWith("+");
}

/** The order of events: negative when `a` is the older one. */
export function compareStamps(a: EventIdentity, b: EventIdentity): number {
  return compareNumbers(a.timeMs, b.timeMs) || a.counter - b.counter || compareNumbers(a.author, b.author);
}

export type EventIdentity = Pick<PublishedEvent, "author" | "timeMs" | "counter">;

/** Equal for an event and all its copies. */
export function identityOf({ author, timeMs, counter, kind }: EventIdentity & { kind: string }): string {
  return `${author} ${timeMs}:${counter} ${kind}`;
}

/** The latest of some events; undefined when there are none. */
export function latestOf(events: readonly PublishedEvent[]): PublishedEvent | undefined {
  let latest: PublishedEvent | undefined;
  for (const event of events) if (latest === undefined || compareStamps(event, latest) > 0) latest = event;
  return latest;
}

/**
 * What every node must show for a name in the end, outside merge topics: the
 * latest set or removal of all authors, by stamp and then by author.
 *
 * @param events all events of the name
 */
export function rightValue(events: readonly PublishedEvent[], nowMs: number): RightValue {
  const alive = events.filter((event) => event.ttlMs === 0 || nowMs < event.timeMs + event.ttlMs);
  const event = latestOf(alive.filter(({ isDestroyed }) => !isDestroyed));
  const lost = latestOf(alive.filter(({ isDestroyed }) => isDestroyed));
  const isOutlived = lost === undefined || (event !== undefined && compareStamps(event, lost) > 0);
  const isEnding = events.some(({ timeMs, ttlMs }) => (
    ttlMs > 0 && Math.abs(timeMs + ttlMs - nowMs) < END_MARGIN_MS
  ));
  return { event, isCertain: isOutlived && !isEnding };
}

/**
 * What every node must show in the end as an author's contribution to a name in a
 * merge topic: the author's latest set, unless it was withdrawn or a later
 * removal of any author hides it.
 *
 * @param events all events of the name
 */
export function rightContribution(events: readonly PublishedEvent[], author: number): RightValue {
  const sets = events.filter((event) => event.kind === "set" && event.author === author);
  const removals = events.filter(({ kind }) => kind === "remove");
  const last = latestOf(sets.filter(({ isDestroyed }) => !isDestroyed));
  const lost = latestOf(sets.filter(({ isDestroyed }) => isDestroyed));
  const removal = latestOf(removals.filter(({ isDestroyed }) => !isDestroyed));
  const lostRemoval = latestOf(removals.filter(({ isDestroyed }) => isDestroyed));
  const isRemoved = last !== undefined && removal !== undefined && compareStamps(removal, last) > 0;
  const event = last === undefined || isRemoved || last.isWithdrawn ? undefined : last;
  const bound = isRemoved ? removal : last;
  const isOutlived = (other: PublishedEvent | undefined): boolean => (
    other === undefined || (bound !== undefined && compareStamps(bound, other) > 0)
  );
  return { event, isCertain: isOutlived(lost) && isOutlived(lostRemoval) };
}
