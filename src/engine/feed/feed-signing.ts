import type { Arena } from "./arena.js";
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
   * Writes the signature of these events to the scratch, under a stamp. Returns its bytes; 0: it cannot vouch for them.
   * The caller goes on in the chain, and begins anew.
   */
  write(chain: Chain, ms: number, counter: number): number;

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
