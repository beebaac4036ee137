import { FeedProtocol } from "../engine/feed/feed-protocol.js";
import type { Digest } from "../digest/sha256.js";
import type { FeedMaker } from "../engine/options.js";
import type { Rows } from "../engine/table/rows.js";
import { EventApi } from "./event-api.js";
import type { GossipLog } from "../platform/types.js";
import type { FeedView } from "../views/feed-event.js";

/** All that is about events. */
export interface FeedParts {
  /** For the engine. The parameters are those of `FeedExchange`. */
  maker(feedBytes: number, eventBytesMax: number, digest: Digest | undefined, fillGaps?: boolean): FeedMaker;
  /** For `Gossip`. @throws Error when the log's records are too short for events */
  shell(feed: FeedProtocol, rows: Rows, log: GossipLog | undefined, views: FeedView[]): EventApi;
}

/** Makes them. */
export type EventFeeds = () => FeedParts;

/** Event feeds, for the option `feeds`: a program that does not name this has none of their code. */
export function eventFeeds(): FeedParts {
  return {
    maker: (feedBytes, eventBytesMax, digest, fillGaps) => {
      return (rows, clock, stats, frame, ownRow) => new FeedProtocol(
        rows, clock, stats, frame, ownRow, feedBytes, eventBytesMax, digest, fillGaps === true,
      );
    },
    shell: (feed, rows, log, views) => new EventApi(feed, rows, log, views),
  };
}
