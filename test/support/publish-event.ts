import { EncodedEvent } from "../../src/engine/feed/event.js";
import { KIND_END } from "../../src/engine/feed/kinds.js";
import { STAMP_OK, STAMP_TOO_LARGE } from "../../src/engine/feed/own-feed.js";
import type { NodeEngine } from "../../src/engine/node-engine.js";

/** A KIND_END, and the node has set no such value. */
export const NOTHING_TO_END = -9;

/**
 * Publishes an event without `Gossip` and without storage. The payload is the first `payloadLength` bytes of `payload`.
 * Returns the event's length, or a negative constant.
 */
export function publishEvent(
  engine: NodeEngine, nowMs: number, kind: number, topic: string, key: string, ttlSeconds: number,
  payload: Uint8Array, payloadLength: number,
): number {
  const feed = engine.feed!;
  const event = new EncodedEvent(feed.feeds.eventBytesMax);
  const isFit = event.begin(kind, topic, key, ttlSeconds);
  if (!isFit || event.length + payloadLength > event.bytes.length) return STAMP_TOO_LARGE;
  if (kind === KIND_END && !feed.fillEnd(event)) return NOTHING_TO_END;
  for (let i = 0; i < payloadLength; i++) event.bytes[event.length++] = payload[i];
  const length = event.length;
  const reason = feed.stampEvent(event, nowMs);
  if (reason !== STAMP_OK) return reason;
  engine.publishEvent(nowMs, event);
  return length;
}
