/*
 * What XS runs: Ed25519 in JavaScript, by tweetnacl and by @noble/ed25519, which takes its SHA-512 from tweetnacl here.
 * A line is the name of the package and what it does: `key`, `sign` or `verify`; `idle` does nothing.
 */
import * as noble from "@noble/ed25519";
import nacl from "tweetnacl";

/** What a node signs with one event (PROTOCOL 10.10). */
const MESSAGE_BYTES = 89;

const secret = new Uint8Array(32).fill(7);
const message = new Uint8Array(MESSAGE_BYTES);
let pair: nacl.SignKeyPair | undefined;
let key: Uint8Array | undefined;
let signature: Uint8Array | undefined;

noble.hashes.sha512 = (bytes) => nacl.hash(bytes) as Uint8Array<ArrayBuffer>;

function run(line: string): boolean {
  switch (line) {
    case "tweetnacl key":
      pair = nacl.sign.keyPair.fromSeed(secret);
      return true;
    case "tweetnacl sign":
      signature = nacl.sign.detached(message, pair!.secretKey);
      return true;
    case "tweetnacl verify": return nacl.sign.detached.verify(message, signature!, pair!.publicKey);
    case "noble key":
      key = noble.getPublicKey(secret);
      return true;
    case "noble sign":
      signature = noble.sign(message, secret);
      return true;
    case "noble verify": return noble.verify(signature!, message, key!, { zip215: false });
    default: return true;
  }
}

(globalThis as { harness?: unknown }).harness = {
  line: (text: string): string => run(text) ? "1" : "-1",
};
