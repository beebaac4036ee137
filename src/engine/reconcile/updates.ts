import type { FeedOutbox } from "../feed/feed-outbox.js";
import { FLAG_SENT_AS_UPDATE, FLAG_TO_SEND, OWN_SLOT, type Rows, TRANSMITS_MAX } from "../table/rows.js";
import { SKETCH_PAUSE } from "../table/node-words.js";
import { UPDATE_URGENT } from "../table/transmits.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { SKETCH_PAUSE_MAX } from "./summary-writer.js";

/** For `writeUpdates`: whatever transmits a row has left. */
export const ANY_TRANSMITS = TRANSMITS_MAX;
/** Frames that carry a plain update before SYNs leave it out. */
const SYN_TRANSMITS = 3;

/** PROTOCOL 6.3: with so many transmits left or fewer, a plain update goes only to peers whose tables differ. */
export function transmitsOnDemand(rows: Rows): number {
  return rows.transmitsOfUpdate() - SYN_TRANSMITS;
}

/**
 * Writes updates, as many as fit: urgent ones first, then those sent least often (PROTOCOL 6.3). If there are many that
 * are not urgent, and it is asked for any, it leaves these out: fingerprints show what the receiver lacks of them.
 *
 * @param counter of the frame. It begins at another row each time, so that no row is always left out
 * @param except slot of a row that is in the frame already; -1: none
 * @param most of rows with so many transmits left or fewer
 * @param isSyn whether it leaves out what SYNs do
 * @returns whether there were any, and all fitted
 */
export function writeUpdates(
  rows: Rows, writer: FrameWriter, feeds: FeedOutbox | undefined, counter: number, except: number,
  most: number, isSyn: boolean,
): boolean {
  const start = counter % rows.capacity;
  let transmits = rows.mostTransmitsLeft(most + 1);
  if (transmits === 0 && !rows.mayHaveUpdates()) return false;
  const onDemand = transmitsOnDemand(rows);
  let least = isSyn ? onDemand : 0;
  if (most === ANY_TRANSMITS && rows.hasManyUpdates(onDemand)) {
    least = UPDATE_URGENT;
    // More differs than a sketch shows.
    rows.words[SKETCH_PAUSE] = SKETCH_PAUSE_MAX;
  }
  while (transmits > least && writeUpdatesOf(rows, writer, transmits, start, rows.capacity, except)) {
    if (!writeUpdatesOf(rows, writer, transmits, 0, start, except)) break;
    transmits = rows.mostTransmitsLeft(transmits);
  }
  countSent(rows, feeds);
  return transmits === 0;
}

/** The rows of a frame are written: fresh events ride along, and each row has a transmit fewer left. */
function countSent(rows: Rows, feeds: FeedOutbox | undefined): void {
  if (feeds !== undefined) feeds.noteUpdates();
  rows.countTransmits(false);
}

/** The frame has the own row and no other updates: fresh events of the node ride along. */
export function noteOwn(rows: Rows, feeds: FeedOutbox | undefined): void {
  rows.noteSent(OWN_SLOT);
  countSent(rows, feeds);
  // Also without transmits left.
  rows.clearFlag(OWN_SLOT, FLAG_SENT_AS_UPDATE);
}

/** Writes the rows with `transmits` left in slots from `from` to below `to`. Returns whether all fit. */
function writeUpdatesOf(
  rows: Rows, writer: FrameWriter, transmits: number, from: number, to: number, except: number,
): boolean {
  for (let slot = rows.nextUpdate(from, transmits); slot < to; slot = rows.nextUpdate(slot + 1, transmits)) {
    if (slot === except || rows.hasFlag(slot, FLAG_TO_SEND)) continue;
    // What is urgent must not wait for a request.
    if (!writer.writeRow(rows, slot, transmits < UPDATE_URGENT)) return false;
    rows.noteSent(slot);
  }
  return true;
}
