import assert from "node:assert/strict";
import { bytesOf as canonicalOf, decoded, hex, tipAfter } from "./feed-support.js";
import { bytesOf as fromHex } from "../frame-support.js";
import { deliver, drops, held, plain, receiver, vectors, write } from "./vector-support.js";

describe("vectors of feeds", () => {
  it("have the canonical bytes of their events, and the chain", () => {
    let tip: Uint8Array = new Uint8Array(8);
    vectors.events.forEach((event, i) => {
      assert.equal(event.sequence, i + 1);
      assert.equal(hex(canonicalOf(plain(event))), event.canonical);
      assert.deepEqual(decoded(fromHex(event.canonical)), plain(event));
      tip = tipAfter(vectors.author, vectors.generation, event.sequence, tip, fromHex(event.canonical));
      assert.equal(hex(tip), event.tip);
    });
  });

  for (const vector of vectors.frames) {
    it(`writes the bytes of: ${vector.name}`, () => {
      assert.equal(hex(write(vector)), vector.hex);
    });

    it(`takes in: ${vector.name}`, () => {
      const engine = receiver(vector.receiver);
      deliver(engine, vector.hex);
      assert.deepEqual(held(engine), vector.held);
      assert.deepEqual(drops(engine), []);
    });
  }

  for (const { name, reason, receiver: history, feedBytes, hex: bytes } of vectors.refusals) {
    it(`refuses, as ${reason}: ${name}`, () => {
      const engine = receiver(history, feedBytes);
      const before = [held(engine), drops(engine)] as const;
      deliver(engine, bytes);
      assert.deepEqual(held(engine), before[0]);
      assert.deepEqual(drops(engine), [...before[1], reason]);
    });
  }

  it("are refused for each reason that events can be", () => {
    const reasons = new Set(vectors.refusals.map(({ reason }) => reason));
    const named = ["arenaFull", "duplicate", "event", "fork", "gap", "oldGeneration", "section", "value"];
    assert.deepEqual([...reasons].sort(), named);
  });
});
