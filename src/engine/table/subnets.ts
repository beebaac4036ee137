import { isMediaAddress } from "./media.js";

export { LINE_ADDRESSES, type Media, isReached } from "./media.js";

/** Subnets that a node may trust. */
export const SUBNETS_MAX = 8;

/**
 * Whether an address is in one of the subnets.
 *
 * @param subnets network address and mask of each in turn, uint32; undefined: every address is trusted
 */
export function isTrusted(subnets: Uint32Array | undefined, address: number): boolean {
  // What the user connected by a cable, or within reach of a radio, is in no subnet.
  if (subnets === undefined || isMediaAddress(address)) return true;
  for (let i = 0; i < subnets.length; i += 2) {
    if (((address & subnets[i + 1]) >>> 0) === subnets[i]) return true;
  }
  return false;
}
