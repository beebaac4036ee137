import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { FeedStore } from "../../src/engine/feed/feed-store.js";
import { networkHash } from "../../src/engine/table/hash.js";
import { compareAdmissions } from "../../src/signing/admission.js";
import { FeedSigner } from "../../src/signing/feed-signer.js";
import { AdmissionList, type SignedAdmission, readAdmission, signAdmission } from "../../src/signing/owner.js";

interface AdmissionVector {
  name: string; version: number; publicKey: string; generation: number; sequence: number; untilMs: number;
  signed: string; bytes: string;
}
interface EventVector { sequence: number; canonical: string; link: string; signed?: string }

const file = new URL("../vectors/admissions.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as {
  ownerSecretKey: string; ownerPublicKey: string; network: string; networkHash: number; author: number;
  /** From the one that counts least to the one that counts most. */
  admissions: AdmissionVector[];
  refused: { name: string; isAdmission: boolean; bytes: string }[];
  run: { authorSecretKey: string; authorPublicKey: string; generation: number; events: EventVector[] };
};
const owner = nodeIdentity(bytes(vectors.ownerSecretKey));

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function listOf(...admissions: string[]): AdmissionList {
  return new AdmissionList({ owner: owner.publicKey, verify: nodeVerify, stored: admissions.map(bytes) });
}

/** The same in the network of the vectors. */
function startedList(...admissions: string[]): AdmissionList {
  const list = listOf(...admissions);
  list.start(vectors.networkHash);
  return list;
}

/** How far a node that knows only the owner, and the given admissions, vouches for the run. */
function vouched(list: AdmissionList): number {
  const { author, run } = vectors;
  const signer = new FeedSigner(nodeIdentity(new Uint8Array(32)), nodeVerify, list, vectors.networkHash);
  const feeds = new FeedStore({ id: (slot) => [1, author][slot] }, 2, 4096, 200, nodeDigest, signer);
  signer.begin(feeds.arena, feeds.chain, 1, run.generation, 0);
  feeds.chain.begin(author, run.generation, 0, 0);
  for (const { canonical, sequence } of run.events) {
    const event = bytes(canonical);
    feeds.copyToScratch(event, 0, event.length);
    feeds.chain.link(sequence, event.length);
    signer.add(feeds.chain, sequence, event.length);
  }
  return signer.vouched();
}

describe("admissions: vectors", () => {
  it("an owner signs so, and what is signed is as defined", () => {
    assert.equal(hex(owner.publicKey), vectors.ownerPublicKey);
    assert.equal(networkHash(new Uint8Array(Buffer.from(vectors.network))), vectors.networkHash);
    for (const { name, signed, bytes: expected, publicKey, ...limits } of vectors.admissions) {
      const { version, generation, sequence, untilMs } = limits;
      const admission = { author: vectors.author, key: bytes(publicKey), version, generation, sequence, untilMs };
      const made = signAdmission(admission, vectors.networkHash, (message) => owner.sign(message));
      assert.equal(hex(made), expected, name);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(vectors.networkHash);
      assert.equal(signed, `${hex(Buffer.from("chisme admit 1"))}${hex(head)}${expected.slice(0, 110)}`, name);
      assert.ok(nodeVerify(owner.publicKey, bytes(signed), bytes(expected.slice(110))), name);
      assert.deepEqual(readAdmission(bytes(expected)), { ...admission, bytes: bytes(expected) }, name);
    }
  });

  it("each one counts more than those before it, in whatever order a node gets them", () => {
    const all = vectors.admissions.map((one) => readAdmission(bytes(one.bytes)) as SignedAdmission);
    all.forEach((one, i) => all.forEach((other, j) =>
      assert.equal(Math.sign(compareAdmissions(one, other)), Math.sign(i - j), `${i} and ${j}`)));
    const texts = vectors.admissions.map((one) => one.bytes);
    for (const order of [texts, texts.toReversed(), [...texts.slice(3), ...texts.slice(0, 3)]]) {
      assert.deepEqual(startedList(...order).all().map((one) => hex(one.bytes)), [texts[texts.length - 1]]);
    }
  });

  it("a node refuses those that are none, or that the owner did not sign for this network", () => {
    for (const { name, isAdmission, bytes: text } of vectors.refused) {
      assert.equal(readAdmission(bytes(text)) !== undefined, isAdmission, name);
      assert.deepEqual(startedList(text).all(), [], name);
    }
  });

  it("the links of the run, and what its author signs, are as defined", () => {
    const { author, run } = vectors;
    const identity = nodeIdentity(bytes(run.authorSecretKey));
    assert.equal(hex(identity.publicKey), run.authorPublicKey);
    let tip = Buffer.alloc(8);
    for (const { canonical, link, sequence, signed } of run.events) {
      const head = Buffer.alloc(12);
      [author, run.generation, sequence].forEach((word, i) => head.writeUInt32BE(word, i * 4));
      assert.equal(createHash("sha256").update(head).update(tip).update(bytes(canonical)).digest("hex"), link);
      tip = Buffer.from(link.slice(0, 16), "hex");
      if (signed === undefined) continue;
      assert.ok(nodeVerify(identity.publicKey, bytes(signed), bytes(canonical.slice(-128))));
    }
  });

  it("a run may admit its own author; a revocation refuses what is beyond its event", () => {
    const [, admitted, revoked5, revoked2, nothing, again] = vectors.admissions.map((one) => one.bytes);
    assert.ok(vectors.run.events[0].canonical.endsWith(admitted));
    assert.equal(vouched(listOf()), 4, "the run admits its author");
    assert.equal(vouched(listOf(revoked5)), 4);
    assert.equal(vouched(listOf(revoked2)), 2);
    assert.equal(vouched(listOf(nothing)), 0);
    assert.equal(vouched(listOf(nothing, again)), 4);
    assert.equal(vouched(new AdmissionList({ owner: new Uint8Array(32), verify: nodeVerify })), 0, "another owner");
  });
});
