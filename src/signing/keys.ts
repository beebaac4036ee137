import type { FeedStore } from "../engine/feed/feed-store.js";
import type { Rows } from "../engine/table/rows.js";

/** Bytes of an Ed25519 public key. */
export const KEY_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_LENGTH = 64;

/** The key pair of this node. The platform keeps the private key. */
export interface Identity {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The Ed25519 signature of a message (RFC 8032, PureEdDSA), 64 bytes. Keeps no array. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * Whether an Ed25519 signature of 64 bytes is that of a message, under a public key of 32 bytes (RFC 8032, 5.1.7). It
 * must refuse a scalar S of the group order or more, and must not throw for any bytes. Keeps no array.
 */
export type VerifySignature = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** Which key each author has. The answers may change at any time; what was taken before stays. */
export interface AuthorKeys {
  /**
   * The public key of an author, 32 bytes; undefined: nothing of this author is taken.
   *
   * @param author id of the author, a uint32, never this node's own
   * @param offered the key in the signature, in the first one of a generation; else undefined. It is not proven yet
   */
  acceptsKey(author: number, offered: Uint8Array | undefined): Uint8Array | undefined;
  /**
   * Sequence number up to which an author's events in a generation are taken: what a signature beyond it vouches for
   * is refused. 0: none of this generation; 4,294,967,295: all. Without this method all are.
   */
  acceptsUpTo?(author: number, generation: number): number;
  /** A signature that offered a key is good under it. May throw nothing. */
  proven?(author: number, key: Uint8Array): void;
  /** @internal Before all others. @param network hash of the network's name; 0: it has none */
  start?(network: number): void;
  /** @internal An event in canonical form, at `at` of `bytes`, not verified: it may admit its own author. */
  sawEvent?(bytes: Uint8Array, at: number, length: number): void;
  /**
   * @internal Whether nothing more of an author is taken than what is held of it, whatever it signs. Without this
   * method that is not known.
   */
  refusesBeyond?(author: number, generation: number, sequence: number): boolean;
  /** @internal A round is over. */
  endRound?(): void;
  /** @internal Gives up what is held and no longer accepted. Returns whether there was any. After each input */
  giveUp?(feeds: FeedStore, rows: Rows): boolean;
}

/**
 * The proof that an author signed different events under the same numbers, as two images of one card do. Whoever has
 * the author's key can check it: the chain begins with the tip before `first`, which both have in common.
 */
export interface ForkProof {
  /** Id of the author, a uint32. */
  author: number;
  generation: number;
  /** Sequence number of the first event of both. */
  first: number;
  /** The events from there on that this node holds, in canonical form, as far as it held them. */
  held: Uint8Array[];
  /** The other events from there on, up to a good signature. */
  received: Uint8Array[];
}

/** Authors that `pinnedKeys` remembers. */
const PINS_MAX = 4096;

/**
 * Keys pinned at first use: the first key under which an author's feed is proven is the author's for ever. So whoever
 * holds the network's key can take an id that this node has never seen, but none that it has.
 *
 * @param stored the pins of earlier starts, as `onPin` was called with them
 * @param onPin called for each new pin, to store it. Beyond 4,096 authors no new one is taken
 */
export function pinnedKeys(
  stored?: readonly Pin[], onPin?: (author: number, key: Uint8Array) => void,
): AuthorKeys {
  const pins: Pin[] = [];
  if (stored !== undefined) for (let i = 0; i < stored.length; i++) pins.push(stored[i]);
  const find = (author: number): Uint8Array | undefined => {
    for (let i = 0; i < pins.length; i++) if (pins[i].author === author) return pins[i].key;
    return undefined;
  };
  return {
    acceptsKey: (author, offered) => find(author) ?? (pins.length < PINS_MAX ? offered : undefined),
    proven: (author, key) => {
      if (find(author) !== undefined) return;
      pins.push({ author, key });
      if (onPin !== undefined) onPin(author, key);
    },
  };
}

/** An author and its key. */
export interface Pin {
  author: number;
  /** Ed25519 public key, 32 bytes. */
  key: Uint8Array;
}
