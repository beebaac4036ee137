import { OWN_SLOT, type Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";
import { valuesHash } from "../table/values-hash.js";
import { type FrameReader, NO_FEEDS } from "../wire/frame-reader.js";
import type { Outbox } from "./outbox.js";

/**
 * PROTOCOL 6.8: whether a SYN that was applied is of a node that sleeps. If so, the answer gets all rows if any value
 * or feed differs, and no rows if none does. The updates are for nodes that pass them on.
 */
export function answerWaking(rows: Rows, outbox: Outbox, frame: FrameReader): boolean {
  const sender = rows.find(frame.id);
  if (sender < 0 || !rows.isAsleep(sender)) return false;
  if (rows.revision(sender) !== frame.revision || rows.heartbeat(sender) !== frame.heartbeat) return false;
  outbox.answerWaking();
  if (outbox.messages !== undefined) outbox.messages.noteWaking(sender);
  const feeds = rows.feedsHash;
  const hasFeeds = feeds === undefined || frame.feedsHash === NO_FEEDS || feeds.word() === frame.feedsHash;
  const isSame = valuesHash(rows, false) === (frame.tableHashFirst | 0)
    && valuesHash(rows, true) === (frame.tableHashSecond | 0);
  if (hasFeeds && isSame) return true;
  outbox.send(OWN_SLOT);
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot !== sender && isCounted(rows.state(slot))) outbox.send(slot);
  }
  return true;
}
