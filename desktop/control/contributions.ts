import { isMergeTopic } from "../../src/checks.js";
import type { FeedEvent, FeedView } from "../../src/views/feed-event.js";
import { type Contribution, type TopicMerge, topicMerge } from "../../src/views/topic-merge.js";

const TOPICS_MAX = 1024;
const CONTRIBUTIONS_MAX = 65535;

/** What the authors have set in merge topics: in the first 1,024 topics, 65,535 values in each. */
export class Contributions implements FeedView {
  private readonly merges = new Map<string, TopicMerge<Contribution[]>>();
  private nowMs: () => number = () => 0;

  /** Topics have one part each, so none ends by time here: `entries` looks at the clock. */
  readonly endMs = Infinity;

  bind(nowMs: () => number): void {
    this.nowMs = nowMs;
  }

  apply(event: FeedEvent): void {
    const { topic } = event;
    if (!isMergeTopic(topic)) return;
    let merge = this.merges.get(topic);
    if (merge === undefined) {
      if (this.merges.size === TOPICS_MAX) return;
      merge = topicMerge({ topic, capacity: CONTRIBUTIONS_MAX, merge: (all) => [...all] });
      merge.bind(this.nowMs);
      this.merges.set(topic, merge);
    }
    merge.apply(event);
  }

  forget(author: number): boolean {
    let mustAddAll = false;
    for (const merge of this.merges.values()) mustAddAll = merge.forget(author) || mustAddAll;
    return mustAddAll;
  }

  clear(): void {
    this.merges.clear();
  }

  settle(): boolean {
    return false;
  }

  /** By topic and key; of each the oldest first. */
  entries(): ({ topic: string; key: string } & Contribution)[] {
    const topics = [...this.merges].sort(([one], [other]) => one < other ? -1 : 1);
    return topics.flatMap(([topic, merge]) => merge.entries().flatMap(({ key, value: all }) =>
      all.map((one) => ({ ...one, topic, key }))));
  }
}
