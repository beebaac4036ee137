// What the platform for Espruino uses of the firmware and @types/espruino does not have: modules, timers, E.toString.
// Types declared here keep the names of their members when the bundle is minified, those of the sources don't.

interface EspruinoSocketOptions {
  type: "udp4";
  /** Longest datagram plus 8 bytes that Espruino puts before it; what is longer is cut. */
  recvBufferSize?: number;
}

interface EspruinoUdpSocket {
  /** Binds on all interfaces. Throws when the port is taken; without a network it does nothing. */
  bind(port: number): EspruinoUdpSocket;
  /** A string, each character a byte; anything else ends the program. */
  send(message: string, port: number, address: string): void;
  close(): void;
  on(event: "message", callback: (message: string, from: { address: string; port: number }) => void): void;
  on(event: "close", callback: () => void): void;
}

interface EspruinoDgram {
  createSocket(options: EspruinoSocketOptions): EspruinoUdpSocket;
}

interface EspruinoStorageModule {
  read(file: string, offset?: number, length?: number): string | undefined;
  /**
   * Throws, or returns false, when there is no room. With a size, at offset 0
   * makes a file that is longer than the data, unless there is one, which is
   * erased; at another offset writes into the file that there is, where it is erased.
   */
  write(file: string, data: string, offset?: number, size?: number): boolean;
  erase(file: string): void;
}

interface EspruinoAddresses {
  ip?: string;
  mac?: string;
}

interface EspruinoWifi {
  getIP(): EspruinoAddresses;
}

interface EspruinoAesOptions {
  /** Each block of 16 bytes by itself. */
  mode: "ECB";
}

interface EspruinoAes {
  /** Undefined, with a message on the console, when there is no memory. */
  encrypt(message: Uint8Array, key: Uint8Array, options: EspruinoAesOptions): ArrayBuffer | undefined;
}

/** Undefined, with a message on the console, when there is no memory for the hash. */
type EspruinoHash = (message: Uint8Array) => ArrayBuffer | undefined;

interface EspruinoCrypto {
  /** Undefined in builds that have only hashes. */
  AES: EspruinoAes | undefined;
  /** Undefined in builds that have only SHA-1. */
  SHA256: EspruinoHash | undefined;
}

declare function require(name: "crypto"): EspruinoCrypto;
declare function require(name: "dgram"): EspruinoDgram;
declare function require(name: "Storage"): EspruinoStorageModule;
declare function require(name: "Wifi"): EspruinoWifi;

declare function setTimeout(callback: () => void, delayMs: number): number;

declare namespace E {
  /** A string of the bytes; undefined when there is no memory for it. */
  function toString(bytes: Uint8Array): string | undefined;
  /** Small builds have none. */
  const CRC32: ((bytes: Uint8Array) => number) | undefined;
}
