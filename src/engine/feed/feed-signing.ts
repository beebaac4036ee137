import type { Arena } from "./arena.js";
import type { BatchData } from "./batches.js";
import type { Chain } from "./chain.js";
import { EVENT_HEAD_BYTES } from "./event.js";

/**
 * What signs and verifies runs of events (PROTOCOL 10.10). It is handed in, so a node without it carries none of its
 * code. A run are the events of a feed behind a signature up to the next one; a signature is an event of its own.
 *
 * A run is collected by `begin` and one `add` for each of its events. Each `add` comes right after `Chain.link`, so
 * that the SHA-256 which the link made and the event are still in the scratch.
 */
export interface FeedSigning {
  /** Begins with the held events of a feed behind its last signature, up to `held`; 0: with none. Uses the chain. */
  begin(arena: Arena, chain: Chain, slot: number, generation: number, held: number): void;
  /**
   * Adds the event to which the chain went on. A signature is verified, and the next run begins.
   *
   * @param length its bytes, in the scratch; -1: it is too long, and no signature
   */
  add(chain: Chain, sequence: number, length: number): void;
  /** Sequence number of the last good signature since `begin`, if all before it were good, too; 0: there is none. */
  vouched(): number;
  /** How many events were added behind the last signature; -1: a signature cannot vouch for them. */
  runEvents(): number;
  /**
   * Signs the own events behind the last signature, also those that found no room for one before: after each event
   * that the application publishes, and once a round.
   */
  signOwn(own: SignedOwn): void;
  /** Whether own events have no signature and can get none in their generation, and there is room to begin another. */
  isUnsignable(feeds: SignedStore): boolean;
  /** Makes room for the signatures of a new generation of two feeds together. Nothing of them may have changed yet. */
  reserve(feeds: SignedStore, slot: number, other: number): boolean;
  /**
   * Numbers, links and signs all records of a feed whose new generation begins. All free room is in one piece. Returns
   * the last number; 0: there is nothing to sign, or no room, and nothing has changed.
   */
  signGeneration(feeds: SignedStore, slot: number, generation: number): number;

  /** As `begin` without held events. What `add` gets is kept, as it may prove a fork. */
  beginFork(arena: Arena, slot: number, generation: number): void;
  /**
   * The batch did not agree with what is held. Returns whether signatures prove that the author published both, and
   * keeps the proof.
   */
  noteFork(arena: Arena, slot: number, first: number, held: number): boolean;

  /** A round is over. */
  round(): void;
  /**
   * A peer's batch was refused for want of a good signature. Where that is so of all that follows, as the author is not
   * admitted or was revoked, the peer is not asked for more of it in the next rounds (PROTOCOL 10.11).
   *
   * @param isVerified whether the batch follows what is held. If not, it may follow one that did
   */
  noteRefused(peer: number, batch: BatchData, isVerified: boolean): void;
  /** What peers sent in vain, at most 64. */
  readonly refused: readonly RefusedFeed[];
  /** Whether nothing is requested of a feed from the peer that sent it in vain. @param sequence that is held of it */
  isLeft(feed: RefusedFeed, generation: number, sequence: number): boolean;
  /**
   * Whether such a peer, which now claims to hold the feed up to `sequence`, is to be asked again: there are more
   * events than it sent, and they go into one batch.
   */
  isToAsk(peer: number, author: number, sequence: number): boolean;
  /**
   * Of the frame that is handled: by how much the sender's feeds hash differs from this node's if it differs only in
   * what it sent in vain; an int32.
   */
  vain: number;
  /**
   * A peer shows that it holds a feed only from behind `base` on, with the tip there, and this node holds it up to
   * `held`. Returns whether that is new.
   */
  noteBase(
    author: number, generation: number, held: number, base: number, tipFirst: number, tipSecond: number,
  ): boolean;
  /**
   * Begins with no event behind such a base, if nobody has sent what is missing for some rounds. Returns whether it
   * does. Then a run that no signature vouches for is passed over, and the base moves behind it.
   */
  beginBehind(arena: Arena, chain: Chain, slot: number, generation: number, held: number, first: number): boolean;
  /** Where the first run begins that a signature vouches for: the event before it, and the tip there. */
  readonly base: number;
  readonly baseFirst: number;
  readonly baseSecond: number;
}

/** How far a peer holds a feed of which it sent events in vain. */
export interface RefusedFeed {
  peer: number;
  author: number;
  generation: number;
  last: number;
  tipFirst: number;
}

/** What signing needs of `FeedStore`. */
export interface SignedStore {
  readonly arena: Arena;
  readonly chain: Chain;
  readonly eventBytesMax: number;
  author(slot: number): number;
  generation(slot: number): number;
  sequence(slot: number): number;
  isComplete(slot: number): boolean;
  reserve(words: number): boolean;
  put(slot: number, sequence: number, first: number, second: number, length: number): void;
  link(record: number, sequence: number): void;
}

/** What signing needs of `OwnFeed`. */
export interface SignedOwn {
  readonly feeds: SignedStore;
  readonly hasPublished: boolean;
  readonly hasHole: boolean;
  readonly clock: { readonly callerMs: number };
  readonly hlc: { readonly ms: number; readonly counter: number };
  nextStampMs(nowMs: number): number;
  publishScratch(length: number): boolean;
}

/** Events of a run that a node signs, at most: a batch has room for them, and for the signature. */
export const RUN_EVENTS_MAX = 8;
/** Bytes of a signature in canonical form. */
export const SIGNATURE_BYTES = 76;
/** Bytes of the first signature of a generation, which has the author's public key, too. */
export const FIRST_SIGNATURE_BYTES = 108;

/** Head of a signature: it sets a value for ever, of a topic without bytes. */
export const SIGNATURE_HEAD = 0x40;

/** Whether the event in canonical form at `at` is a signature: it sets the empty key of the empty topic. */
export function isSignatureAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === SIGNATURE_HEAD && bytes[at + EVENT_HEAD_BYTES] === 0;
}
