import { readU32, writeU32 } from "../cbor/big-endian.js";
import { BLOCK_BYTES, type BlockCipher } from "./block-cipher.js";

// Parts of the state, 16 bytes each.
/** CMAC's subkeys, for a message that ends with a whole block and for any other. */
const SUBKEY_WHOLE = 0;
const SUBKEY_PADDED = 16;
/** CMAC of 16 zeros, with which S2V begins. */
const START = 32;
/** S2V's D. */
const SUM = 48;
/** The vector of what is opened. */
const VECTOR = 64;
const STATE_BYTES = 80;

const PADDING = 0x80;
/** What doubling in GF(2^128) subtracts where a bit is lost. */
const POLYNOMIAL = 0x87;

/**
 * AES-SIV, RFC 5297, over a platform's AES: S2V with AES-CMAC (RFC 4493) makes
 * the vector of all components and the plaintext, AES-CTR encrypts from there.
 * Nothing is allocated after the constructor.
 *
 * For each message: `begin`, `associate` for each component of associated data
 * in order (at most 126), then `seal` or `open`.
 */
export class Siv {
  private readonly mac: BlockCipher;
  private readonly stream: BlockCipher;
  private readonly state = new Uint8Array(STATE_BYTES);
  private readonly counter = new Uint8Array(BLOCK_BYTES);
  /** Bytes that the block of the MAC has taken up. */
  private filled = 0;

  /**
   * @param mac under the first half of the key
   * @param stream under the second half; has a block of its own
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

  /** Takes in one component of associated data. */
  associate(bytes: Uint8Array, start: number, length: number): void {
    this.double(SUM);
    this.authenticate(bytes, start, length);
    this.mix(SUM, this.mac.block, 0, BLOCK_BYTES);
  }

  /** Puts the vector and the encrypted bytes in place of `length` plain ones; needs 16 bytes of room behind them. */
  seal(bytes: Uint8Array, start: number, length: number): void {
    this.synthesize(bytes, start, length);
    this.startCounter(this.mac.block, 0);
    this.moveUp(bytes, start, length);
    const vector = this.mac.block;
    for (let i = 0; i < BLOCK_BYTES; i++) bytes[start + i] = vector[i];
  }

  /**
   * Puts the plain bytes in place of a vector and `length` encrypted ones.
   *
   * @returns whether they are what was sealed; if not, `bytes` are as they were
   */
  unseal(bytes: Uint8Array, start: number, length: number): boolean {
    const state = this.state;
    for (let i = 0; i < BLOCK_BYTES; i++) state[VECTOR + i] = bytes[start + i];
    this.startCounter(state, VECTOR);
    this.moveDown(bytes, start, length);
    this.synthesize(bytes, start, length);
    // All bytes are compared, so that the time says nothing about the first that differs.
    let difference = 0;
    for (let i = 0; i < BLOCK_BYTES; i++) difference |= state[VECTOR + i] ^ this.mac.block[i];
    if (difference === 0) return true;
    this.moveUp(bytes, start, length);
    for (let i = 0; i < BLOCK_BYTES; i++) bytes[start + i] = state[VECTOR + i];
    return false;
  }

  /** The last step of S2V: leaves the vector in the block of the MAC. */
  private synthesize(bytes: Uint8Array, start: number, length: number): void {
    const tail = length - BLOCK_BYTES;
    if (tail < 0) {
      this.double(SUM);
      this.mix(SUM, bytes, start, length);
      this.state[SUM + length] ^= PADDING;
      this.authenticate(this.state, SUM, BLOCK_BYTES);
      return;
    }
    // The RFC's xorend: the sum goes into the last 16 bytes, which are then taken from there.
    this.mix(SUM, bytes, start + tail, BLOCK_BYTES);
    this.clear();
    this.absorb(bytes, start, tail);
    this.absorb(this.state, SUM, BLOCK_BYTES);
    this.finish();
  }

  /** AES-CMAC, which it leaves in the block of the MAC. */
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

  /** The vector without its bits 31 and 63, so that adding to its last word never carries. */
  private startCounter(vector: Uint8Array, at: number): void {
    const counter = this.counter;
    for (let i = 0; i < BLOCK_BYTES; i++) counter[i] = vector[at + i];
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
  }

  /** Encrypts or decrypts `length` bytes at `start` to 16 bytes further on, from the last to the first. */
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

  /** The reverse: what is 16 bytes after `start` goes there, from the first to the last. */
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

  /** Leaves the key stream for the block of that number in the block of the stream. */
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

  /** Keeps the block of the MAC as a part of the state. */
  private store(at: number): void {
    for (let i = 0; i < BLOCK_BYTES; i++) this.state[at + i] = this.mac.block[i];
  }
}
