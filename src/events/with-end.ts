import { type Hlc, isPlausible } from "../engine/feed/hlc.js";
import { CLOCK_NONE } from "../engine/feed/kinds.js";
import type { FeedEvent } from "../views/feed-event.js";

/**
 * The event, with a time to live that also ends where its stamp or this node shows no time of day: so long after this
 * node made the object. The end moves with the node's time.
 *
 * @param ms of the stamp of its record
 */
export function withEnd(event: FeedEvent, hlc: Hlc, ms: number): FeedEvent {
  if (isPlausible(ms) && hlc.source !== CLOCK_NONE) return event;
  const endMs = event.endMs;
  const endUpMs = hlc.upMs + event.ttlMs;
  Object.defineProperty(event, "endMs", { enumerable: true, get: () => hlc.viewEnd(ms, endMs, endUpMs) });
  return event;
}
