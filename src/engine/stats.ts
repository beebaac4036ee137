import {
  ALIKE, BYTES_RECEIVED, BYTES_SENT, DATAGRAMS_RECEIVED, DATAGRAMS_SENT, DROPS, LEAST_CAPACITY, REFUSED, ROUNDS_ALONE,
} from "./table/node-words.js";

/*
 * Counters since the start, uint32 that wrap, and the smallest table of a peer: words of the node. Functions count,
 * and `Stats` reads.
 */

export function countDrop(words: Uint32Array, reason: number): void {
  words[DROPS + reason]++;
  words[REFUSED] |= 1 << reason;
}

/** Counts a drop that shows nothing about its sender: it is no reason for being alone. */
export function countUnsure(words: Uint32Array, reason: number): void {
  words[DROPS + reason]++;
}

/**
 * Counts a round in which no other node was live, one after the other; a round with a live one ends the row. Returns
 * the number of such rounds.
 */
export function countAlone(words: Uint32Array, isAlone: boolean): number {
  if (!isAlone) words[REFUSED] = 0;
  words[ROUNDS_ALONE] = isAlone ? words[ROUNDS_ALONE] + 1 : 0;
  return words[ROUNDS_ALONE];
}

export function countReceived(words: Uint32Array, bytes: number): void {
  words[DATAGRAMS_RECEIVED]++;
  words[BYTES_RECEIVED] += bytes;
}

export function countSent(words: Uint32Array, bytes: number): void {
  words[DATAGRAMS_SENT]++;
  words[BYTES_SENT] += bytes;
}

/** Notes the capacity of a peer. The smallest one and its node's id are kept. */
export function noteCapacity(words: Uint32Array, capacity: number, id: number): void {
  const least = words[LEAST_CAPACITY];
  if (least !== 0 && capacity >= least) return;
  words[LEAST_CAPACITY] = capacity;
  words[LEAST_CAPACITY + 1] = id;
}

/** A peer showed its limits for the first time. Returns how many in a row had those of this node: 0 to ALIKE_MAX. */
export function countAlike(words: Uint32Array, isAlike: boolean): number {
  if (!isAlike) words[ALIKE] = 0;
  else if (words[ALIKE] < ALIKE_MAX) words[ALIKE]++;
  return words[ALIKE];
}

/** The most that `countAlike` returns. */
export const ALIKE_MAX = 16;

/** Reads the counters. */
export class Stats {
  readonly words: Uint32Array;

  /** @param words of the rows */
  constructor(words: Uint32Array) {
    this.words = words;
  }

  /** Datagrams, rows and events that were refused for a reason: 1 to DROP_REASONS - 1. */
  drops(reason: number): number { return this.words[DROPS + reason]; }
  /** Rounds since another node was live. */
  roundsAlone(): number { return this.words[ROUNDS_ALONE]; }
  /** Bit k: something was refused for reason k since another node was live. */
  refusedAlone(): number { return this.words[REFUSED]; }
  /** The smallest capacity that a peer showed, in rows; 0: none did. */
  leastCapacity(): number { return this.words[LEAST_CAPACITY]; }
  /** Id of the peer with that capacity. */
  leastCapacityId(): number { return this.words[LEAST_CAPACITY + 1]; }
  datagramsReceived(): number { return this.words[DATAGRAMS_RECEIVED]; }
  bytesReceived(): number { return this.words[BYTES_RECEIVED]; }
  datagramsSent(): number { return this.words[DATAGRAMS_SENT]; }
  bytesSent(): number { return this.words[BYTES_SENT]; }
}
