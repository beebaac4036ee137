import assert from "node:assert/strict";
import { type Socket, createSocket } from "node:dgram";
import vm from "node:vm";
import { crc32 } from "../support/crc32.js";
import type { Gossip, minMax } from "../../src/gossip.js";
import type { FlashLogOptions } from "../../src/platform/flash-log.js";
import type { GossipLog, GossipSocket, GossipStorage, Platform } from "../../src/platform/types.js";
import { globalsPresent, membersPresent, staticsPresent } from "./built-ins.js";

/** What Espruino keeps for its own header when it receives a datagram, and how much it takes in any case. */
const HEADER_BYTES = 8;
const CHUNK_BYTES = 536;

/** What `require("chisme")` gives. */
export interface Chisme {
  Gossip: typeof Gossip;
  minMax: typeof minMax;
  espruinoPlatform(receiveBytesMax?: number): Platform & { socket: EspruinoSocket };
  flashStorage(file?: string, log?: GossipLog): GossipStorage;
  flashLog(file?: string, sectors?: number, options?: FlashLogOptions): GossipLog;
}

interface EspruinoSocket extends GossipSocket {
  reopen(): void;
}

type Handler = (...args: unknown[]) => void;

/** A board with Espruino's built-ins, sockets, timers, clock and flash as far as the platform uses them. */
export class EspruinoDevice {
  /** Storage, which is there after a restart. */
  readonly files = new Map<string, string>();
  readonly sockets: FakeUdpSocket[] = [];
  /** What `Wifi.getIP()` gives; undefined where the firmware has no such module. */
  wifi: { ip?: string; mac?: string } | undefined;
  /** The only host that there is has the name "box.example". */
  readonly getHostByName = (name: string, callback: (ip: string | null) => void): void => {
    callback(name === "box.example" ? "192.168.0.55" : null);
  };
  serial = "00000000-addeadde-addeadde";
  /** What the clock was set ahead by. */
  clockSetMs = 0;
  /** Whether `bind` finds its port taken. */
  isPortTaken = false;
  /** How many of a number of bytes are written to Storage; if fewer, power was lost. */
  tearWrite: ((length: number) => number) | undefined;
  /** Bytes of the kind that the board's programs know. */
  bytesOf: (bytes: Buffer) => Uint8Array = (bytes) => bytes;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly code: string;
  private context: vm.Context = {};

  /** @param code of the bundle, which Storage has as `chisme` */
  constructor(code: string) {
    this.code = code;
    this.files.set("chisme", code);
  }

  /**
   * Starts anew: what `require("chisme")` gives, in a context of its own.
   *
   * @param more modules of the firmware, by name
   * @param globals in place of the device's own, such as its timers
   */
  boot(more: Record<string, unknown> = {}, globals: Record<string, unknown> = {}): Chisme {
    const context = vm.createContext({});
    this.context = context;
    this.bytesOf = vm.runInContext("(bytes) => new Uint8Array(bytes)", context) as (bytes: Buffer) => Uint8Array;
    takeAway(context);
    Object.assign(context, {
      exports: {},
      require: (name: string) => more[name] ?? this.module(name),
      getTime: () => (performance.timeOrigin + performance.now() + this.clockSetMs) / 1000,
      getSerial: () => this.serial,
      setTimeout: (callback: () => void, delayMs: number) => this.setTimer(callback, delayMs),
      clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
      E: {
        hwRand: () => Math.floor(Math.random() * 2 ** 32) | 0,
        toString: (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1"),
        CRC32: (bytes: Uint8Array) => crc32(bytes),
        toUint8Array: (text: string) => this.bytesOf(Buffer.from(text, "latin1")),
      },
    });
    Object.assign(context, globals);
    vm.runInContext(this.code, context);
    return context.exports as Chisme;
  }

  /**
   * Runs a sketch after a start, as one that was saved to flash: what it says
   * goes to `print`, and `init` comes when it has been read.
   *
   * @param more globals: pins, what reads them, another module `Wifi`
   */
  run(sketch: string, print: (text: string) => void, more: Record<string, unknown>): void {
    const chisme = this.boot();
    const context = this.context;
    const firmware = context.require as (name: string) => unknown;
    const inits: (() => void)[] = [];
    Object.assign(context, { print, ...more });
    (context.E as { on: Handler }).on = (_event, callback) => inits.push(callback as () => void);
    context.require = (name: string) => name === "chisme" ? chisme : more[name] ?? firmware(name);
    context.setInterval = (callback: () => void, delayMs: number) => {
      const again = () => {
        this.setTimer(again, delayMs);
        callback();
      };
      this.setTimer(again, delayMs);
    };
    vm.runInContext(sketch, context);
    for (const init of inits) init();
  }

  /** Power is off: nothing of it runs any more. */
  halt(): void {
    for (const timer of this.timers) clearTimeout(timer);
    for (const socket of this.sockets.splice(0)) socket.release();
  }

  private setTimer(callback: () => void, delayMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      callback();
    }, delayMs);
    this.timers.add(timer);
    return timer;
  }

  private module(name: string): unknown {
    switch (name) {
      case "dgram": return { createSocket: (options: { recvBufferSize?: number }) => this.createSocket(options) };
      case "Storage": return {
        read: (file: string, offset = 0, length = 0) => {
          const end = length > 0 ? offset + length : undefined;
          return this.files.get(this.checked(file))?.substring(offset, end);
        },
        write: (file: string, data: string, offset = 0, size = data.length) => {
          return this.writeFile(this.checked(file), data, offset, size);
        },
        erase: (file: string) => this.files.delete(this.checked(file)),
      };
      case "Wifi":
        if (this.wifi !== undefined) return { getIP: () => this.wifi, getHostByName: this.getHostByName };
        throw new Error(`Module "Wifi" not found`);
      default: throw new Error(`Module "${name}" not found`);
    }
  }

  /** Makes a file, or writes into one whose bytes are erased there, as Espruino's own does. */
  private writeFile(file: string, data: string, offset: number, size: number): boolean {
    let content = this.files.get(file);
    const isErased = content?.length === size && /^\xff*$/.test(content);
    if (offset === 0 && !isErased) content = "\xff".repeat(size);
    if (content === undefined) throw new Error("Unable to find or create file");
    const end = offset + data.length;
    if (end > content.length) throw new Error("Too much data for file size");
    const isFree = /^\xff*$/.test(content.substring(offset, end));
    if (!isFree) throw new Error("File already written with different data");
    const kept = this.tearWrite === undefined ? data.length : this.tearWrite(data.length);
    this.files.set(file, content.substring(0, offset) + data.substring(0, kept) + content.substring(offset + kept));
    if (kept < data.length) throw new Error("no power");
    return true;
  }

  private checked(file: string): string {
    assert.ok(file.length <= 28, `${file} is no name of a file of Storage`);
    return file;
  }

  private createSocket(options: { recvBufferSize?: number }): FakeUdpSocket {
    const isTaken = (port: number) => this.isPortTaken || this.sockets.some((other) => other.holds(port));
    const socket = new FakeUdpSocket(options.recvBufferSize ?? 0, isTaken);
    this.sockets.push(socket);
    return socket;
  }
}

/**
 * Espruino's socket, made of one of Node.js. As in Espruino it works when the
 * interpreter is idle: then one datagram leaves, or a socket that was closed frees
 * its port.
 */
export class FakeUdpSocket {
  isBound = false;
  isClosed = false;
  /** Set to close before the queue is empty. */
  clsNow = false;
  readonly sent: string[] = [];
  private port: number | undefined;
  private readonly queue: { message: string; port: number; address: string }[] = [];
  private isClosing = false;
  private isWaiting = false;
  private readonly handlers = new Map<string, Handler>();
  private readonly socket: Socket = createSocket("udp4");

  constructor(recvBufferSize: number, private readonly isPortTaken: (port: number) => boolean) {
    const room = Math.max(CHUNK_BYTES, recvBufferSize) - HEADER_BYTES;
    this.socket.on("message", (bytes, { address, port, size }) => {
      if (bytes.length === 0) this.end();
      else this.emit("message", bytes.subarray(0, room).toString("latin1"), { address, port, size });
    });
  }

  /** What is queued, each datagram behind a header. */
  get dSnd(): string {
    return this.queue.map(({ message }) => "\0".repeat(HEADER_BYTES) + message).join("");
  }

  /** Whether it has this port, and has not freed it yet. */
  holds(port: number): boolean {
    return this.port === port && !this.isClosed;
  }

  bind(port: number): this {
    if (this.isPortTaken(port)) {
      // Espruino gives up such a socket.
      this.clsNow = true;
      this.close();
      throw new Error("Unable to create socket");
    }
    this.isBound = true;
    this.port = port;
    this.socket.bind(port, "127.0.0.1");
    return this;
  }

  send(message: string, port: number, address: string): void {
    assert.equal(typeof message, "string");
    if (this.isClosed || this.isClosing) throw new Error("This socket is closed");
    this.sent.push(`${address}:${port}`);
    this.queue.push({ message, port, address });
    this.wait();
  }

  on(event: string, handler: Handler): void {
    this.handlers.set(event, handler);
  }

  close(): void {
    this.isClosing = true;
    this.wait();
  }

  /** Closes, by whomever, and says so. */
  end(): void {
    if (this.release()) this.emit("close");
  }

  /** Returns whether the socket was open. */
  release(): boolean {
    const wasOpen = !this.isClosed;
    this.isClosed = true;
    if (wasOpen) this.socket.close();
    return wasOpen;
  }

  emit(event: string, ...args: unknown[]): void {
    this.handlers.get(event)?.(...args);
  }

  private wait(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    setImmediate(() => {
      this.isWaiting = false;
      this.idle();
    });
  }

  private idle(): void {
    if (this.isClosed) return;
    const next = this.clsNow ? undefined : this.queue.shift();
    if (next === undefined) {
      if (this.isClosing) this.end();
      return;
    }
    // Broadcasts stay here: from a bound socket they vanish, and others are nothing for the machine of a test.
    const { message, port, address } = next;
    if (!address.endsWith(".255")) this.socket.send(Buffer.from(message, "latin1"), port, address);
    this.wait();
  }
}

/** Takes away from a context whatever Espruino has not. */
function takeAway(context: vm.Context): void {
  const script = `(globals, statics, members) => {
    const { create, getOwnPropertyNames, getPrototypeOf, keys } = Object;
    const stringify = JSON.stringify;
    const leave = (object, names) => {
      const left = create(null);
      const always = ["constructor", "prototype", "name", "length", "__proto__"];
      for (let i = 0; i < always.length; i++) left[always[i]] = 1;
      for (let i = 0; i < names.length; i++) left[names[i]] = 1;
      const all = getOwnPropertyNames(object);
      for (let i = 0; i < all.length; i++) if (left[all[i]] === undefined) delete object[all[i]];
    };
    const kinds = keys(members);
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i];
      leave(kind === "TypedArray" ? getPrototypeOf(Uint8Array.prototype) : globalThis[kind].prototype, members[kind]);
    }
    leave(getPrototypeOf(Uint8Array), []);
    for (let i = 0; i < globals.length; i++) {
      const object = globalThis[globals[i]];
      const isHolder = typeof object === "function" || (typeof object === "object" && object !== globalThis);
      if (isHolder) leave(object, statics[globals[i]] || []);
    }
    leave(globalThis, globals);
    JSON.stringify = (value) => stringify(value);
  }`;
  // By way of JSON, so that the lists are of the context's own kind of array.
  const lists = JSON.stringify([globalsPresent, staticsPresent, membersPresent]);
  vm.runInContext(`(${script})(...${lists})`, context);
}
