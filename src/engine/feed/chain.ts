import { type Digest, SHA256_BYTES } from "../../digest/digest.js";

/** Bytes of a tip. */
export const TIP_BYTES = 8;

/**
 * The chain of a feed. The tip after an event is the first 8 bytes of
 *
 *   SHA-256(author | generation | sequence number | tip before | event)
 *
 * with uint32 big-endian and the event in canonical form. The tip before the
 * first event is all zeros, and no other is: zeros there mean that the tip is not
 * known, so where the hash has them its first byte counts as 1.
 *
 * It works in a part of an array that the caller gives: what is hashed, in a
 * row, then the hash. The event is written there, at `eventAt`, by the caller.
 */
export class Chain {
  readonly bytes: Uint8Array;
  /** Where in `bytes` the next event belongs. */
  readonly eventAt: number;
  private readonly digest: Digest;
  private readonly hashAt: number;

  /** @param at where in `bytes` `chainBytes(eventBytesMax)` are free */
  constructor(digest: Digest, bytes: Uint8Array, at: number, eventBytesMax: number) {
    this.digest = digest;
    this.bytes = bytes;
    this.eventAt = at + HEAD_BYTES;
    this.hashAt = this.eventAt + eventBytesMax;
  }

  /** Starts at a tip of a feed: its two words, uint32. */
  begin(author: number, generation: number, first: number, second: number): void {
    this.put(AUTHOR, author);
    this.put(GENERATION, generation);
    this.put(TIP, first);
    this.put(TIP + 4, second);
  }

  /** Goes on by the event of `length` bytes at `eventAt`. */
  link(sequence: number, length: number): void {
    const bytes = this.bytes;
    this.put(SEQUENCE, sequence);
    const at = this.eventAt - HEAD_BYTES;
    this.digest.sha256(bytes, at, HEAD_BYTES + length, bytes, this.hashAt);
    let any = 0;
    for (let i = 0; i < TIP_BYTES; i++) {
      const byte = bytes[this.hashAt + i];
      any |= byte;
      bytes[at + TIP + i] = byte;
    }
    if (any === 0) bytes[at + TIP] = 1;
  }

  /** First word of the tip. */
  first(): number { return this.word(TIP); }
  /** Second word of the tip. */
  second(): number { return this.word(TIP + 4); }

  private put(offset: number, word: number): void {
    const at = this.eventAt - HEAD_BYTES + offset;
    this.bytes[at] = word >>> 24;
    this.bytes[at + 1] = word >>> 16;
    this.bytes[at + 2] = word >>> 8;
    this.bytes[at + 3] = word;
  }

  private word(offset: number): number {
    const at = this.eventAt - HEAD_BYTES + offset;
    const bytes = this.bytes;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }
}

const AUTHOR = 0;
const GENERATION = 4;
const SEQUENCE = 8;
const TIP = 12;
const HEAD_BYTES = 20;

/** What a `Chain` needs room for. */
export function chainBytes(eventBytesMax: number): number {
  return HEAD_BYTES + eventBytesMax + SHA256_BYTES;
}

/** 16 bits of a tip, never 0. */
export function shown(tipFirst: number): number {
  const high = tipFirst >>> 16;
  return high === 0 ? 1 : high;
}
