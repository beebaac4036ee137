// The part of a class that boards/ethernet.ts uses and the package @moddable/typings does not have yet.

declare module "embedded:network/interface/ethernet" {
  class Ethernet {
    constructor(options: { onChanged?: () => void });
    /** Below 500 without an address. */
    readonly connection: number;
    readonly address: string | undefined;
  }
  export default Ethernet;
}
