import { randomBytes } from "node:crypto";
import { type Socket, createSocket } from "node:dgram";
import * as files from "node:fs";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";
import type { GossipClock, GossipSocket, GossipStorage, Platform } from "../../src/platform/types.js";
import { nodeIdOf } from "../../src/platform/udp.js";
import { FileLog, type FileLogOptions, isMissing, replaceFile } from "./file-log.js";
import { nodeDigest } from "./node-digest.js";
import { nodeSealing } from "./node-sealing.js";

export { FileLog, type FileLogOptions } from "./file-log.js";
export { MemoryLog, type MemoryLogOptions, PowerLossError } from "../../src/platform/memory-log.js";
export { MemoryStorage } from "../../src/platform/memory-storage.js";
export { nodeDigest } from "./node-digest.js";
export { nodeSealing } from "./node-sealing.js";


/**
 * The platform's part of a node's options on Node.js.
 *
 * @param listen IPv4 address to bind to. Without one the node listens on all
 * interfaces, and its own address is the first that is not a loopback address
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

/** Node's monotonic clock and timers. */
export const nodeClock: GossipClock = {
  nowMs: () => Math.trunc(performance.now()) >>> 0,
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  physicalMs: () => Date.now(),
};

export class NodeSocket implements GossipSocket {
  private socket: Socket | undefined;
  private readonly listen: string | undefined;
  private failure: Error | undefined;
  /** Datagrams that Node.js has not yet passed to the system. */
  private pending = 0;

  /** @throws Error when `listen` is not an IPv4 address */
  constructor(listen?: string) {
    if (listen !== undefined && !isIPv4(listen)) {
      throw new Error(`listen: ${JSON.stringify(listen)} is not an IPv4 address such as "192.168.0.54"`);
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
    let isBound = false;
    socket.on("message", (bytes, from) => onDatagram(bytes, bytes.length, parseAddress(from.address), from.port));
    socket.on("error", (error) => {
      // Otherwise Node.js would bind the socket to a random port at the next send.
      if (!isBound) this.close();
      onError(error);
    });
    socket.bind({ port, address: this.listen ?? "0.0.0.0", exclusive: true }, () => {
      isBound = true;
      socket.setBroadcast(true);
    });
  }

  /** @throws Error when the socket is not open or the system refused the previous datagram */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    if (this.socket === undefined) throw new Error("the socket is not open");
    // Node.js reads the bytes later, when the caller may have changed them.
    const copy = Uint8Array.prototype.slice.call(bytes, 0, length);
    const socket = this.socket;
    this.pending++;
    socket.send(copy, port, formatAddress(address), (error) => {
      this.pending--;
      if (error !== null) this.failure = error;
      if (this.pending === 0 && this.socket !== socket) socket.close();
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

  /** From the own address. */
  deviceId(port: number): number {
    return nodeIdOf(this.ownAddress(), port);
  }

  /** Stops receiving, and closes the socket once Node.js has passed the last datagram to the system. */
  close(): void {
    const socket = this.socket;
    this.socket = undefined;
    socket?.removeAllListeners("message");
    if (this.pending === 0) socket?.close();
  }
}

/**
 * Keeps the revision in the file `revision` of a folder and events in its file
 * `events`. The folder is created if it does not exist. A new revision is written
 * to a second file, synced and renamed, so that a crash leaves the old revision or
 * the new one.
 */
export class FileStorage implements GossipStorage {
  readonly log: FileLog;
  private readonly path: string;

  /**
   * @param options of the log
   * @throws Error when the folder cannot be created
   */
  constructor(folder: string, options?: FileLogOptions) {
    files.mkdirSync(folder, { recursive: true });
    this.path = join(folder, "revision");
    this.log = new FileLog(join(folder, "events"), options);
  }

  readRevision(): number | undefined {
    const text = readIfThere(this.path);
    if (text === undefined) return undefined;
    const revision = Number(text);
    if (!/^\d+\n$/.test(text) || revision > 0xffffffff) {
      throw new Error(`${this.path} does not hold a revision from 0 to 4294967295`);
    }
    return revision;
  }

  writeRevision(revision: number): void {
    replaceFile(files, this.path, (file) => files.writeSync(file, `${revision}\n`));
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return files.readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
