import { BROADCAST_ADDRESS, formatAddress } from "../../src/engine/wire/address.js";
import { checkNames, show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import { Arrivals } from "./arrivals.js";
import { RADIO_PORT, type RadioOptions, SimRadio } from "./radio.js";
import { SimRandom, STREAM_FAULTS, STREAM_NODES, STREAM_RADIO } from "./random.js";
import { type Faults, type LinkFaults, corrupted, noFaults, passesChecksum } from "./faults.js";
import { type SimMedium, SimNode, type SimNodeOptions, type TapEntry } from "./node.js";
import { enter, leave } from "./globals.js";
import { EventQueue, type ReusableEvent, type SimEvent } from "./queue.js";
import type { Topology } from "./topology.js";

export interface SimNetworkOptions {
  /** uint32 from which all random decisions are drawn. */
  seed: number;
  /** Faults that differ from `noFaults()`. */
  faults?: Partial<Faults>;
  /** The longest datagram that a node may send, unless its own options differ; 1,200 bytes by default. */
  datagramBytesMax?: number;
  /** Nodes have ESP-NOW radios: all, unless their options say otherwise. Without it none has. */
  radio?: RadioOptions;
}

/** A datagram on its way from one node to another. */
export interface Flight {
  from: SimNode;
  to: SimNode;
  sentMs: number;
  /** Virtual time at which it arrives; undefined: it is lost, cut off or fails the checksum. */
  arrivalMs: number | undefined;
  /** Valid during the call. */
  bytes: Uint8Array;
  length: number;
}

/** Datagrams and bytes since the start of the network. */
export interface SimCounts {
  /** Sent by nodes; a broadcast counts once. */
  datagrams: number;
  bytes: number;
  largestBytes: number;
  delivered: number;
  /** Lost at random, by `lossProbability`. */
  lost: number;
  /** Lost at a cut. */
  cut: number;
  duplicated: number;
  /** Corrupted, including those that the checksum dropped. */
  corrupted: number;
  /** Corrupted, and dropped by the receiver's UDP checksum. */
  checksumFailures: number;
  /** Sent to a node that the sender does not reach, by `topology`; a broadcast counts once for each such node. */
  outOfReach: number;
  /** Sent to an address or a node where nothing listens. */
  unreachable: number;
  /** Lost because a stalled node's mailbox was full. */
  mailboxOverflows: number;
}

/**
 * A network of simulated devices in virtual time. All random decisions are drawn
 * from one seed, so the same program with the same seed runs identically.
 */
export class SimNetwork implements SimMedium {
  readonly seed: number;
  readonly nodes: SimNode[] = [];
  /** May be changed while the simulation runs. */
  readonly faults: Faults;
  /**
   * Which nodes reach which directly; undefined: each node reaches all others. May be
   * changed while the simulation runs. The checkers compare a node with those to
   * which it has a path.
   */
  topology: Topology | undefined;
  readonly datagramBytesMax: number;
  /** The channel of all radios; undefined without the option. */
  readonly radio: SimRadio<SimNode> | undefined;
  readonly counts: SimCounts = {
    datagrams: 0, bytes: 0, largestBytes: 0, delivered: 0, lost: 0, cut: 0, duplicated: 0, corrupted: 0,
    checksumFailures: 0, outOfReach: 0, unreachable: 0, mailboxOverflows: 0,
  };
  /** Datagrams that were longer than their sender may send: the sender, and the datagram's length in bytes. */
  readonly oversized: { node: SimNode; bytes: number }[] = [];
  /** Called with each input of each node, for recording. */
  tap: ((entry: TapEntry) => void) | undefined;
  /** Called with each datagram to a node in reach, for those who watch; a broadcast counts for each receiver. */
  onFlight: ((flight: Flight) => void) | undefined;
  /** The node that had the last input: the one to blame when an application throws. */
  active: SimNode | undefined;
  private readonly queue = new EventQueue();
  private readonly arrivals = new Arrivals<SimNode>(this.queue, (to, bytes, length, address, port) => {
    this.deliver(to, bytes, length, address, port);
  });
  private readonly random: SimRandom;
  private readonly sockets = new Map<number, SimNode>();
  private readonly ids = new Set<number>();
  private now = 0;

  /** @throws RangeError or TypeError ERR_OPTION that names the option */
  constructor(options: SimNetworkOptions) {
    checkNetworkOptions(options);
    this.seed = options.seed;
    this.datagramBytesMax = options.datagramBytesMax ?? 1200;
    this.faults = { ...noFaults(), ...options.faults };
    this.random = new SimRandom(this.seed, STREAM_FAULTS);
    this.radio = options.radio === undefined ? undefined
      : new SimRadio(this, new SimRandom(this.seed, STREAM_RADIO), options.radio);
  }

  /** Virtual milliseconds since the network began. */
  get nowMs(): number { return this.now; }

  /** When something happens next; undefined: never. */
  get nextMs(): number | undefined { return this.queue.nextMs; }

  /** Nodes that are switched on, without devices that sleep for most of the time. */
  get running(): SimNode[] { return this.nodes.filter((node) => node.isRunning && !node.sleeps); }

  /** The same in groups: nodes that have a path to one another, over nodes that are switched on. */
  get runningParts(): SimNode[][] {
    const { nodes, topology } = this;
    if (topology === undefined) return [this.running];
    const parts = topology.parts((index) => nodes[index]?.isRunning === true);
    const beyond = this.running.filter(({ index }) => index >= topology.nodes);
    return [...parts.map((part) => part.map((index) => nodes[index])), ...beyond.map((node) => [node])];
  }

  /** Whether some datagrams are dropped at cuts, or some running nodes have no path to each other. */
  get isCut(): boolean {
    return this.faults.cuts.length > 0 || (this.topology !== undefined && this.runningParts.length > 1);
  }

  /** Adds a device. It is switched on after `startAfterMs`, but not before virtual time advances. */
  addNode(options: SimNodeOptions = {}): SimNode {
    const index = this.nodes.length;
    const random = new SimRandom(this.seed, STREAM_NODES + index);
    const node = new SimNode(this, index, random, options, options.id ?? this.unusedId(random));
    this.ids.add(node.id);
    this.nodes.push(node);
    if (options.startAfterMs !== Infinity) this.schedule(options.startAfterMs ?? 0, () => node.start());
    return node;
  }

  /**
   * Calls `run` after `delayMs` of virtual time.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT when the delay is no finite number
   */
  schedule(delayMs: number, run: () => void): SimEvent {
    if (!Number.isFinite(delayMs)) throw notFinite("schedule", "delayMs", delayMs);
    return this.queue.add(this.now + Math.max(0, delayMs), run);
  }

  /** As `schedule`, for an event whose maker keeps it. */
  put(delayMs: number, event: ReusableEvent): void {
    if (!Number.isFinite(delayMs)) throw notFinite("schedule", "delayMs", delayMs);
    this.queue.put(this.now + Math.max(0, delayMs), event);
  }

  /** Runs all that is due in the next `durationMs` of virtual time. @throws as `runUntil` */
  runFor(durationMs: number): void {
    if (!Number.isFinite(durationMs)) throw notFinite("runFor", "durationMs", durationMs);
    this.runUntil(this.now + durationMs);
  }

  /**
   * Runs all that is due until `timeMs`, inclusive. An exception of an application is thrown to the caller.
   *
   * @throws RangeError or TypeError ERR_ARGUMENT when the time is no finite number: nodes have timers for ever
   */
  runUntil(timeMs: number): void {
    if (!Number.isFinite(timeMs)) throw notFinite("runUntil", "timeMs", timeMs);
    // Once for all that happens, as the globals are restored by the last `leave` only.
    const before = enter(undefined);
    try {
      let event = this.queue.take(timeMs);
      while (event !== undefined) {
        this.now = event.timeMs;
        if (event.run !== undefined) event.run();
        event = this.queue.take(timeMs);
      }
    } finally {
      leave(before);
    }
    this.now = Math.max(this.now, timeMs);
  }

  /** Binds a node to its address and port. */
  listen(node: SimNode): void {
    const key = socketKey(node.address, node.port);
    const holder = this.sockets.get(key);
    if (holder !== undefined && holder !== node) {
      throw new Error(`${node.name}: ${formatAddress(node.address)}:${node.port} is taken by ${holder.name}`);
    }
    this.sockets.set(key, node);
  }

  unlisten(node: SimNode): void {
    const key = socketKey(node.address, node.port);
    if (this.sockets.get(key) === node) this.sockets.delete(key);
  }

  /** Sends a copy of the bytes on behalf of a node, through all faults. */
  send(from: SimNode, bytes: Uint8Array, length: number, address: number, port: number): void {
    const counts = this.counts;
    counts.datagrams++;
    counts.bytes += length;
    if (length > counts.largestBytes) counts.largestBytes = length;
    if (length > from.datagramBytesMax) this.oversized.push({ node: from, bytes: length });
    this.tap?.({ kind: "sent", node: from, nowMs: from.localMs(), bytes, length, address, port });
    if (address !== BROADCAST_ADDRESS) {
      this.forward(from, this.sockets.get(socketKey(address, port)), bytes, length);
      return;
    }
    for (const node of this.nodes) {
      if (node.isRunning && node.port === port) this.forward(from, node, bytes, length);
    }
  }

  /** Delivers a datagram that no node of the network sent, without faults. */
  inject(to: SimNode, bytes: Uint8Array, address: number, port: number, delayMs = 1): void {
    this.arriveAfter(delayMs, to, bytes, bytes.length, address, port);
  }

  /** A frame of the radio arrives. */
  arrive(to: SimNode, bytes: Uint8Array, station: number): void {
    this.deliver(to, bytes, bytes.length, station, RADIO_PORT);
  }

  private forward(from: SimNode, to: SimNode | undefined, bytes: Uint8Array, length: number): void {
    if (to === undefined) {
      this.counts.unreachable++;
      return;
    }
    if (this.topology?.reaches(from.index, to.index) === false) {
      this.counts.outOfReach++;
      return;
    }
    const { cuts } = this.faults;
    if (cuts.length > 0 && cuts.some((cut) => cut(from, to))) {
      this.counts.cut++;
      this.fly(from, to, undefined, bytes, length);
      return;
    }
    const faults = this.faults.link?.(from, to) ?? this.faults;
    this.carry(from, to, bytes, length, faults);
    if (!this.random.chance(faults.duplicateProbability)) return;
    this.counts.duplicated++;
    this.carry(from, to, bytes, length, faults);
  }

  private carry(from: SimNode, to: SimNode, bytes: Uint8Array, length: number, faults: LinkFaults): void {
    const delayMs = this.random.between(faults.delayMs.min, faults.delayMs.max);
    if (this.random.chance(faults.lossProbability)) {
      this.counts.lost++;
      this.fly(from, to, undefined, bytes, length);
      return;
    }
    if (!this.random.chance(faults.corruptProbability)) {
      this.fly(from, to, delayMs, bytes, length);
      this.arriveAfter(delayMs, to, bytes, length, from.address, from.port);
      return;
    }
    const sent = bytes.subarray(0, length);
    const arriving = corrupted(sent, this.random);
    this.counts.corrupted++;
    const isDropped = this.faults.udpChecksum && !passesChecksum(sent, arriving);
    this.fly(from, to, isDropped ? undefined : delayMs, bytes, length);
    if (isDropped) this.counts.checksumFailures++;
    else this.arriveAfter(delayMs, to, arriving, arriving.length, from.address, from.port);
  }

  private fly(from: SimNode, to: SimNode, delayMs: number | undefined, bytes: Uint8Array, length: number): void {
    if (this.onFlight === undefined) return;
    const arrivalMs = delayMs === undefined ? undefined : this.now + delayMs;
    this.onFlight({ from, to, sentMs: this.now, arrivalMs, bytes, length });
  }

  private arriveAfter(
    delayMs: number, to: SimNode, bytes: Uint8Array, length: number, address: number, port: number,
  ): void {
    if (!Number.isFinite(delayMs)) throw notFinite("schedule", "delayMs", delayMs);
    this.arrivals.add(this.now + Math.max(0, delayMs), to, bytes, length, address, port);
  }

  private deliver(to: SimNode, bytes: Uint8Array, length: number, address: number, port: number): void {
    if (!to.isRunning) this.counts.unreachable++;
    else if (to.receive(bytes, length, address, port)) this.counts.delivered++;
    else this.counts.mailboxOverflows++;
  }

  private unusedId(random: SimRandom): number {
    let id = random.next();
    while (this.ids.has(id)) id = random.next();
    return id;
  }
}

function checkNetworkOptions(options: SimNetworkOptions): void {
  if (typeof options !== "object") throw invalid("", "options", `${show(options)} is not an object`, false);
  checkNames("", options, "seed faults datagramBytesMax radio");
  const { seed, faults } = options;
  if (seed >>> 0 !== seed) {
    throw invalid("", "seed", `${show(seed)} is not an integer from 0 to 4294967295`, typeof seed === "number");
  }
  if (faults === undefined) return;
  checkNames("faults.", faults, Object.keys(noFaults()).join(" "));
  for (const name of ["lossProbability", "duplicateProbability", "corruptProbability"] as const) {
    const value = faults[name] ?? 0;
    if (value >= 0 && value <= 1) continue;
    throw invalid("", `faults.${name}`, `${show(value)} is not a number from 0 to 1`, typeof value === "number");
  }
}

function notFinite(method: string, name: string, value: unknown): Error {
  return invalid(method, name, `${show(value)} is not a finite number of milliseconds`, typeof value === "number");
}

function socketKey(address: number, port: number): number {
  return address * 0x10000 + port;
}
