import { readU32, writeU32 } from "../../cbor/big-endian.js";
import type { FeedStore } from "../feed/feed-store.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { isCounted } from "../table/states.js";

/*
 * How far a node that sleeps deeply has seen the feeds of others (PROTOCOL 6.8). After its waking such a feed goes on
 * behind that event. What is before it is not held: the feed is cut, as behind an event that was too long.
 *
 * bytes 0 to 3    author
 *       4 to 11   generation, sequence number
 *       12 to 19  tip after that event
 */
export const POSITION_BYTES = 20;

/** Writes the positions of all feeds for which there is room. Returns how many. */
export function writePositions(rows: Rows, feeds: FeedStore, out: Uint8Array, start: number): number {
  let at = start;
  for (let place = 0; place < rows.count && at + POSITION_BYTES <= out.length; place++) {
    const slot = rows.slotAt(place);
    // What others hold of the own feed may be less than what this node published.
    if (slot === OWN_SLOT || !isCounted(rows.state(slot)) || feeds.sequence(slot) === 0) continue;
    if (!feeds.isComplete(slot)) continue;
    writeU32(out, at, rows.id(slot));
    writeU32(out, at + 4, feeds.generation(slot));
    writeU32(out, at + 8, feeds.sequence(slot));
    writeU32(out, at + 12, feeds.tipFirst(slot));
    writeU32(out, at + 16, feeds.tipSecond(slot));
    at += POSITION_BYTES;
  }
  return Math.floor((at - start) / POSITION_BYTES);
}

/** Has each feed of which nothing is held go on behind its position. */
export function readPositions(kept: Uint8Array, start: number, count: number, rows: Rows, feeds: FeedStore): void {
  for (let i = 0; i < count; i++) {
    const at = start + i * POSITION_BYTES;
    const slot = rows.find(readU32(kept, at));
    if (slot <= OWN_SLOT || feeds.sequence(slot) !== 0) continue;
    rows.subtractFromFeedsHash(slot);
    feeds.begin(slot, readU32(kept, at + 4));
    feeds.goOnBehind(slot, readU32(kept, at + 8), readU32(kept, at + 12), readU32(kept, at + 16));
    rows.addToFeedsHash(slot);
  }
}

/** The node stays awake: it gets whole feeds again, as after a start. */
export function dropPositions(rows: Rows, feeds: FeedStore): void {
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    if (slot === OWN_SLOT || !feeds.isCut(slot)) continue;
    rows.subtractFromFeedsHash(slot);
    feeds.drop(slot);
    rows.addToFeedsHash(slot);
  }
}
