import type { Clock } from "../clock.js";
import { OWN_SLOT } from "../table/rows.js";
import { BASE_FIRST, BASE_SECOND, FLOOR, NOTIFIED } from "./arena.js";
import type { FeedStore } from "./feed-store.js";

/** Rounds without new events of the branch after which it is given up. */
const STALE_ROUNDS = 4;
/** Rounds after which a branch is given up in any case: a peer may claim more than it can send. */
const READ_ROUNDS = 64;
/** Rounds without a branch after one that could not be joined. */
const PAUSE_ROUNDS = 16;
/** In `of`: no branch is being read. */
const NONE = -1;

/**
 * A branch of a feed that is read beside the feed (PROTOCOL 10.6): what a peer holds of the own feed and this node
 * does not, or another node's word for an author that cannot be asked. It has the arena's slot `capacity`, so there is
 * one branch at a time. It arrives from its beginning, from one peer or several ones.
 *
 * Of a branch of the own feed only those events are stored that the feed lacks. A branch of another feed takes the
 * place of that feed, so all of it is stored.
 */
export class Branch {
  /** The arena's slot of the branch. */
  readonly slot: number;
  /** The slot of the feed; NONE. */
  private of = NONE;
  /** The author in that slot when the branch began. */
  private author = 0;
  private readonly feeds: FeedStore;
  private readonly clock: Clock;
  /** The sequence number at which the branch ends, as far as peers claimed. */
  private goal = 0;
  private begunMs = 0;
  private progressMs = 0;
  /** Engine time before which no branch begins; 0: none. */
  private pausedUntil = 0;

  constructor(feeds: FeedStore, clock: Clock) {
    this.feeds = feeds;
    this.clock = clock;
    this.slot = feeds.arena.capacity;
  }

  generation(): number { return this.feeds.generation(this.slot); }
  sequence(): number { return this.feeds.sequence(this.slot); }
  /** Whether a branch of a feed is being read. */
  isOf(slot: number): boolean { return this.of === slot && this.feeds.author(slot) === this.author; }
  /** Whether all of the branch was read, as far as peers claimed it. */
  isRead(): boolean {
    return this.sequence() > 0 && this.sequence() >= this.goal && this.feeds.isComplete(this.slot);
  }

  /**
   * A peer holds a branch of a feed up to `sequence`. Begins to read it unless another one is being read; a branch of
   * the own feed goes first.
   *
   * @param generation of the branch; of another node's feed, the least one
   * @returns whether the peer's events are wanted
   */
  request(slot: number, generation: number, sequence: number): boolean {
    if (this.isOf(slot) && (slot !== OWN_SLOT || this.generation() === generation)) {
      // This peer holds less than another one.
      if (slot === OWN_SLOT && sequence < this.sequence()) return false;
      this.goal = sequence;
      return true;
    }
    if (this.of !== NONE && (slot !== OWN_SLOT || this.of === OWN_SLOT)) return false;
    if (this.pausedUntil !== 0 && !this.clock.isDue(this.pausedUntil)) return false;
    this.of = slot;
    this.feeds.arena.branchOf = slot;
    this.author = this.feeds.author(slot);
    this.goal = sequence;
    this.begunMs = this.clock.nowMs;
    this.progressMs = this.clock.nowMs;
    this.restart(generation);
    return true;
  }

  /** Reads the branch of a generation from its beginning. */
  restart(generation: number): void {
    this.feeds.begin(this.slot, generation);
    // The application is notified once the events have become part of the feed.
    this.feeds.arena.set(this.slot, NOTIFIED, 0xffffffff);
  }

  noteProgress(): void {
    this.progressMs = this.clock.nowMs;
  }

  /** The branch of the own feed was read up to an event, which is not stored here. The tip after it is known. */
  advance(sequence: number, tipFirst: number, tipSecond: number): void {
    const arena = this.feeds.arena;
    arena.set(this.slot, FLOOR, sequence + 1);
    arena.set(this.slot, BASE_FIRST, tipFirst);
    arena.set(this.slot, BASE_SECOND, tipSecond);
  }

  /** Frees the oldest event of the branch that is no latest value. Returns false: there is none. */
  forgetOldest(): boolean {
    const arena = this.feeds.arena;
    let record = arena.first(this.slot);
    while (record !== 0 && this.feeds.isLive(record)) record = arena.next(record);
    if (record !== 0) arena.free(record);
    return record !== 0;
  }

  /** Forgets the branch: it became part of the feed, or is given up. */
  end(): void {
    if (this.of === NONE) return;
    this.of = NONE;
    this.feeds.begin(this.slot, 0);
    this.feeds.arena.branchOf = OWN_SLOT;
  }

  /** Gives up the branch, and reads none for some rounds. */
  pause(): void {
    this.end();
    this.pausedUntil = (this.clock.nowMs + PAUSE_ROUNDS * this.clock.roundIntervalMs) | 1;
  }

  /** Once a round: gives up a branch that no peer goes on with. */
  tick(): void {
    if (this.pausedUntil !== 0 && this.clock.isDue(this.pausedUntil)) this.pausedUntil = 0;
    if (this.of === NONE) return;
    const roundMs = this.clock.roundIntervalMs;
    const isStale = this.clock.isDue((this.progressMs + STALE_ROUNDS * roundMs) | 0);
    if (isStale || this.clock.isDue((this.begunMs + READ_ROUNDS * roundMs) | 0) || !this.isOf(this.of)) this.end();
  }
}

/** Branch ends that a node remembers. */
const ENDS_MAX = 4;
/** Generation and sequence number in two words each, and the first 16 bits of the tip. */
const END_WORDS = 5;

/**
 * The last ends of branches of the own feed that are part of the feed now: a peer that holds one of them may get the
 * present generation. 40 bytes.
 */
export class JoinedEnds {
  private readonly words = new Uint16Array(ENDS_MAX * END_WORDS);
  private next = 0;

  /** Adds an end in the place of the oldest one. */
  add(generation: number, sequence: number, tip: number): void {
    if (sequence === 0 || tip === 0 || this.has(generation, sequence, tip)) return;
    const at = this.next * END_WORDS;
    const words = this.words;
    words[at] = generation >>> 16;
    words[at + 1] = generation & 0xffff;
    words[at + 2] = sequence >>> 16;
    words[at + 3] = sequence & 0xffff;
    words[at + 4] = tip;
    this.next = (this.next + 1) % ENDS_MAX;
  }

  has(generation: number, sequence: number, tip: number): boolean {
    const words = this.words;
    for (let at = 0; at < words.length; at += END_WORDS) {
      const isSame = words[at] === generation >>> 16 && words[at + 1] === (generation & 0xffff)
        && words[at + 2] === sequence >>> 16 && words[at + 3] === (sequence & 0xffff);
      if (isSame && words[at + 4] === tip && tip !== 0) return true;
    }
    return false;
  }
}
