// The part of the SDK's sensor classes that the boards use. Neither its typings nor @moddable/typings have any.

declare module "embedded:sensor/Humidity-Temperature/SHT3x" {
  class SHT3x {
    constructor(options: { sensor: object; onError?: (message: string) => void });
    sample(): { thermometer: { temperature?: number }; hygrometer: { humidity?: number } };
    close(): void;
  }
  export default SHT3x;
}
