import { randomBytes } from "node:crypto";

/** A uint32 for a new node. Not from the random seed, which must stay secret. */
export function randomId(): number {
  return randomBytes(4).readUInt32LE();
}
