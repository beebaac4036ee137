import assert from "node:assert/strict";
import { forgetBirth, noteBirth, wasDropped } from "../../../src/engine/feed/branch-filter.js";
import { writeStamp } from "../../../src/engine/feed/event.js";
import { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { Hlc } from "../../../src/engine/feed/hlc.js";
import { DROPPED } from "../../../src/engine/feed/state-words.js";
import { T, nodeDigest } from "./feed-support.js";

const YEAR = 365 * 86400000;

describe("what an author has dropped since its start", () => {
  it("a step back forgets what was dropped with stamps from the future", () => {
    const feeds = new FeedStore({ id: () => 1 }, 1, 1000, 64, nodeDigest);
    const { bytes } = feeds.arena;
    const at = feeds.chain.eventAt;
    const hlc = new Hlc();
    noteBirth(feeds, T + YEAR, 0);
    writeStamp(bytes, feeds.stampAt(DROPPED), T + 2 * YEAR, 0);
    writeStamp(bytes, at, T + YEAR + 1, 0);
    assert.equal(wasDropped(feeds, hlc, at), true);
    forgetBirth(feeds);
    noteBirth(feeds, T, 0);
    writeStamp(bytes, at, T + 1, 0);
    assert.equal(wasDropped(feeds, hlc, at), false);
  });
});
