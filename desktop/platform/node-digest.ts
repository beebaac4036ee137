import { createHash } from "node:crypto";
import type { Digest } from "../../src/digest/sha256.js";

/** SHA-256 of `node:crypto`. */
export const nodeDigest: Digest = {
  sha256(bytes, start, length, out, outStart) {
    out.set(createHash("sha256").update(bytes.subarray(start, start + length)).digest(), outStart);
  },
};
