// The SDK's typings include this module, but the package @moddable/typings does not yet.

declare module "crypt" {
  export class Digest {
    constructor(type: "MD5" | "SHA1" | "SHA224" | "SHA256" | "SHA384" | "SHA512");
    write(message: string | ArrayBuffer): void;
    /** The digest of all bytes written since the creation or the last reset. */
    close(): ArrayBuffer;
    reset(): void;
  }
}
