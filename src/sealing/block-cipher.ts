/** Bytes of a block of AES. */
export const BLOCK_BYTES = 16;
/** Bytes of a key of AES-SIV with AES-128: a half for each of its two ciphers. */
export const KEY_BYTES = 32;

/** AES-128 (FIPS 197) under one key, one direction, one block: all that AES-SIV needs of a platform. */
export interface BlockCipher {
  /** BLOCK_BYTES bytes, the same array for good. */
  readonly block: Uint8Array;
  /**
   * Encrypts the block in place.
   *
   * @throws Error when the platform has no memory for it; the block is not encrypted then
   */
  encrypt(): void;
}
