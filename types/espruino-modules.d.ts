// Parts of the firmware that the Espruino platform uses and @types/espruino lacks: modules, timers, E.toString.
// Minification keeps the names of members that are declared here, but not of those in the sources.

interface EspruinoSocketOptions {
  type: "udp4";
  /** Length of the longest datagram plus 8 bytes for Espruino's header. Longer datagrams are truncated. */
  recvBufferSize?: number;
}

interface EspruinoUdpSocket {
  /** Binds on all interfaces. Throws when the port is in use; does nothing without a network. */
  bind(port: number): EspruinoUdpSocket;
  /** Sends a string, whose characters are bytes. Any other type ends the program. */
  send(message: string, port: number, address: string): void;
  /** What is queued: each datagram behind a header of 8 bytes. Undefined before the first one. */
  readonly dSnd?: string;
  /** Whether to close when idle, although datagrams are queued or arrive. */
  clsNow?: boolean;
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
   * Throws or returns false when there is no room. With a size and offset 0, creates
   * a file that is longer than the data, or writes to an existing erased file. At
   * another offset, writes to erased bytes of the existing file.
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
  /** @param callback gets null when there is no such host */
  getHostByName(name: string, callback: (ip: string | null | undefined) => void): void;
}

interface EspruinoAesOptions {
  /** ECB encrypts each block of 16 bytes independently. */
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
