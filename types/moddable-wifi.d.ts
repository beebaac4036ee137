// What the boards use of a class that the typings of the package @moddable/typings do not have yet.

declare module "embedded:network/interface/wifi" {
  class WiFi {
    constructor(options: { onChanged?: () => void });
    connect(network: { SSID: string; password?: string }): void;
    disconnect(): void;
    /** 200: none; 300: associating; 400: associated; 500: there is an address. */
    readonly connection: number;
    readonly address: string | undefined;
  }
  export default WiFi;
}
