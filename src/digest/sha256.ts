import { type Digest, SHA256_BYTES } from "./digest.js";

export type { Digest } from "./digest.js";

/**
 * SHA-256 (FIPS 180-4) in 32-bit integers. One array, allocated once, holds the
 * constants, 16 words of the message schedule, and the state. The constants are
 * text in the source, because an array in a module would take more RAM. The time
 * depends only on the length; feeds hash no secrets anyway.
 */
export class Sha256 implements Digest {
  private readonly words = new Int32Array(WORDS);

  constructor() {
    for (let i = 0; i < ROUNDS; i++) this.words[i] = hexWord(CONSTANTS, i << 3);
  }

  sha256(
    head: Uint8Array, headStart: number, headLength: number, body: Uint8Array, bodyStart: number, bodyLength: number,
    out: Uint8Array, outStart: number,
  ): void {
    const words = this.words;
    const length = headLength + bodyLength;
    for (let i = 0; i < STATE_WORDS; i++) words[STATE + i] = hexWord(INITIAL_STATE, i << 3);
    // Padding (5.1.1): a byte 0x80 and, at the end of a block, the length in 8 bytes.
    const last = ((length + 8) >>> 6) << 6;
    for (let at = 0; at <= last; at += BLOCK_BYTES) {
      this.load(head, headStart, headLength, body, bodyStart - headLength, length, at);
      if (at === last) {
        words[SCHEDULE + 14] = length >>> 29;
        words[SCHEDULE + 15] = length << 3;
      }
      this.compress();
    }
    for (let i = 0; i < SHA256_BYTES; i++) out[outStart + i] = words[STATE + (i >> 2)] >>> (24 - ((i & 3) << 3));
  }

  /** Loads the block at `start` of the message, with padding after it. @param bodyFrom where its byte 0 would be */
  private load(
    head: Uint8Array, headFrom: number, headLength: number, body: Uint8Array, bodyFrom: number, length: number,
    start: number,
  ): void {
    let at = start;
    for (let i = 0; i < SCHEDULE_WORDS; i++) {
      let word = 0;
      for (let k = 0; k < 4; k++, at++) {
        const padding = at === length ? 0x80 : 0;
        word = (word << 8) | (at < headLength ? head[headFrom + at] : at < length ? body[bodyFrom + at] : padding);
      }
      this.words[SCHEDULE + i] = word;
    }
  }

  /** Section 6.2.2. Sums stay below 2^53 before they are cut to 32 bits, so they are exact. */
  private compress(): void {
    const words = this.words;
    let a = words[STATE];
    let b = words[STATE + 1];
    let c = words[STATE + 2];
    let d = words[STATE + 3];
    let e = words[STATE + 4];
    let f = words[STATE + 5];
    let g = words[STATE + 6];
    let h = words[STATE + 7];
    for (let round = 0; round < ROUNDS; round++) {
      const at = SCHEDULE + (round & 15);
      if (round >= SCHEDULE_WORDS) this.extend(round);
      // Rotations are written out: a call costs a board as much as three of them.
      const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const first = (h + sum1 + (g ^ (e & (f ^ g))) + words[round] + words[at]) | 0;
      const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const majority = (a & b) | (c & (a | b));
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + sum0 + majority) | 0;
    }
    words[STATE] += a;
    words[STATE + 1] += b;
    words[STATE + 2] += c;
    words[STATE + 3] += d;
    words[STATE + 4] += e;
    words[STATE + 5] += f;
    words[STATE + 6] += g;
    words[STATE + 7] += h;
  }

  /** Computes a word of the message schedule, for a round after the 16th, from four earlier words. */
  private extend(round: number): void {
    const words = this.words;
    const old = words[SCHEDULE + ((round + 1) & 15)];
    const late = words[SCHEDULE + ((round + 14) & 15)];
    const sigma0 = ((old >>> 7) | (old << 25)) ^ ((old >>> 18) | (old << 14)) ^ (old >>> 3);
    const sigma1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
    words[SCHEDULE + (round & 15)] += sigma0 + words[SCHEDULE + ((round + 9) & 15)] + sigma1;
  }
}

const BLOCK_BYTES = 64;
const ROUNDS = 64;
const SCHEDULE = ROUNDS;
const SCHEDULE_WORDS = 16;
const STATE = SCHEDULE + SCHEDULE_WORDS;
const STATE_WORDS = 8;
const WORDS = STATE + STATE_WORDS;

/** Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const CONSTANTS =
  "428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5" +
  "d807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174" +
  "e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da" +
  "983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967" +
  "27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85" +
  "a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070" +
  "19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3" +
  "748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2";

/** Section 5.3.3: the same of the square roots of the first 8 primes. */
const INITIAL_STATE = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";

/** The 32-bit integer of 8 lower-case hexadecimal digits at `at`. */
function hexWord(text: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) {
    const code = text.charCodeAt(i);
    word = (word << 4) | (code < DIGIT_END ? code - DIGIT_ZERO : code - LETTER_TEN);
  }
  return word;
}

const DIGIT_ZERO = 0x30;
const DIGIT_END = 0x3a;
/** The code of "a" minus its value 10. */
const LETTER_TEN = 0x57;
