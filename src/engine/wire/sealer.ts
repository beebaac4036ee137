/** Bytes by which sealing lengthens a frame: the synthetic initialization vector of RFC 5297. */
export const SEAL_BYTES = 16;

/** In place of a receiver's id: the frame is for whoever gets it. */
export const NO_RECEIVER = -1;

/**
 * Seals and unseals frames in place, with AES-SIV (RFC 5297). The first component
 * of associated data is the frame's head. The second one is the receiver's id in 4
 * bytes, big-endian, which is not sent: no other node can unseal the frame. A
 * frame for NO_RECEIVER has no second component. Sealing is deterministic: equal
 * frames for one receiver, under one key, give equal bytes. A head that is used
 * twice reveals nothing else.
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
   * @param receiver uint32: id of the node that is to unseal the frame; or NO_RECEIVER
   * @returns the new length, SEAL_BYTES more; -1 when that is more than `room`, and nothing was written
   * @throws Error when the platform's cipher has no memory. The frame must not be sent then
   */
  seal(frame: Uint8Array, headLength: number, length: number, room: number, receiver: number): number;

  /**
   * Unseals a frame of `length` bytes.
   *
   * @param headLength 1 to `length`
   * @param receiver as in `seal`
   * @returns the length of the plain frame, SEAL_BYTES less; -1 when the frame was not sealed with a key of this
   * network, is for another receiver or was changed on the way. `frame` is unchanged then
   * @throws Error as `seal`
   */
  unseal(frame: Uint8Array, headLength: number, length: number, receiver: number): number;
}

/**
 * Makes a platform's sealer.
 *
 * @param key 32 bytes: seals and unseals
 * @param otherKey 32 bytes: only unseals, while the keys of a network are changed
 */
export type Sealing = (key: Uint8Array, otherKey: Uint8Array | undefined) => Sealer;
