import { type Digest, Sha256 } from "../digest/sha256.js";
import { FeedProtocol } from "../engine/feed/feed-protocol.js";
import type { FeedMaker } from "../engine/options.js";
import type { Rows } from "../engine/table/rows.js";
import { EventApi } from "./event-api.js";
import type { GossipLog } from "../platform/types.js";
import type { FeedView } from "../views/feed-event.js";

/** The two halves of the code for events. */
export interface FeedParts {
  /** Makes the feeds of an engine. The parameters are those of `FeedProtocol`. */
  engine(feedBytes: number, eventBytesMax: number, digest: Digest | undefined, fillGaps?: boolean): FeedMaker;
  /** Makes the part of `Gossip` that is about events. @throws Error if the log's records are too short for events */
  api(feed: FeedProtocol, rows: Rows, log: GossipLog | undefined, views: FeedView[]): EventApi;
}

/** The type of `eventFeeds`. */
export type EventFeeds = () => FeedParts;

/** Event feeds, for the option `feeds`. A program that does not import this function has none of their code. */
export function eventFeeds(): FeedParts {
  return {
    engine: (feedBytes, eventBytesMax, digest, fillGaps) => {
      const sha256 = digest ?? new Sha256();
      return (rows, clock, stats, frame, ownRow) => new FeedProtocol(
        rows, clock, stats, frame, ownRow, feedBytes, eventBytesMax, sha256, fillGaps === true,
      );
    },
    api: (feed, rows, log, views) => new EventApi(feed, rows, log, views),
  };
}
