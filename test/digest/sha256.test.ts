import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { SHA256_BYTES } from "../../src/digest/digest.js";
import { Sha256 } from "../../src/digest/sha256.js";
import { propertyOptions } from "../support/random.js";
import { sha256Vectors } from "../support/sha256-vectors.js";

const digest = new Sha256();

function sha256(message: Uint8Array): string {
  const out = new Uint8Array(SHA256_BYTES);
  digest.sha256(message, 0, message.length, out, 0, 0, out, 0);
  return Buffer.from(out).toString("hex");
}

function expected(message: Uint8Array): string {
  return createHash("sha256").update(message).digest("hex");
}

describe("SHA-256", () => {
  for (const { name, text, hash } of sha256Vectors) {
    it(`the hash is that of FIPS 180-4: ${name}`, () => {
      assert.equal(sha256(Buffer.from(text)), hash);
    });
  }

  it("the hash is that of OpenSSL for every length from 0 to 200", () => {
    for (let length = 0; length <= 200; length++) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 131 + length * 17) & 255);
      assert.equal(sha256(message), expected(message), `length ${length}`);
    }
  });

  it("the hash is that of OpenSSL for any bytes, wherever they lie", () => {
    const parts = [fc.uint8Array({ maxLength: 300 }), fc.nat(9), fc.nat(9), fc.nat(300)] as const;
    fc.assert(fc.property(...parts, (message, before, outStart, cut) => {
      const bytes = new Uint8Array(before + message.length + outStart + SHA256_BYTES + 5).fill(0xa5);
      bytes.set(message, before);
      const kept = bytes.slice();
      const at = before + message.length + outStart;
      // The body lies in another array.
      const head = Math.min(cut, message.length);
      const body = message.slice(head);
      digest.sha256(bytes, before, head, body, 0, body.length, bytes, at);
      assert.equal(Buffer.from(bytes.subarray(at, at + SHA256_BYTES)).toString("hex"), expected(message));
      kept.set(bytes.subarray(at, at + SHA256_BYTES), at);
      assert.deepEqual(bytes, kept, "nothing else was written");
    }), propertyOptions(300));
  });
});
