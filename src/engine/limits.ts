import type { FeedProtocol } from "./feed/feed-protocol.js";
import { hasLiveNode } from "./membership/probe-order.js";
import {
  ALONE_ROUNDS, NOTIFY_ALONE, NOTIFY_CAPACITY, NOTIFY_NO_FEEDS, reportFault, reportLimits,
} from "./notifications.js";
import { showsLimits } from "./reconcile/opening.js";
import { ALIKE_MAX, countAlike, countAlone, countDrop, noteCapacity } from "./stats.js";
import { COUNTED, LEAST_CAPACITY } from "./table/node-words.js";
import type { RowData } from "./table/row-data.js";
import { FLAG_ALIKE, FLAG_LIMITS } from "./table/row-flags.js";
import { MERGED_FRESHER, MERGED_VALUE, OWN_SLOT, type Rows } from "./table/rows.js";
import { DROP_VALUE_TOO_LARGE } from "./wire/drops.js";
import { type FrameReader, NO_FEEDS, NO_LIMITS, SAME_LIMITS } from "./wire/frame-reader.js";
import { CAPACITY_LIMIT, NO_NETWORK, TYPE_ACK, TYPE_SYN, limitsOf } from "./wire/frame.js";

/*
 * Nodes of one network may have other limits, as while devices are updated. They show
 * each other their limits, and a node passes on rows whose values it cannot hold.
 */

/**
 * PROTOCOL 5.7: compares the limits in a frame that was applied with those of this
 * node, once for each start of the sender, and reports other ones. Returns whether
 * the answer shows this node's limits.
 *
 * @param feed of this node; undefined: it keeps no feeds
 * @param slot of the sender's row; -1: there is none
 * @param showed whether this node's last SYN to the sender had its limits
 */
export function exchangeLimits(
  rows: Rows, frame: FrameReader, feed: FeedProtocol | undefined, slot: number, showed: boolean,
): boolean {
  const hasLimits = frame.limits !== NO_LIMITS;
  // Also of a peer without a row: its table may be full, and so may this one.
  if (hasLimits) {
    noteCapacity(rows.words, frame.limits === SAME_LIMITS ? rows.capacity : frame.capacity(), frame.id);
    compareCapacity(rows);
  }
  if (hasLimits && slot >= 0 && !rows.hasFlag(slot, FLAG_LIMITS)) {
    rows.setFlag(slot, FLAG_LIMITS);
    const eventBytesMax = feed === undefined ? 0 : feed.feeds.eventBytesMax;
    const isAlike = frame.limits === SAME_LIMITS
      || frame.limits === limitsOf(rows.valueBytesMax, eventBytesMax, rows.capacity);
    if (!isAlike) compareLimits(rows, frame, feed, slot);
    // PROTOCOL 3.4: in a network with a name, limits also show of which network their sender is.
    if (countAlike(rows.words, isAlike && !frame.isNamed()) === ALIKE_MAX) rows.setFlag(OWN_SLOT, FLAG_ALIKE);
    else rows.clearFlag(OWN_SLOT, FLAG_ALIKE);
  }
  // All frames of a node with feeds show them.
  const hasEvents = feed !== undefined && feed.feeds.sequence(OWN_SLOT) > 0;
  if (slot >= 0 && hasEvents && frame.feedsHash === NO_FEEDS) reportFault(rows.words, NOTIFY_NO_FEEDS, slot);
  if (frame.type === TYPE_SYN) return hasLimits || showsLimits(rows, slot);
  // Who answers that its limits are the same got those of this node in the SYN.
  return frame.type === TYPE_ACK && hasLimits && frame.limits !== SAME_LIMITS && !showed;
}

function compareLimits(rows: Rows, frame: FrameReader, feed: FeedProtocol | undefined, slot: number): void {
  const hasFeeds = feed !== undefined && frame.eventBytesMax() > 0;
  const isEventOther = hasFeeds && feed.feeds.eventBytesMax !== frame.eventBytesMax();
  if (!isEventOther && frame.valueBytesMax() === rows.valueBytesMax) return;
  reportLimits(rows.words, slot, frame.limits % CAPACITY_LIMIT);
}

/** PROTOCOL 5.7: reports that this node holds more rows than a peer has room for. Tombstones give way to other rows. */
function compareCapacity(rows: Rows): void {
  const least = rows.words[LEAST_CAPACITY];
  if (least > 0 && rows.words[COUNTED] > least) reportFault(rows.words, NOTIFY_CAPACITY, OWN_SLOT);
}

/** Once a round: reports that this node holds more rows than a peer has room for, or that no other node is live. */
export function reviewNetwork(rows: Rows): void {
  compareCapacity(rows);
  if (countAlone(rows.words, !hasLiveNode(rows)) === ALONE_ROUNDS) reportFault(rows.words, NOTIFY_ALONE, OWN_SLOT);
}

/**
 * PROTOCOL 3.4: whether the frame's sender is surely of this node's network, although
 * only an octet of the name's hash is in each frame. An answer is to a frame that
 * its sender has accepted.
 */
export function isOfNetwork(rows: Rows, frame: FrameReader): boolean {
  if (frame.network === NO_NETWORK || frame.limits !== NO_LIMITS || frame.isAnswer()) return true;
  const slot = rows.find(frame.id);
  return slot >= 0 && rows.hasFlag(slot, FLAG_LIMITS);
}


/** A row was merged. Counts a value that is too long. A value that came after its statement makes the row an update. */
export function noteValue(rows: Rows, row: RowData, slot: number, merged: number): void {
  if (merged !== MERGED_FRESHER && merged !== MERGED_VALUE) return;
  if (row.valueLength > rows.valueBytesMax) countDrop(rows.words, DROP_VALUE_TOO_LARGE);
  const isBehind = merged === MERGED_VALUE && rows.transmitsLeft(slot) < rows.transmitsOfUpdate();
  if (isBehind) rows.markUpdate(slot);
}
