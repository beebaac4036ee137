import type { Clock } from "../clock.js";
import { FLAG_PROVEN, FLAG_REMOTE, OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN } from "../table/states.js";
import type { FeedStore } from "./feed-store.js";
import { CONSENT_AUTHOR, CONSENT_PROBE, CONSENT_SINCE } from "./state-words.js";

/*
 * Whether a node may take another branch of a feed in the place of what it holds (PROTOCOL 10.6). Only the author
 * knows whether its new generation has all that this node holds. So the node probes the author, and shows what it
 * holds, until the author has sent the generation itself. Of an author that is gone or out of reach, or does not
 * answer for 64 rounds, the node takes the branch from any node.
 *
 * A node waits for one author at a time. The others have their turn once that one is settled, gone or forgotten.
 */

/** Rounds that an author has to answer. */
const ANSWER_ROUNDS = 64;
/** Rounds after which a wait is forgotten: nobody holds the other branch any more. */
const FORGET_ROUNDS = 128;
/** All nodes together send an author 8 such probes a round. */
const PROBES_SHIFT = 3;

/**
 * A peer holds another branch of the feed in a slot. Whether it may be taken from that peer. That of an author that
 * never was in reach may: it came from the author's neighbours, who have shown the author what was held, and this node
 * can't show the author anything.
 */
export function isConsentGiven(feeds: FeedStore, rows: Rows, clock: Clock, slot: number): boolean {
  // A former neighbour may be in reach again.
  const isOutOfReach = rows.hasFlag(slot, FLAG_REMOTE) && !rows.hasFlag(slot, FLAG_PROVEN);
  if (rows.state(slot) >= DOWN || isOutOfReach) return true;
  const author = feeds.state(CONSENT_AUTHOR);
  if (author === rows.id(slot)) return isPast(feeds, clock, ANSWER_ROUNDS);
  if (author === 0) beginWait(feeds, rows, clock, rows.id(slot));
  return false;
}

/** The feed in a slot has another generation. */
export function settleConsent(feeds: FeedStore, slot: number): void {
  if (feeds.state(CONSENT_AUTHOR) === feeds.author(slot)) feeds.setState(CONSENT_AUTHOR, 0);
}

/** The slot of an author that is to be probed now, or -1. To be called once a round or more often. */
export function nextConsentProbe(feeds: FeedStore, rows: Rows, clock: Clock): number {
  const author = feeds.state(CONSENT_AUTHOR);
  if (author === 0) return -1;
  const slot = rows.find(author);
  if (slot < 0 || rows.state(slot) >= DOWN || isPast(feeds, clock, FORGET_ROUNDS)) {
    feeds.setState(CONSENT_AUTHOR, 0);
    return -1;
  }
  if (rows.hasFlag(slot, FLAG_REMOTE) || !clock.isDue(feeds.state(CONSENT_PROBE))) return -1;
  feeds.setState(CONSENT_PROBE, clock.nowMs + spread(rows) * clock.roundIntervalMs);
  return slot;
}

/** Rounds between two probes. */
function spread(rows: Rows): number {
  const rounds = rows.count >>> PROBES_SHIFT;
  return rounds > 1 ? rounds : 1;
}

function beginWait(feeds: FeedStore, rows: Rows, clock: Clock, author: number): void {
  // Nodes with different ids begin in different rounds.
  const rounds = ((rows.id(OWN_SLOT) ^ author) >>> 0) % spread(rows);
  feeds.setState(CONSENT_AUTHOR, author);
  feeds.setState(CONSENT_SINCE, clock.nowMs);
  feeds.setState(CONSENT_PROBE, clock.nowMs + rounds * clock.roundIntervalMs);
}

function isPast(feeds: FeedStore, clock: Clock, rounds: number): boolean {
  return clock.isDue((feeds.state(CONSENT_SINCE) + rounds * clock.roundIntervalMs) | 0);
}
