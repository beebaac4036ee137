import type { CborValue } from "../cbor/cbor.js";
import type { Clock } from "../engine/clock.js";
import type { FeedProtocol } from "../engine/feed/feed-protocol.js";
import type { Suspicion } from "../engine/membership/suspicion.js";
import type { Rows } from "../engine/table/rows.js";
import { failure, invalid } from "../errors.js";
import { EventApi } from "../events/event-api.js";
import { EventNotifier } from "../events/event-notifier.js";
import { type EventFeedOptions, type EventFeeds, eventFeeds } from "../events/index.js";
import type { GossipLog, GossipStorage } from "../platform/types.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";
import { FeedKeeper } from "./feed-keeper.js";

export type { EventFeedOptions, EventFeeds } from "../events/index.js";

/** Default size of a keeper's event buffer: 16 MiB, the largest there is. */
export const KEEPER_BYTES = 16777216;

/**
 * Event feeds of a keeper, for the option `events` of `Gossip` in place of `eventFeeds()`: the
 * node stores the feeds of all authors, as its event buffer holds them, in `feeds` of its
 * storage. After a restart it passes them on as before, also those of authors that lost their own
 * storage or do not return.
 *
 * What is new is stored at once, then at most once a second. The event buffer bounds what is
 * kept: log events go first, the oldest first, and values last. By default it has 16 MiB. With the option `signing` it
 * keeps them in `signedFeeds`, if the storage has that.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option as `events.NAME`. `Gossip` throws TypeError
 * ERR_OPTION when its storage has neither
 */
export function feedKeeper<Value extends CborValue = CborValue>(options?: EventFeedOptions<Value>): EventFeeds {
  const feeds = eventFeeds(withBytes(options));
  const given: EventFeedOptions<Value> = options ?? {};
  const views = given.views ?? [];
  const onEvent = given.onEvent as ((event: FeedEvent) => void) | undefined;
  let parts: Parts | undefined;
  return {
    engineFeeds: (datagramBytesMax, platformDigest, network) => {
      const make = feeds.engineFeeds(datagramBytesMax, platformDigest, network);
      return (rows, clock, frame, suspicion) => {
        parts = { clock, suspicion };
        return make(rows, clock, frame, suspicion);
      };
    },
    notifier: (feed, rows, storage, nowMs) => {
      const signing = given.signing;
      const log = storage === undefined ? undefined : logOf(storage, signing !== undefined);
      if (storage === undefined || log === undefined) throw invalid("", "storage", NO_LOG, false);
      const engine = parts as Parts;
      const keeper = new FeedKeeper(feed, rows, engine.clock, engine.suspicion, log);
      const api = new KeeperApi(feed, rows, storage, views, keeper, nowMs);
      const giveUp = signing === undefined ? undefined : () => signing.giveUp(feed.feeds, rows);
      return new KeeperNotifier(api, views, onEvent, nowMs, giveUp, keeper);
    },
  };
}

/** The parts of the engine that a keeper needs beside the feeds. */
interface Parts {
  clock: Clock;
  suspicion: Suspicion;
}

/** Verified feeds have a log of their own: what is left of a feed does not show any more that it was verified. */
function logOf(storage: GossipStorage, isSigned: boolean): GossipLog | undefined {
  return isSigned && storage.signedFeeds !== undefined ? storage.signedFeeds : storage.feeds;
}

const NO_LOG = "a keeper needs a storage with a log for feeds, such as FileStorage";

/** The part of `Gossip` that is about events, with the feeds of others in a log. */
class KeeperApi extends EventApi {
  private readonly keeper: FeedKeeper;
  private readonly nowMs: () => number;

  constructor(
    feed: FeedProtocol, rows: Rows, storage: GossipStorage, views: FeedView[], keeper: FeedKeeper, nowMs: () => number,
  ) {
    super(feed, rows, storage.log, views);
    this.keeper = keeper;
    this.nowMs = nowMs;
  }

  override restore(notify: () => void, formerId: number | undefined, revision: number): void {
    super.restore(notify, formerId, revision);
    this.keeper.restore(notify, this.nowMs());
  }

  override store(): Error | undefined {
    const own = super.store();
    const kept = this.keeper.keepUp();
    if (own === undefined || kept === undefined) return own ?? kept;
    return failure("storage", `${own.message}; ${kept.message}`);
  }
}

/** Sets a timer for what the keeper has to store, too. */
class KeeperNotifier extends EventNotifier {
  private readonly keeper: FeedKeeper;

  constructor(
    api: EventApi, views: FeedView[], onEvent: ((event: FeedEvent) => void) | undefined, nowMs: () => number,
    giveUp: (() => boolean) | undefined, keeper: FeedKeeper,
  ) {
    super(api, views, onEvent, nowMs, giveUp);
    this.keeper = keeper;
  }

  override delayMs(): number {
    const ofViews = super.delayMs();
    const ofKeeper = this.keeper.delayMs();
    return ofViews < 0 || (ofKeeper >= 0 && ofKeeper < ofViews) ? ofKeeper : ofViews;
  }
}

/** The options, with a keeper's default for `bytes`. */
function withBytes<Value extends CborValue>(options: EventFeedOptions<Value> | undefined): EventFeedOptions<Value> {
  const given = (options ?? {}) as Record<string, unknown>;
  if (typeof given !== "object" || given.bytes !== undefined) return given;
  const made: Record<string, unknown> = {};
  const names = Object.keys(given);
  for (let i = 0; i < names.length; i++) made[names[i]] = given[names[i]];
  made.bytes = KEEPER_BYTES;
  return made;
}
