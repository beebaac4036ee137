import { formatAddress } from "../engine/wire/address.js";
import { KEY_PEERS, type Preferences, PreferenceStorage } from "./moddable-storage.js";
import type { GossipClock, GossipLog, GossipSocket, GossipStorage, Platform } from "./types.js";
import { DATAGRAM_BYTES_MAX, nodeIdOf } from "./udp.js";

/** Espruino's own header in its buffer for a datagram. */
const HEADER_BYTES = 8;
/** A larger step between two readings of the clock means that the clock was set. */
const STEP_MS_MAX = 7200000;

export interface EspruinoPlatform extends Platform {
  socket: EspruinoSocket;
}

/**
 * The platform's part of a node's options on Espruino. The network must be connected.
 *
 * @param receiveBytesMax longest datagram to receive, 528 to 1,472 bytes; 1,472 by default, the longest
 * that any node sends. Espruino truncates longer datagrams. ESP8266 drops those longer than 268 bytes
 */
export function espruinoPlatform(receiveBytesMax?: number): EspruinoPlatform {
  return {
    socket: new EspruinoSocket(receiveBytesMax),
    clock: new EspruinoClock(),
    randomSeed: E.hwRand() >>> 0,
  };
}

/**
 * Keeps the revision in two files of Espruino's Storage, which erases a file before it rewrites it; the id and 10
 * addresses of other nodes in a file each.
 *
 * @param file beginning of the files' names; `chisme` by default
 * @param log for events, such as `flashLog()`
 */
export function flashStorage(file?: string, log?: GossipLog): GossipStorage {
  return new PreferenceStorage(flash, file ?? "chisme", log);
}

const flash: Preferences = {
  get(domain: string, key: string): number | Uint8Array | undefined {
    const text = require("Storage").read(`${domain}.${key}`);
    if (key === KEY_PEERS) return text === undefined ? undefined : E.toUint8Array(text);
    // A file that a power loss left half written does not hold a number.
    return text === undefined || isNaN(Number(text)) ? undefined : Number(text);
  },
  set(domain: string, key: string, value: number | ArrayBuffer): void {
    const text = typeof value === "number" ? String(value >>> 0) : E.toString(new Uint8Array(value));
    if (text === undefined) throw new Error("no memory for the peers");
    if (!require("Storage").write(`${domain}.${key}`, text)) throw new Error("Storage is full");
  },
  delete(domain: string, key: string): void {
    require("Storage").erase(`${domain}.${key}`);
  },
};

/** Espruino's timers, and its clock without the steps by which the clock is set. */
export class EspruinoClock implements GossipClock {
  private passedMs = 0;
  private lastMs = Math.floor(getTime() * 1000);

  nowMs(): number {
    const nowMs = Math.floor(getTime() * 1000);
    const stepMs = nowMs - this.lastMs;
    this.lastMs = nowMs;
    if (stepMs > 0 && stepMs < STEP_MS_MAX) this.passedMs = (this.passedMs + stepMs) >>> 0;
    return this.passedMs;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    return setTimeout(callback, delayMs);
  }

  clearTimer(timer: unknown): void {
    clearTimeout(timer);
  }

  /** Near 1970 until the time is set, with `setTime` or `Wifi.setSNTP`. */
  physicalMs(): number {
    return Math.floor(getTime() * 1000);
  }
}

/** Listens on all interfaces: Espruino's sockets cannot select one. */
export class EspruinoSocket implements GossipSocket {
  private readonly receiveBytesMax: number;
  private port = 0;
  private bound: EspruinoUdpSocket | undefined;
  /** Espruino allows broadcasts only on a socket that is not bound. The answers arrive at that socket's port. */
  private broadcaster: EspruinoUdpSocket | undefined;
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  private onError: ((error: Error) => void) | undefined;

  constructor(receiveBytesMax?: number) {
    this.receiveBytesMax = receiveBytesMax ?? DATAGRAM_BYTES_MAX;
  }

  bind(
    port: number,
    onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void,
    onError: (error: Error) => void,
  ): void {
    this.port = port;
    this.onDatagram = onDatagram;
    this.onError = onError;
    this.open();
  }

  /**
   * Binds again. Call this after a loss of the network, because the address may
   * have changed. Without effect before `bind` and after `close`.
   */
  reopen(): void {
    this.release();
    if (this.onDatagram === undefined) return;
    try {
      this.open();
    } catch (error) {
      if (this.onError !== undefined) this.onError(error as Error);
    }
  }

  /** @throws Error when the socket is not open or there is no memory for the datagram */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.bound === undefined) throw new Error("the socket is not open");
    const text = E.toString(bytes.subarray(0, length));
    if (text === undefined) throw new Error("no memory for a datagram");
    let socket = this.bound;
    if ((address & 255) === 255) {
      socket = this.broadcaster ?? this.create();
      this.broadcaster = socket;
    }
    socket.send(text, port, formatAddress(address));
  }

  ownAddress(): number {
    const ip = wifi().ip;
    return ip === undefined ? 0 : toNumber(ip);
  }

  /** The id is that of the chip. */
  get isDeviceIdFixed(): boolean { return true; }
  /** By DNS of the module "Wifi". Builds without it find no host. */
  resolve(name: string, callback: (address: number) => void): void {
    try {
      require("Wifi").getHostByName(name, (ip) => callback(ip === undefined || ip === null ? 0 : toNumber(ip)));
    } catch {
      callback(0);
    }
  }

  /** From the low bits of the MAC address or, without Wi-Fi, of the serial number. */
  deviceId(port: number): number {
    const mac = wifi().mac;
    const digits = (mac ?? getSerial() as string).split(mac === undefined ? "-" : ":").join("");
    const device = parseInt(digits.substring(digits.length - 8), 16) as number;
    return nodeIdOf(device, port);
  }

  close(): void {
    this.onDatagram = undefined;
    this.release();
  }

  private create(): EspruinoUdpSocket {
    const recvBufferSize = this.receiveBytesMax + HEADER_BYTES;
    const socket = require("dgram").createSocket({ type: "udp4", recvBufferSize });
    socket.on("message", (message, from) => {
      const bytes = E.toUint8Array(message) as Uint8Array | undefined;
      if (bytes === undefined || this.onDatagram === undefined) return;
      this.onDatagram(bytes, bytes.length, toNumber(from.address), from.port);
    });
    socket.on("close", () => this.closed(socket));
    return socket;
  }

  /** An empty datagram from any sender closes a socket of Espruino, so a bound one is opened again. */
  private closed(socket: EspruinoUdpSocket): void {
    if (socket === this.broadcaster) this.broadcaster = undefined;
    if (socket === this.bound) this.reopen();
  }

  private open(): void {
    const socket = this.create();
    socket.bind(this.port);
    this.bound = socket;
  }

  private release(): void {
    const bound = this.bound;
    const broadcaster = this.broadcaster;
    this.bound = undefined;
    this.broadcaster = undefined;
    if (bound !== undefined) bound.close();
    if (broadcaster !== undefined) broadcaster.close();
  }
}

function wifi(): EspruinoAddresses {
  try {
    return require("Wifi").getIP();
  } catch {
    // The build for Linux has no module "Wifi".
    return {};
  }
}

/** Faster on Espruino than the engine's `parseAddress`, which also checks the text. */
function toNumber(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
