import assert from "node:assert/strict";
import { KIND_LOG } from "../../../src/engine/feed/kinds.js";
import { writeEvent } from "../../../src/engine/feed/event.js";
import type { FeedOutbox } from "../../../src/engine/feed/feed-outbox.js";
import type { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { LACKS_EVENTS, LACKS_NOTHING } from "../../../src/engine/feed/batch-writer.js";
import { BatchData } from "../../../src/engine/feed/batches.js";
import { OWN_SLOT } from "../../../src/engine/index.js";
import { eventFeeds } from "../../../src/events/index.js";
import { Lan } from "../lan.js";
import { T, cborOf, nodeDigest } from "./feed-support.js";

const SLOT = 1;

/** A node that holds two events of generation 5 in a slot. */
function holding(): { feeds: FeedStore; outbox: FeedOutbox } {
  const lan = new Lan();
  const maker = eventFeeds({ bytes: 4096 }).engineFeeds(1472, nodeDigest);
  const { feeds, outbox } = lan.add(1, { feeds: maker }, [], 3).feed!;
  feeds.begin(SLOT, 5);
  const payload = cborOf(1);
  for (let n = 1; n <= 2; n++) {
    const writer = feeds.draft();
    writeEvent(writer, KIND_LOG, T + n, 0, "topic", "", 0, payload, payload.length);
    assert.ok(feeds.append(SLOT, writer.position - feeds.chain.eventAt));
  }
  return { feeds, outbox };
}

function see(outbox: FeedOutbox, generation: number, sequence: number, slot = SLOT): void {
  outbox.noteShown(slot, { isShown: true, generation, sequence, tip: 9 });
}

describe("what a peer shows to hold of a feed", () => {
  it("of an earlier generation is worth nothing", () => {
    const { outbox } = holding();
    see(outbox, 4, 7);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 0, 0]);
    assert.equal(outbox.lacks(SLOT), LACKS_EVENTS);
  });

  it("of a later one leaves it in want of nothing, and counts once the peer's own events began that", () => {
    const { feeds, outbox } = holding();
    see(outbox, 6, 1);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.lacks(SLOT)], [true, LACKS_NOTHING]);
    feeds.begin(SLOT, 6);
    outbox.renewed(SLOT, true);
    assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 1, 9]);
  });

  it("counts for nothing when another generation took the place of it", () => {
    for (const [generation, isByPeer] of [[5, true], [5, false], [6, false]] as const) {
      const { feeds, outbox } = holding();
      see(outbox, generation, 2);
      feeds.begin(SLOT, 7);
      outbox.renewed(SLOT, isByPeer);
      assert.deepEqual([outbox.isPeerLater(SLOT), outbox.peerSequence(SLOT), outbox.peerTip(SLOT)], [false, 0, 0]);
    }
  });

  it("is settled at once where its own events begin the generation that it shows", () => {
    const lan = new Lan();
    const feeds = { feeds: eventFeeds({ bytes: 4096 }).engineFeeds(1472, nodeDigest) };
    lan.add(1, feeds, [2], 3);
    lan.add(2, feeds, [1], 3);
    lan.run(50000);
    lan.log(1, "topic", 1);
    lan.run(50000);
    // A start without a log, under a higher revision: its next event begins a generation, and goes out with its row.
    lan.engines.delete(1);
    lan.add(1, feeds, [2], 9);
    lan.run(50000);
    const { feed, rows } = lan.engines.get(2)!;
    const slot = rows.find(1);
    const before = feed!.feeds.generation(slot);
    const outbox = feed!.outbox;
    const renewed = outbox.renewed.bind(outbox);
    const laterAfter: boolean[] = [];
    outbox.renewed = (at, isByPeer) => {
      assert.deepEqual([at, isByPeer, outbox.isPeerLater(at)], [slot, true, true]);
      renewed(at, isByPeer);
      laterAfter.push(outbox.isPeerLater(at));
    };
    lan.log(1, "topic", 2);
    lan.run(20000);
    assert.ok(feed!.feeds.generation(slot) > before);
    assert.deepEqual(laterAfter, [false]);
  });

  it("of the own feed has it renewed once, by the events or by what is shown of them", () => {
    const lan = new Lan();
    const engine = lan.add(1, { feeds: eventFeeds({ bytes: 4096 }).engineFeeds(1472, nodeDigest) }, [], 3);
    lan.log(1, "topic", 1);
    const { own, outbox } = engine.feed!;
    const run = new BatchData();
    Object.assign(run, { generation: 8, first: 1, count: 1 });
    see(outbox, 8, 1, OWN_SLOT);
    assert.ok(own.refuses(run));
    assert.equal(engine.revision(), 9);
    assert.equal(own.observeClaim(), false);
    assert.equal(engine.revision(), 9);
  });

  it("is of the own feed as of any other", () => {
    const { feeds, outbox } = holding();
    feeds.begin(OWN_SLOT, 2);
    see(outbox, 8, 1, OWN_SLOT);
    assert.deepEqual([outbox.isPeerLater(OWN_SLOT), outbox.ownGeneration], [true, 8]);
  });
});
