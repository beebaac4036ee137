import assert from "node:assert/strict";
import { type Cipher, type Hash, createCipheriv, createHash } from "node:crypto";

/** Stand-ins for what firmware has in C, made of node:crypto: they take what the real ones take, and no more. */

/** Digests of the SDK's module `crypt`. After `close` only `reset` makes one usable again. */
class Digest {
  private hash: Hash | undefined = createHash("sha256");

  constructor(type: string) {
    assert.equal(type, "SHA256");
  }

  write(bytes: Uint8Array): void {
    assert.ok(this.hash !== undefined, "writes to what was closed and not reset");
    this.hash.update(bytes);
  }

  close(): ArrayBuffer {
    assert.ok(this.hash !== undefined);
    const hash = Uint8Array.from(this.hash.digest());
    this.hash = undefined;
    return hash.buffer;
  }

  reset(): void {
    this.hash = createHash("sha256");
  }
}

/** Ciphers of the SDK's module `crypt`. */
class BlockCipher {
  private readonly cipher: Cipher;

  constructor(cipher: string, key: ArrayBuffer) {
    assert.equal(cipher, "AES");
    assert.ok(key instanceof ArrayBuffer);
    this.cipher = aes(new Uint8Array(key));
  }

  encrypt(data: ArrayBuffer, result: ArrayBuffer): ArrayBuffer {
    new Uint8Array(result).set(this.cipher.update(new Uint8Array(data).subarray(0, 16)));
    return result;
  }
}

/** The SDK's module `crypt`. */
export const crypt = { BlockCipher, Digest };

/** Espruino's module `crypto`. */
export const crypto = {
  AES: {
    encrypt(message: Uint8Array, key: Uint8Array, options: { mode: string }): ArrayBuffer {
      assert.deepEqual(options, { mode: "ECB" });
      return Uint8Array.from(aes(key).update(message)).buffer;
    },
  },
  SHA256: (message: Uint8Array): ArrayBuffer => Uint8Array.from(createHash("sha256").update(message).digest()).buffer,
};

function aes(key: Uint8Array): Cipher {
  return createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
}
