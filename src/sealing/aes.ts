import { readU32, writeU32 } from "../cbor/big-endian.js";
import type { Sealing } from "../engine/wire/sealer.js";
import { BLOCK_BYTES, type BlockCipher } from "./block-cipher.js";
import { sealingWith } from "./siv-sealer.js";

const ROUNDS = 10;
const WORDS = 4;
/** Words of all round keys. */
const KEY_WORDS = (ROUNDS + 1) * WORDS;
/** x^8 in the field of AES. */
const POLYNOMIAL = 0x1b;

/**
 * AES-128 encryption (FIPS 197) in JavaScript, for boards whose firmware has no
 * AES. It takes 176 bytes for the round keys, and a table of 256 bytes that all
 * ciphers share. It is slow, and on a processor with a data cache its time depends
 * on the key. Use the platform's AES if there is one.
 */
export class Aes128 implements BlockCipher {
  readonly block = new Uint8Array(BLOCK_BYTES);
  private readonly keys = new Int32Array(KEY_WORDS);
  private readonly box: Uint8Array;

  /**
   * @param key 16 bytes
   * @param box from `substitutionBox`
   */
  constructor(key: Uint8Array, box: Uint8Array) {
    this.box = box;
    const keys = this.keys;
    for (let i = 0; i < WORDS; i++) keys[i] = readU32(key, 4 * i);
    let constant = 1;
    for (let i = WORDS; i < KEY_WORDS; i++) {
      let word = keys[i - 1];
      if ((i & 3) === 0) {
        const turned = (word << 8) | (word >>> 24);
        word = substitute(box, turned, turned, turned, turned) ^ (constant << 24);
        constant = double(constant);
      }
      keys[i] = keys[i - WORDS] ^ word;
    }
  }

  encrypt(): void {
    const block = this.block;
    const box = this.box;
    const keys = this.keys;
    let a = readU32(block, 0) ^ keys[0];
    let b = readU32(block, 4) ^ keys[1];
    let c = readU32(block, 8) ^ keys[2];
    let d = readU32(block, 12) ^ keys[3];
    for (let at = WORDS; at < ROUNDS * WORDS; at += WORDS) {
      const e = column(box, a, b, c, d) ^ keys[at];
      const f = column(box, b, c, d, a) ^ keys[at + 1];
      const g = column(box, c, d, a, b) ^ keys[at + 2];
      d = column(box, d, a, b, c) ^ keys[at + 3];
      a = e;
      b = f;
      c = g;
    }
    const last = ROUNDS * WORDS;
    writeU32(block, 0, substitute(box, a, b, c, d) ^ keys[last]);
    writeU32(block, 4, substitute(box, b, c, d, a) ^ keys[last + 1]);
    writeU32(block, 8, substitute(box, c, d, a, b) ^ keys[last + 2]);
    writeU32(block, 12, substitute(box, d, a, b, c) ^ keys[last + 3]);
  }
}

/** Sealing in JavaScript alone, for platforms without AES. */
export function pureSealing(): Sealing {
  const box = substitutionBox();
  return sealingWith((key) => new Aes128(key, box));
}

/** The S-box of FIPS 197, section 5.1.1: the inverse in the field, then an affine map. 256 bytes. */
export function substitutionBox(): Uint8Array {
  const box = new Uint8Array(256);
  box[0] = 0x63;
  let power = 1;
  let inverse = 1;
  do {
    // The powers of 3 are all elements of the field but 0. Their inverses are the powers of 0xf6, the inverse of 3.
    power ^= double(power);
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse = (inverse ^ (inverse << 4)) & 255;
    if (inverse >= 128) inverse ^= 0x09;
    const twice = inverse | (inverse << 8);
    box[power] = 0x63 ^ inverse ^ (twice >> 7) ^ (twice >> 6) ^ (twice >> 5) ^ (twice >> 4);
  } while (power !== 1);
  return box;
}

/** Multiplies by x in the field of AES. */
function double(byte: number): number {
  return byte < 128 ? byte << 1 : ((byte << 1) ^ POLYNOMIAL) & 255;
}

/** One column of a round: SubBytes and ShiftRows, then MixColumns on all four bytes at a time. */
function column(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  const word = (box[a >>> 24] << 24) | (box[(b >> 16) & 255] << 16) | (box[(c >> 8) & 255] << 8) | box[d & 255];
  const turned = (word << 8) | (word >>> 24);
  const both = word ^ turned;
  const doubled = ((both & 0x7f7f7f7f) << 1) ^ (((both >>> 7) & 0x01010101) * POLYNOMIAL);
  return doubled ^ turned ^ ((both << 16) | (both >>> 16));
}

/** SubBytes and ShiftRows without MixColumns, for the last round and the key schedule. */
function substitute(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (box[a >>> 24] << 24) | (box[(b >> 16) & 255] << 16) | (box[(c >> 8) & 255] << 8) | box[d & 255];
}
