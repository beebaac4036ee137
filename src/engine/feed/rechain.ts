import { FLOOR, GENERATION, NOTES, NOTIFIED, RECORD_GONE, RECORD_SUPERSEDED, SEQUENCE } from "./arena.js";
import { isSignatureAt } from "./feed-signing.js";
import { type FeedStore, NOTE_CUT } from "./feed-store.js";

/**
 * Begins a new generation of the node's own feed with all that is held of it, in the same
 * order and with the same stamps (PROTOCOL 10.6). Superseded events are left behind, and signatures.
 */
export function rechain(feeds: FeedStore, slot: number, generation: number): void {
  const arena = feeds.arena;
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const isLeft = arena.hasFlag(record, RECORD_SUPERSEDED) || isSignatureAt(arena.bytes, arena.eventAt(record));
    if (isLeft) feeds.arena.free(record);
  }
  arena.freeAll(slot, RECORD_GONE);
  // Sequence numbers fall, so no record may keep an old one.
  arena.compact();
  for (let column = SEQUENCE; column <= NOTIFIED; column++) arena.set(slot, column, 0);
  arena.set(slot, GENERATION, generation);
  arena.set(slot, FLOOR, 1);
  arena.set(slot, NOTES, arena.get(slot, NOTES) & ~NOTE_CUT);
  let sequence = feeds.signing === undefined ? 0 : feeds.signing.signGeneration(feeds, slot, generation);
  if (sequence === 0) {
    feeds.chain.begin(feeds.author(slot), generation, 0, 0);
    for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
      feeds.link(record, ++sequence);
      arena.renumber(record, sequence, feeds.chain.first(), feeds.chain.second());
    }
  }
  if (sequence > 0) feeds.advance(slot, sequence);
}
