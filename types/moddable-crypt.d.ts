// The SDK's typings have this module, with its digests; the package @moddable/typings does not have it yet.

declare module "crypt" {
  export class Digest {
    constructor(type: "MD5" | "SHA1" | "SHA224" | "SHA256" | "SHA384" | "SHA512");
    write(message: string | ArrayBuffer): void;
    /** The digest of what was written since the digest was made or reset. */
    close(): ArrayBuffer;
    reset(): void;
  }
}
