import { readU32, writeU32 } from "../cbor/big-endian.js";
import { BLOCK_BYTES, type BlockCipher } from "./block-cipher.js";

// Parts of the state, 16 bytes each except the last.
/** CMAC's subkeys (RFC 4493, 2.3): for a message that ends with a complete block, and for any other. */
const SUBKEY_WHOLE = 0;
const SUBKEY_PADDED = 16;
/** CMAC of 16 zeros, the initial value of S2V (RFC 5297, 2.4). */
const START = 32;
/** S2V's D. */
const SUM = 48;
/** The vector of the message to unseal. */
const VECTOR = 64;
/** A word of associated data: 4 bytes. */
const WORD = 80;
const STATE_BYTES = 84;

const PADDING = 0x80;
/** Subtracted when doubling in GF(2^128) carries a bit out. */
const POLYNOMIAL = 0x87;

/**
 * AES-SIV (RFC 5297) on a platform's AES. S2V with AES-CMAC (RFC 4493) computes
 * the vector from the associated data and the plaintext, and AES-CTR encrypts with
 * it. Nothing is allocated after the constructor.
 *
 * For each message call `begin`, then `associate` for each component of associated
 * data in order (at most 126), then `seal` or `unseal`.
 */
export class Siv {
  private readonly mac: BlockCipher;
  private readonly stream: BlockCipher;
  private readonly state = new Uint8Array(STATE_BYTES);
  private readonly counter = new Uint8Array(BLOCK_BYTES);
  /** Bytes in the MAC's block that are not yet encrypted. */
  private filled = 0;

  /**
   * @param mac cipher under the first half of the key
   * @param stream cipher under the second half; it has its own block
   */
  constructor(mac: BlockCipher, stream: BlockCipher) {
    this.mac = mac;
    this.stream = stream;
    mac.block.fill(0);
    mac.encrypt();
    this.store(SUBKEY_WHOLE);
    this.double(SUBKEY_WHOLE);
    for (let i = 0; i < BLOCK_BYTES; i++) this.state[SUBKEY_PADDED + i] = this.state[SUBKEY_WHOLE + i];
    this.double(SUBKEY_PADDED);
    this.authenticate(this.state, START, BLOCK_BYTES);
    this.store(START);
  }

  /** Starts a message. */
  begin(): void {
    for (let i = 0; i < BLOCK_BYTES; i++) this.state[SUM + i] = this.state[START + i];
  }

  /** Authenticates one component of associated data. */
  associate(bytes: Uint8Array, start: number, length: number): void {
    this.double(SUM);
    this.authenticate(bytes, start, length);
    this.mix(SUM, this.mac.block, 0, BLOCK_BYTES);
  }

  /** Authenticates a uint32, big-endian, as one component of associated data. */
  associateWord(word: number): void {
    writeU32(this.state, WORD, word);
    this.associate(this.state, WORD, 4);
  }

  /** Replaces `length` plain bytes by the vector and the encrypted bytes. Needs 16 bytes of room behind them. */
  seal(bytes: Uint8Array, start: number, length: number): void {
    this.synthesize(bytes, start, length);
    this.startCounter(this.mac.block, 0);
    this.moveUp(bytes, start, length);
    const vector = this.mac.block;
    for (let i = 0; i < BLOCK_BYTES; i++) bytes[start + i] = vector[i];
  }

  /**
   * Replaces a vector and `length` encrypted bytes by the plain bytes.
   *
   * @returns whether the message is authentic; if not, `bytes` are unchanged
   */
  unseal(bytes: Uint8Array, start: number, length: number): boolean {
    const state = this.state;
    for (let i = 0; i < BLOCK_BYTES; i++) state[VECTOR + i] = bytes[start + i];
    this.startCounter(state, VECTOR);
    this.moveDown(bytes, start, length);
    this.synthesize(bytes, start, length);
    // Compare all bytes, so that the time does not reveal the first difference.
    let difference = 0;
    for (let i = 0; i < BLOCK_BYTES; i++) difference |= state[VECTOR + i] ^ this.mac.block[i];
    if (difference === 0) return true;
    this.moveUp(bytes, start, length);
    for (let i = 0; i < BLOCK_BYTES; i++) bytes[start + i] = state[VECTOR + i];
    return false;
  }

  /** The last step of S2V (RFC 5297, 2.4). Leaves the vector in the MAC's block. */
  private synthesize(bytes: Uint8Array, start: number, length: number): void {
    const tail = length - BLOCK_BYTES;
    if (tail < 0) {
      this.double(SUM);
      this.mix(SUM, bytes, start, length);
      this.state[SUM + length] ^= PADDING;
      this.authenticate(this.state, SUM, BLOCK_BYTES);
      return;
    }
    // The RFC's xorend: add the last 16 bytes to the sum, and authenticate the sum in their place.
    this.mix(SUM, bytes, start + tail, BLOCK_BYTES);
    this.clear();
    this.absorb(bytes, start, tail);
    this.absorb(this.state, SUM, BLOCK_BYTES);
    this.finish();
  }

  /** Computes AES-CMAC. Leaves it in the MAC's block. */
  private authenticate(bytes: Uint8Array, start: number, length: number): void {
    this.clear();
    this.absorb(bytes, start, length);
    this.finish();
  }

  private clear(): void {
    this.mac.block.fill(0);
    this.filled = 0;
  }

  private absorb(bytes: Uint8Array, start: number, length: number): void {
    const mac = this.mac;
    const block = mac.block;
    const end = start + length;
    let filled = this.filled;
    for (let i = start; i < end; i++) {
      if (filled === BLOCK_BYTES) {
        mac.encrypt();
        filled = 0;
      }
      block[filled] ^= bytes[i];
      filled++;
    }
    this.filled = filled;
  }

  private finish(): void {
    const block = this.mac.block;
    const isWhole = this.filled === BLOCK_BYTES;
    if (!isWhole) block[this.filled] ^= PADDING;
    const subkey = isWhole ? SUBKEY_WHOLE : SUBKEY_PADDED;
    for (let i = 0; i < BLOCK_BYTES; i++) block[i] ^= this.state[subkey + i];
    this.mac.encrypt();
  }

  /** Sets the counter to the vector without its bits 31 and 63, so that additions to its last word never carry. */
  private startCounter(vector: Uint8Array, at: number): void {
    const counter = this.counter;
    for (let i = 0; i < BLOCK_BYTES; i++) counter[i] = vector[at + i];
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
  }

  /** Encrypts or decrypts `length` bytes and moves them 16 bytes up, from the last block to the first. */
  private moveUp(bytes: Uint8Array, start: number, length: number): void {
    const block = this.stream.block;
    for (let from = (length - 1) & -BLOCK_BYTES; from >= 0; from -= BLOCK_BYTES) {
      this.encryptCounter(from >> 4);
      const at = start + from;
      const end = at + BLOCK_BYTES;
      const rest = length - from;
      const count = rest < BLOCK_BYTES ? rest : BLOCK_BYTES;
      for (let i = count - 1; i >= 0; i--) bytes[end + i] = bytes[at + i] ^ block[i];
    }
  }

  /** Encrypts or decrypts `length` bytes and moves them 16 bytes down to `start`, from the first block to the last. */
  private moveDown(bytes: Uint8Array, start: number, length: number): void {
    const block = this.stream.block;
    for (let from = 0; from < length; from += BLOCK_BYTES) {
      this.encryptCounter(from >> 4);
      const at = start + from;
      const end = at + BLOCK_BYTES;
      const rest = length - from;
      const count = rest < BLOCK_BYTES ? rest : BLOCK_BYTES;
      for (let i = 0; i < count; i++) bytes[at + i] = bytes[end + i] ^ block[i];
    }
  }

  /** Leaves the key stream of a block in the stream's block. */
  private encryptCounter(number: number): void {
    const counter = this.counter;
    const block = this.stream.block;
    const word = readU32(counter, 12) + number;
    block.set(counter);
    writeU32(block, 12, word);
    this.stream.encrypt();
  }

  /** Doubles a part of the state in GF(2^128). */
  private double(at: number): void {
    const state = this.state;
    const carry = state[at] >> 7;
    for (let i = at; i < at + BLOCK_BYTES - 1; i++) state[i] = (state[i] << 1) | (state[i + 1] >> 7);
    const last = at + BLOCK_BYTES - 1;
    state[last] = (state[last] << 1) ^ (carry * POLYNOMIAL);
  }

  private mix(at: number, bytes: Uint8Array, start: number, length: number): void {
    for (let i = 0; i < length; i++) this.state[at + i] ^= bytes[start + i];
  }

  /** Copies the MAC's block into a part of the state. */
  private store(at: number): void {
    for (let i = 0; i < BLOCK_BYTES; i++) this.state[at + i] = this.mac.block[i];
  }
}
