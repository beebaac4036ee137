import { mediaAddress } from "../../src/engine/table/media.js";
import { checkAddress, checkNames } from "../../src/checks.js";
import { formatAddress } from "../../src/engine/wire/address.js";
import {
  type CborValue, Gossip, type GossipErrorCode, type GossipOptions, type GossipStorage,
} from "../../src/gossip.js";
import { MemoryStorage } from "../../src/platform/memory-storage.js";
import type { Platform } from "../../src/platform/types.js";
import { DEFAULT_PORT } from "../../src/platform/udp.js";
import { type CodeDevice, enter, leave } from "./globals.js";
import type { SimRandom } from "./random.js";
import { PowerLoss } from "./flash.js";
import type { Medium } from "../../src/platform/media-socket.js";
import { type OnFrame, type SimDevice, type SimMedia, SimPlatform } from "./platform.js";
import { RADIO_PORT, type SimRadio } from "./radio.js";
import type { ReusableEvent, SimEvent } from "./queue.js";

/** Datagrams that wait for a stalled node, as in lwIP's receive mailbox. */
export const MAILBOX_DATAGRAMS = 6;

/** A platform with the node's `options`, to be spread into the options of `Gossip`. */
export type NodePlatform = Platform & Partial<GossipOptions>;

export interface SimNodeOptions {
  /** Options of `Gossip` that differ from their defaults. */
  options?: Partial<GossipOptions>;
  /**
   * The application, called at each start of the device. It creates a `Gossip` from
   * its arguments, starts it and returns it. The default does only that.
   * While its code runs, `setTimeout`, `setInterval`, `setImmediate`, `Date`,
   * `performance.now` and `Math.random` are those of the device.
   */
  start?: (platform: NodePlatform, storage: GossipStorage, node: SimNode) => Gossip;
  /** Dotted IPv4 address; by default 10.0.x.y, counted up. */
  address?: string;
  /** UDP by default; in a network with a radio, "radio". A device with a radio only has an address from its id. */
  media?: SimMedia;
  /** uint32; drawn from the seed by default. */
  id?: number;
  /** Virtual time until the device is switched on; `Infinity` leaves that to `start()`. 0 by default. */
  startAfterMs?: number;
  /** How much faster the device's clock runs than virtual time, in parts per million; may be negative. */
  clockSkewPpm?: number;
  /** The device's clock when it is switched on, uint32 in ms. Drawn from the seed by default. */
  clockStartMs?: number;
  /**
   * The device's time of day when virtual time is 0, in milliseconds since 1970. It runs and jumps with the device's
   * clock. Without it the device does not know the time of day.
   */
  physicalStartMs?: number;
  /** Whether the device sleeps for most of the time: it is not in `SimNetwork.running`. */
  sleeps?: boolean;
  /** Creates the device's storage, at first and after each wipe. A `MemoryStorage` without a log by default. */
  makeStorage?: (node: SimNode) => GossipStorage;
}

/** The method by which an application publishes an event. */
export type Publication = "log" | "set" | "remove" | "withdraw";

/** The argument of a tap: an input of a node or a datagram that it sends, with the node's own time. */
export type TapEntry = { node: SimNode; nowMs: number } & (
  | { kind: "start"; randomSeed: number }
  | { kind: "crash" }
  | { kind: "timer" }
  | { kind: "push"; value: CborValue; address: string | undefined }
  | { kind: "event"; how: Publication; topic: string; key: string; value: CborValue; ttlMs: number }
  | { kind: "datagram" | "sent"; bytes: Uint8Array; length: number; address: number; port: number }
);

/** The part of the network that a device uses. */
export interface SimMedium {
  /** Virtual milliseconds since the network began. */
  readonly nowMs: number;
  readonly datagramBytesMax: number;
  /** Undefined: no node has a radio. */
  readonly radio: SimRadio<SimNode> | undefined;
  /** The node that got the last input. */
  active: SimNode | undefined;
  tap: ((entry: TapEntry) => void) | undefined;
  schedule(delayMs: number, run: () => void): SimEvent;
  put(delayMs: number, event: ReusableEvent): void;
  listen(node: SimNode): void;
  unlisten(node: SimNode): void;
  send(from: SimNode, bytes: Uint8Array, length: number, address: number, port: number): void;
}

/** One simulated device: an address, an id, storage that survives crashes, and RAM that does not. */
export class SimNode implements SimDevice, CodeDevice {
  readonly network: SimMedium;
  readonly index: number;
  readonly id: number;
  readonly port: number;
  readonly datagramBytesMax: number;
  readonly media: SimMedia;
  /** The device's own random generator, for its application. */
  readonly random: SimRandom;
  /** IPv4 as uint32. */
  address: number;
  storage: GossipStorage;
  /** The node's `Gossip`; undefined while the device is off. */
  gossip: Gossip | undefined;
  /** How many times the device was switched on. */
  starts = 0;
  /** The arguments of all `onError` calls, unless the application has its own `onError`. */
  readonly errors: { code: GossipErrorCode; message: string }[] = [];
  private readonly options: SimNodeOptions;
  private readonly clockStartMs: number;
  private readonly clockRate: number;
  private platform: SimPlatform | undefined;
  private bootMs = 0;
  private jumpedMs = 0;
  private stallUntilMs = 0;
  private mailbox: { bytes: Uint8Array; address: number; port: number }[] = [];
  private lateTimers: (() => void)[] = [];

  /** Called by `SimNetwork.addNode`. */
  constructor(network: SimMedium, index: number, random: SimRandom, options: SimNodeOptions, id: number) {
    checkNames("", options, OPTION_NAMES);
    this.network = network;
    this.index = index;
    this.random = random;
    this.options = options;
    this.id = id;
    this.port = options.options?.port ?? DEFAULT_PORT;
    this.datagramBytesMax = options.options?.datagramBytesMax ?? network.datagramBytesMax;
    this.media = options.media ?? (network.radio === undefined ? "udp" : "radio");
    this.address = this.media === "radio" ? mediaAddress(id)
      : options.address === undefined ? addressOfIndex(index) : readAddress(options.address);
    this.clockStartMs = options.clockStartMs ?? random.next();
    this.clockRate = 1 + (options.clockSkewPpm ?? 0) / 1e6;
    this.storage = this.freshStorage();
  }

  /** Whether the device sleeps for most of the time. */
  get sleeps(): boolean { return this.options.sleeps === true; }
  get isRunning(): boolean { return this.platform !== undefined; }
  get hasRadio(): boolean { return this.media !== "udp"; }
  get isStalled(): boolean { return this.network.nowMs < this.stallUntilMs; }
  /** The node's name in violations and messages. */
  get name(): string { return `node ${this.index} (${formatAddress(this.address)})`; }

  /** The time of the device's clock, uint32 in ms. */
  localMs(): number {
    const elapsedMs = (this.network.nowMs - this.bootMs) * this.clockRate;
    return Math.floor(this.clockStartMs + this.jumpedMs + elapsedMs) >>> 0;
  }

  /** The device's time of day in milliseconds since 1970; undefined when it has none. */
  physicalMs(): number | undefined {
    const { physicalStartMs } = this.options;
    if (physicalStartMs === undefined) return undefined;
    return Math.floor(physicalStartMs + this.jumpedMs + this.network.nowMs * this.clockRate);
  }

  uptimeMs(): number {
    return (this.network.nowMs - this.bootMs) * this.clockRate;
  }

  drawNumber(): number {
    return this.random.real(0, 1);
  }

  /**
   * Runs code as the device's own: with its timers, its time of day and its random
   * numbers. The node does so with all callbacks; code of a test that acts for an
   * application needs this.
   */
  run<Result>(code: () => Result): Result {
    const before = enter(this);
    try {
      return code();
    } finally {
      leave(before);
    }
  }

  /** Switches the device on, with the storage it has. */
  start(): void {
    if (this.isRunning) throw new Error(`${this.name} is already running`);
    this.starts++;
    this.bootMs = this.network.nowMs;
    this.jumpedMs = 0;
    const platform = new SimPlatform(this, this.random.next());
    this.platform = platform;
    this.network.tap?.({ kind: "start", node: this, nowMs: this.localMs(), randomSeed: platform.randomSeed });
    const { socket, clock, sealing, digest, randomSeed } = platform;
    const { datagramBytesMax } = this;
    const start = this.options.start ?? startDefault;
    const given = { socket, clock, sealing, digest, randomSeed, datagramBytesMax, ...this.options.options };
    this.gossip = this.run(() => start(given, this.storage, this));
  }

  /** Shares a value, as `Gossip.push` does; a node that is off does nothing. */
  push(value: CborValue, address?: string): void {
    if (this.gossip === undefined) return;
    this.network.tap?.({ kind: "push", node: this, nowMs: this.localMs(), value, address });
    const { gossip } = this;
    this.run(() => address === undefined ? gossip.push(value) : gossip.push(value, address));
  }

  /** Publishes a log event, as `Gossip.log` does; a node that is off does nothing. */
  log(topic: string, value: CborValue): void {
    this.tapEvent("log", topic, "", value, 0);
    this.run(() => this.gossip?.log(topic, value));
  }

  /** Sets the value of a topic and key, as `Gossip.set` does. */
  set(topic: string, key: string, value: CborValue, ttlMs = 0): void {
    this.tapEvent("set", topic, key, value, ttlMs);
    this.run(() => this.gossip?.set(topic, key, value, { ttlMs }));
  }

  /** Removes the value of a topic and key, as `Gossip.remove` does. */
  remove(topic: string, key: string): void {
    this.tapEvent("remove", topic, key, undefined, 0);
    this.run(() => this.gossip?.remove(topic, key));
  }

  /** Takes back its contribution to a merge topic, as `Gossip.withdraw` does. */
  withdraw(topic: string, key: string): void {
    this.tapEvent("withdraw", topic, key, undefined, 0);
    this.run(() => this.gossip?.withdraw(topic, key));
  }

  /** Switches the device off as its application would: it says goodbye first. */
  close(): void {
    this.run(() => this.gossip?.close());
    this.crash();
  }

  /** Takes the power away: what is in RAM is gone, what is in storage stays. */
  crash(): void {
    if (this.platform === undefined) return;
    this.network.tap?.({ kind: "crash", node: this, nowMs: this.localMs() });
    this.platform.powerOff();
    this.platform = undefined;
    this.gossip = undefined;
    this.mailbox = [];
    this.lateTimers = [];
    this.stallUntilMs = 0;
    this.network.unlisten(this);
    this.network.radio?.powerOff(this);
  }

  /** Switches the device off, if it is on, and on again, with its storage or a wiped one. May change its address. */
  restart(how: { keepStorage: boolean; address?: string }): void {
    this.crash();
    if (!how.keepStorage) this.storage = this.freshStorage();
    if (how.address !== undefined && this.media !== "radio") this.address = readAddress(how.address);
    this.start();
  }

  /** The device gets another address while it runs, as from a restarted router. */
  move(address: string): void {
    // An address that was made from the device's id stays.
    if (this.media === "radio") return;
    if (this.isRunning) this.network.unlisten(this);
    this.address = readAddress(address);
    if (this.isRunning) this.network.listen(this);
  }

  /**
   * Switches the device on and off again while it writes its revision. The device
   * must be off.
   *
   * @param left what the storage then holds: the old revision, the new one or, on
   * media that can lose both, nothing
   */
  tearWrite(left: "old" | "new" | "nothing"): void {
    const { storage } = this;
    const written: number[] = [];
    this.storage = {
      readRevision: () => storage.readRevision(),
      writeRevision: (revision) => {
        written.push(revision);
        throw new PowerLoss("no power");
      },
    };
    try {
      this.start();
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
    }
    this.crash();
    this.storage = left === "nothing" ? new MemoryStorage() : storage;
    if (left === "new" && written.length > 0) storage.writeRevision(written[0]);
  }

  /** Stalls the device. Of the datagrams that arrive meanwhile, the first MAILBOX_DATAGRAMS wait. */
  stall(durationMs: number): void {
    this.stallUntilMs = Math.max(this.stallUntilMs, this.network.nowMs + durationMs);
    this.network.schedule(durationMs, () => this.wake());
  }

  /** Moves the device's clock. Pending timers keep their delay. */
  jumpClock(byMs: number): void {
    this.jumpedMs += byMs;
  }

  /**
   * A datagram arrives. Its bytes are valid during the call. Called by the network.
   *
   * @returns false when the mailbox is full and the datagram is lost
   */
  receive(bytes: Uint8Array, length: number, address: number, port: number): boolean {
    if (!this.isStalled) {
      const before = enter(this);
      try {
        if (this.platform !== undefined) deliver(this.platform, bytes, length, address, port);
      } finally {
        leave(before);
      }
      return true;
    }
    if (this.mailbox.length === MAILBOX_DATAGRAMS) return false;
    this.mailbox.push({ bytes: bytes.slice(0, length), address, port });
    return true;
  }

  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    this.network.send(this, bytes, length, address, port);
  }

  radioMedium(onOpen: (onFrame: OnFrame | undefined) => void): Medium {
    const { radio } = this.network;
    if (radio === undefined) throw new Error(`${this.name} has a radio, but the network has none`);
    return radio.medium(this, onOpen);
  }

  listen(): void { this.network.listen(this); }
  unlisten(): void { this.network.unlisten(this); }

  /** Calls `run` after `delayMs` of the device's clock; if the device is stalled by then, after the stall. */
  schedule(delayMs: number, run: () => void): SimEvent {
    return this.network.schedule(Math.ceil(delayMs / this.clockRate), () => this.runOrWait(run));
  }

  setTimer(delayMs: number, timer: ReusableEvent): void {
    this.network.put(Math.ceil(delayMs / this.clockRate), timer);
  }

  runOrWait(run: () => void): void {
    if (this.isStalled) this.lateTimers.push(run);
    else this.run(run);
  }

  scheduleCode(delayMs: number, run: () => void): SimEvent {
    const { platform } = this;
    return this.schedule(delayMs, () => {
      if (platform === undefined || this.platform !== platform) return;
      this.network.active = this;
      run();
    });
  }

  noteInput(bytes: Uint8Array | undefined, length: number, address: number, port: number): void {
    const { network } = this;
    network.active = this;
    if (network.tap === undefined) return;
    const nowMs = this.localMs();
    network.tap(bytes === undefined
      ? { kind: "timer", node: this, nowMs }
      : { kind: "datagram", node: this, nowMs, bytes, length, address, port });
  }

  private tapEvent(how: Publication, topic: string, key: string, value: CborValue, ttlMs: number): void {
    if (this.gossip === undefined) return;
    this.network.tap?.({ kind: "event", node: this, nowMs: this.localMs(), how, topic, key, value, ttlMs });
  }

  private freshStorage(): GossipStorage {
    return this.options.makeStorage?.(this) ?? new MemoryStorage();
  }

  /** After a stall, first all waiting timers run or first all waiting datagrams arrive. */
  private wake(): void {
    const { platform } = this;
    if (this.isStalled || platform === undefined) return;
    const timersFirst = this.random.below(2) === 0;
    // A timer may restart the device: the datagrams are lost with the power, as the platform is off then.
    const arrivals = this.mailbox.map(({ bytes, address, port }) => () => {
      deliver(platform, bytes, bytes.length, address, port);
    });
    const timers = this.lateTimers;
    this.mailbox = [];
    this.lateTimers = [];
    this.runAll(timersFirst ? [...timers, ...arrivals] : [...arrivals, ...timers]);
  }

  /** When one of them throws, the others follow when virtual time goes on. */
  private runAll(waiting: (() => void)[]): void {
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) this.run(next);
    } finally {
      if (waiting.length > 0) this.network.schedule(0, () => this.runAll(waiting));
    }
  }
}

function deliver(platform: SimPlatform, bytes: Uint8Array, length: number, address: number, port: number): void {
  if (port === RADIO_PORT) platform.deliverFrame(bytes, length, address);
  else platform.deliver(bytes, length, address, port);
}

function startDefault(platform: NodePlatform, storage: GossipStorage, node: SimNode): Gossip {
  const onError = (code: GossipErrorCode, error: Error): void => {
    node.errors.push({ code, message: error.message });
  };
  const gossip = new Gossip({ storage, onError, ...platform });
  gossip.start();
  return gossip;
}

const OPTION_NAMES =
  "options start address media id startAfterMs clockSkewPpm clockStartMs physicalStartMs sleeps makeStorage";

/** 10.0.0.1 to 10.0.0.250, then 10.0.1.1 and so on. */
export function addressOfIndex(index: number): number {
  return 0x0a000000 + Math.floor(index / 250) * 256 + (index % 250) + 1;
}

function readAddress(text: string): number {
  return checkAddress("", "address", text);
}
