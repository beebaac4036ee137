import type { Reader } from "../wire/cursor.js";
import type { FeedsHash as RowFeedsHash, TableHash } from "../table/hash.js";
import type { OwnRow } from "../table/own-row.js";
import type { Rows } from "../table/rows.js";
import type { EventData } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { FEEDS_HASH } from "./state-words.js";
import { Upkeep } from "./upkeep.js";

/**
 * The feeds hash (PROTOCOL 10.2): the sum of one hash for each feed of which an event is held,
 * beside the table hash of the rows. `Rows` adds and subtracts the feeds of the rows that count
 * in the table hash. A feed may only change after it was subtracted and before it is added
 * again. Frames have the first word of the sum, so no other is kept.
 */
export class FeedsHash extends Upkeep implements RowFeedsHash {
  // Explicit: the constructor that compilers generate calls `super(...arguments)`, and Espruino has no spread.
  /** @param reader not in use elsewhere while a frame is written @param event likewise */
  constructor(feeds: FeedStore, hlc: Hlc, reader: Reader, event: EventData, rows: Rows, ownRow: OwnRow) {
    super(feeds, hlc, reader, event, rows, ownRow);
  }

  /** The feeds hash of a frame, a uint32. */
  word(): number { return this.feeds.state(FEEDS_HASH); }

  isSame(word: number): boolean {
    const signing = this.feeds.signing;
    const own = this.word();
    return word === own || (signing !== undefined && word === (own + signing.vain) >>> 0);
  }

  differenceTo(slot: number, generation: number, sequence: number, tipFirst: number): number {
    const other = this.hashOf(this.feeds.author(slot), generation, sequence, tipFirst);
    return (other - this.hashOfFeed(slot)) | 0;
  }

  /** Adds the feed in a slot. */
  addFeed(slot: number): void {
    this.feeds.setState(FEEDS_HASH, this.word() + this.hashOfFeed(slot));
  }

  /** Subtracts the feed in a slot. */
  subtractFeed(slot: number): void {
    this.feeds.setState(FEEDS_HASH, this.word() - this.hashOfFeed(slot));
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
    this.adoptAll(slot, slot);
    this.feeds.drop(slot);
  }

  private hashOfFeed(slot: number): number {
    const feeds = this.feeds;
    if (feeds.sequence(slot) === 0) return 0;
    return this.hashOf(feeds.author(slot), feeds.generation(slot), feeds.sequence(slot), feeds.tipFirst(slot));
  }

  /** Borrows the words of `rows.tableHash`, as fingerprints do. */
  private hashOf(author: number, generation: number, sequence: number, tipFirst: number): number {
    const sum = this.rows.tableHash;
    const first = sum.first;
    const second = sum.second;
    sum.clear();
    sum.add(author, generation, sequence, tipFirst);
    const hash = sum.first;
    sum.first = first;
    sum.second = second;
    return hash;
  }
}
