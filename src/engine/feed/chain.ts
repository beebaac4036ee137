import { readU32, writeU32 } from "../../cbor/big-endian.js";
import { type Digest, SHA256_BYTES } from "../../digest/digest.js";

/** Bytes of a tip. */
export const TIP_BYTES = 8;

/**
 * The chain of a feed (PROTOCOL 10.1). The tip after an event is the first 8 bytes of
 *
 *   SHA-256(author | generation | sequence number | tip before | event)
 *
 * with uint32 big-endian and the event in canonical form. Only the tip before the first
 * event is all zeros. Zeros elsewhere mean that the tip is not known, so the first byte of
 * the tip is 1 where the hash begins with 8 zeros.
 *
 * The class works in a part of an array that the caller gives: the hash, then the
 * bytes that it hashes. The caller writes the event there, at `eventAt`, before `link`.
 */
export class Chain {
  /** Where in the array the event belongs that `link` hashes next. */
  readonly eventAt: number;
  readonly bytes: Uint8Array;
  private readonly digest: Digest;

  /** @param at where in `bytes` the bytes are free that `chainBytes` gives */
  constructor(digest: Digest, bytes: Uint8Array, at: number) {
    this.digest = digest;
    this.bytes = bytes;
    this.eventAt = at + SHA256_BYTES + HEAD_BYTES;
  }

  /** Starts from a tip of a feed: its two words, uint32. */
  begin(author: number, generation: number, first: number, second: number): void {
    const head = this.eventAt - HEAD_BYTES;
    writeU32(this.bytes, head + AUTHOR, author);
    writeU32(this.bytes, head + GENERATION, generation);
    writeU32(this.bytes, head + TIP, first);
    writeU32(this.bytes, head + TIP + 4, second);
  }

  /** Goes on to the tip after the event of `length` bytes at `eventAt`. */
  link(sequence: number, length: number): void {
    this.linkParts(sequence, length, this.bytes, 0, 0);
  }

  /**
   * Goes on to the tip after an event of which the first `length` bytes are at
   * `eventAt`, and the rest is in another array: one that is too long to be held.
   */
  linkParts(sequence: number, length: number, rest: Uint8Array, restAt: number, restLength: number): void {
    const bytes = this.bytes;
    const head = this.eventAt - HEAD_BYTES;
    const hash = head - SHA256_BYTES;
    writeU32(bytes, head + SEQUENCE, sequence);
    this.digest.sha256(bytes, head, HEAD_BYTES + length, rest, restAt, restLength, bytes, hash);
    let any = 0;
    for (let i = 0; i < TIP_BYTES; i++) {
      const byte = bytes[hash + i];
      any |= byte;
      bytes[head + TIP + i] = byte;
    }
    if (any === 0) bytes[head + TIP] = 1;
  }

  /** Index into `bytes` of the 32 bytes of SHA-256 that `link` made last. */
  get hashAt(): number { return this.eventAt - HEAD_BYTES - SHA256_BYTES; }
  /** First word of the tip. */
  first(): number { return readU32(this.bytes, this.eventAt - HEAD_BYTES + TIP); }
  /** Second word of the tip. */
  second(): number { return readU32(this.bytes, this.eventAt - HEAD_BYTES + TIP + 4); }
}

// What `link` hashes starts with these.
const AUTHOR = 0;
const GENERATION = 4;
const SEQUENCE = 8;
const TIP = 12;
const HEAD_BYTES = 20;

/** Bytes that a `Chain` needs. */
export function chainBytes(eventBytesMax: number): number {
  return HEAD_BYTES + eventBytesMax + SHA256_BYTES;
}

/** The first 16 bits of a tip, for claims (PROTOCOL 10.3, shown-tip): 1 where they are 0. */
export function shortTip(tipFirst: number): number {
  const high = tipFirst >>> 16;
  return high === 0 ? 1 : high;
}
