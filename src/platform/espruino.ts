import { formatAddress } from "../engine/wire/address.js";
import { show } from "../checks.js";
import { invalid } from "../errors.js";
import { KEY_PEERS, type Preferences, PreferenceStorage } from "./moddable-storage.js";
import type { GossipClock, GossipLog, GossipSocket, GossipStorage, Platform } from "./types.js";
import { DATAGRAM_BYTES_MAX, nodeIdOf } from "./udp.js";

/** Espruino's own header in its buffer for a datagram. */
const HEADER_BYTES = 8;
/** Espruino's least buffer takes 536 bytes with its header, so less cannot be promised. */
const RECEIVE_BYTES_MIN = 528;
/** The first delay before another attempt to bind, and the longest: each is twice the one before. */
const BIND_DELAY_MS = 1000;
const BIND_DELAY_MS_MAX = 16000;
/** What one input of the engine sends at most. */
const BURST_DATAGRAMS = 4;
/** So that a node which has sent nothing long yet may have several inputs before Espruino is idle. */
const LONGEST_MIN = 256;
/** A larger step between two readings of the clock means that the clock was set. */
const STEP_MS_MAX = 7200000;

export interface EspruinoPlatform extends Platform {
  socket: EspruinoSocket;
}

/**
 * The platform's part of a node's options on Espruino. The network must be connected.
 *
 * @param receiveBytesMax longest datagram to receive, 528 to 1,472 bytes; 1,472 by default, the longest
 * that any node sends. Espruino truncates longer datagrams
 * @throws Error ERR_ARGUMENT when it is no integer in that range
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
  /** The socket whose port is to be bound again when it is free. */
  private freed: EspruinoUdpSocket | undefined;
  /** Espruino allows broadcasts only on a socket that is not bound. The answers arrive at that socket's port. */
  private broadcaster: EspruinoUdpSocket | undefined;
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  private onError: ((error: Error) => void) | undefined;
  private timer: number | undefined;
  private delayMs = BIND_DELAY_MS;
  private hasFailed = false;
  /** Bytes of the longest datagram that was sent, with Espruino's header; at first what a small datagram may have. */
  private longest = LONGEST_MIN;

  constructor(receiveBytesMax?: number) {
    const bytes = receiveBytesMax ?? DATAGRAM_BYTES_MAX;
    const isNumber = typeof bytes === "number";
    if (!isNumber || !(bytes >= RECEIVE_BYTES_MIN && bytes <= DATAGRAM_BYTES_MAX) || bytes !== (bytes | 0)) {
      const range = `${RECEIVE_BYTES_MIN} to ${DATAGRAM_BYTES_MAX}`;
      throw invalid("espruinoPlatform", "receiveBytesMax", `${show(bytes)} is not an integer from ${range}`, isNumber);
    }
    this.receiveBytesMax = bytes;
  }

  /** Binds at once, and again until it works: see `reopen`. */
  bind(
    port: number,
    onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void,
    onError: (error: Error) => void,
  ): void {
    this.port = port;
    this.onDatagram = onDatagram;
    this.onError = onError;
    try {
      this.open();
    } catch (error) {
      // Where nothing handles the failure, the node does not start.
      this.close();
      throw error;
    }
  }

  /**
   * Closes the socket, and binds again when Espruino has freed the port. Call this
   * after a loss of the network, because the address may have changed. Without effect
   * before `bind` and after `close`.
   *
   * An attempt that fails is repeated after 1 s, then after twice the delay before, up
   * to 16 s. The first failure is reported, and the success after failures. Until the
   * socket is bound `send` throws.
   */
  reopen(): void {
    if (this.onDatagram === undefined) return;
    this.delayMs = BIND_DELAY_MS;
    this.freed = this.bound ?? this.freed;
    if (this.freed === undefined) {
      this.open();
      return;
    }
    // Espruino frees the port when it is idle, and then says that the socket is closed. Without this it would wait
    // until the queue is empty and nothing arrives.
    this.freed.clsNow = true;
    this.release();
    this.openLater();
  }

  /**
   * Espruino sends one or two datagrams whenever it is idle, and queues the rest. The
   * queue takes as many bytes as a burst of 4 of the longest datagrams so far, and at
   * least 1,024.
   *
   * @throws Error when the socket is not open, the queue is full or there is no memory for the datagram
   */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.bound === undefined) throw new Error("the socket is not open");
    let socket = this.bound;
    if ((address & 255) === 255) {
      socket = this.broadcaster ?? this.create();
      this.broadcaster = socket;
    }
    const size = length + HEADER_BYTES;
    if (size > this.longest) this.longest = size;
    const queued = socket.dSnd;
    if (queued !== undefined && queued.length + size > BURST_DATAGRAMS * this.longest) {
      throw new Error("the send queue is full");
    }
    const text = E.toString(bytes.subarray(0, length));
    if (text === undefined) throw new Error("no memory for a datagram");
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
    this.freed = undefined;
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
    // Espruino has a bound socket in two lists. Without this one of them would keep it for good.
    socket.clsNow = true;
    if (socket === this.broadcaster) this.broadcaster = undefined;
    if (socket === this.bound) this.bound = undefined;
    else if (socket !== this.freed) return;
    this.open();
  }

  private open(): void {
    this.release();
    this.freed = undefined;
    try {
      const socket = this.create();
      socket.bind(this.port);
      this.bound = socket;
    } catch (error) {
      this.openLater();
      if (!this.hasFailed) this.report(true, error as Error);
      return;
    }
    this.delayMs = BIND_DELAY_MS;
    if (this.hasFailed) this.report(false, new Error("the socket is bound after failures"));
  }

  private openLater(): void {
    this.timer = setTimeout(() => this.open(), this.delayMs);
    this.delayMs = Math.min(2 * this.delayMs, BIND_DELAY_MS_MAX);
  }

  private report(hasFailed: boolean, error: Error): void {
    this.hasFailed = hasFailed;
    if (this.onError !== undefined) this.onError(error);
  }

  private release(): void {
    const bound = this.bound;
    const broadcaster = this.broadcaster;
    this.bound = undefined;
    this.broadcaster = undefined;
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.timer = undefined;
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
