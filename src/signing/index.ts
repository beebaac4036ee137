import { checkFunction, checkNames, checkObject, show } from "../checks.js";
import type { FeedSigning } from "../engine/feed/feed-signing.js";
import type { FeedStore } from "../engine/feed/feed-store.js";
import type { Rows } from "../engine/table/rows.js";
import { invalid } from "../errors.js";
import { FeedSigner } from "./feed-signer.js";
import { type AuthorKeys, type ForkProof, type Identity, KEY_BYTES, type VerifySignature } from "./keys.js";

export { type AuthorKeys, type ForkProof, type Identity, type Pin, type VerifySignature, pinnedKeys } from "./keys.js";

/** Options of `signedFeeds`. All are required. */
export interface SignedFeedOptions {
  /** The key pair of this node, such as that of `nodeIdentity()`. */
  identity: Identity;
  /** Verifies Ed25519 signatures, such as `nodeVerify`. */
  verify: VerifySignature;
  /** Which key each author has, such as `pinnedKeys()`, or an `AdmissionList` of chisme-cli/node. */
  keys: AuthorKeys;
}

/** What `signedFeeds` makes, for the option `signing` of `eventFeeds`. */
export interface SignedFeeds {
  /** @internal Makes the engine's part. @param network hash of the network's name; 0: it has none */
  engineSigning(network: number): FeedSigning;
  /** Proofs of forks that were found since the start: of the first 4 authors, one each. */
  forks(): readonly ForkProof[];
  /** @internal Gives up what is no longer accepted. Returns whether there was any. After each input */
  giveUp(feeds: FeedStore, rows: Rows): boolean;
}

/**
 * Signs the own feed, and takes events of others only with a signature of their author. For the option `signing` of
 * `eventFeeds`. A program that does not import this function has none of its code.
 *
 * @throws TypeError ERR_OPTION that names the option as `signing.NAME`
 */
export function signedFeeds(options: SignedFeedOptions): SignedFeeds {
  if (typeof options !== "object" || options === null) {
    throw invalid("", "signing", `${show(options)} is not an object of options`, false);
  }
  checkNames("signing.", options, "identity verify keys");
  const identity = options.identity;
  const verify = options.verify;
  const keys = options.keys;
  checkObject("signing.identity", identity, "sign");
  if (!(identity.publicKey instanceof Uint8Array) || identity.publicKey.length !== KEY_BYTES) {
    throw invalid("", "signing.identity", `publicKey is not a Uint8Array of ${KEY_BYTES} bytes`, false);
  }
  if (verify === undefined) throw invalid("", "signing.verify", "undefined is not a function", false);
  checkFunction("signing.verify", verify);
  checkObject("signing.keys", keys, "acceptsKey");
  let signer: FeedSigner | undefined;
  return {
    engineSigning: (network) => {
      signer = new FeedSigner(identity, verify, keys, network);
      return signer;
    },
    forks: () => signer === undefined ? [] : signer.forks,
    giveUp: (feeds, rows) => keys.giveUp !== undefined && keys.giveUp(feeds, rows),
  };
}
