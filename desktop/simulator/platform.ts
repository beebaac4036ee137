import { nodeDigest } from "../platform/node-digest.js";
import { nodeSealing } from "../platform/node-sealing.js";
import type { GossipClock, GossipSocket } from "../../src/platform/types.js";
import type { SimEvent } from "./queue.js";

type OnDatagram = (bytes: Uint8Array, length: number, address: number, port: number) => void;

/** The device that a platform belongs to: its place in the network, and its clocks. */
export interface SimDevice {
  readonly name: string;
  readonly id: number;
  readonly port: number;
  /** IPv4 as uint32. */
  readonly address: number;
  /** The device's own clock, a uint32 in milliseconds. */
  localMs(): number;
  /** Milliseconds since 1970 by the device's own clock; undefined where it does not know the time of day. */
  physicalMs(): number | undefined;
  send(bytes: Uint8Array, length: number, address: number, port: number): void;
  /** Begins to get the datagrams that are sent to its address. */
  listen(): void;
  unlisten(): void;
  /** Has `run` called after `delayMs` of the device's own clock, once the device is not stalled. */
  schedule(delayMs: number, run: () => void): SimEvent;
  /** An input reaches the node: a datagram, or a timer when there are no bytes. */
  noteInput(bytes: Uint8Array | undefined, length: number, address: number, port: number): void;
}

/** What one start of a device gives to its node: socket, clock, seed. Dead once the power is off. */
export class SimPlatform {
  readonly socket: GossipSocket;
  readonly clock: GossipClock;
  readonly randomSeed: number;
  readonly sealing = nodeSealing;
  readonly digest = nodeDigest;
  private readonly device: SimDevice;
  private isOn = true;
  private onDatagram: OnDatagram | undefined;

  constructor(device: SimDevice, randomSeed: number) {
    this.device = device;
    this.randomSeed = randomSeed;
    this.socket = {
      bind: (port, onDatagram) => this.bind(port, onDatagram),
      send: (bytes, length, address, port) => {
        if (this.isOn) device.send(bytes, length, address, port);
      },
      ownAddress: () => device.address,
      deviceId: () => device.id,
      close: () => this.close(),
    };
    this.clock = {
      nowMs: () => device.localMs(),
      physicalMs: () => device.physicalMs(),
      setTimer: (callback, delayMs) => this.setTimer(callback, delayMs),
      clearTimer: (timer) => {
        (timer as SimEvent).run = undefined;
      },
    };
  }

  /** Hands a datagram to the node, which may only look at its bytes during the call. */
  deliver(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.onDatagram === undefined) return;
    this.device.noteInput(bytes, length, address, port);
    this.onDatagram(bytes, length, address, port);
  }

  /** Nothing that is left of this start does anything any more. */
  powerOff(): void {
    this.isOn = false;
    this.onDatagram = undefined;
  }

  private bind(port: number, onDatagram: OnDatagram): void {
    const { device } = this;
    if (port !== device.port) throw new Error(`${device.name}: its port is ${device.port}; give others in its options`);
    device.listen();
    this.onDatagram = onDatagram;
  }

  private close(): void {
    if (this.onDatagram === undefined) return;
    this.onDatagram = undefined;
    this.device.unlisten();
  }

  private setTimer(callback: () => void, delayMs: number): SimEvent {
    const timer = this.device.schedule(delayMs, () => {
      // Cleared while it waited for a stalled node, or of an earlier start.
      if (!this.isOn || timer.run === undefined) return;
      this.device.noteInput(undefined, 0, 0, 0);
      callback();
    });
    return timer;
  }
}
