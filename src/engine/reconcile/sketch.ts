import { rangePrint } from "../table/fingerprints.js";
import { ROWS_IN_SKETCH, SKETCH_SYNDROMES } from "../wire/frame.js";
import type { Rows } from "../table/rows.js";

/*
 * The sketch of a table (PROTOCOL 5.3): syndromes of a Reed-Solomon code, in which each row is a symbol at the place
 * that its order key gives. The difference of two sketches is the sketch of the rows that differ. It shows the places
 * of up to ROWS_IN_SKETCH of them, whatever the number of rows (after Dodis, Reyzin, Smith: PinSketch, 2004).
 */

/** All numbers are below this prime, so that a product of two is a small integer on all engines. */
const PRIME = 32749;
const SYMBOL_BITS = 0x7fff;
const PLACE_SHIFT = 17;

/** The polynomials of `locate`: the locator, and the one before its degree last changed. */
const POLYNOMIAL_WORDS = ROWS_IN_SKETCH + 1;
/** Words of scratch: the syndromes, then the polynomials. */
export const SKETCH_WORDS = SKETCH_SYNDROMES + 2 * POLYNOMIAL_WORDS;

/** The place of an order key in the code, 1 to PRIME - 1. Rows that share one are taken for one. */
export function placeInSketch(orderKey: number): number {
  return ((orderKey >>> PLACE_SHIFT) % (PRIME - 1)) + 1;
}

/** Writes the syndromes of all rows that are not tombstones into words from `start` on. */
export function sketchRows(rows: Rows, words: Uint32Array, start: number, salt: number, withFeeds: boolean): void {
  for (let i = 0; i < SKETCH_SYNDROMES; i++) words[start + i] = 0;
  for (let at = 0; at < rows.count; at++) {
    if (!rows.isCountedAt(at)) continue;
    const place = placeInSketch(rows.orderKeyAt(at));
    let term = (rangePrint(rows, at, at + 1, salt, withFeeds) & SYMBOL_BITS) % PRIME;
    for (let i = start; i < start + SKETCH_SYNDROMES; i++) {
      words[i] = (words[i] + term) % PRIME;
      term = (term * place) % PRIME;
    }
  }
}

/** Subtracts a syndrome of the peer, a uint16. */
export function subtractSyndrome(words: Uint32Array, at: number, peer: number): void {
  words[at] = (words[at] + PRIME - (peer % PRIME)) % PRIME;
}

/**
 * The number of rows that differ, by the difference of two sketches (Berlekamp and Massey, 1969). `isLocated` then
 * tells which. Returns -1 if there are more than ROWS_IN_SKETCH; rarely another number, with which no rows are located.
 */
export function locate(words: Uint32Array, start: number): number {
  const locator = start + SKETCH_SYNDROMES;
  const last = locator + POLYNOMIAL_WORDS;
  for (let i = locator; i < start + SKETCH_WORDS; i++) words[i] = 0;
  words[locator] = 1;
  words[last] = 1;
  let degree = 0;
  let shift = 0;
  let lastInverse = 1;
  for (let n = 0; n < SKETCH_SYNDROMES; n++) {
    let wrong = 0;
    shift++;
    for (let i = 0; i <= degree; i++) wrong = (wrong + words[locator + i] * words[start + n - i]) % PRIME;
    if (wrong === 0) continue;
    const isLonger = 2 * degree <= n;
    if (isLonger && n + 1 - degree > ROWS_IN_SKETCH) return -1;
    const factor = PRIME - ((wrong * lastInverse) % PRIME);
    // Downwards, so that what is read of the last one is not yet replaced.
    for (let i = POLYNOMIAL_WORDS - 1; i >= 0; i--) {
      const before = words[locator + i];
      if (i >= shift) words[locator + i] = (before + factor * words[last + i - shift]) % PRIME;
      if (isLonger) words[last + i] = before;
    }
    if (!isLonger) continue;
    degree = n + 1 - degree;
    lastInverse = inverse(wrong);
    shift = 0;
  }
  return degree;
}

/** Whether the row at a place of the code is one of those that differ. @param degree from `locate` */
export function isLocated(words: Uint32Array, start: number, degree: number, place: number): boolean {
  let value = 0;
  for (let i = 0; i <= degree; i++) value = (value * place + words[start + SKETCH_SYNDROMES + i]) % PRIME;
  return value === 0;
}

/** By Fermat: to the power of PRIME - 2. */
function inverse(number: number): number {
  let power = number;
  let product = 1;
  for (let exponent = PRIME - 2; exponent > 0; exponent >>>= 1) {
    if ((exponent & 1) !== 0) product = (product * power) % PRIME;
    power = (power * power) % PRIME;
  }
  return product;
}
