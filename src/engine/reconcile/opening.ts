import type { FeedOutbox } from "../feed/feed-outbox.js";
import { FLAG_ADDRESS_GIVEN, OWN_SLOT, type Rows } from "../table/rows.js";
import { FLAG_ALIKE, FLAG_LIMITS } from "../table/row-flags.js";
import { UP } from "../table/states.js";
import { SECTION_INDIRECT_ACK, SECTION_MESSAGE, TYPE_LEAVE, TYPE_SYN } from "../wire/frame.js";
import type { FrameWriter } from "../wire/frame-writer.js";
import { BARE } from "./outbox-words.js";
import { ANY_TRANSMITS, noteOwn, writeUpdates } from "./updates.js";

/**
 * Writes the sections of a frame that is no answer.
 *
 * @param slot of the receiver's row; BARE: a SYN without sections; of an indirect ack its id
 * @param about the section of one id that the frame has, or SECTION_MESSAGE; 0: none
 * @param id of a ping request
 * @param mayVouch whether this node's own id stands behind it
 */
export function writeOpening(
  rows: Rows, writer: FrameWriter, feeds: FeedOutbox | undefined, counter: number, type: number, slot: number,
  about: number, id: number, mayVouch: boolean,
): void {
  if (about !== SECTION_INDIRECT_ACK && slot !== BARE && writer.beginRows()) {
    const isProbed = feeds !== undefined && feeds.probedSlot === slot;
    // PROTOCOL 3.5: a node that advertises shows its address to a receiver that may hold an earlier one.
    const isShown = slot === OWN_SLOT && about === 0 && rows.hasFlag(OWN_SLOT, FLAG_ADDRESS_GIVEN);
    const isAsleep = rows.isAsleep(OWN_SLOT);
    const isFirst = type === TYPE_LEAVE || isProbed || isShown || isAccused(rows, slot);
    const first = isAsleep ? OWN_SLOT : isFirst ? slot : -1;
    if (first >= 0) writer.writeRow(rows, first, false);
    // PROTOCOL 6.8: what a node that sleeps learnt is no news to the others.
    if (isAsleep) noteOwn(rows, feeds);
    else if (type === TYPE_SYN) writeUpdates(rows, writer, feeds, counter, first, ANY_TRANSMITS, true);
    writer.endSection();
  }
  if (about !== 0 && about !== SECTION_MESSAGE && writer.beginIds(about)) {
    writer.writeId(about === SECTION_INDIRECT_ACK ? slot : id);
    if (mayVouch) writer.writeId(rows.id(OWN_SLOT));
    writer.endSection();
  }
}

/** Whether SYNs to the node in a slot show this node's limits (PROTOCOL 5.7). @param slot or -1 */
export function showsLimits(rows: Rows, slot: number): boolean {
  return slot >= 0 && !rows.hasFlag(slot, FLAG_LIMITS) && !rows.hasFlag(OWN_SLOT, FLAG_ALIKE);
}

function isAccused(rows: Rows, slot: number): boolean {
  return slot !== OWN_SLOT && rows.isHeld(slot) && rows.state(slot) > UP;
}
