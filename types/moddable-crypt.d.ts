// What sealing uses of the SDK's module `crypt`, which the typings of the package @moddable/typings do not have yet.

declare module "crypt" {
  export class BlockCipher {
    /** @param key 16, 24 or 32 bytes */
    constructor(cipher: "AES", key: ArrayBuffer);
    /** The first block of `data`, into the first bytes of `result`, which may be the same. */
    encrypt(data: ArrayBuffer, result: ArrayBuffer): ArrayBuffer;
  }
}
