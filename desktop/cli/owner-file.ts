import type { SigningState } from "../control/node-signing.js";
import type { Identity } from "../../src/signing/keys.js";
import { nodeIdentity } from "../platform/node-signing.js";
import { hexBytes, hexOf, readOwnerSecret } from "../platform/signing-folder.js";
import { fingerprint } from "./identity.js";

/** The owner's key pair. */
export interface Owner extends Identity {
  secret: Uint8Array;
}

/** Reads the owner's private key. @throws Error where the node has another owner, or none; it shows no private key */
export function readOwnerOf({ owner }: SigningState, file: string): Owner {
  const secret = readOwnerSecret(file);
  const identity = nodeIdentity(secret);
  if (owner === undefined) throw new Error("the node knows no owner: it needs --owner");
  if (owner !== hexOf(identity.publicKey)) {
    throw new Error(`--owner: ${file} has the fingerprint ${fingerprint(identity.publicKey)}, but the node's owner `
      + fingerprint(hexBytes(owner)));
  }
  return { ...identity, secret };
}
