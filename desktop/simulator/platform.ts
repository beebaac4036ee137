import { nodeDigest } from "../platform/node-digest.js";
import { nodeSealing } from "../platform/node-sealing.js";
import { type Medium, MediaSocket } from "../../src/platform/media-socket.js";
import type { GossipClock, GossipSocket } from "../../src/platform/types.js";
import type { ReusableEvent } from "./queue.js";
import { RADIO_PORT } from "./radio.js";

type OnDatagram = (bytes: Uint8Array, length: number, address: number, port: number) => void;

export type OnFrame = Parameters<Medium["open"]>[0];
/** What a device is connected by: UDP, ESP-NOW, or both. */
export type SimMedia = "udp" | "radio" | "both";

/** The device of a platform: its address in the network, and its clocks. */
export interface SimDevice {
  readonly name: string;
  readonly id: number;
  readonly port: number;
  /** IPv4 as uint32. */
  readonly address: number;
  /** Whether it has UDP, a radio (ESP-NOW), or both. */
  readonly media: SimMedia;
  /** The device's radio until its power is off. */
  radioMedium(onOpen: (onFrame: OnFrame | undefined) => void): Medium;
  /** The time of the device's clock, uint32 in ms. */
  localMs(): number;
  /** The device's time of day in milliseconds since 1970; undefined when it has none. */
  physicalMs(): number | undefined;
  send(bytes: Uint8Array, length: number, address: number, port: number): void;
  /** Starts to receive the datagrams for its address. */
  listen(): void;
  unlisten(): void;
  /** `timer.run` is called after `delayMs` of the device's clock. */
  setTimer(delayMs: number, timer: ReusableEvent): void;
  /** Runs the code of the device now or, if it is stalled, after the stall. */
  runOrWait(run: () => void): void;
  /** Records an input of the node: a datagram, or a timer when `bytes` is undefined. */
  noteInput(bytes: Uint8Array | undefined, length: number, address: number, port: number): void;
}

/*
 * Socket, clock and timers are classes: a closure for each of their methods would take 5 KB of each node where tsx runs
 * the simulator, since it gives each function its name.
 */

class SimSocket implements GossipSocket {
  private readonly device: SimDevice;
  private readonly platform: SimPlatform;

  constructor(device: SimDevice, platform: SimPlatform) {
    this.device = device;
    this.platform = platform;
  }

  bind(port: number, onDatagram: OnDatagram): void { this.platform.bind(port, onDatagram); }

  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.platform.isOn) this.device.send(bytes, length, address, port);
  }

  ownAddress(): number { return this.device.address; }
  deviceId(): number { return this.device.id; }
  close(): void { this.platform.close(); }
}

class SimClock implements GossipClock {
  private readonly device: SimDevice;
  private readonly platform: SimPlatform;

  constructor(device: SimDevice, platform: SimPlatform) {
    this.device = device;
    this.platform = platform;
  }

  nowMs(): number { return this.device.localMs(); }
  physicalMs(): number | undefined { return this.device.physicalMs(); }

  setTimer(callback: () => void, delayMs: number): SimTimer {
    const timer = new SimTimer(this.device, this.platform, callback);
    this.device.setTimer(delayMs, timer);
    return timer;
  }

  clearTimer(timer: unknown): void { (timer as SimTimer).clear(); }
}

class SimTimer implements ReusableEvent {
  timeMs = 0;
  sequence = 0;
  private readonly device: SimDevice;
  private readonly platform: SimPlatform;
  /** Undefined once it is cleared. */
  private callback: (() => void) | undefined;

  constructor(device: SimDevice, platform: SimPlatform, callback: () => void) {
    this.device = device;
    this.platform = platform;
    this.callback = callback;
  }

  clear(): void { this.callback = undefined; }

  run(): void {
    if (this.callback !== undefined) this.device.runOrWait(() => this.fire());
  }

  private fire(): void {
    // The timer was cleared during a stall, or belongs to an earlier start.
    if (!this.platform.isOn || this.callback === undefined) return;
    this.device.noteInput(undefined, 0, 0, 0);
    this.callback();
  }
}

/** The platform of a device from one start until its power is off: socket, clock, seed. */
export class SimPlatform {
  readonly socket: GossipSocket;
  readonly clock: GossipClock;
  readonly randomSeed: number;
  readonly sealing = nodeSealing;
  readonly digest = nodeDigest;
  private readonly device: SimDevice;
  /** Whether the device has had its power since this start. */
  isOn = true;
  private onDatagram: OnDatagram | undefined;
  private onFrame: OnFrame | undefined;

  constructor(device: SimDevice, randomSeed: number) {
    this.device = device;
    this.randomSeed = randomSeed;
    const udp = new SimSocket(device, this);
    this.socket = device.media === "udp" ? udp : new MediaSocket({
      udp: device.media === "both" ? udp : undefined,
      media: [device.radioMedium((onFrame) => {
        this.onFrame = onFrame;
      })],
      device: device.id,
    });
    this.clock = new SimClock(device, this);
  }

  /** Delivers a datagram to the node. Its bytes are valid during the call. */
  deliver(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.onDatagram === undefined) return;
    this.device.noteInput(bytes, length, address, port);
    this.onDatagram(bytes, length, address, port);
  }

  /** Delivers a frame of the radio. */
  deliverFrame(bytes: Uint8Array, length: number, station: number): void {
    if (this.onFrame === undefined) return;
    this.device.noteInput(bytes, length, station, RADIO_PORT);
    this.onFrame(bytes, length, station);
  }

  /** Ends this start: its pending timers and datagrams have no effect any more. */
  powerOff(): void {
    this.isOn = false;
    this.onDatagram = undefined;
    this.onFrame = undefined;
  }

  /** For the socket. */
  bind(port: number, onDatagram: OnDatagram): void {
    const { device } = this;
    if (port !== device.port) {
      throw new Error(`port: ${port} is not ${device.port}, the port of ${device.name}; set it in the node's options`);
    }
    device.listen();
    this.onDatagram = onDatagram;
  }

  /** For the socket. */
  close(): void {
    if (this.onDatagram === undefined) return;
    this.onDatagram = undefined;
    this.device.unlisten();
  }
}
