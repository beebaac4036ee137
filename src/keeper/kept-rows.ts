import type { FeedStore } from "../engine/feed/feed-store.js";
import type { Rows } from "../engine/table/rows.js";

/** A row is stored again when its heartbeat, seconds of uptime, rose by an hour. */
const HEARTBEAT_STEP = 3600;

/** What a keeper's log has of each row and its feed, by slot. */
export class KeptRows {
  private readonly rows: Rows;
  private readonly feeds: FeedStore;
  /** Columns for each slot. HAS is how often the log has the row: 0, 1, or 2 for more. */
  private readonly words: Uint32Array;

  constructor(rows: Rows, feeds: FeedStore) {
    this.rows = rows;
    this.feeds = feeds;
    this.words = new Uint32Array(rows.capacity * WORDS);
  }

  /** Whether the log has a row that was in a slot. */
  has(slot: number): boolean { return this.words[slot * WORDS + HAS] !== 0; }
  id(slot: number): number { return this.words[slot * WORDS + ID]; }

  /** Whether the log has a complete feed of that row. */
  hasFeed(slot: number): boolean { return this.words[slot * WORDS + SEQUENCE] !== 0; }

  /** Whether the row in a slot is the one that the log has from there. */
  isSame(slot: number): boolean {
    return this.has(slot) && this.rows.isHeld(slot) && this.rows.id(slot) === this.id(slot);
  }

  /** Whether the statement in a slot differs from the log's by more than a few heartbeats. The row is the same. */
  isAuthorNew(slot: number): boolean {
    const rows = this.rows;
    const at = slot * WORDS;
    const words = this.words;
    return rows.revision(slot) !== words[at + REVISION] || rows.address(slot) !== words[at + ADDRESS]
      || rows.port(slot) !== words[at + PORT] || rows.heartbeat(slot) - words[at + HEARTBEAT] >= HEARTBEAT_STEP;
  }

  /** Whether the log's feed in a slot is the one that the node holds. The feed is complete. */
  isFeedSame(slot: number): boolean {
    const at = slot * WORDS;
    const feeds = this.feeds;
    return feeds.sequence(slot) === this.words[at + SEQUENCE] && feeds.generation(slot) === this.words[at + GENERATION]
      && feeds.tipFirst(slot) === this.words[at + TIP_FIRST] && feeds.tipSecond(slot) === this.words[at + TIP_SECOND];
  }

  /** The first event that the log lacks of a complete feed; 0: it needs the whole feed. */
  nextEvent(slot: number): number {
    const at = slot * WORDS;
    const feeds = this.feeds;
    const kept = this.words[at + SEQUENCE];
    if (!this.isSame(slot) || kept === 0 || feeds.generation(slot) !== this.words[at + GENERATION]) return 0;
    if (feeds.sequence(slot) <= kept || kept + 1 < feeds.floor(slot)) return 0;
    const goesOn = feeds.tipFirstAt(slot, kept) === this.words[at + TIP_FIRST]
      && feeds.tipSecondAt(slot, kept) === this.words[at + TIP_SECOND];
    return goesOn ? kept + 1 : 0;
  }

  /** Whether the node holds older events of a complete feed than the log does: others filled a gap. */
  lacksHistory(slot: number): boolean {
    return this.isSame(slot) && this.feeds.floor(slot) < this.words[slot * WORDS + FLOOR];
  }

  /** Whether the log has the row in a slot only once, so that one damaged record would cost the row and its feed. */
  isAuthorSingle(slot: number): boolean { return this.words[slot * WORDS + HAS] === 1; }

  /** The log has the row in a slot once more now, with this heartbeat. */
  noteAuthor(slot: number, heartbeat: number): void {
    const at = slot * WORDS;
    const words = this.words;
    words[at + HAS] = this.isSame(slot) ? 2 : 1;
    words[at + ID] = this.rows.id(slot);
    words[at + ADDRESS] = this.rows.address(slot);
    words[at + PORT] = this.rows.port(slot);
    words[at + REVISION] = this.rows.revision(slot);
    words[at + HEARTBEAT] = heartbeat;
  }

  /** The log has the feed in a slot now, as the node holds it. What is not complete is stored again once it is. */
  note(slot: number): void {
    const at = slot * WORDS;
    const feeds = this.feeds;
    const words = this.words;
    const sequence = feeds.isComplete(slot) ? feeds.sequence(slot) : 0;
    words[at + GENERATION] = feeds.generation(slot);
    words[at + SEQUENCE] = sequence;
    words[at + FLOOR] = feeds.floor(slot);
    words[at + TIP_FIRST] = sequence === 0 ? 0 : feeds.tipFirst(slot);
    words[at + TIP_SECOND] = sequence === 0 ? 0 : feeds.tipSecond(slot);
  }

  /** The log needs the feed in a slot again. */
  forgetFeed(slot: number): void {
    this.words[slot * WORDS + SEQUENCE] = 0;
  }

  /** The log has nothing of a slot now. */
  forget(slot: number): void {
    for (let column = 0; column < WORDS; column++) this.words[slot * WORDS + column] = 0;
  }
}

const HAS = 0;
const ID = 1;
const ADDRESS = 2;
const PORT = 3;
const REVISION = 4;
const HEARTBEAT = 5;
const GENERATION = 6;
const SEQUENCE = 7;
const FLOOR = 8;
const TIP_FIRST = 9;
const TIP_SECOND = 10;
const WORDS = 11;
