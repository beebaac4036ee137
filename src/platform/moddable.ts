import UDP from "embedded:io/socket/udp";
import Net from "net";
import Time from "time";
import Timer from "timer";
import { formatAddress, parseAddress } from "../engine/wire/address.js";
import type { GossipClock, GossipSocket, Platform } from "./types.js";
import { nodeIdOf } from "./udp.js";

/** Datagrams received in one call, so that a flood leaves time for timers and Wi-Fi. */
const DATAGRAMS_MAX = 8;

export interface ModdablePlatform extends Platform {
  socket: ModdableSocket;
}

/** The platform's part of a node's options on the Moddable SDK. The network must be connected. */
export function moddablePlatform(): ModdablePlatform {
  return {
    socket: new ModdableSocket(),
    clock: new ModdableClock(),
    // Hardware random numbers on ESP32 and ESP8266. The simulator repeats them at each start, so the time is mixed in.
    randomSeed: (Math.random() * 4294967296 ^ Time.ticks) >>> 0,
  };
}

/** The SDK's milliseconds and timers. */
export class ModdableClock implements GossipClock {
  /** The SDK's ticks are an int32 on a board and a double in the simulator. */
  nowMs(): number {
    return Time.ticks >>> 0;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    return Timer.set(callback, delayMs);
  }

  clearTimer(timer: unknown): void {
    Timer.clear(timer as Timer);
  }

  /** Near 1970 until the time is set, such as by the SDK's `sntp`. */
  physicalMs(): number {
    return Date.now();
  }
}

/** Listens on all interfaces: the SDK's sockets cannot select one. In the simulator on Linux they cannot broadcast. */
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
      this.onError?.(error as Error);
    }
  }

  /** @throws Error when the socket is not open or the network refuses the datagram */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.udp === undefined) throw new Error("the socket is not open");
    this.udp.write(bytes.subarray(0, length), formatAddress(address), port);
  }

  ownAddress(): number {
    const address = Net.get("IP") as string | undefined;
    return address === undefined ? 0 : Math.max(0, parseAddress(address));
  }

  /** Whether there is a MAC address. The simulator on Linux has none. */
  get isDeviceIdFixed(): boolean { return Net.get("MAC") !== undefined; }
  /** By the SDK's `Net.resolve`: DNS. */
  resolve(name: string, callback: (address: number) => void): void {
    try {
      Net.resolve(name, (_name: string, address?: string) => {
        callback(address === undefined ? 0 : Math.max(0, parseAddress(address)));
      });
    } catch {
      // The queue of look-ups is full.
      Timer.set(() => callback(0));
    }
  }

  /** From the low bits of the MAC address or, where there is none (the simulator on Linux), the IPv4 address. */
  deviceId(port: number): number {
    const mac = Net.get("MAC") as string | undefined;
    const device = mac === undefined ? this.ownAddress() : parseInt(mac.split(":").join(""), 16);
    return nodeIdOf(device, port);
  }

  close(): void {
    this.onDatagram = undefined;
    this.release();
  }

  /** Receives without delay, because lwIP queues datagrams without a limit, but at most DATAGRAMS_MAX per call. */
  private read(): void {
    this.clearTimer();
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const datagram = this.udp?.read() as Received | undefined;
      if (datagram === undefined) return;
      const { address, port } = datagram;
      this.onDatagram?.(new Uint8Array(datagram), datagram.byteLength, parseAddress(address), port);
    }
    this.timer = Timer.set(() => this.read());
  }

  private open(): void {
    this.udp = new UDP({ port: this.port, onReadable: () => this.read() });
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

/** A datagram as the SDK's sockets return it. */
type Received = ArrayBuffer & { address: string; port: number };

/** A method of the sockets that the SDK's typings leave out. */
interface Closable {
  close(): void;
}
