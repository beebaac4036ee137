/** Bytes by which sealing lengthens a frame: the synthetic initialization vector of RFC 5297. */
export const SEAL_BYTES = 16;

/**
 * Seals and unseals frames in place, with AES-SIV (RFC 5297). The frame's head is
 * the one component of associated data. Sealing is deterministic: equal frames
 * under one key give equal bytes. A head that is used twice reveals nothing else.
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
   * @throws Error when the platform's cipher has no memory. The frame must not be sent then
   */
  seal(frame: Uint8Array, headLength: number, length: number, room: number): number;

  /**
   * Unseals a frame of `length` bytes.
   *
   * @param headLength 1 to `length`
   * @returns the length of the plain frame, SEAL_BYTES less; -1 when the frame was not sealed with a key of this
   * network or was changed on the way. `frame` is unchanged then
   * @throws Error as `seal`
   */
  unseal(frame: Uint8Array, headLength: number, length: number): number;
}

/**
 * Makes a platform's sealer.
 *
 * @param key 32 bytes: seals and unseals
 * @param otherKey 32 bytes: only unseals, while the keys of a network are changed
 */
export type Sealing = (key: Uint8Array, otherKey: Uint8Array | undefined) => Sealer;
