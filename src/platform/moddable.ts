import UDP from "embedded:io/socket/udp";
import Net from "net";
import Time from "time";
import Timer from "timer";
import type { GossipClock, GossipSocket, Platform } from "./types.js";

const DEFAULT_PORT = 5000;
/** Datagrams taken in one go, so that a flood leaves time for timers and Wi-Fi. */
const DATAGRAMS_MAX = 8;

export interface ModdablePlatform extends Platform {
  socket: ModdableSocket;
}

/** The platform's part of a node's options on the Moddable SDK. The network must be there already. */
export function moddablePlatform(): ModdablePlatform {
  return {
    socket: new ModdableSocket(),
    clock: new ModdableClock(),
    // Hardware random numbers on ESP32 and ESP8266. The simulator's are the same at each start, but not its time.
    randomSeed: (Math.random() * 4294967296 ^ Time.ticks) >>> 0,
  };
}

/** The SDK's milliseconds and timers. */
export class ModdableClock implements GossipClock {
  /** The SDK's ticks are int32 on a board and a double in the simulator. */
  nowMs(): number {
    return Time.ticks >>> 0;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    return Timer.set(callback, delayMs);
  }

  clearTimer(timer: unknown): void {
    Timer.clear(timer as Timer);
  }

  /** Near 1970 as long as nobody has set the time, such as the SDK's `sntp`. */
  physicalMs(): number {
    return Date.now();
  }
}

/** Listens on all interfaces: the SDK's sockets can't choose one. In the simulator on Linux they can't broadcast. */
export class ModdableSocket implements GossipSocket {
  private udp: UDP | undefined;
  private port = 0;
  private onDatagram: Parameters<GossipSocket["bind"]>[1] | undefined;
  private onError: ((error: Error) => void) | undefined;
  private timer: Timer | undefined;

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
    try {
      this.udp = new UDP({ port: this.port, onReadable: () => this.read() });
    } catch (error) {
      this.onError?.(error as Error);
    }
  }

  /** @throws Error when there is no open socket or the network refuses the datagram */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.udp === undefined) throw new Error("the socket is not open");
    this.udp.write(bytes.subarray(0, length), toText(address), port);
  }

  ownAddress(): number {
    const address = Net.get("IP") as string | undefined;
    return address === undefined ? 0 : toNumber(address);
  }

  /**
   * The low bits of the MAC address or, where there is none (the simulator on
   * Linux), the IPv4 address; changed by the port where that is not 5000, so
   * that nodes of one computer differ.
   */
  deviceId(port: number): number {
    const mac = Net.get("MAC") as string | undefined;
    const device = mac === undefined ? this.ownAddress() : parseInt(mac.split(":").join(""), 16);
    return (device ^ ((port - DEFAULT_PORT) << 16)) >>> 0;
  }

  close(): void {
    this.onDatagram = undefined;
    this.release();
  }

  /** What comes is taken at once, since lwIP keeps it in memory without limit, but not all in one go. */
  private read(): void {
    this.clearTimer();
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const datagram = this.udp?.read() as Received | undefined;
      if (datagram === undefined) return;
      const { address, port } = datagram;
      this.onDatagram?.(new Uint8Array(datagram), datagram.byteLength, toNumber(address), port);
    }
    this.timer = Timer.set(() => this.read());
  }

  private release(): void {
    this.clearTimer();
    (this.udp as Closable | undefined)?.close();
    this.udp = undefined;
  }

  private clearTimer(): void {
    if (this.timer !== undefined) Timer.clear(this.timer);
    this.timer = undefined;
  }
}

/** A datagram as the SDK's sockets give it. */
type Received = ArrayBuffer & { address: string; port: number };

/** What those sockets have, though the SDK's typings leave it out. */
interface Closable {
  close(): void;
}

function toNumber(address: string): number {
  let sum = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === DOT) {
      sum = sum * 256 + octet;
      octet = 0;
    } else {
      octet = octet * 10 + code - ZERO;
    }
  }
  return sum * 256 + octet;
}

const DOT = 46;
const ZERO = 48;

function toText(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
