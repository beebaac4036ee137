import assert from "node:assert/strict";
import { KIND_LOG } from "../../../src/engine/feed/kinds.js";
import { writeEvent } from "../../../src/engine/feed/event.js";
import type { FeedOutbox } from "../../../src/engine/feed/feed-outbox.js";
import type { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { LACKS_EVENTS, LACKS_NOTHING } from "../../../src/engine/feed/batch-writer.js";
import { BatchData } from "../../../src/engine/feed/batches.js";
import { CLAIM_NONE } from "../../../src/engine/feed/own-feed.js";
import { OWN_SLOT } from "../../../src/engine/index.js";
import { eventFeeds } from "../../../src/events/index.js";
import { DROP_NONE } from "../../../src/engine/wire/drops.js";
import { FrameReader } from "../../../src/engine/wire/frame-reader.js";
import { SECTION_EVENTS, SECTION_ROWS } from "../../../src/engine/wire/frame.js";
import { RowData, ShownFeed } from "../../../src/engine/table/row-data.js";
import { EngineNetwork } from "../../support/engine-network.js";
import { heldFeed } from "../../support/engine-state.js";
import { tagsOf } from "../wire/frame-support.js";
import { T, cborOf, nodeDigest } from "./feed-support.js";

const SLOT = 1;

/** A node that holds two events of generation 5 in a slot. */
function holding(): { feeds: FeedStore; outbox: FeedOutbox } {
  const lan = new EngineNetwork();
  const { feeds, outbox } = lan.add(1, { feeds: eventFeeds().maker(4096, 128, nodeDigest) }, [], 3).feed!;
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

/** What the row of a node in a frame shows of that node's feed. */
function shownIn(bytes: Uint8Array, id: number): ShownFeed {
  const frame = new FrameReader();
  const row = new RowData();
  const events = { shown: new ShownFeed(), check: () => DROP_NONE };
  frame.events = events;
  assert.equal(frame.parse(bytes, bytes.length, row), DROP_NONE);
  frame.rewind();
  while (frame.nextSection() && frame.section !== SECTION_ROWS) continue;
  while (row.id !== id && frame.more()) frame.readRow(row);
  return events.shown;
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
    const lan = new EngineNetwork();
    const feeds = { feeds: eventFeeds().maker(4096, 128, nodeDigest) };
    lan.add(1, feeds, [2], 3);
    lan.add(2, feeds, [1], 3);
    lan.run(50000);
    lan.log(1, "topic", 1);
    lan.run(50000);
    // A start without a log, under a higher revision: its next event begins a generation, and goes out with its row.
    lan.engines.delete(1);
    lan.add(1, feeds, [2], 9);
    lan.run(50000);
    const before = heldFeed(lan.engines.get(2)!, 1).frontier;
    lan.sent.length = 0;
    lan.log(1, "topic", 2);
    const [syn, answer] = lan.sent.map(({ bytes }) => bytes);
    assert.ok(tagsOf(syn).includes(SECTION_EVENTS));
    const shown = shownIn(answer, 1);
    const [generation, sequence] = heldFeed(lan.engines.get(2)!, 1).frontier;
    assert.ok(generation > before[0]);
    // Otherwise node 2 would want the events that it has just received, or send them back as lacking.
    assert.deepEqual([shown.generation, shown.sequence], [generation, sequence]);
    assert.ok(tagsOf(answer).includes(SECTION_EVENTS), "they are an update that node 2 sends on");
  });

  it("of the own feed has it renewed once, by the events or by what is shown of them", () => {
    const lan = new EngineNetwork();
    const engine = lan.add(1, { feeds: eventFeeds().maker(4096, 128, nodeDigest) }, [], 3);
    lan.log(1, "topic", 1);
    const { own, outbox } = engine.feed!;
    const run = new BatchData();
    Object.assign(run, { generation: 8, first: 1, count: 1 });
    see(outbox, 8, 1, OWN_SLOT);
    assert.ok(own.refuses(run));
    assert.equal(engine.revision(), 9);
    assert.equal(own.observeClaim(), CLAIM_NONE);
    assert.equal(engine.revision(), 9);
  });

  it("is of the own feed as of any other", () => {
    const { feeds, outbox } = holding();
    feeds.begin(OWN_SLOT, 2);
    see(outbox, 8, 1, OWN_SLOT);
    assert.deepEqual([outbox.isPeerLater(OWN_SLOT), outbox.ownGeneration], [true, 8]);
  });
});
