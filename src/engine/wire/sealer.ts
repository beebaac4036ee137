/** Bytes that a sealed frame is longer than the plain one: the synthetic initialization vector of RFC 5297. */
export const SEAL_BYTES = 16;

/**
 * Seals and opens frames in place, by AES-SIV (RFC 5297) with the frame's head
 * as the one component of associated data. It is deterministic: equal frames
 * under one key give equal bytes, and nothing worse comes of a head that is used
 * twice. The engine is handed one and knows no more of it than this.
 *
 *   plain    head (headLength)  body
 *   sealed   head (headLength)  vector (SEAL_BYTES)  encrypted body
 */
export interface Sealer {
  /**
   * Seals the frame in the first `length` bytes of `frame`.
   *
   * @param headLength bytes that stay readable, 1 to `length`
   * @param room bytes of `frame` that may be written, from its start on
   * @returns the new length, SEAL_BYTES more; -1 when that is more than `room`, and nothing was written
   * @throws Error when the platform's cipher has no memory; the frame must not be sent then
   */
  seal(frame: Uint8Array, headLength: number, length: number, room: number): number;

  /**
   * Opens a sealed frame of `length` bytes.
   *
   * @param headLength 1 to `length`
   * @returns the length of the plain frame, SEAL_BYTES less; -1 when it was not sealed with a key of this
   * network or was changed on the way, and `frame` is as it was
   * @throws Error as `seal`
   */
  unseal(frame: Uint8Array, headLength: number, length: number): number;
}

/**
 * Makes a platform's sealer.
 *
 * @param key 32 bytes: seals, and opens
 * @param otherKey 32 bytes: opens too, while the keys of a network are changed
 */
export type Sealing = (key: Uint8Array, otherKey: Uint8Array | undefined) => Sealer;
