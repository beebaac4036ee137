import assert from "node:assert/strict";
import { SimNetwork, type SimNode, checkAgreement } from "../../desktop/simulator/index.js";
import { Gossip } from "../../src/gossip.js";
import { MediaSocket } from "../../src/platform/media-socket.js";
import { SerialBusMedium, type SerialBusOptions } from "../../src/platform/serial-bus-medium.js";
import type { SerialPort } from "../../src/platform/serial-medium.js";
import type { GossipClock } from "../../src/platform/types.js";

const BAUD = 115200;
const ROUND_MS = 10_000;

interface Transmission {
  from: BusPort;
  bytes: Uint8Array;
  endMs: number;
  /** Another one was on the wires at the same time. */
  isDestroyed: boolean;
}

/** Two wires: each byte goes to all other ports, and what two ports send at one time is destroyed. */
class Bus {
  readonly ports: BusPort[] = [];
  transmissions = 0;
  destroyed = 0;
  private now: Transmission[] = [];

  constructor(readonly nowMs: () => number, private readonly lateMs = 0) {}

  transmit(from: BusPort, bytes: Uint8Array, clock: GossipClock): void {
    const durationMs = Math.ceil(bytes.length * 10_000 / BAUD);
    this.now = this.now.filter(({ endMs }) => endMs > this.nowMs());
    const isDestroyed = this.now.length > 0;
    for (const other of this.now) other.isDestroyed = true;
    const transmission = { from, bytes, endMs: this.nowMs() + durationMs, isDestroyed };
    this.now.push(transmission);
    this.transmissions++;
    // A byte shows that the bus is taken; the rest arrives when the transmission is over.
    for (const port of this.ports) if (port !== from) port.receiveAfter(this.lateMs, () => bytes.slice(0, 1));
    for (const port of this.ports) {
      if (port !== from) port.receiveAfter(durationMs + this.lateMs, () => this.rest(transmission));
    }
    clock.setTimer(() => { if (transmission.isDestroyed) this.destroyed++; }, durationMs);
  }

  private rest({ bytes, isDestroyed }: Transmission): Uint8Array {
    return isDestroyed ? bytes.slice(1).map((byte, i) => byte === 0 ? 0 : (byte ^ i) & 0xff) : bytes.slice(1);
  }
}

class BusPort implements SerialPort {
  private onBytes: Parameters<SerialPort["open"]>[0] | undefined;

  constructor(private readonly bus: Bus, private readonly clock: GossipClock) {
    bus.ports.push(this);
  }

  open(onBytes: Parameters<SerialPort["open"]>[0]): void { this.onBytes = onBytes; }
  write(bytes: Uint8Array, length: number): void { this.bus.transmit(this, bytes.slice(0, length), this.clock); }
  close(): void {
    this.onBytes = undefined;
    this.bus.ports.splice(this.bus.ports.indexOf(this), 1);
  }

  receiveAfter(delayMs: number, bytesOf: () => Uint8Array): void {
    this.clock.setTimer(() => {
      const bytes = bytesOf();
      this.onBytes?.(bytes, bytes.length);
    }, delayMs);
  }
}

function addNode(network: SimNetwork, bus: Bus, options: Partial<SerialBusOptions> = {}): SimNode {
  return network.addNode({
    start: (platform, storage, node) => {
      const port = new BusPort(bus, platform.clock);
      const medium = new SerialBusMedium(port, platform.clock, {
        baud: BAUD, randomSeed: platform.randomSeed, datagramBytesMax: 200, ...options,
      });
      const socket = new MediaSocket({ media: [medium], device: node.id });
      const gossip = new Gossip({ ...platform, storage, socket, onError: () => undefined });
      gossip.start();
      return gossip;
    },
  });
}

describe("Several nodes on one pair of wires", function () {
  this.timeout(60_000);

  for (const lateMs of [0, 16]) {
    it(`12 nodes agree, and few frames collide, if bytes arrive ${lateMs} ms late`, () => {
      for (let seed = 1; seed <= 2; seed++) {
        const network = new SimNetwork({ seed });
        const bus = new Bus(() => network.nowMs, lateMs);
        for (let i = 0; i < 12; i++) addNode(network, bus);
        network.runFor(30 * ROUND_MS);
        for (const node of network.nodes) node.push(node.index);
        network.runFor(30 * ROUND_MS);
        assert.deepEqual(network.nodes.map((node) => node.gossip!.rows().length), Array(12).fill(12), `seed ${seed}`);
        assert.deepEqual(checkAgreement(network), [], `seed ${seed}`);
        const { transmissions, destroyed } = bus;
        const isCalm = transmissions > 500 && destroyed < transmissions / 5;
        assert.ok(isCalm, `seed ${seed}: ${destroyed} of ${transmissions}`);
      }
    });
  }

  it("a node that stops is down at all others, and back after its restart", () => {
    const network = new SimNetwork({ seed: 3 });
    const bus = new Bus(() => network.nowMs);
    for (let i = 0; i < 4; i++) addNode(network, bus);
    network.runFor(20 * ROUND_MS);
    const [first, ...others] = network.nodes;
    first.crash();
    network.runFor(30 * ROUND_MS);
    const stateOf = (node: SimNode): string => node.gossip!.rows().find(({ id }) => id === first.id)!.state;
    assert.deepEqual(others.map(stateOf), ["down", "down", "down"]);
    first.restart({ keepStorage: true });
    network.runFor(30 * ROUND_MS);
    assert.deepEqual(checkAgreement(network), []);
  });

  it("a node still sends on a bus that was silent for 40 days, as when its cable was cut", () => {
    let nowMs = 1000;
    let sent = 0;
    const timers: (() => void)[] = [];
    const clock: GossipClock = {
      nowMs: () => nowMs >>> 0, setTimer: (callback) => timers.push(callback), clearTimer: () => undefined,
    };
    const port: SerialPort = { open: () => undefined, write: () => { sent++; }, close: () => undefined };
    const medium = new SerialBusMedium(port, clock, { baud: BAUD, randomSeed: 1 });
    medium.open(() => undefined, () => undefined);
    for (let day = 1; day <= 40; day++) {
      nowMs += 86_400_000;
      medium.send(new Uint8Array(50), 50);
      timers.splice(0).forEach((callback) => callback());
      assert.equal(sent, day);
    }
  });

  it("a node waits while another sends, and refuses what has no place in its queue", () => {
    const sent: number[] = [];
    const timers: { callback: () => void; atMs: number }[] = [];
    let nowMs = 1000;
    const clock: GossipClock = {
      nowMs: () => nowMs,
      setTimer: (callback, delayMs) => timers.push({ callback, atMs: nowMs + delayMs }),
      clearTimer: () => undefined,
    };
    let onBytes: Parameters<SerialPort["open"]>[0] = () => undefined;
    const port: SerialPort = {
      open: (callback) => { onBytes = callback; },
      write: (_, length) => { sent.push(length); },
      close: () => undefined,
    };
    const medium = new SerialBusMedium(port, clock, { baud: BAUD, randomSeed: 7 });
    medium.open(() => undefined, () => undefined);
    for (let i = 0; i < 8; i++) medium.send(new Uint8Array(50), 50);
    assert.throws(() => medium.send(new Uint8Array(50), 50), /too many frames wait/);
    // Another node sends without end.
    for (let step = 0; step < 100; step++) {
      nowMs += 10;
      onBytes(Uint8Array.of(1), 1);
      for (const timer of timers.splice(0)) {
        if (timer.atMs <= nowMs) timer.callback();
        else timers.push(timer);
      }
    }
    assert.deepEqual(sent, []);
    while (timers.length > 0) {
      const { callback, atMs } = timers.shift()!;
      nowMs = Math.max(nowMs, atMs);
      callback();
    }
    assert.equal(sent.length, 8);
    assert.throws(() => new SerialBusMedium(port, clock, { baud: 300, randomSeed: 7 }), /baud/);
  });
});
