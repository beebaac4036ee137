import type { FeedEvent } from "../../src/views/feed-event.js";
import { latestMap } from "../../src/views/latest-map.js";
import { records } from "../../src/views/records.js";
import { topicMerge } from "../../src/views/topic-merge.js";

/** What the views make of events, as JSON: for engines that have to come to the same. */
export function viewsOf(events: FeedEvent[], nowMs: number): string {
  const views = [
    latestMap({ capacity: 8 }), topicMerge({ topic: "note.add", merge: (all) => all, capacity: 8 }),
    records({ capacity: 16 }),
  ] as const;
  for (const view of views) {
    for (const event of events) view.apply(event);
    view.forget(4, 1);
  }
  return JSON.stringify([views[0].entries(nowMs), views[1].entries(nowMs), views[2].records(nowMs)]);
}
