import type { Digest } from "../digest/sha256.js";

/**
 * SHA-256 of Espruino's module `crypto`, for the option `events.digest`; undefined
 * where the firmware was built without it, as for ESP8266. `new Sha256()` of
 * chisme/sha256 serves there.
 */
export function espruinoDigest(): Digest | undefined {
  const sha256 = nativeSha256();
  return sha256 === undefined ? undefined : new EspruinoDigest(sha256);
}

class EspruinoDigest implements Digest {
  private readonly native: EspruinoHash;

  constructor(native: EspruinoHash) {
    this.native = native;
  }

  /** @throws Error when there is no memory for the 32 bytes, or for both parts of the message, in one piece */
  sha256(
    head: Uint8Array, headStart: number, headLength: number, body: Uint8Array, bodyStart: number, bodyLength: number,
    out: Uint8Array, outStart: number,
  ): void {
    const native = this.native;
    let message = head.subarray(headStart, headStart + headLength);
    if (bodyLength > 0) {
      // The module hashes one piece only.
      message = new Uint8Array(headLength + bodyLength);
      message.set(head.subarray(headStart, headStart + headLength), 0);
      message.set(body.subarray(bodyStart, bodyStart + bodyLength), headLength);
    }
    const hash = native(message);
    if (hash === undefined) throw new Error("no memory for a digest");
    out.set(new Uint8Array(hash), outStart);
  }
}

function nativeSha256(): EspruinoHash | undefined {
  try {
    return require("crypto").SHA256;
  } catch {
    return undefined;
  }
}
