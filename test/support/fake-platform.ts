import {
  type CborValue, Gossip, type GossipClock, type GossipErrorCode, type GossipOptions, type NodeRow,
} from "../../src/gossip.js";
import type { GossipSocket, GossipStorage } from "../../src/platform/types.js";
import { parseAddress } from "../../src/engine/wire/address.js";
import { SECTION_ROWS, TABLE_HASH_BYTES, sectionHead } from "../../src/engine/wire/frame.js";

const LATENCY_MS = 1;
const PORT = 5000;

interface Happening {
  atMs: number;
  run: () => void;
}

/**
 * Networks, clocks and storage in memory for `Gossip`; time goes on only in
 * `run`. `EngineNetwork` does the same for engines, which have no sockets, timers
 * or storage that could fail.
 */
export class FakeNetwork {
  nowMs = 0;
  readonly sockets = new Map<number, FakeSocket>();
  /** Whether the next datagram, from one address to another, is lost. */
  loses: (from: number, to: number) => boolean = () => false;
  private happenings: Happening[] = [];

  /** Has `run` called after a delay; what is due at one time happens in the order of these calls. */
  after(delayMs: number, run: () => void): Happening {
    const happening = { atMs: this.nowMs + delayMs, run };
    this.happenings.push(happening);
    return happening;
  }

  forget(happening: unknown): void {
    this.happenings = this.happenings.filter((other) => other !== happening);
  }

  /** Lets time go on, and happen what is due. */
  run(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const due = this.happenings.filter(({ atMs }) => atMs <= end);
      if (due.length === 0) break;
      const next = due.reduce((first, other) => other.atMs < first.atMs ? other : first);
      this.forget(next);
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = end;
  }
}

export interface SentDatagram {
  type: string;
  hex: string;
  to: number;
  port: number;
}

export class FakeSocket implements GossipSocket {
  readonly sent: SentDatagram[] = [];
  isOpen = false;
  openedPort = 0;
  /** Nothing that is sent arrives. */
  isCut = false;
  resolve?: (name: string, callback: (address: number) => void) => void;
  broadcastAddresses?: () => number[];
  /** What `bind` throws. */
  bindError: Error | undefined;
  /** What `send` throws. */
  sendError: Error | undefined;
  private onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void = () => undefined;
  private onError: (error: Error) => void = () => undefined;

  constructor(private readonly network: FakeNetwork, readonly address: number, private readonly calls: string[]) {}

  bind(port: number, onDatagram: FakeSocket["onDatagram"], onError: FakeSocket["onError"]): void {
    this.calls.push("open");
    if (this.bindError !== undefined) throw this.bindError;
    this.isOpen = true;
    this.openedPort = port;
    this.onDatagram = onDatagram;
    this.onError = onError;
    this.network.sockets.set(this.address, this);
  }

  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    const type = ["", "SYN", "ACK", "DIFF", "LEAVE"][bytes[1] & 15];
    this.calls.push(`send ${type}`);
    if (this.sendError !== undefined) throw this.sendError;
    const copy = bytes.slice(0, length);
    this.sent.push({ type, hex: Buffer.from(copy).toString("hex"), to: address, port });
    if (this.isCut || this.network.loses(this.address, address)) return;
    const arrive = () => this.network.sockets.get(address)?.arrive(copy, this.address, this.openedPort);
    this.network.after(LATENCY_MS, arrive);
  }

  ownAddress(): number {
    return this.address;
  }

  deviceId(): number {
    return this.address;
  }

  close(): void {
    this.calls.push("close");
    this.isOpen = false;
    this.network.sockets.delete(this.address);
  }

  /** A datagram comes in, in a buffer that is longer and is overwritten afterwards. */
  arrive(bytes: Uint8Array, address: number, port: number): void {
    const buffer = new Uint8Array(bytes.length + 8).fill(0xee);
    buffer.set(bytes);
    try {
      this.onDatagram(buffer, bytes.length, address, port);
    } finally {
      buffer.fill(0xdd);
    }
  }

  fail(error: Error): void {
    this.onError(error);
  }
}

export class FakeClock implements GossipClock {
  timers = 0;
  private isStopped = false;
  /** As most boards begin: nobody told them the time. */
  physicalMs: () => number | undefined = () => undefined;

  constructor(private readonly network: FakeNetwork) {}

  /** Not far from its wrap, so that each test of a few minutes passes over it. */
  nowMs(): number {
    return (this.network.nowMs + 0xffff0000) >>> 0;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > 0x7fffffff) throw new Error(`setTimer: ${delayMs}`);
    this.timers++;
    return this.network.after(delayMs, () => {
      this.timers--;
      if (!this.isStopped) callback();
    });
  }

  clearTimer(timer: unknown): void {
    this.timers--;
    this.network.forget(timer);
  }

  /** Power is lost: no timer goes off any more. */
  stop(): void {
    this.isStopped = true;
  }
}

export class FakeStorage implements GossipStorage {
  revision: number | undefined;
  readError: Error | undefined;
  writeError: Error | undefined;

  constructor(private readonly calls: string[]) {}

  readRevision(): number | undefined {
    this.calls.push("read");
    if (this.readError !== undefined) throw this.readError;
    return this.revision;
  }

  writeRevision(revision: number): void {
    this.calls.push(`write ${revision}`);
    if (this.writeError !== undefined) throw this.writeError;
    this.revision = revision;
  }
}

/** A node on a fake platform, and all that it did. */
export class FakeNode {
  readonly calls: string[] = [];
  readonly socket: FakeSocket;
  readonly clock: FakeClock;
  readonly storage: FakeStorage;
  readonly updates: NodeRow[][] = [];
  readonly states: NodeRow[] = [];
  readonly errors: [code: GossipErrorCode, message: string][] = [];
  readonly gossip: Gossip;

  constructor(network: FakeNetwork, readonly address: string, options: Partial<GossipOptions> = {}) {
    this.socket = new FakeSocket(network, parseAddress(address), this.calls);
    this.clock = new FakeClock(network);
    this.storage = new FakeStorage(this.calls);
    this.gossip = new Gossip({
      socket: this.socket,
      clock: this.clock,
      storage: this.storage,
      onUpdate: (rows) => this.updates.push(rows),
      onState: (row) => this.states.push(row),
      onError: (code, error) => this.errors.push([code, error.message]),
      ...options,
    });
  }

  /** What the node holds of another. */
  row(address: string): NodeRow | undefined {
    return this.gossip.rows().find((row) => row.address === address);
  }

  data(address: string): CborValue {
    return this.row(address)?.data;
  }

  arrive(hex: string, address = "192.168.0.99", port = PORT): void {
    this.socket.arrive(new Uint8Array(Buffer.from(hex, "hex")), parseAddress(address), port);
  }
}

/** A node that starts with one address to ask, and its network. */
export function single(options: Partial<GossipOptions> = {}): { network: FakeNetwork; node: FakeNode } {
  const network = new FakeNetwork();
  return { network, node: new FakeNode(network, "192.168.0.53", { seedList: ["192.168.0.99"], ...options }) };
}

export function started(options: Partial<GossipOptions> = {}): { network: FakeNetwork; node: FakeNode } {
  const made = single(options);
  made.node.gossip.start();
  return made;
}

/** Nodes at 192.168.0.53, .54 and so on that all know the first, after a minute together. */
export function joined(network: FakeNetwork, options: Partial<GossipOptions>[]): FakeNode[] {
  const nodes = options.map((more, i) => (
    new FakeNode(network, `192.168.0.${53 + i}`, { seedList: ["192.168.0.53"], ...more })
  ));
  for (const node of nodes) node.gossip.start();
  network.run(60000);
  return nodes;
}

function hexOf(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

/** Small numbers only: one byte as a varint. */
export function frameHex(type: number, id: number, revision: number, counter: number, rest: string): string {
  const head = `c1${hexOf(type, 1)}${hexOf(id, 4)}${hexOf(revision, 1)}${hexOf(counter, 1)}05`;
  return `${head}${"00".repeat(TABLE_HASH_BYTES)}${rest}`;
}

/** A section ROWS. In the rows of `rowHex` behind the first one, the address is its last octet. */
export function rowsHex(...rows: string[]): string {
  const content = rows.map((row, i) => {
    const [, head, id, host, rest] = /^(..)(.{8})c0a800(..)1388(.*)$/.exec(row) ?? [];
    return i === 0 || head === undefined ? row : hexOf(parseInt(head, 16) ^ 0x18, 1) + id + host + rest;
  }).join("");
  return hexOf(sectionHead(SECTION_ROWS, content.length / 2), 2) + content;
}

/** A row at 192.168.0.`host`, port 5000; a value in hex of less than 128 bytes, or "". */
export function rowHex(id: number, host: number, revision: string, heartbeat: string, value = "", state = 0): string {
  const tail = value === "" ? "" : hexOf(value.length / 2, 1) + value;
  const head = hexOf((value === "" ? 0x10 : 0x30) | state, 1);
  return `${head}${hexOf(id, 4)}c0a800${hexOf(host, 1)}1388${revision}${heartbeat}${tail}`;
}
