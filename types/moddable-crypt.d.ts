// The SDK's typings have this module, with its digests; the package @moddable/typings does not have it yet.

declare module "crypt" {
  export class Digest {
    constructor(type: string);
  }
}
