import { BlockCipher as NativeCipher } from "crypt";
import type { Sealing } from "../engine/wire/sealer.js";
import type { BlockCipher } from "../sealing/block-cipher.js";
import { sealingWith } from "../sealing/siv-sealer.js";

// What the SDK has and its typings leave out.
declare module "crypt" {
  class BlockCipher {
    /** @param key 16, 24 or 32 bytes */
    constructor(cipher: "AES", key: ArrayBuffer);
    /** The first block of `data`, into the first bytes of `result`, which may be the same. */
    encrypt(data: ArrayBuffer, result: ArrayBuffer): ArrayBuffer;
  }
}

/** Sealing on the Moddable SDK, by its AES, which is in C. Without mcpack it needs src/sealing/manifest.json. */
export function moddableSealing(): Sealing {
  return sealingWith((key) => new ModdableCipher(key));
}

class ModdableCipher implements BlockCipher {
  readonly block = new Uint8Array(16);
  private readonly buffer = this.block.buffer;
  private readonly native: NativeCipher;

  constructor(key: Uint8Array) {
    this.native = new NativeCipher("AES", key.buffer as ArrayBuffer);
  }

  encrypt(): void {
    this.native.encrypt(this.buffer, this.buffer);
  }
}
