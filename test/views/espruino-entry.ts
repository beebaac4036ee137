import type { FeedEvent } from "../../src/views/feed-event.js";
import { latestMap } from "../../src/views/latest-map.js";
import { records } from "../../src/views/records.js";
import { topicMerge } from "../../src/views/topic-merge.js";

/** What the views make of events, and what they notify of, as JSON: for engines that have to come to the same. */
export function viewsOf(events: FeedEvent[], nowMs: number): string {
  const changes: unknown[] = [];
  let timeMs = 0;
  const time = (): number => timeMs;
  const views = [
    latestMap({ capacity: 8, onChange: (topic, key, value) => changes.push([topic, key, value]) }),
    topicMerge({
      topic: "+sum", merge: (all) => all, capacity: 8, onChange: (key, all) => changes.push([key, all]),
    }),
    records({ capacity: 16, onChange: (id, record) => changes.push([id, record]) }),
  ] as const;
  for (const view of views) {
    view.bind(time);
    for (const event of events) view.apply(event);
    view.forget(4);
    while (view.settle());
  }
  timeMs = nowMs;
  for (const view of views) while (view.settle());
  return JSON.stringify([views[0].entries(), views[1].entries(), views[2].records(), changes]);
}
