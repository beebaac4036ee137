import * as noble from "@noble/ed25519";
import nacl from "tweetnacl";
import { type SignedFeeds, type VerifySignature, pinnedKeys, signedFeeds } from "../../src/signing/index.js";

noble.hashes.sha512 = (bytes) => nacl.hash(bytes) as Uint8Array<ArrayBuffer>;

/** As strict as that of Node.js: it refuses points and scalars in other forms. */
export const nobleVerify: VerifySignature = (key, message, signature) =>
  noble.verify(signature, message, key, { zip215: false });

/**
 * Signed feeds with the Ed25519 of @noble/ed25519, which runs on every engine with BigInt. Keys are pinned.
 *
 * @param hex private key, 64 hexadecimal digits
 */
export function nobleSigning(hex: string): SignedFeeds {
  const secret = noble.etc.hexToBytes(hex);
  return signedFeeds({
    identity: { publicKey: noble.getPublicKey(secret), sign: (message) => noble.sign(message, secret) },
    verify: nobleVerify,
    keys: pinnedKeys(),
  });
}
