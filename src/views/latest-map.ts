import type { CborValue } from "../cbor/cbor.js";
import { checkGiven, isMergeTopic, show } from "../checks.js";
import { invalid } from "../errors.js";
import { compareKeys, compareSubjects, firstOf } from "./event-set.js";
import { EventView } from "./event-view.js";
import { type FeedEvent, type FeedView, compareEvents, isAlive } from "./feed-event.js";

export type { FeedEvent, FeedView } from "./feed-event.js";

export interface LatestMapOptions<Value extends CborValue = CborValue> {
  /**
   * Events that the map holds, one for each author, topic and key, removals
   * included: 1 to 65,535; 64 by default. Beyond it the oldest are dropped.
   */
  capacity?: number;
  /** Topics that the map holds; by default all. It never holds merge topics, which begin with "+". */
  topics?: string[];
  /**
   * Called when another value is set for a topic and a key, and with undefined
   * when the value is removed or its time to live ends. The node calls it once
   * for each change, after `onEvent` for all events of an input. At the end of a
   * time to live the node calls it when its clock reaches the end: a timer of
   * the node is set for that. A node that learns a later time, such as from
   * SNTP, calls it at its next input, at the latest after a round.
   */
  onChange?: (topic: string, key: string, value: Value | undefined) => void;
}

/** The value that is set for a topic and a key. */
export interface LatestEntry<Value extends CborValue = CborValue> {
  topic: string;
  key: string;
  value: Value;
  /** Id of the node that set it. */
  author: number;
  /** When it was set, in milliseconds since 1970. */
  timeMs: number;
}

/**
 * The latest value of each topic and key, of any author. Of the newest events of
 * all authors about a topic and key, the event with the highest stamp wins; of
 * equal stamps, that of the author with the highest id. If it is a removal, nothing
 * is set.
 *
 * An event whose time to live is over counts as if it had never been, and the
 * event that it had won against counts again. So it makes no difference whether a
 * node still holds it.
 *
 * The time is that of the node that the map is given to. No time to live ends
 * before that. Where the node, or the author at that time, does not know the time
 * of day, it counts from when this node learnt of the event since its start.
 */
export class LatestMap<Value extends CborValue = CborValue> extends EventView implements FeedView<Value> {
  private readonly topics: string[] | undefined;
  private readonly onChange: LatestMapOptions<Value>["onChange"];
  /** Events about subjects of which the application is to be notified, at most two for each event held. */
  private changed: FeedEvent[] = [];

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(options?: LatestMapOptions<Value>) {
    const given: LatestMapOptions<Value> = options ?? {};
    checkGiven(given, "onChange", "capacity topics");
    if (given.topics !== undefined && !Array.isArray(given.topics)) {
      throw invalid("", "topics", `${show(given.topics)} is not an array of topics`, false);
    }
    super(given.capacity ?? CAPACITY_DEFAULT, compareSubjects);
    this.topics = given.topics;
    this.onChange = given.onChange;
  }

  apply(event: FeedEvent): void {
    if (event.kind === "log" || isMergeTopic(event.topic) || !this.isHeld(event.topic)) return;
    this.hold(event);
  }

  settle(): boolean {
    const onChange = this.onChange;
    if (onChange === undefined) return false;
    if (this.changed.length === 0) this.findChanged();
    const event = this.changed.shift();
    if (event === undefined) return false;
    const key = event.key as string;
    onChange(event.topic, key, valueIn(this.changes.counted, event.topic, key, 0) as Value | undefined);
    return true;
  }

  /** The value that is set for a topic and a key; undefined when none is. */
  get(topic: string, key: string): Value | undefined {
    return valueIn(this.set.events, topic, key, this.nowMs()) as Value | undefined;
  }

  /** All values that are set, ordered by the bytes of topic and key. */
  entries(): LatestEntry<Value>[] {
    return this.entriesAt(this.nowMs());
  }

  /** @internal The same at a time, in milliseconds since 1970: for comparing maps of several nodes. */
  entriesAt(nowMs: number): LatestEntry<Value>[] {
    const winners = this.winners(nowMs, []);
    const entries: LatestEntry<Value>[] = [];
    for (let i = 0; i < winners.length; i++) {
      const event = winners[i];
      const value = event.value as Value;
      entries.push({ topic: event.topic, key: event.key as string, value, author: event.author, timeMs: event.timeMs });
    }
    return entries;
  }

  private isHeld(topic: string): boolean {
    return this.topics === undefined ? topic !== "" : this.topics.indexOf(topic) >= 0;
  }

  private findChanged(): void {
    const changes = this.changes;
    const nowMs = this.nowMs();
    if (!this.mayHaveChanged()) return;
    const ends = [Infinity];
    const winners = this.winners(nowMs, ends);
    const changed = changes.update(winners, ends[0]);
    for (let i = 0; i < changed.length; i++) {
      const next = changed[i + 1];
      // Of two events about one topic and key, one went and one came.
      if (next === undefined || compareKeys(next, changed[i].topic, changed[i].key as string) !== 0) {
        this.changed.push(changed[i]);
      }
    }
  }

  /** The events that set a value, one for each topic and key, in order. `ends` gets when they change by time alone. */
  private winners(nowMs: number, ends: number[]): FeedEvent[] {
    const winners: FeedEvent[] = [];
    const events = this.set.events;
    for (let i = 0; i < events.length;) {
      const topic = events[i].topic;
      const key = events[i].key as string;
      let winner: FeedEvent | undefined;
      for (; i < events.length && compareKeys(events[i], topic, key) === 0; i++) {
        winner = winnerOf(winner, events[i], nowMs);
      }
      if (winner === undefined) continue;
      ends[0] = Math.min(ends[0], winner.endMs);
      if (winner.kind === "set") winners.push(winner);
    }
    return winners;
  }
}

/** A view of the latest values by topic and key. */
export function latestMap<Value extends CborValue = CborValue>(options?: LatestMapOptions<Value>): LatestMap<Value> {
  return new LatestMap(options);
}

const CAPACITY_DEFAULT = 64;

function valueIn(events: FeedEvent[], topic: string, key: string, nowMs: number): CborValue {
  let winner: FeedEvent | undefined;
  for (let i = firstOf(events, topic, key); i < events.length && compareKeys(events[i], topic, key) === 0; i++) {
    winner = winnerOf(winner, events[i], nowMs);
  }
  return winner === undefined ? undefined : winner.value;
}

function winnerOf(winner: FeedEvent | undefined, event: FeedEvent, nowMs: number): FeedEvent | undefined {
  if (event.kind === "withdraw" || !isAlive(event, nowMs)) return winner;
  return winner === undefined || compareEvents(winner, event) < 0 ? event : winner;
}
