import fc from "fast-check";
import { SimRandom } from "../../desktop/simulator/random.js";
import type { CborValue } from "../../src/cbor/cbor.js";
import type { FeedEvent, FeedView } from "../../src/views/feed-event.js";

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
    author: 1, generation: 0, sequence: 1, timeMs: START_MS, counter: 0, topic: "t", key: undefined, ttlMs: 0,
    value: undefined, ...given, kind,
  };
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

/** Histories drawn from a seed: stamps that are often equal between authors, removals, times to live, generations. */
export function histories(kind: HistoryKind): fc.Arbitrary<History> {
  return fc.tuple(fc.integer(), fc.integer({ min: 1, max: 60 })).map(([seed, count]) => {
    const random = new SimRandom(seed, 1);
    const events: FeedEvent[] = [];
    const authors = [3, 0x80000000, 0xffffffff, 4]
      .map((author) => ({ author, generation: 1, sequence: 0, timeMs: START_MS, counter: 0 }));
    for (let i = 0; i < count; i++) {
      const feed = random.pick(authors);
      if (random.chance(0.05)) Object.assign(feed, { generation: feed.generation + random.between(1, 3), sequence: 0 });
      // Another generation's clock may have begun anew.
      if (feed.sequence === 0 && random.chance(0.5)) Object.assign(feed, { timeMs: START_MS, counter: 0 });
      feed.sequence++;
      if (random.chance(0.5)) Object.assign(feed, { timeMs: feed.timeMs + random.between(1, 2), counter: 0 });
      else feed.counter++;
      const isLog = random.chance(kind.logProbability);
      const isRemoval = !isLog && random.chance(0.2);
      const topic = random.pick(kind.topics);
      events.push({
        ...feed, topic, key: isLog ? undefined : random.pick(kind.keys),
        kind: isLog ? "log" : isRemoval ? "remove" : "set",
        ttlMs: random.chance(0.3) ? random.between(1, 30) : 0,
        value: isRemoval ? undefined : kind.value(random, topic),
      });
    }
    return { seed, events };
  });
}

/** The events that count in the end: those of each author's last generation. */
export function counting(events: readonly FeedEvent[]): FeedEvent[] {
  return events.filter(({ author, generation }) => {
    return events.every((other) => other.author !== author || other.generation <= generation);
  });
}

/**
 * Applies a history to a view in a random order, with repeated events, and
 * supersedes each earlier generation after its last event.
 */
export function applyShuffled(view: FeedView, { events }: History, random: SimRandom): void {
  at(NOW_MS, view);
  const last = new Map<number, number>();
  for (const { author, generation } of counting(events)) last.set(author, generation);
  const isOld = ({ author, generation }: FeedEvent) => generation < (last.get(author) ?? 0);
  const twice = random.shuffled([...events, ...events.filter(() => random.chance(0.3))]);
  // Some nodes never got what is superseded.
  const applied = twice.filter((one) => !isOld(one) || random.chance(0.8));
  const steps: (FeedEvent | { author: number; generation: number })[] = [...applied];
  for (const [author, generation] of last) {
    const lastOld = steps.findLastIndex((step) => "topic" in step && step.author === author && isOld(step));
    steps.splice(random.between(lastOld + 1, steps.length), 0, { author, generation: generation - 1 });
  }
  let held: FeedEvent[] = [];
  for (const step of steps) {
    if ("topic" in step) {
      held.push(step);
      view.apply(step);
    } else {
      held = held.filter(({ author, generation }) => author !== step.author || generation > step.generation);
      if (!view.forget(step.author, step.generation)) continue;
      view.clear();
      for (const one of random.shuffled(held)) view.apply(one);
    }
  }
}

/** Applies only the events that count to a new view, once, in the order of the history. */
export function applied<View extends FeedView>(view: View, events: readonly FeedEvent[]): View {
  for (const one of counting(events)) view.apply(one);
  return at(NOW_MS, view);
}

/** The events without those that their authors superseded, which nodes may have forgotten. */
export function unsuperseded(events: readonly FeedEvent[]): FeedEvent[] {
  return counting(events).filter((one) => one.key === undefined || events.every((other) => {
    return other.author !== one.author || other.generation !== one.generation || other.topic !== one.topic ||
      other.key !== one.key || other.sequence <= one.sequence;
  }));
}
