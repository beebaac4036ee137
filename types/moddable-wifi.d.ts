// The part of a class that the boards use and the package @moddable/typings does not have yet.

declare module "embedded:network/interface/wifi" {
  class WiFi {
    constructor(options: { onChanged?: () => void });
    connect(network: { SSID: string; password?: string }): void;
    disconnect(): void;
    /** 200: no connection; 300: associating; 400: associated; 500: has an address. */
    readonly connection: number;
    readonly address: string | undefined;
  }
  export default WiFi;
}
