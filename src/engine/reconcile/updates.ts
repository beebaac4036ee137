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
 * @param least of rows with more transmits left than this
 * @returns whether there were any, and all fitted
 */
export function writeUpdates(
  rows: Rows, writer: FrameWriter, feeds: FeedOutbox | undefined, counter: number, except: number,
  most: number, least: number,
): boolean {
  const start = counter % rows.capacity;
  let transmits = rows.mostTransmitsLeft(most + 1);
  if (transmits === 0 && !rows.mayHaveUpdates()) return false;
  const isHeldBack = most === ANY_TRANSMITS && rows.hasManyUpdates(transmitsOnDemand(rows));
  // More differs than a sketch shows.
  if (isHeldBack) rows.words[SKETCH_PAUSE] = SKETCH_PAUSE_MAX;
  const bound = isHeldBack ? UPDATE_URGENT : least;
  while (transmits > bound && writeUpdatesOf(rows, writer, transmits, start, rows.capacity, except)) {
    if (!writeUpdatesOf(rows, writer, transmits, 0, start, except)) break;
    transmits = rows.mostTransmitsLeft(transmits);
  }
  if (feeds !== undefined) feeds.noteUpdates();
  rows.countTransmits(false);
  return transmits === 0;
}

/** The frame has the own row and no other updates: fresh events of the node ride along. */
export function noteOwn(rows: Rows, feeds: FeedOutbox | undefined): void {
  rows.noteSent(OWN_SLOT);
  if (feeds !== undefined) feeds.noteUpdates();
  rows.countTransmits(false);
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
