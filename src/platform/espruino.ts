import { type Preferences, PreferenceStorage } from "./moddable-storage.js";
import type { GossipClock, GossipLog, GossipSocket, GossipStorage, Platform } from "./types.js";

const DEFAULT_PORT = 5000;
/** The longest that any node sends. */
const DATAGRAM_BYTES_MAX = 1472;
/** Espruino's own header, which takes room in its buffer for a datagram. */
const HEADER_BYTES = 8;
/** A longer time between two looks at the clock is one that the clock was set by. */
const STEP_MS_MAX = 7200000;

export interface EspruinoPlatform extends Platform {
  socket: EspruinoSocket;
}

/**
 * The platform's part of a node's options on Espruino. The network must be there already.
 *
 * @param receiveBytesMax longest datagram that is taken in, 528 to 1,472, the default, which is
 * the longest that any node sends. Espruino cuts what is longer. ESP8266 drops what is longer than 268
 */
export function espruinoPlatform(receiveBytesMax?: number): EspruinoPlatform {
  return {
    socket: new EspruinoSocket(receiveBytesMax),
    clock: new EspruinoClock(),
    randomSeed: E.hwRand() >>> 0,
  };
}

/**
 * Keeps the revision in two files of Espruino's Storage, which erases a file before it writes it anew.
 *
 * @param log keeps the events, such as `flashLog()`
 */
export function flashStorage(file?: string, log?: GossipLog): GossipStorage {
  return new PreferenceStorage(flash, file ?? "chisme", log);
}

const flash: Preferences = {
  get(domain: string, key: string): number | undefined {
    const text = require("Storage").read(`${domain}.${key}`);
    // What a loss of power left half written is no number.
    return text === undefined || isNaN(Number(text)) ? undefined : Number(text);
  },
  set(domain: string, key: string, value: number): void {
    if (!require("Storage").write(`${domain}.${key}`, String(value >>> 0))) throw new Error("Storage is full");
  },
  delete(domain: string, key: string): void {
    require("Storage").erase(`${domain}.${key}`);
  },
};

/** Espruino's timers, and its clock as far as it can be believed: when it is set, no time has passed. */
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

  /** Near 1970 as long as nobody has set the time, with `setTime` or `Wifi.setSNTP`. */
  physicalMs(): number {
    return Math.floor(getTime() * 1000);
  }
}

/** Listens on all interfaces: Espruino's sockets can't choose one. */
export class EspruinoSocket implements GossipSocket {
  private readonly receiveBytesMax: number;
  private port = 0;
  private bound: EspruinoUdpSocket | undefined;
  /** Espruino lets only a socket broadcast that is not bound. The answers come to its own port. */
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
    this.reopen();
  }

  /**
   * Binds anew: for when the network is back after a loss, perhaps with another
   * address. Without effect before `open` and after `close`.
   */
  reopen(): void {
    this.release();
    if (this.onDatagram === undefined) return;
    const socket = this.create();
    try {
      socket.bind(this.port);
      this.bound = socket;
    } catch (error) {
      if (this.onError !== undefined) this.onError(error as Error);
    }
  }

  /** @throws Error when there is no open socket or no memory for the datagram */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.bound === undefined) throw new Error("the socket is not open");
    const text = E.toString(bytes.subarray(0, length));
    if (text === undefined) throw new Error("no memory for a datagram");
    let socket = this.bound;
    if ((address & 255) === 255) {
      socket = this.broadcaster ?? this.create();
      this.broadcaster = socket;
    }
    socket.send(text, port, toText(address));
  }

  ownAddress(): number {
    const ip = wifi().ip;
    return ip === undefined ? 0 : toNumber(ip);
  }

  /**
   * The low bits of the MAC address or, without Wi-Fi, of the serial number;
   * changed by the port where that is not 5000, so that nodes of one computer
   * differ.
   */
  deviceId(port: number): number {
    const mac = wifi().mac;
    const digits = (mac ?? getSerial() as string).split(mac === undefined ? "-" : ":").join("");
    const device = parseInt(digits.substring(digits.length - 8), 16) as number;
    return (device ^ ((port - DEFAULT_PORT) << 16)) >>> 0;
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

  /** An empty datagram, from whomever, closes a socket of Espruino. */
  private closed(socket: EspruinoUdpSocket): void {
    if (socket === this.broadcaster) this.broadcaster = undefined;
    if (socket === this.bound) this.reopen();
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
    // The build for Linux has none.
    return {};
  }
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
