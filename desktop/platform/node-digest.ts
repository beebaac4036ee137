import { createHash } from "node:crypto";
import type { Digest } from "../../src/digest/sha256.js";

/** SHA-256 of `node:crypto`. */
export const nodeDigest: Digest = {
  sha256(head, headStart, headLength, body, bodyStart, bodyLength, out, outStart) {
    const hash = createHash("sha256").update(head.subarray(headStart, headStart + headLength));
    if (bodyLength > 0) hash.update(body.subarray(bodyStart, bodyStart + bodyLength));
    out.set(hash.digest(), outStart);
  },
};
