import assert from "node:assert/strict";
import { BASE_FIRST, BASE_SECOND, recordWords } from "../../../src/engine/feed/arena.js";
import {
  DROP_ARENA_FULL, DROP_DUPLICATE, DROP_EVENT, DROP_FORK, DROP_GAP, DROP_NONE, DROP_OLD_GENERATION,
} from "../../../src/engine/wire/drops.js";
import { NO_SLOT, SEVERAL_SLOTS } from "../../../src/engine/feed/history.js";
import { FeedNode, T, Truth, cborOf, endEvent, hex, logEvent, setEvent } from "./feed-support.js";

const A = 0x11;
const B = 0x22;
const C = 0x33;

interface Three {
  /** Holds all that it said. */
  author: FeedNode;
  /** Was told by one that had forgotten the beginning. */
  late: FeedNode;
}

/** A feed of `count` events, of which the late one lacks those in the middle, and no value that is alive. */
function three(count = 60, lateBytes = 20000, eventBytesMax = 128): Three {
  const truths = new Map([A, B, C].map((id) => [id, new Truth(id)]));
  for (const truth of truths.values()) truth.begin(0);
  const author = new FeedNode([A, B], 20000, truths);
  const board = new FeedNode([B, A], 1200, truths);
  const late = new FeedNode([C, A], lateBytes, truths, eventBytesMax);
  for (let n = 1; n <= count; n++) {
    if (n % 7 === 1) author.say(setEvent(`key ${n % 3}`, n));
    else if (n === 12) author.say(endEvent("gone", n, T + 3000));
    else if (n === 20) author.say({ ...logEvent(n), payload: hex(cborOf("x".repeat(70))) });
    else if (n === 3) author.say(setEvent("gone", n));
    else author.say(n === 2 ? setEvent("kept", n) : logEvent(n));
    while (sync(author, board)) continue;
  }
  while (sync(board, late)) continue;
  late.check();
  assert.ok(late.feeds.floor(1) > 25 && late.feeds.isComplete(1) && late.feeds.lastRemoval(1) === 12);
  return { author, late };
}

function sync(from: FeedNode, to: FeedNode): boolean {
  const section = from.sectionFor(to, A, 1100);
  if (section !== undefined) to.handle(from.ids[0], section.bytes, section.isChunk);
  return section !== undefined;
}

/** All that can be told of a node. */
function state(node: FeedNode): unknown {
  const { feeds } = node;
  return node.ids.map((_, slot) => [
    feeds.generation(slot), feeds.sequence(slot), feeds.floor(slot), feeds.lastRemoval(slot), node.held(slot),
    feeds.tipFirstAt(slot, feeds.floor(slot) - 1), feeds.tipSecondAt(slot, feeds.floor(slot) - 1),
    feeds.arena.room(), [...node.told[slot].told],
  ]);
}

describe("history", () => {
  for (const room of [1100, 150]) {
    it(`a node with history holds all of a feed, in sections of ${room} bytes`, () => {
      const { author, late } = three();
      const told = [...late.told[1].told];
      for (let sections = 0; late.feeds.floor(1) > 1; sections++) {
        const reasons = late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), room));
        assert.ok(reasons.length > 0 && reasons.every((reason) => reason === DROP_NONE));
        late.check();
        assert.ok(sections < 60);
      }
      assert.deepEqual(late.held(1), author.held(0));
      const removal = late.feeds.lastRemoval(1);
      assert.deepEqual([removal, [...late.told[1].told]], [0, told], "told in their order, or not at all");
    });
  }

  it("history names the events of which the views have to be notified", () => {
    const { author, late } = three();
    const floor = late.feeds.floor(1);
    const { history } = late;
    assert.equal(history.unnotifiedSlot, NO_SLOT);
    late.handleHistory(A, author.historyFor(A, floor, 100));
    late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 100));
    const unnotified = [history.unnotifiedSlot, history.unnotifiedFrom, history.unnotifiedTo];
    assert.deepEqual(unnotified, [1, late.feeds.floor(1), floor - 1]);
    history.unnotifiedSlot = 0;
    late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 100));
    assert.equal(history.unnotifiedSlot, SEVERAL_SLOTS);
  });

  it("eviction forgets history again, like any other records", () => {
    const { author, late } = three(60, 6400);
    late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 10000));
    assert.equal(late.feeds.floor(1), 1);
    for (let n = 61; n < 200; n++) {
      author.say(n % 9 === 0 ? setEvent(`key ${n % 4}`, n) : logEvent(n));
      sync(author, late);
      late.check();
    }
    assert.ok(late.feeds.floor(1) > 60);
  });

  it("a node refuses history that does not end where its feed begins", () => {
    const { author, late } = three();
    const floor = late.feeds.floor(1);
    const before = state(late);
    assert.deepEqual(late.handleHistory(A, author.historyFor(A, floor - 1, 100)), [DROP_GAP]);
    assert.deepEqual(late.handleHistory(A, author.historyFor(A, floor + 1, 36)), [DROP_DUPLICATE]);
    assert.deepEqual(state(late), before);
    const section = author.historyFor(A, floor, 100);
    assert.deepEqual(late.handleHistory(A, section), [DROP_NONE]);
    assert.deepEqual(late.handleHistory(A, section), [DROP_DUPLICATE]);
    const lower = late.feeds.floor(1);
    assert.deepEqual(late.handleHistory(A, author.historyFor(A, lower + 2, 100)), [DROP_NONE], "overlaps");
    assert.ok(late.feeds.floor(1) < lower);
    late.check();
  });

  it("a node refuses history beyond the last event that it holds", () => {
    const { author, late } = three();
    author.say(logEvent(61));
    assert.deepEqual(late.handleHistory(A, author.historyFor(A, 62, 1000)).slice(0, 1), [DROP_GAP]);
  });

  it("history with any changed bit changes nothing", () => {
    const { author, late } = three();
    const section = author.historyFor(A, late.feeds.floor(1), 100);
    const before = state(late);
    for (let bit = 0; bit < section.length * 8; bit++) {
      const changed = section.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      // The author is the sender here; another one is a row that is not held.
      if ((changed[8] & 0x80) === 0) continue;
      const reasons = late.handleHistory(A, changed);
      assert.ok(reasons.length > 0 && reasons.every((reason) => reason !== DROP_NONE), `bit ${bit}`);
      if (bit < 64) assert.deepEqual(reasons, [DROP_FORK], "the tip before it");
      assert.deepEqual(state(late), before, `bit ${bit}`);
    }
    assert.deepEqual(late.handleHistory(A, section), [DROP_NONE]);
  });

  it("history must lead to all 8 bytes of the tip that is held", () => {
    const { author, late } = three();
    const section = author.historyFor(A, late.feeds.floor(1), 100);
    for (const column of [BASE_FIRST, BASE_SECOND]) {
      late.feeds.arena.set(1, column, late.feeds.arena.get(1, column) ^ 1);
      assert.deepEqual(late.handleHistory(A, section), [DROP_FORK]);
      late.feeds.arena.set(1, column, late.feeds.arena.get(1, column) ^ 1);
    }
    assert.deepEqual(late.handleHistory(A, section), [DROP_NONE]);
  });

  it("a node refuses history of another generation", () => {
    const { author, late } = three();
    const section = author.historyFor(A, late.feeds.floor(1), 100);
    const ahead = section.slice();
    ahead[8] |= 1 << 4;
    assert.deepEqual(late.handleHistory(A, ahead), [DROP_GAP]);
    late.feeds.begin(1, 5);
    assert.deepEqual(late.handleHistory(A, section), [DROP_OLD_GENERATION]);
    assert.deepEqual(late.held(1), []);
  });

  it("a node refuses history while a snapshot arrives", () => {
    const { author, late } = three();
    const section = author.historyFor(A, late.feeds.floor(1), 100);
    late.feeds.advanceSnapshot(1, 60, late.feeds.floor(1) - 1);
    assert.deepEqual(late.handleHistory(A, section), [DROP_GAP]);
  });

  it("a node refuses history with an event that is too long for it", () => {
    const { author, late } = three(60, 20000, 60);
    const reasons = [0, 0, 0].map(() => late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 240))[0]);
    assert.deepEqual(reasons.slice(1), [DROP_EVENT, DROP_EVENT]);
    assert.ok(late.feeds.floor(1) > 20);
  });

  it("history leaves an eighth of the arena free, and room for one event", () => {
    for (const bytes of [2300, 2400, 2500, 2600]) fillWith(bytes, 128);
    fillWith(2600, 400);
  });

  function fillWith(bytes: number, eventBytesMax: number): void {
    const { author, late } = three(60, bytes, eventBytesMax);
    let reasons: number[] = [];
    while (!reasons.includes(DROP_ARENA_FULL)) {
      const before = state(late);
      reasons = late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 120));
      if (reasons[0] === DROP_ARENA_FULL) assert.deepEqual(state(late), before);
      late.check();
    }
    assert.ok(late.feeds.floor(1) > 1);
    const { arena } = late.feeds;
    const reserved = Math.max(arena.size() / 8, recordWords(eventBytesMax));
    assert.ok(arena.room() >= reserved, "enough");
    assert.ok(arena.room() < reserved + 100, "but not much more");
  }

  it("history corrects a wrong value of a snapshot, and the views are notified again", () => {
    const { author, late } = three();
    const { arena } = late.feeds;
    const record = arena.find(1, 2);
    assert.ok(record !== 0);
    arena.bytes[arena.eventAt(record) + arena.eventLength(record) - 1] ^= 1;
    assert.throws(() => late.check(), "is not what was said");
    while (late.feeds.floor(1) > 1) late.handleHistory(A, author.historyFor(A, late.feeds.floor(1), 1000));
    late.told[1].values.set("value/kept", 2);
    late.check();
    const found = arena.find(1, 2);
    assert.equal(hex(arena.bytes.subarray(arena.eventAt(found), arena.eventAt(found) + arena.eventLength(found))),
      hex(author.truths.get(A)!.event(0, 2)));
  });
});
