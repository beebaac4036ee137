import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { stampCounter, stampMs } from "../../src/engine/feed/event.js";
import { isSignatureAt } from "../../src/engine/feed/feed-signing.js";
import { FeedStore } from "../../src/engine/feed/feed-store.js";
import { networkHash } from "../../src/engine/table/hash.js";
import { FeedSigner } from "../../src/signing/feed-signer.js";

interface Vector { sequence: number; canonical: string; link: string; signed?: string }

const file = new URL("../vectors/signed-feeds.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as {
  secretKey: string; publicKey: string; author: number; generation: number; network: string; networkHash: number;
  events: Vector[];
};
const identity = nodeIdentity(bytes(vectors.secretKey));

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

/** A node that holds nothing, and its signer. The author is itself, or another. */
function nodeWith(isAuthor: boolean): { feeds: FeedStore; signer: FeedSigner } {
  const other = nodeIdentity(new Uint8Array(32));
  const keys = { acceptsKey: (author: number) => author === vectors.author ? identity.publicKey : undefined };
  const signer = new FeedSigner(isAuthor ? identity : other, nodeVerify, keys, vectors.networkHash);
  const ids = isAuthor ? [vectors.author] : [1, vectors.author];
  return { feeds: new FeedStore({ id: (slot) => ids[slot] }, ids.length, 4096, 128, nodeDigest, signer), signer };
}

/** Adds the vectors to a signer, with one of them changed; returns how far it vouches. */
function vouched(how: (event: Uint8Array, sequence: number) => void): number {
  const { feeds, signer } = nodeWith(false);
  const { arena, chain } = feeds;
  signer.begin(arena, chain, 1, vectors.generation, 0);
  chain.begin(vectors.author, vectors.generation, 0, 0);
  for (const { canonical, sequence } of vectors.events) {
    const event = bytes(canonical);
    how(event, sequence);
    feeds.copyToScratch(event, 0, event.length);
    chain.link(sequence, event.length);
    signer.add(chain, sequence, event.length);
  }
  return signer.vouched();
}

describe("signed feeds: vectors", () => {
  it("the links and what is signed are as defined", () => {
    let tip = Buffer.alloc(8);
    let links = "";
    assert.equal(hex(identity.publicKey), vectors.publicKey);
    assert.equal(networkHash(new Uint8Array(Buffer.from(vectors.network))), vectors.networkHash);
    for (const { canonical, link, sequence, signed } of vectors.events) {
      const head = Buffer.alloc(12);
      [vectors.author, vectors.generation, sequence].forEach((word, i) => head.writeUInt32BE(word, i * 4));
      assert.equal(createHash("sha256").update(head).update(tip).update(bytes(canonical)).digest("hex"), link);
      tip = Buffer.from(link.slice(0, 16), "hex");
      if (signed === undefined) {
        links += link;
        continue;
      }
      const domain = Buffer.from("chisme feed 1").toString("hex");
      assert.equal(signed, `${domain}8d521ba9${vectors.publicKey}${canonical.slice(2, 18)}${links}`);
      assert.ok(nodeVerify(identity.publicKey, bytes(signed), bytes(canonical.slice(-128))));
      links = "";
    }
  });

  it("an author signs so", () => {
    const { feeds, signer } = nodeWith(true);
    feeds.begin(0, vectors.generation);
    for (const { canonical } of vectors.events) {
      const event = bytes(canonical);
      if (!isSignatureAt(event, 0)) {
        assert.ok(feeds.append(0, event, 0, event.length));
        continue;
      }
      signer.begin(feeds.arena, feeds.chain, 0, vectors.generation, feeds.sequence(0));
      const length = signer.write(feeds.chain, stampMs(event, 0), stampCounter(event, 0));
      const at = feeds.chain.eventAt;
      assert.equal(hex(feeds.arena.bytes.subarray(at, at + length)), canonical);
      assert.ok(feeds.append(0, event, 0, event.length));
    }
  });

  it("a node that verifies accepts them, and none with a changed bit", () => {
    assert.equal(vouched(() => undefined), 5);
    for (const { canonical, sequence } of vectors.events) {
      for (let bit = 0; bit < canonical.length * 4; bit += 7) {
        const last = vouched((event, at) => {
          if (at === sequence) event[bit >> 3] ^= 1 << (bit & 7);
        });
        assert.ok(last < (sequence <= 2 ? 1 : 3), `event ${sequence}, bit ${bit}: ${last}`);
      }
    }
  });

  it("a run of more than 15 events has no signature", () => {
    const { feeds, signer } = nodeWith(true);
    const event = bytes(vectors.events[2].canonical);
    feeds.begin(0, vectors.generation);
    for (let i = 1; i <= 16; i++) {
      assert.ok(feeds.append(0, event, 0, event.length));
      signer.begin(feeds.arena, feeds.chain, 0, vectors.generation, i);
      assert.equal(signer.runEvents(), i < 16 ? i : -1);
    }
    assert.equal(signer.write(feeds.chain, 1, 0), 0);
  });
});
