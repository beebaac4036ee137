// What boards/care uses of modules that the SDK's typings include, but the package @moddable/typings does not yet.

declare module "mc/ffi" {
  /** Functions in C that the manifest declares. */
  const FFI: new () => object;
  export default FFI;
}

declare module "embedded:storage/flash" {
  export interface Partition {
    status(): { size: number };
    close(): void;
  }
  const Flash: { open(options: { path: string }): Partition };
  export default Flash;
}

declare module "embedded:update" {
  import type { Partition } from "embedded:storage/flash";

  export interface Updater {
    write(bytes: ArrayBuffer): void;
    complete(): void;
    close(): void;
  }
  const Update: { open(options: { partition: Partition; mode?: "a" | "w"; byteLength?: number }): Updater };
  export default Update;
}

declare module "embedded:network/dnssd" {
  export default class DNSSD {
    constructor(options: { socket: { io: unknown } });
    claim(options: { host: string; onReady?: () => void; onError?: () => void }): { close(): void };
    advertise(options: { serviceType: string; host: string; port: number }): { close(): void };
    close(): void;
  }
}
