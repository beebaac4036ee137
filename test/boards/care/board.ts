import { createHash } from "node:crypto";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { type AddressInfo, type Socket, connect } from "node:net";
import { FirmwareUpdate } from "../../../boards/care/firmware.js";
import type { Connect } from "../../../boards/care/http-get.js";
import { FakeTimer } from "../load.js";
import { MemoryPreferences, PowerCut } from "./preferences.js";

/** TCP of Node.js, as the boards use it. */
export const connectNode: Connect = (address, port, handlers) => {
  const socket: Socket = connect(port, address);
  let isOpen = true;
  socket.on("connect", () => isOpen && handlers.onConnected());
  socket.on("data", (bytes) => {
    try {
      if (isOpen) handlers.onBytes(bytes);
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      isOpen = false;
      socket.destroy();
    }
  });
  socket.on("error", () => undefined);
  socket.on("close", () => isOpen && handlers.onClosed());
  return {
    write: (bytes) => socket.write(bytes),
    close: () => {
      isOpen = false;
      socket.destroy();
    },
  };
};

/**
 * A board with two places for images, of which the boot loader starts one. An image is the text "image VERSION", padded
 * to its size. All but flash and preferences is lost when a life ends.
 */
export class Board {
  readonly preferences = new MemoryPreferences();
  readonly places = [imageOf("1.0", 5000), new Uint8Array(0)];
  readonly news: string[] = [];
  /** The place that runs, and the one that the boot loader starts next. */
  running = 0;
  next = 0;
  /** Bytes that flash takes before the power fails, or it does. */
  bytesLeft = Infinity;
  failsBy: "power" | "error" = "power";
  hasRollback = true;
  isConfirmed = true;
  restarts = 0;
  begun = 0;
  timer = new FakeTimer();
  updates: FirmwareUpdate | undefined;

  get version(): string {
    return /^image (\S+)/.exec(Buffer.from(this.places[this.running]).toString())?.[1] ?? "none";
  }

  /** A start. Everything of the life before is gone. */
  start(): void {
    this.updates?.close();
    // The boot loader: an image that was never confirmed is not started twice.
    if (this.hasRollback && !this.isConfirmed && this.running === this.next) this.next = 1 - this.next;
    else if (this.running !== this.next) this.isConfirmed = false;
    this.running = this.next;
    this.restarts++;
    this.timer = new FakeTimer();
    const { timer } = this;
    this.updates = new FirmwareUpdate({
      version: this.version,
      preferences: this.preferences,
      domain: "update",
      setTimer: timer.set,
      clearTimer: timer.clear,
      random: () => 0.5,
      connect: connectNode,
      imageBytesMax: 10000,
      openImage: () => this.open(),
      hash: () => {
        const hash = createHash("sha256");
        return { write: (bytes) => void hash.update(bytes), close: () => new Uint8Array(hash.digest()) };
      },
      restart: () => this.start(),
      confirm: () => (this.isConfirmed = true),
      rollback: () => {
        this.next = 1 - this.running;
        this.isConfirmed = true;
        this.start();
      },
      onNews: (text) => this.news.push(text),
    });
    this.updates.begin();
  }

  /** Lets a download begin and end, with its pauses. Returns when something new is in `news`. */
  async untilNews(): Promise<string> {
    const count = this.news.length;
    this.timer.pass(30000);
    for (let i = 0; this.news.length === count && i < 2000; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    return this.news.at(-1) ?? "";
  }

  private open(): { write: (bytes: Uint8Array) => void; complete: () => void; abort: () => void } {
    const place = 1 - this.running;
    this.places[place] = new Uint8Array(0);
    this.begun++;
    return {
      write: (bytes) => {
        const room = Math.min(bytes.length, this.bytesLeft);
        this.places[place] = Buffer.concat([this.places[place], bytes.subarray(0, room)]);
        this.bytesLeft -= room;
        if (room < bytes.length) throw this.failsBy === "power" ? new PowerCut("power") : new Error("write failed");
      },
      complete: () => {
        if (!Buffer.from(this.places[place]).toString().startsWith("image ")) throw new Error("end failed");
        this.next = place;
      },
      abort: () => undefined,
    };
  }
}

export function imageOf(version: string, bytes: number): Uint8Array {
  return new Uint8Array(Buffer.from(`image ${version} `.padEnd(bytes, "."), "latin1"));
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A real HTTP server on 127.0.0.1 with one file. */
export class ImageServer {
  file = new Uint8Array(0);
  /** Bytes that it sends before it closes or stands still. */
  endsAfter = Infinity;
  standsStill = false;
  status = 200;
  head: Record<string, string> = {};
  requests = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer((_request, response) => {
      this.requests++;
      const part = this.file.subarray(0, this.endsAfter);
      const lengths = this.endsAfter < this.file.length ? {} : { "Content-Length": String(this.file.length) };
      response.writeHead(this.status, { ...lengths, ...this.head });
      if (this.standsStill) response.write(part);
      else response.end(part);
    });
  }

  async listen(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/image.bin`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
