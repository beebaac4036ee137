import type { FeedEvent } from "../../src/gossip.js";
import { LatestMap } from "../../src/views/latest-map.js";
import { type Contribution, type TopicMerge, topicMerge } from "../../src/views/topic-merge.js";
import { nameOf } from "./published.js";

/** Topics in which the latest set or removal of any author counts. */
export const LATEST_TOPICS = ["door", "voucher"];
/** The topic in which each author has its own value of each key. */
export const MERGE_TOPIC = "+stock";
/** More than the sets and removals of a scenario. */
const VIEW_CAPACITY = 4096;

/** What a node shows of the events of a scenario. */
export interface ShownViews {
  latest: LatestMap;
  /** All contributions to a key, the oldest first. */
  merged: TopicMerge<Contribution[]>;
}

/**
 * What a node shows that knows the time: each time to live ends by its stamp. So maps of all nodes can be compared at
 * one time, although a node that does not know the time counts from when it learnt of the event.
 */
class LatestByStamps extends LatestMap {
  override apply(event: FeedEvent): void {
    super.apply(event.ttlMs === 0 ? event : { ...event, endMs: event.timeMs + event.ttlMs });
  }
}

export function newViews(): ShownViews {
  return {
    latest: new LatestByStamps({ capacity: VIEW_CAPACITY, topics: LATEST_TOPICS }),
    merged: topicMerge({ capacity: VIEW_CAPACITY, topic: MERGE_TOPIC, merge: (contributions) => contributions }),
  };
}

/** Views that hold these events. */
export function viewsOf(each: (apply: (event: FeedEvent) => void) => void): ShownViews {
  const views = newViews();
  each((event) => {
    views.latest.apply(event);
    views.merged.apply(event);
  });
  return views;
}

/** Values that are shown at a time, by name, or by contribution in the merge topic. */
export function valuesOf({ latest, merged }: ShownViews, nowMs: number): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { topic, key, value } of latest.entriesAt(nowMs)) values.set(nameOf({ topic, key }), value);
  for (const { key, value } of merged.entries()) {
    for (const { author, value: contributed } of value) {
      values.set(contributionName(nameOf({ topic: MERGE_TOPIC, key }), author), contributed);
    }
  }
  return values;
}

/** The name of an author's own value in a merge topic. */
export function contributionName(name: string, author: number): string {
  return `${name} of ${author}`;
}
