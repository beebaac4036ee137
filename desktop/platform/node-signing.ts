import { type KeyObject, createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import type { Identity, VerifySignature } from "../../src/signing/keys.js";

/** Bytes of an Ed25519 private key: the seed of RFC 8032. */
export const SECRET_BYTES = 32;
// DER before the 32 bytes of a key (RFC 8410).
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** A new private key, 32 random bytes. */
export function newSecret(): Uint8Array {
  return new Uint8Array(randomBytes(SECRET_BYTES));
}

/**
 * The key pair of a private key, with the Ed25519 of `node:crypto`.
 *
 * @throws TypeError or RangeError ERR_ARGUMENT unless `secret` has 32 bytes
 */
export function nodeIdentity(secret: Uint8Array): Identity {
  const isBytes = secret instanceof Uint8Array;
  if (!isBytes || secret.length !== SECRET_BYTES) {
    const given = isBytes ? `of ${secret.length} bytes` : show(secret);
    throw invalid("nodeIdentity", "secret", `${given} is not a Uint8Array of ${SECRET_BYTES} bytes`, isBytes);
  }
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, secret]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(PUBLIC_HEAD.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** Key objects of public keys, as long as somebody holds the bytes. */
const known = new WeakMap<Uint8Array, KeyObject>();

/** Verifies an Ed25519 signature with `node:crypto`. */
export const nodeVerify: VerifySignature = (publicKey, message, signature) => {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  let key = known.get(publicKey);
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, publicKey]), format: "der", type: "spki" });
    known.set(publicKey, key);
  }
  return verify(null, message, key, signature);
};
