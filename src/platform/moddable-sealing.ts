import { BlockCipher as NativeCipher } from "crypt";
import type { Sealing } from "../engine/wire/sealer.js";
import type { BlockCipher } from "../sealing/block-cipher.js";
import { sealingWith } from "../sealing/siv-sealer.js";

// A class of the SDK that its typings leave out.
declare module "crypt" {
  class BlockCipher {
    /** @param key 16, 24 or 32 bytes */
    constructor(cipher: "AES", key: ArrayBuffer);
    /** Encrypts the first block of `data` into the first bytes of `result`, which may be the same buffer. */
    encrypt(data: ArrayBuffer, result: ArrayBuffer): ArrayBuffer;
  }
}

/** Sealing with the Moddable SDK's AES, in C. Without mcpack, include src/sealing/manifest.json in the manifest. */
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
