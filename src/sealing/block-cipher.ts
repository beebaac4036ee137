/** Bytes of a block of AES. */
export const BLOCK_BYTES = 16;
/** Bytes of a key of AES-SIV with AES-128: one half for each of its two ciphers. */
export const KEY_BYTES = 32;

/** AES-128 encryption (FIPS 197) of single blocks under one key. AES-SIV needs no more of a platform. */
export interface BlockCipher {
  /** The input and output of `encrypt`: BLOCK_BYTES bytes, always the same array. */
  readonly block: Uint8Array;
  /**
   * Encrypts the block in place.
   *
   * @throws Error when the platform has no memory; the block is then not encrypted
   */
  encrypt(): void;
}
