import { CLOCK_NONE, CLOCK_OWN } from "./engine/feed/kinds.js";
import type { MessageStats } from "./engine/message/message-stats.js";
import type { NodeEngine } from "./engine/node-engine.js";
import { DROP_REASONS, dropReasonName } from "./engine/wire/drops.js";

/** Counters since the start; each wraps at 2^32. */
export interface GossipStats {
  datagramsSent: number;
  bytesSent: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Datagrams that the socket refused to send, and those to addresses that this device cannot reach. */
  sendFailures: number;
  /** Datagrams, and rows and events in them, that were refused, by reason. */
  drops: Record<string, number>;
  /** Not a counter: rows that have no `data` now because their value is longer than this node's `valueBytesMax`. */
  valuesTooLong: number;
  /** Source of the time in the stamps of events; "none" while the node does not know the time, and without events. */
  clock: "none" | "peers" | "own";
  /**
   * Removals that made room for other events. Such a removal can no longer hide an
   * older value that arrives later.
   */
  removalsForgotten: number;
  /** Values of nodes that were forgotten, of which there was no room for a copy. */
  valuesForgotten: number;
  /** Missing without the option `messages`. */
  messages?: MessageStats;
}

/** The counters of a node. @param sendFailures datagrams that its socket could not send */
export function gossipStats(engine: NodeEngine, sendFailures: number): GossipStats {
  const counted = engine.stats;
  const drops: Record<string, number> = {};
  const feed = engine.feed;
  const source = feed === undefined ? CLOCK_NONE : feed.hlc.source;
  const rows = engine.rows;
  let valuesTooLong = 0;
  for (let place = 0; place < rows.count; place++) if (rows.isValueTooLong(rows.slotAt(place))) valuesTooLong++;
  for (let reason = 1; reason < DROP_REASONS; reason++) drops[dropReasonName(reason)] = counted.drops(reason);
  const stats: GossipStats = {
    datagramsSent: counted.datagramsSent(),
    bytesSent: counted.bytesSent(),
    datagramsReceived: counted.datagramsReceived(),
    bytesReceived: counted.bytesReceived(),
    sendFailures,
    drops,
    valuesTooLong,
    clock: source === CLOCK_OWN ? "own" : source === CLOCK_NONE ? "none" : "peers",
    removalsForgotten: feed === undefined ? 0 : feed.feeds.arena.removalsForgotten,
    valuesForgotten: feed === undefined ? 0 : feed.valuesForgotten,
  };
  // On XS a property takes 16 bytes.
  if (engine.messages !== undefined) stats.messages = engine.messages.stats();
  return stats;
}
