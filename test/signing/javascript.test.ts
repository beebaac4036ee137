import assert from "node:assert/strict";
import nacl from "tweetnacl";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { nobleVerify } from "../conformance/signing.js";

/** The order of the group, RFC 8032, section 5.1. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const SECRET = new Uint8Array(32).fill(7);
const MESSAGE = new Uint8Array(89).fill(5);

/** The same signature with a scalar that is greater by the order. */
function greater(signature: Uint8Array): Uint8Array {
  const scalar = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString("hex")}`) + ORDER;
  const bytes = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse();
  return new Uint8Array([...signature.slice(0, 32), ...bytes]);
}

describe("Ed25519 in JavaScript", () => {
  const identity = nodeIdentity(SECRET);
  const { publicKey } = identity;
  const signature = identity.sign(MESSAGE);

  it("tweetnacl and @noble/ed25519 sign as Node.js does", () => {
    const pair = nacl.sign.keyPair.fromSeed(SECRET);
    assert.deepEqual(pair.publicKey, publicKey);
    assert.deepEqual(nacl.sign.detached(MESSAGE, pair.secretKey), signature);
    assert.ok(nacl.sign.detached.verify(MESSAGE, signature, publicKey));
    assert.ok(nobleVerify(publicKey, MESSAGE, signature));
  });

  it("@noble/ed25519 refuses each changed bit, and throws nothing, as signedFeeds needs it", () => {
    for (const part of [publicKey, MESSAGE, signature]) {
      for (let bit = 0; bit < part.length * 8; bit += 3) {
        part[bit >> 3] ^= 1 << (bit & 7);
        assert.equal(nobleVerify(publicKey, MESSAGE, signature), false, `bit ${bit}`);
        part[bit >> 3] ^= 1 << (bit & 7);
      }
    }
  });

  it("tweetnacl alone does not verify as signedFeeds needs it: it accepts a greater scalar", () => {
    const other = greater(signature);
    assert.equal(nodeVerify(publicKey, MESSAGE, other), false);
    assert.equal(nobleVerify(publicKey, MESSAGE, other), false);
    assert.equal(nacl.sign.detached.verify(MESSAGE, other, publicKey), true);
  });
});
