import assert from "node:assert/strict";
import type { FeedOutbox } from "../../../src/engine/feed/feed-outbox.js";
import type { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { addJoinedEnd, hasJoinedEnd } from "../../../src/engine/feed/join.js";
import { KEEP, READ_BRANCH } from "../../../src/engine/feed/own-feed.js";
import { LACKS_EVENTS, LACKS_NOTHING } from "../../../src/engine/feed/batch-writer.js";
import { BatchData } from "../../../src/engine/feed/batches.js";
import { OWN_SLOT } from "../../../src/engine/index.js";
import { eventFeeds } from "../../../src/events/index.js";
import { DROP_NONE } from "../../../src/engine/wire/drops.js";
import { FrameReader } from "../../../src/engine/wire/frame-reader.js";
import { SECTION_EVENTS, SECTION_ROWS } from "../../../src/engine/wire/frame.js";
import { RowData, FeedClaim } from "../../../src/engine/table/row-data.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { tagsOf } from "../wire/frame-support.js";
import { bytesOf, logEvent, nodeDigest } from "./feed-support.js";

const SLOT = 1;
const FEEDS = { feeds: eventFeeds({ bytes: 4096 }).engineFeeds(1472, nodeDigest) };

/** A node that holds two events of generation 5 in a slot. */
function holding(): { feeds: FeedStore; outbox: FeedOutbox } {
  const network = new EngineNetwork();
  const outbox = network.add(1, FEEDS, [], 3).feed!;
  const { feeds } = outbox;
  feeds.begin(SLOT, 5);
  for (let n = 1; n <= 2; n++) {
    const event = bytesOf(logEvent(n));
    assert.ok(feeds.append(SLOT, event, 0, event.length));
  }
  return { feeds, outbox };
}

function see(outbox: FeedOutbox, generation: number, sequence: number, slot = SLOT): void {
  outbox.notePeerClaim(slot, { isPresent: true, generation, sequence, tip: 9 });
}

/** The claim on a node's feed in that node's row of a frame. */
function claimIn(bytes: Uint8Array, id: number): FeedClaim {
  const frame = new FrameReader();
  const row = new RowData();
  const events = { claim: new FeedClaim(), check: () => DROP_NONE, isVain: () => false };
  frame.events = events;
  assert.equal(frame.parse(bytes, bytes.length, row), DROP_NONE);
  frame.rewind();
  while (frame.nextSection() && frame.section !== SECTION_ROWS) continue;
  while (row.id !== id && frame.more()) frame.readRow(row);
  return events.claim;
}

describe("the claim of a peer on a feed", () => {
  it("a claim of an earlier generation counts as holding nothing", () => {
    const { outbox } = holding();
    see(outbox, 4, 7);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 0, 0]);
    assert.equal(outbox.peerLacks(SLOT), LACKS_EVENTS);
  });

  it("a peer that claims a later generation lacks nothing, and the claim counts once its events began it", () => {
    const { feeds, outbox } = holding();
    see(outbox, 6, 1);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerLacks(SLOT)], [true, LACKS_NOTHING]);
    feeds.begin(SLOT, 6);
    outbox.renewed(SLOT, true);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 1, 9]);
  });

  it("a claim is void once another generation has replaced the claimed one", () => {
    for (const [generation, isByPeer] of [[5, true], [5, false], [6, false]] as const) {
      const { feeds, outbox } = holding();
      see(outbox, generation, 2);
      feeds.begin(SLOT, 7);
      outbox.renewed(SLOT, isByPeer);
      assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 0, 0]);
    }
  });

  it("a claim on a later generation gets the row of what is held, and the author's answer begins it", () => {
    const network = new EngineNetwork();
    network.add(1, FEEDS, [2], 3);
    network.add(2, FEEDS, [1], 3);
    network.run(50000);
    network.log(1, "topic", 1);
    network.run(50000);
    // A start without a log, under a higher revision: its next event begins a generation, and goes out with its row.
    network.engines.delete(1);
    network.add(1, FEEDS, [2], 9);
    network.run(50000);
    const before = heldFeed(network.engines.get(2)!, 1).frontier.slice(0, 2);
    network.sent.length = 0;
    network.log(1, "topic", 2);
    const [syn, answer, diff] = network.sent.map(({ bytes }) => bytes);
    assert.ok(tagsOf(syn).includes(SECTION_EVENTS));
    const shown = claimIn(answer, 1);
    assert.deepEqual([shown.generation, shown.sequence], before);
    assert.ok(tagsOf(diff).includes(SECTION_EVENTS));
    const [generation, sequence] = heldFeed(network.engines.get(2)!, 1).frontier;
    assert.ok(generation > before[0] && sequence === 2);
  });

  it("a claim on another branch of the own feed asks for it, until it was joined", () => {
    const network = new EngineNetwork();
    const own = network.add(1, FEEDS, [], 3).feed!;
    const { feeds } = own;
    network.log(1, "topic", 1);
    const batch = new BatchData(feeds);
    Object.assign(batch, { generation: 8, first: 1, count: 1 });
    see(own, 8, 1, OWN_SLOT);
    assert.equal(own["continuesOwn"](batch), false);
    assert.deepEqual([own.showsBranch(batch), own.afterClaim()], [true, READ_BRANCH]);
    const end = { generation: feeds.generation(OWN_SLOT), tip: own.claimedTip(OWN_SLOT) };
    own.rechain(9);
    see(own, 8, 1, OWN_SLOT);
    assert.deepEqual([own.showsBranch(batch), own.afterClaim()], [false, READ_BRANCH]);
    addJoinedEnd(feeds, 8, 1, own.ownTip);
    assert.equal(own.afterClaim(), KEEP);
    // A peer that holds the feed as it was before gets the generation, too.
    assert.ok(hasJoinedEnd(feeds, end.generation, 1, end.tip));
  });

  it("a claim on the own feed is noted like any other", () => {
    const { feeds, outbox } = holding();
    feeds.begin(OWN_SLOT, 2);
    see(outbox, 8, 1, OWN_SLOT);
    assert.deepEqual([outbox.isPeerLater(OWN_SLOT), outbox.ownGeneration], [true, 8]);
  });
});
