import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { bytesOf as canonicalOf, decoded, hex, tipAfter } from "./feed-support.js";
import { bytesOf as fromHex } from "../wire/frame-support.js";
import { deliver, drops, held, plain, receiver, vectors, write } from "./vector-support.js";

describe("vectors of feeds", () => {
  for (const [what, feed] of [
    ["the events", vectors], ["copies and ends", vectors.copies], ["events that are sent as deltas", vectors.deltas],
  ] as const) {
    it(`${what} of the vectors have these canonical bytes and tips`, () => {
      let tip: Uint8Array = new Uint8Array(8);
      feed.events.forEach((event, i) => {
        assert.equal(event.sequence, i + 1);
        assert.equal(hex(canonicalOf(plain(event))), event.canonical);
        assert.deepEqual(decoded(fromHex(event.canonical)), plain(event));
        tip = tipAfter(feed.author, feed.generation, event.sequence, tip, fromHex(event.canonical));
        assert.equal(hex(tip), event.tip);
      });
    });

    for (const vector of feed.frames) {
      it(`the writer writes these bytes: ${vector.name}`, () => {
        assert.equal(hex(write(feed, vector)), vector.hex);
      });

      it(`a node applies: ${vector.name}`, () => {
        const engine = receiver(feed, vector.receiver);
        deliver(engine, vector.hex);
        assert.deepEqual(held(engine, feed), vector.held);
        assert.deepEqual(drops(engine), []);
      });
    }

    for (const { name, reason, receiver: history, feedBytes, hex: bytes } of feed.refusals) {
      it(`a node refuses, as ${reason}: ${name}`, () => {
        const engine = receiver(feed, history, feedBytes);
        const before = [held(engine, feed), drops(engine)] as const;
        deliver(engine, bytes);
        assert.deepEqual(held(engine, feed), before[0]);
        assert.deepEqual(drops(engine), [...before[1], reason]);
      });
    }
  }

  it("the example of PROTOCOL.md is of these vectors", () => {
    const text = readFileSync(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");
    for (const { canonical, tip } of vectors.events.slice(0, 2)) {
      assert.ok(text.split("\n").some((line) => line.replaceAll(/[ `|]/g, "").endsWith(`${canonical}${tip}`)), canonical);
    }
    const [events, history] = ["4825", "6023"].map((head) => {
      const found = text.split("\n").find((line) => line.startsWith(`${head} `))!;
      return `c10124a01f02190100c925c8ca4330${found.replaceAll(" ", "")}`;
    });
    const first = receiver(vectors, { before: [] });
    deliver(first, events.replace("c10124a01f02", "c10124a01f01"));
    const { sequence, tip } = held(first, vectors);
    assert.deepEqual([sequence, tip, drops(first)], [2, vectors.events[1].tip, []]);
    const names = ["SNAPSHOT of what is alive below the floor", "HISTORY from a node that lacks some, too"];
    const last = receiver(vectors, { before: names });
    deliver(last, history);
    const { floor, numbers } = held(last, vectors);
    assert.deepEqual([floor, numbers, drops(last)], [2, [1, 2, 3, 4, 5, 6, 7], []]);
  });

  it("the vectors have a refusal for each reason that events can have", () => {
    const reasons = new Set(vectors.refusals.map(({ reason }) => reason));
    const named = ["arenaFull", "duplicate", "event", "fork", "gap", "oldGeneration", "section", "value"];
    assert.deepEqual([...reasons].sort(), named);
  });
});
