import type { Sealing } from "../engine/wire/sealer.js";
import { pureSealing } from "../sealing/aes.js";
import type { BlockCipher } from "../sealing/block-cipher.js";
import { sealingWith } from "../sealing/siv-sealer.js";

/**
 * Sealing on Espruino, with the AES of its module `crypto`. Firmware without it
 * uses AES in JavaScript, which is many times slower.
 */
export function espruinoSealing(): Sealing {
  const aes = nativeAes();
  return aes === undefined ? pureSealing() : sealingWith((key) => new EspruinoCipher(aes, key));
}

class EspruinoCipher implements BlockCipher {
  readonly block = new Uint8Array(16);
  private readonly native: EspruinoAes;
  private readonly key: Uint8Array;
  private readonly options: EspruinoAesOptions = { mode: "ECB" };

  constructor(native: EspruinoAes, key: Uint8Array) {
    this.native = native;
    this.key = key;
  }

  encrypt(): void {
    const encrypted = this.native.encrypt(this.block, this.key, this.options);
    // Without this error the block would stay plain and be sent as if it were encrypted.
    if (encrypted === undefined) throw new Error("no memory for sealing");
    this.block.set(new Uint8Array(encrypted));
  }
}

function nativeAes(): EspruinoAes | undefined {
  try {
    return require("crypto").AES;
  } catch {
    return undefined;
  }
}
