/** SHA-256, for the hash chains of feeds. Platforms give their own where they have one; else there is `Sha256`. */
export interface Digest {
  /**
   * Writes the SHA-256 of `length` bytes from `start` on into `out`, 32 bytes from
   * `outStart` on. Both arrays may be the same if the ranges do not overlap. Keeps
   * neither array.
   *
   * @throws Error when the platform has no memory; the caller then drops what it hashes
   */
  sha256(bytes: Uint8Array, start: number, length: number, out: Uint8Array, outStart: number): void;
}

export const SHA256_BYTES = 32;
