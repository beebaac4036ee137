import { nodeDigest } from "../src/platform/node-digest.js";
import { nodeSealing } from "../src/platform/node-sealing.js";
import type { GossipClock, GossipSocket } from "../src/platform/types.js";
import type { SimNode } from "./node.js";
import type { SimEvent } from "./queue.js";

type OnDatagram = (bytes: Uint8Array, length: number, address: number, port: number) => void;

/** What one start of a device gives to its node: socket, clock, seed. Dead once the power is off. */
export class SimPlatform {
  readonly socket: GossipSocket;
  readonly clock: GossipClock;
  readonly randomSeed: number;
  readonly sealing = nodeSealing;
  readonly digest = nodeDigest;
  private readonly node: SimNode;
  private isOn = true;
  private onDatagram: OnDatagram | undefined;

  constructor(node: SimNode, randomSeed: number) {
    this.node = node;
    this.randomSeed = randomSeed;
    this.socket = {
      open: (port, onDatagram) => this.open(port, onDatagram),
      send: (bytes, length, address, port) => {
        if (this.isOn) node.network.send(node, bytes, length, address, port);
      },
      ownAddress: () => node.address,
      deviceId: () => node.id,
      close: () => this.close(),
    };
    this.clock = {
      nowMs: () => node.localMs(),
      physicalMs: () => node.physicalMs(),
      setTimer: (callback, delayMs) => this.setTimer(callback, delayMs),
      clearTimer: (timer) => {
        (timer as SimEvent).run = undefined;
      },
    };
  }

  /** Hands a datagram to the node, which may only look at its bytes during the call. */
  deliver(bytes: Uint8Array, length: number, address: number, port: number): void {
    const { node } = this;
    if (this.onDatagram === undefined) return;
    node.network.active = node;
    node.network.tap?.({ kind: "datagram", node, nowMs: node.localMs(), bytes, length, address, port });
    this.onDatagram(bytes, length, address, port);
  }

  /** Nothing that is left of this start does anything any more. */
  powerOff(): void {
    this.isOn = false;
    this.onDatagram = undefined;
  }

  private open(port: number, onDatagram: OnDatagram): void {
    const { node } = this;
    if (port !== node.port) throw new Error(`${node.name}: its port is ${node.port}; give others in its options`);
    node.network.listen(node);
    this.onDatagram = onDatagram;
  }

  private close(): void {
    if (this.onDatagram === undefined) return;
    this.onDatagram = undefined;
    this.node.network.unlisten(this.node);
  }

  private setTimer(callback: () => void, delayMs: number): SimEvent {
    const { node } = this;
    const timer = node.network.schedule(node.virtualMs(delayMs), () => node.timerDue(() => {
      // Cleared while it waited for a stalled node, or of an earlier start.
      if (!this.isOn || timer.run === undefined) return;
      node.network.active = node;
      node.network.tap?.({ kind: "timer", node, nowMs: node.localMs() });
      callback();
    }));
    return timer;
  }
}
