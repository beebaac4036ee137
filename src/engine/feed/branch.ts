import type { Clock } from "../clock.js";
import { OWN_SLOT } from "../table/rows.js";
import { BASE_FIRST, BASE_SECOND, FLOOR, NOTIFIED, PEER_SEQUENCE } from "./arena.js";
import type { FeedStore } from "./feed-store.js";
import { BRANCH_AUTHOR, BRANCH_BEGUN, BRANCH_OF, BRANCH_PAUSED, BRANCH_PROGRESS } from "./state-words.js";

/*
 * A branch of a feed that is read beside the feed (PROTOCOL 10.6): what a peer holds of the own feed and this node
 * does not, or another node's word for an author that cannot be asked. It has the arena's slot `capacity`, so there is
 * one branch at a time. It arrives from its beginning, from one peer or several ones. The column PEER_SEQUENCE of
 * that slot is the sequence number at which the branch ends, as far as peers claimed.
 *
 * Of a branch of the own feed only those events are stored that the feed lacks. A branch of another feed takes the
 * place of that feed, so all of it is stored.
 */

/** Rounds without new events of the branch after which it is given up. */
const STALE_ROUNDS = 4;
/** Rounds after which a branch is given up in any case: a peer may claim more than it can send. */
const READ_ROUNDS = 64;
/** Rounds without a branch after one that could not be joined. */
const PAUSE_ROUNDS = 16;

/** The arena's slot of the branch. */
export function branchSlot(feeds: FeedStore): number { return feeds.arena.capacity; }

/** Whether a branch of a feed is being read. */
export function isBranchOf(feeds: FeedStore, slot: number): boolean {
  return feeds.state(BRANCH_OF) === slot + 1 && feeds.author(slot) === feeds.state(BRANCH_AUTHOR);
}

/** Whether all of the branch was read, as far as peers claimed it. */
export function isBranchRead(feeds: FeedStore): boolean {
  const branch = branchSlot(feeds);
  const sequence = feeds.sequence(branch);
  return sequence > 0 && sequence >= feeds.arena.get(branch, PEER_SEQUENCE) && feeds.isComplete(branch);
}

/**
 * A peer holds a branch of a feed up to `sequence`. Begins to read it unless another one is being read; a branch of
 * the own feed goes first.
 *
 * @param generation of the branch; of another node's feed, the least one
 * @returns whether the peer's events are wanted
 */
export function requestBranch(
  feeds: FeedStore, clock: Clock, slot: number, generation: number, sequence: number,
): boolean {
  const branch = branchSlot(feeds);
  if (isBranchOf(feeds, slot) && (slot !== OWN_SLOT || feeds.generation(branch) === generation)) {
    // This peer holds less than another one.
    if (slot === OWN_SLOT && sequence < feeds.sequence(branch)) return false;
    feeds.arena.set(branch, PEER_SEQUENCE, sequence);
    return true;
  }
  const isFree = feeds.state(BRANCH_OF) === 0;
  if (!isFree && (slot !== OWN_SLOT || feeds.state(BRANCH_OF) === OWN_SLOT + 1)) return false;
  if (feeds.state(BRANCH_PAUSED) !== 0 && !clock.isDue(feeds.state(BRANCH_PAUSED))) return false;
  feeds.setState(BRANCH_OF, slot + 1);
  feeds.setState(BRANCH_AUTHOR, feeds.author(slot));
  feeds.setState(BRANCH_BEGUN, clock.nowMs);
  feeds.setState(BRANCH_PROGRESS, clock.nowMs);
  feeds.arena.set(branch, PEER_SEQUENCE, sequence);
  restartBranch(feeds, generation);
  return true;
}

/** Reads the branch of a generation from its beginning. */
export function restartBranch(feeds: FeedStore, generation: number): void {
  const branch = branchSlot(feeds);
  feeds.begin(branch, generation);
  // The application is notified once the events have become part of the feed.
  feeds.arena.set(branch, NOTIFIED, 0xffffffff);
}

/** The branch was read up to an event. */
export function noteBranchProgress(feeds: FeedStore, clock: Clock): void {
  feeds.setState(BRANCH_PROGRESS, clock.nowMs);
}

/** The branch of the own feed was read up to an event, which is not stored here. The tip after it is known. */
export function advanceBranch(feeds: FeedStore, sequence: number, tipFirst: number, tipSecond: number): void {
  const arena = feeds.arena;
  const branch = branchSlot(feeds);
  arena.set(branch, FLOOR, sequence + 1);
  arena.set(branch, BASE_FIRST, tipFirst);
  arena.set(branch, BASE_SECOND, tipSecond);
}

/** Frees the oldest event of the branch that is no latest value. Returns false: there is none. */
export function forgetOldestOfBranch(feeds: FeedStore): boolean {
  const arena = feeds.arena;
  let record = arena.first(branchSlot(feeds));
  while (record !== 0 && feeds.isLive(record)) record = arena.next(record);
  if (record !== 0) feeds.arena.free(record);
  return record !== 0;
}

/** Forgets the branch: it became part of the feed, or is given up. */
export function endBranch(feeds: FeedStore): void {
  if (feeds.state(BRANCH_OF) === 0) return;
  feeds.begin(branchSlot(feeds), 0);
  feeds.setState(BRANCH_OF, 0);
}

/** Gives up the branch, and reads none for some rounds. */
export function pauseBranch(feeds: FeedStore, clock: Clock): void {
  endBranch(feeds);
  feeds.setState(BRANCH_PAUSED, (clock.nowMs + PAUSE_ROUNDS * clock.roundIntervalMs) | 1);
}

/** A time passed: gives up a branch that no peer goes on with. */
export function tickBranch(feeds: FeedStore, clock: Clock): void {
  const pausedUntil = feeds.state(BRANCH_PAUSED);
  if (pausedUntil !== 0 && clock.isDue(pausedUntil)) feeds.setState(BRANCH_PAUSED, 0);
  const slot = feeds.state(BRANCH_OF) - 1;
  if (slot < 0) return;
  const roundMs = clock.roundIntervalMs;
  const isStale = clock.isDue((feeds.state(BRANCH_PROGRESS) + STALE_ROUNDS * roundMs) | 0);
  const isLong = clock.isDue((feeds.state(BRANCH_BEGUN) + READ_ROUNDS * roundMs) | 0);
  if (isStale || isLong || !isBranchOf(feeds, slot)) endBranch(feeds);
}
