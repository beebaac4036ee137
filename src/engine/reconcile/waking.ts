import { OWN_SLOT, type Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";
import { valuesHash } from "../table/values-hash.js";
import { TYPE_DIFF } from "../wire/frame.js";
import { type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";

/** The part of the outbox that a waking uses. */
interface WakingOutbox {
  readonly messages: { noteWaking(slot: number): void } | undefined;
  answerWaking(): void;
  send(slot: number): void;
}

/**
 * PROTOCOL 6.8: whether a SYN that was applied is of a node that sleeps. If so, the answer gets all rows if any value
 * or feed differs, and no rows if none does. The updates are for nodes that pass them on.
 *
 * @param sender slot of the sender's row
 */
export function answerWaking(rows: Rows, outbox: WakingOutbox, frame: FrameReader, sender: number): boolean {
  if (!isWaking(rows, frame, sender)) return false;
  outbox.answerWaking();
  if (outbox.messages !== undefined) outbox.messages.noteWaking(sender);
  const feeds = rows.feedsHash;
  const hasFeeds = feeds === undefined || frame.feedsHash === NO_FEEDS || feeds.isSame(frame.feedsHash);
  const isSame = valuesHash(rows, false) === (frame.tableHashFirst | 0)
    && (valuesHash(rows, true) & 0xffff) === frame.tableHashSecond;
  if (hasFeeds && isSame) return true;
  outbox.send(OWN_SLOT);
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== sender && isCounted(rows.state(slot))) outbox.send(slot);
  }
  return true;
}

/**
 * A DIFF of a node that sleeps, whose SYN had no address or no proof: its statement counts only now, and so messages
 * go out to it now.
 */
export function noteWakingDiff(rows: Rows, outbox: WakingOutbox, frame: FrameReader): void {
  if (frame.type !== TYPE_DIFF || outbox.messages === undefined) return;
  const sender = rows.find(frame.id);
  if (isWaking(rows, frame, sender)) outbox.messages.noteWaking(sender);
}

/** Whether a frame has the feeds hash of this node; none, if this node has no feeds. */
export function showsSameFeeds(rows: Rows, frame: FrameReader): boolean {
  return frame.feedsHash === (rows.feedsHash === undefined ? NO_FEEDS : rows.feedsHash.word());
}

/** Whether the frame's sender sleeps, and its statement in the frame is held. */
function isWaking(rows: Rows, frame: FrameReader, sender: number): boolean {
  return sender >= 0 && rows.isAsleep(sender) && rows.hasStatement(sender, frame.revision, frame.heartbeat);
}
