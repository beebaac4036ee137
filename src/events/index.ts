import type { CborValue } from "../cbor/cbor.js";
import { checkFunction, checkNames, checkObject, checkViews, integer, show } from "../checks.js";
import type { Digest } from "../digest/sha256.js";
import { COPY_BYTES } from "../engine/feed/event.js";
import { FeedProtocol } from "../engine/feed/feed-protocol.js";
import { FIRST_SIGNATURE_BYTES } from "../engine/feed/feed-signing.js";
import type { FeedMaker } from "../engine/options.js";
import type { Rows } from "../engine/table/rows.js";
import { EVENT_BYTES_LEAST, FEEDS_HASH_BYTES, PREAMBLE_BYTES_MAX, SECTION_HEAD_BYTES } from "../engine/wire/frame.js";
import { SEAL_BYTES } from "../engine/wire/sealer.js";
import { invalid } from "../errors.js";
import type { GossipStorage } from "../platform/types.js";
import type { SignedFeeds } from "../signing/index.js";
import type { FeedEvent, FeedView } from "../views/feed-event.js";
import { EventApi } from "./event-api.js";
import { EventNotifier } from "./event-notifier.js";

export type { FeedEvent, FeedView } from "../views/feed-event.js";
export type { FrontierEntry, HlcStamp } from "./event-api.js";

/** Options of `eventFeeds`. All have a default, where the platform has a digest. */
export interface EventFeedOptions<Value extends CborValue = CborValue> {
  /**
   * Size of the event buffer in bytes of RAM: 512 to 16,777,216, rounded down to a
   * multiple of 4; 4,096 by default. Beside it each row takes 40 bytes more.
   */
  bytes?: number;
  /**
   * Longest event with topic, key and value, best the same in all nodes: 32 to
   * `datagramBytesMax` - 115 bytes, at most 1,357, and at most half of `bytes` less
   * 44. 448 by default, but in a smaller buffer an eighth of `bytes`, at least 128,
   * or what fits. A voucher with two MAC addresses takes about 190, a line of 140
   * characters up to 440.
   */
  eventBytesMax?: number;
  /**
   * Whether the node requests events from before those that it holds, while a
   * quarter of `bytes` is free: for archive nodes. `views` get such late events;
   * `onEvent` and subscriptions do not, as they would be out of order. false by
   * default.
   */
  fillGaps?: boolean;
  /** SHA-256, for the hash chains of feeds. By default that of the platform, which `nodePlatform()` gives. */
  digest?: Digest | undefined;
  /**
   * Signs the own events, and takes those of others only with a signature of their author: `signedFeeds()` of
   * chisme/signing. The authors of a network all sign, or none does. Nodes that only pass on need no option, but an
   * `eventBytesMax` of at least 108, as those that sign. A signature takes 100 bytes of the event buffer. By default
   * nothing is signed or verified.
   */
  signing?: SignedFeeds | undefined;
  /** Kept up to date from the events, such as `latestMap()`. None by default. */
  views?: FeedView[];
  /**
   * Called with each event of other nodes and of this one: the events of an author
   * in the order of its feed, each once in a run of the node. After a restart the
   * node notifies again of the events that it holds.
   */
  onEvent?: (event: FeedEvent<Value>) => void;
}

/** Event feeds for one node: what `eventFeeds` makes for the option `events` of `Gossip`. */
export interface EventFeeds {
  /** @internal Makes the engine's part. @throws RangeError or TypeError ERR_OPTION where other options do not fit */
  engineFeeds(datagramBytesMax: number, platformDigest: Digest | undefined, network?: number): FeedMaker;
  /** @internal Makes the part of `Gossip`. @throws RangeError ERR_OPTION when the log's records are too short */
  notifier(feed: FeedProtocol, rows: Rows, storage: GossipStorage | undefined, nowMs: () => number): EventNotifier;
}

/**
 * Event feeds, for the option `events` of `Gossip`. A program that does not import
 * this function has none of their code.
 *
 * @throws RangeError or TypeError ERR_OPTION that names the option as `events.NAME`
 */
export function eventFeeds<Value extends CborValue = CborValue>(options?: EventFeedOptions<Value>): EventFeeds {
  const given: EventFeedOptions<Value> = options ?? {};
  if (typeof given !== "object") {
    throw invalid("", "events", `${show(given)} is not an object of options`, false);
  }
  checkNames("events.", given, "bytes eventBytesMax fillGaps digest signing views onEvent");
  const bytes = integer("events.bytes", given.bytes, 4096, 512, 16777216) & ~3;
  const eventBytesMax = given.eventBytesMax;
  if (eventBytesMax !== undefined) {
    const limit = `${EVENT_FRAME_BYTES} less than the largest datagramBytesMax`;
    integer("events.eventBytesMax", eventBytesMax, 0, EVENT_BYTES_LEAST, EVENT_BYTES_MOST, limit);
  }
  const fillGaps = given.fillGaps ?? false;
  if (typeof fillGaps !== "boolean") {
    throw invalid("", "events.fillGaps", `${show(fillGaps)} is neither true nor false`, false);
  }
  const digest = given.digest;
  if (digest !== undefined) checkObject("events.digest", digest, "sha256");
  const signing = given.signing;
  if (signing !== undefined) checkObject("events.signing", signing, "engineSigning");
  checkViews("events.views", given.views, "bind apply forget clear settle", "latestMap()");
  checkFunction("events.onEvent", given.onEvent);
  const views = given.views ?? [];
  const onEvent = given.onEvent as ((event: FeedEvent) => void) | undefined;
  return {
    engineFeeds: (datagramBytesMax, platformDigest, network) => {
      const signatureBytes = signing === undefined ? 0 : FIRST_SIGNATURE_BYTES;
      const room = datagramBytesMax - EVENT_FRAME_BYTES - signatureBytes;
      const least = signing === undefined ? EVENT_BYTES_LEAST : FIRST_SIGNATURE_BYTES;
      if (room < least) {
        const bytesMin = EVENT_FRAME_BYTES + signatureBytes + least;
        const problem = `${datagramBytesMax} leaves no room for events; they need ${bytesMin}`;
        throw invalid("", "datagramBytesMax", problem, true);
      }
      const half = (bytes >>> 1) - BUFFER_BYTES;
      const most = Math.min(room, half);
      const fallback = Math.min(EVENT_BYTES_DEFAULT, Math.max(bytes >>> 3, EVENT_BYTES_USUAL), most);
      const limit = half < room ? `${BUFFER_BYTES} less than half of events.bytes`
        : `${EVENT_FRAME_BYTES + signatureBytes} less than datagramBytesMax`;
      const longest = integer("events.eventBytesMax", eventBytesMax, fallback, least, most, limit);
      const sha256 = digest ?? platformDigest;
      if (sha256 === undefined) throw invalid("", "events.digest", NO_DIGEST, false);
      return (rows, _clock, frame, ownRow) => new FeedProtocol(
        rows, frame, ownRow, bytes, longest, sha256, fillGaps,
        signing === undefined ? undefined : signing.engineSigning(network === undefined || network < 0 ? 0 : network),
      );
    },
    notifier: (feed, rows, storage, nowMs) => {
      const log = storage === undefined ? undefined : storage.log;
      const giveUp = signing === undefined ? undefined : () => signing.giveUp(feed.feeds, rows);
      return new EventNotifier(new EventApi(feed, rows, log, views), views, onEvent, nowMs, giveUp);
    },
  };
}

/** Fits the flash log of a board, too, whose records have 512 bytes by default. */
const EVENT_BYTES_DEFAULT = 448;
/** The default in a small buffer, of less than 1 KB. */
const EVENT_BYTES_USUAL = 128;
/** What a copy takes in the buffer beside the event's own bytes. Two fit, so that a value can always be replaced. */
const BUFFER_BYTES = 44;
/** What a datagram needs beside an event so that a snapshot of one value fits it, also of a copy. */
const EVENT_FRAME_BYTES = SEAL_BYTES + PREAMBLE_BYTES_MAX + SECTION_HEAD_BYTES + FEEDS_HASH_BYTES + 45 + COPY_BYTES;
/** With the largest `datagramBytesMax`, 1,472. */
const EVENT_BYTES_MOST = 1472 - EVENT_FRAME_BYTES;
const NO_DIGEST = "needs moddableDigest(), espruinoDigest(), or new Sha256() of chisme/sha256";
