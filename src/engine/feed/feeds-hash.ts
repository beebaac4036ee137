import { type FeedsHash as RowFeedsHash, TableHash } from "../table/hash.js";
import type { FeedStore } from "./feed-store.js";

/**
 * What is held of all feeds in one word, beside the root of the rows: the sum of
 * one hash for each feed of which something is held. `Rows` calls `join` and
 * `leave` for the rows that count in its root; whoever changes a feed does so
 * between the two.
 */
export class FeedsHash extends TableHash implements RowFeedsHash {
  private readonly feeds: FeedStore;

  constructor(feeds: FeedStore) {
    super();
    this.feeds = feeds;
  }

  /** As it stands in a frame: a uint32. */
  word(): number { return this.first >>> 0; }

  /** Counts the feed in a slot. */
  addFeed(slot: number): void {
    this.addTo(this, slot);
  }

  /** Counts it no more. */
  subtractFeed(slot: number): void {
    const feeds = this.feeds;
    if (feeds.sequence(slot) > 0) {
      this.subtract(feeds.author(slot), feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot));
    }
  }

  /** Adds a feed's hash to another sum: that of a fingerprint. */
  addTo(sum: TableHash, slot: number): void {
    const feeds = this.feeds;
    if (feeds.sequence(slot) > 0) {
      sum.add(feeds.author(slot), feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot));
    }
  }

  /** The row in a slot is forgotten, and its feed with it. */
  drop(slot: number): void {
    this.feeds.drop(slot);
  }
}
