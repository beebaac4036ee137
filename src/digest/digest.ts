/** SHA-256, for the hash chains of feeds. Platforms give their own where they have one; else there is `Sha256`. */
export interface Digest {
  /**
   * Writes the SHA-256 of a message in two parts, head and body, into `out`, 32
   * bytes from `outStart` on. Each part may have no bytes. The arrays may be the
   * same if the ranges do not overlap. Keeps no array.
   *
   * @throws Error when the platform has no memory; the caller then drops what it hashes
   */
  sha256(
    head: Uint8Array, headStart: number, headLength: number, body: Uint8Array, bodyStart: number, bodyLength: number,
    out: Uint8Array, outStart: number,
  ): void;
}

export const SHA256_BYTES = 32;
