import { nodeIdentity, nodeVerify } from "../desktop/platform/node-signing.js";
import { Sha256 } from "../src/digest/sha256.js";
import { isSignatureAt } from "../src/engine/feed/feed-signing.js";
import { type Engine, OWN_SLOT } from "../src/engine/index.js";
import type { FeedMaker } from "../src/engine/options.js";
import { eventFeeds } from "../src/events/index.js";
import { type AuthorKeys, signedFeeds } from "../src/signing/index.js";
import { checkFeeds } from "./feed-checks.js";
import { FeedSource } from "./feed-source.js";
import { fail } from "./node-checks.js";

/** The authors of `FeedSource`. Only they have keys. */
const AUTHORS = [7, 8];
const KEYS = new Map(AUTHORS.map((id) => [id, identityOf(id).publicKey]));
const LISTED: AuthorKeys = { acceptsKey: (author) => KEYS.get(author) };
/** Added to an id, another key pair than that of the author. */
const FORGED = 100;

function identityOf(id: number): ReturnType<typeof nodeIdentity> {
  return nodeIdentity(new Uint8Array(32).fill(id & 255));
}

/** Feeds of a node that signs and verifies. */
export function signedFeedsOf(keyOf: number, feedBytes: number): FeedMaker {
  const signing = signedFeeds({ identity: identityOf(keyOf), verify: nodeVerify, keys: LISTED });
  return eventFeeds({ bytes: feedBytes, eventBytesMax: 108, fillGaps: true, signing }).engineFeeds(1472, new Sha256());
}

/** Frames with signed feeds, of their authors and of nodes that have their ids without their keys. */
export class SignedSource extends FeedSource {
  private static readonly truth = new Map<string, string>();

  constructor() {
    super({
      feeds: (id, feedBytes) => signedFeedsOf(id, 2 * feedBytes),
      forged: (id, feedBytes) => signedFeedsOf(id + FORGED, 2 * feedBytes),
    });
    // The first nodes hold all events of their own.
    for (const engine of this.holders.slice(0, AUTHORS.length)) {
      const { feeds } = engine.feed!;
      const { arena } = feeds;
      if (feeds.floor(OWN_SLOT) !== 1) throw new Error("an author's buffer is too small for this source");
      for (let record = arena.first(OWN_SLOT); record !== 0; record = arena.next(record)) {
        SignedSource.truth.set(placeOf(engine, OWN_SLOT, record), eventOf(engine, record));
      }
    }
  }

  /** @throws Error when the node holds an event of an author that the author did not publish, or ends within a run */
  static check(engine: Engine): void {
    checkFeeds(engine);
    const { feeds } = engine.feed!;
    const { arena } = feeds;
    for (let slot = 1; slot < arena.capacity; slot++) {
      let last = 0;
      for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
        last = record;
        const place = placeOf(engine, slot, record);
        if (SignedSource.truth.get(place) !== eventOf(engine, record)) fail(`${place} is forged`);
      }
      const isBeginning = feeds.sequence(slot) < feeds.floor(slot);
      if (last !== 0 && !isBeginning && !isSignatureAt(arena.bytes, arena.eventAt(last))) {
        fail(`the feed of ${feeds.author(slot)} ends without a signature`);
      }
    }
  }
}

function placeOf({ feed }: Engine, slot: number, record: number): string {
  return `${feed!.feeds.author(slot)}/${feed!.feeds.generation(slot)}/${feed!.feeds.arena.sequence(record)}`;
}

function eventOf({ feed }: Engine, record: number): string {
  const { arena } = feed!.feeds;
  const at = arena.eventAt(record);
  return Buffer.from(arena.bytes.subarray(at, at + arena.eventLength(record))).toString("hex");
}
