import { OWN_SLOT } from "../table/rows.js";
import type { Branch } from "./branch.js";
import { compareTimes, stampCounter, stampMs } from "./event.js";
import type { FeedStore } from "./feed-store.js";
import type { Hlc } from "./hlc.js";
import { holdsEvent, isOutdated } from "./join.js";

/**
 * Which events of a branch of the own feed are stored: those that the feed lacks. It lacks no event that it has
 * superseded, and none that the node itself has published since its start and dropped to make room.
 */
export class BranchFilter {
  /** Milliseconds of the stamp of the first event that was published since the start; Infinity: there is none. */
  birthMs = Infinity;
  private birthCounter = 0;
  /** Stamp up to which such events were dropped. */
  private droppedMs = 0;
  private droppedCounter = 0;
  /** The floor of the own feed at the birth, or when its generation began. */
  private floor = 1;
  private readonly feeds: FeedStore;
  private readonly hlc: Hlc;
  private readonly branch: Branch;

  constructor(feeds: FeedStore, hlc: Hlc, branch: Branch) {
    this.feeds = feeds;
    this.hlc = hlc;
    this.branch = branch;
  }

  /** An event is about to be published, with a stamp. Only the first one counts. */
  noteBirth(ms: number, counter: number): void {
    if (this.birthMs !== Infinity) return;
    this.birthMs = ms;
    this.birthCounter = counter;
    this.floor = this.feeds.floor(OWN_SLOT);
  }

  /** The own feed is about to begin a generation, whose floor is 1. */
  beforeGeneration(): void {
    this.noteDropped();
    this.floor = 1;
  }

  /** Whether the event of `length` bytes in the scratch is to be stored. */
  isWanted(length: number): boolean {
    const feeds = this.feeds;
    const at = feeds.chain.eventAt;
    return !holdsEvent(feeds, OWN_SLOT, at, length) && !this.wasDropped(at) && !isOutdated(feeds, OWN_SLOT, at, length);
  }

  /** The branch was read up to an event, behind which the tip is `tipFirst`, `tipSecond`. */
  advance(sequence: number, tipFirst: number, tipSecond: number): void {
    this.branch.advance(sequence, tipFirst, tipSecond);
  }

  /** Makes room in the branch itself. Returns false if it cannot. */
  forgetOldest(): boolean {
    return this.branch.forgetOldest();
  }

  /** Whether the event at `at` of the arena, which is not held, was published since the start. */
  private wasDropped(at: number): boolean {
    this.noteDropped();
    const bytes = this.feeds.arena.bytes;
    const ms = stampMs(bytes, at);
    const counter = stampCounter(bytes, at);
    return compareTimes(ms, counter, this.birthMs, this.birthCounter) >= 0
      && compareTimes(ms, counter, this.droppedMs, this.droppedCounter) < 0;
  }

  private noteDropped(): void {
    const feeds = this.feeds;
    const floor = feeds.floor(OWN_SLOT);
    if (this.birthMs === Infinity || floor <= this.floor || !feeds.isComplete(OWN_SLOT)) return;
    const record = feeds.arena.from(OWN_SLOT, floor);
    const ms = record === 0 ? this.hlc.ms : feeds.ms(record);
    const counter = record === 0 ? this.hlc.counter : feeds.counter(record);
    if (compareTimes(ms, counter, this.droppedMs, this.droppedCounter) <= 0) return;
    this.droppedMs = ms;
    this.droppedCounter = counter;
  }
}
