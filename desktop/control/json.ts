import type { FeedEvent } from "../../src/gossip.js";

/** For `JSON.stringify`: bytes become hexadecimal text. */
export function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

/** An event without what follows from the rest, such as its end, which JSON cannot have where it is never. */
export function plainEvent(event: FeedEvent): Omit<FeedEvent, "endMs"> {
  const { author, authorName, copiedBy, generation, sequence, timeMs, counter, kind, topic, key, ttlMs, value } = event;
  return {
    author, ...authorName !== undefined && { authorName }, copiedBy, generation, sequence, timeMs, counter, kind, topic,
    key, ttlMs, value,
  };
}
