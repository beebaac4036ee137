import { Digest as NativeDigest } from "crypt";
import type { Digest } from "../digest/sha256.js";

/** SHA-256 on the Moddable SDK, which has it in C. Without mcpack it needs src/digest/manifest.json. */
export function moddableDigest(): Digest {
  return new ModdableDigest();
}

class ModdableDigest implements Digest {
  // One for all: its state is a chunk, which would be garbage each time.
  private readonly native = new NativeDigest("SHA256");

  sha256(bytes: Uint8Array, start: number, length: number, out: Uint8Array, outStart: number): void {
    const native = this.native;
    native.reset();
    // The SDK takes views, and its typings don't know.
    native.write(bytes.subarray(start, start + length) as unknown as ArrayBuffer);
    out.set(new Uint8Array(native.close()), outStart);
  }
}
