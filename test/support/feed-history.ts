import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import type { CborValue } from "../../src/cbor/cbor.js";
import { type FeedEvent, type FeedView, compareEvents } from "../../src/views/feed-event.js";

export const START_MS = 1_700_000_000_000;
/** The time of views in tests that choose no other: some times to live are over. */
export const NOW_MS = START_MS + 20;

const times = new WeakMap<FeedView, number>();

/** The view, with a time. */
export function at<View extends FeedView>(nowMs: number, view: View): View {
  if (!times.has(view)) view.bind(() => times.get(view)!);
  times.set(view, nowMs);
  return view;
}

/** An event with whatever a test does not care about. */
export function event(given: Partial<FeedEvent>): FeedEvent {
  const kind = given.kind ?? (given.key === undefined ? "log" : "set");
  return {
    author: 1, copiedBy: undefined, generation: 0, sequence: 1, timeMs: START_MS, counter: 0, topic: "t",
    key: undefined, ttlMs: 0, endMs: endOf(given.timeMs ?? START_MS, given.ttlMs ?? 0), value: undefined,
    ...given, kind,
  };
}

function endOf(timeMs: number, ttlMs: number): number {
  return ttlMs === 0 ? Infinity : timeMs + ttlMs;
}

/** What the events of a history are about. */
export interface HistoryKind {
  topics: readonly string[];
  keys: readonly string[];
  /** Probability of an event without a key. */
  logProbability: number;
  value: (random: SimRandom, topic: string) => CborValue;
}

/** All events of up to 4 authors. */
export interface History {
  seed: number;
  events: FeedEvent[];
}

/**
 * Histories drawn from a seed: stamps that are often equal between authors but never in two events of one author,
 * removals, ends, times to live.
 */
export function histories(kind: HistoryKind): fc.Arbitrary<History> {
  return fc.tuple(fc.integer(), fc.integer({ min: 1, max: 60 })).map(([seed, count]) => {
    const random = new SimRandom(seed, 1);
    const events: FeedEvent[] = [];
    const authors = [3, 0x80000000, 0xffffffff, 4]
      .map((author) => ({ author, generation: 1, sequence: 0, timeMs: START_MS, counter: 0 }));
    for (let i = 0; i < count; i++) {
      const feed = random.pick(authors);
      feed.sequence++;
      const end = random.chance(0.1) ? endFor(events, feed.author, random) : undefined;
      if (end !== undefined) {
        events.push({ ...end, sequence: feed.sequence });
        continue;
      }
      if (random.chance(0.5)) Object.assign(feed, { timeMs: feed.timeMs + random.between(1, 2), counter: 0 });
      else feed.counter++;
      const isLog = random.chance(kind.logProbability);
      const isRemoval = !isLog && random.chance(0.2);
      const topic = random.pick(kind.topics);
      events.push(event({
        ...feed, topic, key: isLog ? undefined : random.pick(kind.keys),
        kind: isLog ? "log" : isRemoval ? "remove" : "set",
        ttlMs: random.chance(0.3) ? random.between(1, 30) : 0,
        value: isRemoval ? undefined : kind.value(random, topic),
      }));
    }
    return { seed, events };
  });
}

/** The end of one of an author's events that no later one of the author superseded. */
function endFor(events: readonly FeedEvent[], author: number, random: SimRandom): FeedEvent | undefined {
  const own = unsuperseded(events).filter((one) => {
    return one.author === author && one.key !== undefined && one.kind !== "withdraw";
  });
  if (own.length === 0) return undefined;
  return { ...random.pick(own), kind: "withdraw", ttlMs: 0, endMs: Infinity, value: undefined };
}

/** What happens to a view: an event arrives, or an author's feed is dropped, or begins a new generation. */
type Step = FeedEvent | { author: number; isDropped: boolean };

/**
 * Applies a history to a view in a random order: with repeated events, with copies, with feeds that are dropped and
 * arrive again, and with feeds that begin a new generation, in which superseded events are missing.
 */
export function applyShuffled(view: FeedView, { events }: History, random: SimRandom): void {
  at(NOW_MS, view);
  const copies = events.filter(() => random.chance(0.3)).map((one) => ({ ...one, copiedBy: 9, generation: 7 }));
  const steps: Step[] = random.shuffled([...events, ...copies]);
  for (const { author } of events) {
    if (!random.chance(0.1)) continue;
    steps.splice(random.between(0, steps.length), 0, { author, isDropped: random.chance(0.5) });
  }
  let held: FeedEvent[] = [];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if ("topic" in step) {
      held.push(step);
      view.apply(step);
      continue;
    }
    const own = held.filter(({ author }) => author === step.author);
    const others = held.filter(({ author }) => author !== step.author);
    const again = step.isDropped ? [] : renewed(own);
    if (step.isDropped) steps.push(...random.shuffled(own));
    held = [...others, ...again];
    const isAll = view.forget(step.author);
    if (isAll) view.clear();
    for (const one of random.shuffled(isAll ? held : again)) view.apply(one);
  }
}

/** A feed in a new generation: events keep their stamps. */
function renewed(events: readonly FeedEvent[]): FeedEvent[] {
  return unsuperseded(events).map((one, i) => ({ ...one, generation: one.generation + 1, sequence: i + 1 }));
}

/** Applies all events to a new view, once, in the order of the history. */
export function applied<View extends FeedView>(view: View, events: readonly FeedEvent[]): View {
  for (const one of events) view.apply(one);
  return at(NOW_MS, view);
}

/** The events without those that their authors superseded, which nodes may have forgotten. */
export function unsuperseded(events: readonly FeedEvent[]): FeedEvent[] {
  return events.filter((one) => one.key === undefined || events.every((other) => {
    return other.author !== one.author || other.topic !== one.topic || other.key !== one.key ||
      slotOf(other) !== slotOf(one) || compareEvents(other, one) <= 0;
  }));
}

/** In a merge topic a removal stands beside its author's contribution. */
function slotOf({ topic, kind }: FeedEvent): string {
  return topic.startsWith("+") && kind === "remove" ? "removal" : "";
}
