import { DROP_REASONS } from "./wire/drops.js";
import { CAPACITY_MOST } from "./wire/frame.js";
import type { WordPool } from "./word-pool.js";

/** Counters since the start, uint32 that wrap, and the smallest table of a peer. */
export class Stats {
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param pool has STATS_WORDS free */
  constructor(pool: WordPool) {
    this.words = pool.words;
    this.start = pool.alloc(STATS_WORDS);
  }

  countDrop(reason: number): void {
    this.countUnsure(reason);
    this.words[this.start + REFUSED] |= 1 << reason;
  }

  /** Counts a drop that shows nothing about its sender: it is no reason for being alone. */
  countUnsure(reason: number): void {
    this.words[this.start + reason]++;
  }

  /** Datagrams, rows and events that were refused for a reason: 1 to DROP_REASONS - 1. */
  drops(reason: number): number { return this.words[this.start + reason]; }

  /** Counts a round in which no other node was live, one after the other; a round with a live one ends the row. */
  countAlone(isAlone: boolean): void {
    if (isAlone) {
      this.words[this.start + ROUNDS_ALONE]++;
      return;
    }
    this.words[this.start + ROUNDS_ALONE] = 0;
    this.words[this.start + REFUSED] = 0;
  }

  /** Rounds since another node was live. */
  roundsAlone(): number { return this.words[this.start + ROUNDS_ALONE]; }
  /** Bit k: something was refused for reason k since another node was live. */
  refusedAlone(): number { return this.words[this.start + REFUSED]; }

  countReceived(bytes: number): void {
    this.words[this.start + DATAGRAMS_RECEIVED]++;
    this.words[this.start + BYTES_RECEIVED] += bytes;
  }

  countSent(bytes: number): void {
    this.words[this.start + DATAGRAMS_SENT]++;
    this.words[this.start + BYTES_SENT] += bytes;
  }

  /** Notes the capacity of a peer. The smallest one and its node's id are kept. */
  noteCapacity(capacity: number, id: number): void {
    const least = this.leastCapacity();
    if (least !== 0 && capacity >= least) return;
    this.words[this.start + LEAST_CAPACITY] += capacity - least;
    this.words[this.start + LEAST_CAPACITY + 1] = id;
  }

  /** A peer showed its limits for the first time. Returns how many in a row, at most 16, had those of this node. */
  countAlike(isAlike: boolean): number {
    const at = this.start + LEAST_CAPACITY;
    const alike = this.words[at] >>> ALIKE_SHIFT;
    const next = !isAlike ? 0 : alike < ALIKE_MAX ? alike + 1 : alike;
    this.words[at] = this.leastCapacity() | (next << ALIKE_SHIFT);
    return next;
  }

  /** The smallest capacity that a peer showed, in rows; 0: none did. */
  leastCapacity(): number { return this.words[this.start + LEAST_CAPACITY] & CAPACITY_MOST; }
  /** Id of the peer with that capacity. */
  leastCapacityId(): number { return this.words[this.start + LEAST_CAPACITY + 1]; }

  datagramsReceived(): number { return this.words[this.start + DATAGRAMS_RECEIVED]; }
  bytesReceived(): number { return this.words[this.start + BYTES_RECEIVED]; }
  datagramsSent(): number { return this.words[this.start + DATAGRAMS_SENT]; }
  bytesSent(): number { return this.words[this.start + BYTES_SENT]; }
}

const DATAGRAMS_RECEIVED = DROP_REASONS;
const BYTES_RECEIVED = DROP_REASONS + 1;
const DATAGRAMS_SENT = DROP_REASONS + 2;
const BYTES_SENT = DROP_REASONS + 3;
/** The capacity, and above it what `countAlike` returned last; then the id. */
const LEAST_CAPACITY = DROP_REASONS + 4;
const ALIKE_SHIFT = 16;
/** The most that `countAlike` returns. */
export const ALIKE_MAX = 16;
const ROUNDS_ALONE = DROP_REASONS + 6;
/** One bit for each reason, of which there are less than 32. */
const REFUSED = DROP_REASONS + 7;
/** Words that `Stats` allocates. */
export const STATS_WORDS = DROP_REASONS + 8;
