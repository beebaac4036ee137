import { Digest as NativeDigest } from "crypt";
import type { Digest } from "../digest/sha256.js";

/** SHA-256 of the Moddable SDK, in C. Without mcpack, include src/digest/manifest.json in the manifest. */
export function moddableDigest(): Digest {
  return new ModdableDigest();
}

class ModdableDigest implements Digest {
  // One object for all calls: its state is a chunk, which would become garbage each time.
  private readonly native = new NativeDigest("SHA256");

  sha256(
    head: Uint8Array, headStart: number, headLength: number, body: Uint8Array, bodyStart: number, bodyLength: number,
    out: Uint8Array, outStart: number,
  ): void {
    const native = this.native;
    native.reset();
    // The SDK accepts views, but its typings do not.
    native.write(head.subarray(headStart, headStart + headLength) as unknown as ArrayBuffer);
    if (bodyLength > 0) native.write(body.subarray(bodyStart, bodyStart + bodyLength) as unknown as ArrayBuffer);
    out.set(new Uint8Array(native.close()), outStart);
  }
}
