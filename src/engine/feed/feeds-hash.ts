import { type FeedsHash as RowFeedsHash, TableHash } from "../table/hash.js";
import type { FeedStore } from "./feed-store.js";
import type { Upkeep } from "./upkeep.js";

/**
 * The feeds hash (PROTOCOL 10.2): the sum of one hash for each feed of which an event is held,
 * beside the table hash of the rows. `Rows` adds and subtracts the feeds of the rows that count
 * in the table hash. A feed may only change after it was subtracted and before it is added
 * again.
 */
export class FeedsHash extends TableHash implements RowFeedsHash {
  private readonly feeds: FeedStore;
  private readonly upkeep: Upkeep;

  constructor(feeds: FeedStore, upkeep: Upkeep) {
    super();
    this.feeds = feeds;
    this.upkeep = upkeep;
  }

  /** The feeds hash of a frame, a uint32. */
  word(): number { return this.first >>> 0; }

  isSame(word: number): boolean {
    const signing = this.feeds.signing;
    const own = this.word();
    return word === own || (signing !== undefined && word === (own + signing.vain) >>> 0);
  }

  differenceTo(slot: number, generation: number, sequence: number, tipFirst: number): number {
    const first = this.first;
    const second = this.second;
    this.subtractFeed(slot);
    this.add(this.feeds.author(slot), generation, sequence, tipFirst);
    const difference = (this.first - first) | 0;
    this.first = first;
    this.second = second;
    return difference;
  }

  /** Adds the feed in a slot. */
  addFeed(slot: number): void {
    this.addTo(this, slot);
  }

  /** Subtracts the feed in a slot. */
  subtractFeed(slot: number): void {
    const feeds = this.feeds;
    if (feeds.sequence(slot) > 0) {
      this.mix(feeds.author(slot), feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot), -1);
    }
  }

  /** Adds a feed's hash to another sum, that of a fingerprint. */
  addTo(sum: TableHash, slot: number): void {
    const feeds = this.feeds;
    if (feeds.sequence(slot) > 0) {
      sum.add(feeds.author(slot), feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot));
    }
  }

  /** The row in a slot is forgotten: forgets its feed, but for what counts and nobody else holds. */
  drop(slot: number): void {
    this.upkeep.adoptAll(slot, slot);
    this.feeds.drop(slot);
  }
}
