import assert from "node:assert/strict";
import { recordWords } from "../../../src/engine/feed/arena.js";
import { COPY_BYTES } from "../../../src/engine/feed/event.js";
import { FeedStore } from "../../../src/engine/feed/feed-store.js";
import { KIND_SET } from "../../../src/engine/feed/kinds.js";
import { type PlainEvent, T, bytesOf, decoded, logEvent, nodeDigest, removeEvent, setEvent } from "./feed-support.js";

const OWN = 0;
const PEER = 1;

function storeOf(feedBytes: number): FeedStore {
  const feeds = new FeedStore({ id: (slot) => 11 * (slot + 1) }, 2, feedBytes, 64, nodeDigest);
  for (const slot of [OWN, PEER]) feeds.begin(slot, 1);
  return feeds;
}

/** Appends an event of which the application is notified. Returns false if there is no room. */
function append(feeds: FeedStore, slot: number, event: PlainEvent): boolean {
  const bytes = bytesOf(event);
  if (!feeds.reserve(recordWords(bytes.length)) || !feeds.append(slot, bytes, 0, bytes.length)) return false;
  while (feeds.arena.nextUnnotified() !== 0) continue;
  return true;
}

/** The keys of the sets, or of the removals, that a feed holds and that count. */
function live(feeds: FeedStore, slot: number, kind: "set" | "remove"): string[] {
  const { arena } = feeds;
  const keys: string[] = [];
  for (let record = arena.first(slot); record !== 0; record = arena.next(record)) {
    const start = arena.eventAt(record);
    const event = decoded(arena.bytes.slice(start, start + arena.eventLength(record)));
    if (feeds.isLive(record) && (event.kind === KIND_SET) === (kind === "set")) keys.push(event.key);
  }
  return keys;
}

describe("room for events", () => {
  it("log events and superseded ones go before any removal", () => {
    const feeds = storeOf(2000);
    for (let n = 0; n < 5; n++) append(feeds, OWN, removeEvent(`gone ${n}`, n));
    for (let n = 5; n < 200; n++) assert.ok(append(feeds, OWN, n % 2 === 0 ? logEvent(n) : setEvent("key", n)));
    assert.equal(live(feeds, OWN, "remove").length, 5);
    assert.equal(feeds.arena.removalsForgotten, 0);
  });

  it("removals that hide nothing go next, the oldest first, and are counted; values never go", () => {
    const feeds = storeOf(2000);
    for (let n = 0; n < 10; n++) append(feeds, n % 2 === 0 ? OWN : PEER, removeEvent(`gone ${n}`, n));
    let count = 0;
    while (append(feeds, OWN, setEvent(`key ${count}`, 10 + count))) count++;
    assert.ok(count > 20);
    assert.equal(live(feeds, OWN, "set").length, count);
    // The rest takes the room for one event that stays free of values.
    assert.ok(feeds.arena.removalsForgotten >= 8 && live(feeds, PEER, "remove").length <= 1);
    const fewer = storeOf(2000);
    for (let n = 0; n < 10; n++) append(fewer, n % 2 === 0 ? OWN : PEER, removeEvent(`gone ${n}`, n));
    for (let n = 0; fewer.arena.removalsForgotten < 4; n++) assert.ok(append(fewer, OWN, setEvent(`key ${n}`, 10 + n)));
    const left = [OWN, PEER].flatMap((slot) => live(fewer, slot, "remove")).sort();
    const forgotten = fewer.arena.removalsForgotten;
    assert.deepEqual(left, Array.from({ length: 10 - forgotten }, (_, i) => `gone ${forgotten + i}`));
  });

  it("a removal that hides a value of another author stays, and values are refused", () => {
    const feeds = storeOf(2000);
    for (let n = 0; n < 10; n++) append(feeds, PEER, setEvent(`old ${n}`, n));
    for (let n = 0; n < 10; n++) append(feeds, OWN, removeEvent(`old ${n}`, 10 + n));
    let count = 0;
    while (append(feeds, OWN, setEvent(`key ${count}`, 20 + count))) count++;
    assert.equal(live(feeds, OWN, "remove").length, 10);
    assert.equal(feeds.arena.removalsForgotten, 0);
    assert.ok(append(feeds, OWN, setEvent("key 0", 1000)), "a value can always be changed");
    assert.ok(append(feeds, OWN, logEvent(1001)));
  });

  it("values whose time to live is over go before removals, once the time is known", () => {
    const feeds = storeOf(2000);
    for (let n = 0; n < 10; n++) append(feeds, OWN, removeEvent(`gone ${n}`, n));
    for (let n = 0; n < 10; n++) append(feeds, OWN, { ...setEvent(`short ${n}`, 10 + n), ttlSeconds: 60 });
    feeds.arena.physicalMs = T + 3600000;
    let count = 0;
    while (feeds.arena.removalsForgotten === 0 && append(feeds, OWN, setEvent(`key ${count}`, 100 + count))) count++;
    assert.ok(live(feeds, OWN, "set").every((key) => key.startsWith("key")));
  });

  it("a feed whose newest removal was dropped still has its tip and goes on", () => {
    const feeds = storeOf(1200);
    append(feeds, PEER, removeEvent("gone", 0));
    let count = 0;
    while (append(feeds, OWN, setEvent(`key ${count}`, 1 + count))) count++;
    assert.ok(feeds.reserve(recordWords(64 + COPY_BYTES)), "there is room for one more event");
    assert.deepEqual([feeds.arena.removalsForgotten, feeds.sequence(PEER), feeds.floor(PEER)], [1, 1, 2]);
    assert.ok(feeds.isComplete(PEER) && feeds.tipFirst(PEER) !== 0);
    assert.equal(feeds.lastRemoval(PEER), 1);
    assert.ok(append(feeds, PEER, removeEvent("key 1", 1000)));
    assert.deepEqual(live(feeds, PEER, "remove"), ["key 1"]);
  });
});
