import { OWN_SLOT } from "../table/rows.js";
import { SEQUENCE_MAX } from "../wire/frame.js";
import { recordWords } from "./arena.js";
import { FIRST_SIGNATURE_BYTES, RUN_EVENTS_MAX } from "./feed-signing.js";
import type { OwnFeed } from "./own-feed.js";
import { reserveSignatures } from "./rechain.js";

/**
 * Signs the own events behind the last signature (PROTOCOL 10.10): after each event that the application publishes,
 * and once a round. What found no room for a signature is signed in a later round.
 */
export function signOwn(own: OwnFeed): void {
  const feeds = own.feeds;
  const signing = feeds.signing;
  // Peers may hold the signature of what this node has not published since its start.
  if (signing === undefined || !own.hasPublished || own.hasHole || !feeds.isComplete(OWN_SLOT)) return;
  if (unsigned(own) <= 0 || feeds.sequence(OWN_SLOT) >= SEQUENCE_MAX) return;
  if (!feeds.reserve(recordWords(FIRST_SIGNATURE_BYTES))) return;
  own.nextStampMs(own.clock.callerMs);
  const length = signing.write(feeds.chain, own.hlc.ms, own.hlc.counter);
  if (length > 0) own.publishScratch(length);
}

/**
 * Whether own events have no signature and can get none in this generation, as those of a start that did not sign, and
 * there is room to begin one in which they have.
 */
export function isUnsignable(own: OwnFeed): boolean {
  const count = unsigned(own);
  return (count < 0 || count >= RUN_EVENTS_MAX) && reserveSignatures(own.feeds, OWN_SLOT, OWN_SLOT);
}

/** How many own events follow the last signature; -1: no signature can vouch for them. */
function unsigned(own: OwnFeed): number {
  const feeds = own.feeds;
  if (feeds.signing === undefined) return 0;
  const generation = feeds.generation(OWN_SLOT);
  feeds.signing.begin(feeds.arena, feeds.chain, OWN_SLOT, generation, feeds.sequence(OWN_SLOT));
  return feeds.signing.runEvents();
}
