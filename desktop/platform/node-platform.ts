import { randomBytes } from "node:crypto";
import { type Socket, createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import { invalid } from "../../src/errors.js";
import type { GossipClock, GossipSocket, Platform } from "../../src/platform/types.js";
import { nodeDigest } from "./node-digest.js";
import { nodeSealing } from "./node-sealing.js";

/**
 * The platform's part of a node's options on Node.js.
 *
 * @param listen IPv4 address to bind to; without one the node listens on all
 * interfaces and takes the first address that is not a loopback for its own
 * @throws RangeError or TypeError ERR_OPTION when `listen` is no IPv4 address
 */
export function nodePlatform(listen?: string): Platform {
  return {
    socket: new NodeSocket(listen),
    clock: nodeClock,
    sealing: nodeSealing,
    digest: nodeDigest,
    randomSeed: randomBytes(4).readUInt32LE(),
  };
}

/** A uint32 for a new node. Not from the random seed, which must stay secret. */
export function randomId(): number {
  return randomBytes(4).readUInt32LE();
}

/** Node's monotonic clock and timers. */
export const nodeClock: GossipClock = {
  nowMs: () => Math.trunc(performance.now()) >>> 0,
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  physicalMs: () => Date.now(),
};

/** A UDP socket of Node.js. */
export class NodeSocket implements GossipSocket {
  private socket: Socket | undefined;
  private readonly listen: string | undefined;
  private failure: Error | undefined;
  /** A socket that is to be closed once the system has its datagrams. */
  private closing: Socket | undefined;
  /** Datagrams that Node has not handed to the system yet. */
  private pending = 0;
  /** Sockets that are not closed yet: none or one. */
  private unclosed = 0;
  private waiting: (() => void)[] = [];

  /** @throws RangeError or TypeError ERR_OPTION when `listen` is no IPv4 address */
  constructor(listen?: string) {
    if (listen !== undefined && !isIPv4(listen)) {
      const problem = `${JSON.stringify(listen)} is not an IPv4 address such as "192.168.0.54"`;
      throw invalid("", "listen", problem, typeof listen === "string");
    }
    this.listen = listen;
  }

  bind(
    port: number,
    onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void,
    onError: (error: Error) => void,
  ): void {
    const socket = createSocket("udp4");
    this.socket = socket;
    this.unclosed++;
    let isBound = false;
    socket.on("message", (bytes, from) => onDatagram(bytes, bytes.length, parseAddress(from.address), from.port));
    socket.on("close", () => {
      this.unclosed--;
      for (const resolve of this.waiting.splice(0)) resolve();
    });
    socket.on("error", (error) => {
      // Node would bind an unbound socket to a port of its own choice when something is sent. It drops what was to be
      // sent, without a call.
      if (!isBound) {
        this.pending = 0;
        this.close();
      }
      onError(error);
    });
    socket.bind({ port, address: this.listen ?? "0.0.0.0", exclusive: true }, () => {
      isBound = true;
      socket.setBroadcast(true);
    });
  }

  /** @throws Error when there is no open socket or the system refused the datagram before this one */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.socket === undefined) throw new Error("the socket is not open");
    // Node reads the bytes later, when the caller may have overwritten them.
    const copy = Uint8Array.prototype.slice.call(bytes, 0, length);
    const socket = this.socket;
    this.pending++;
    socket.send(copy, port, formatAddress(address), (error) => {
      if (this.pending > 0) this.pending--;
      if (error !== null) this.failure = error;
      this.closeIdle();
    });
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  ownAddress(): number {
    if (this.listen !== undefined && this.listen !== "0.0.0.0") return parseAddress(this.listen);
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const outward = all.find((address) => address.family === "IPv4" && !address.internal);
    return outward === undefined ? 0 : parseAddress(outward.address);
  }

  /** A random number, another one at each call: addresses change, and several computers can have the same one. */
  deviceId(): number {
    return randomId();
  }

  /** Closes the socket once the system has the last datagram; nothing is received any more. */
  close(): void {
    this.closing = this.socket ?? this.closing;
    this.socket = undefined;
    this.closing?.removeAllListeners("message");
    this.closeIdle();
  }

  /** Resolves once the socket is closed, at once if it was never bound. Never rejects. */
  closed(): Promise<void> {
    if (this.unclosed === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private closeIdle(): void {
    if (this.pending > 0) return;
    const socket = this.closing;
    this.closing = undefined;
    socket?.close();
  }
}
