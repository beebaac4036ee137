import type { FeedProtocol } from "./feed/feed-protocol.js";
import { SETTLE_FORK, SETTLE_SEND } from "./feed/kinds.js";
import { NOTIFY_FORK, reportFault } from "./notifications.js";
import type { Outbox } from "./reconcile/outbox.js";
import type { Rows } from "./table/rows.js";
import type { FrameReader } from "./wire/frame-reader.js";

/** Begins a frame. Returns the feeds hash before it. */
export function beginFeeds(feed: FeedProtocol, rows: Rows, frame: FrameReader): number {
  if (rows.feedsHash === undefined) return 0;
  feed.beginFrame(frame.id);
  // PROTOCOL 5.2: it has the hash of the SYN.
  if (frame.isAckInSync()) frame.feedsHash = feed.feedsHashOf(frame.inReplyTo);
  return rows.feedsHash.word();
}

/** PROTOCOL 10.3: a section of events, or about them. */
export function handleFeedSection(feed: FeedProtocol, rows: Rows, frame: FrameReader): void {
  const forkSlot = feed.handleSection(frame);
  if (forkSlot >= 0) reportFault(rows.words, NOTIFY_FORK, forkSlot);
}

/**
 * PROTOCOL 10.4: settles each feed that the frame's rows show. Returns whether this node holds other events than before
 * the frame.
 *
 * @param before the feeds hash before the frame
 */
export function settleFeeds(
  feed: FeedProtocol, rows: Rows, frame: FrameReader, outbox: Outbox, before: number,
): boolean {
  for (let slot = 0; feed.hasClaims && slot < rows.capacity; slot++) {
    const decision = feed.settle(frame, slot);
    if ((decision & SETTLE_FORK) !== 0) reportFault(rows.words, NOTIFY_FORK, slot);
    if ((decision & SETTLE_SEND) !== 0) outbox.send(slot);
  }
  feed.endFrame(frame);
  return rows.feedsHash !== undefined && rows.feedsHash.word() !== before;
}
