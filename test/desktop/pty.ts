import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "mocha";
import { SerialDevice } from "../../desktop/platform/serial-device.js";
import { freshFolder } from "./cli/node-process.js";

const PATIENCE_MS = 20000;
const pairs = new Set<PtyPair>();
const buses = new Set<WireBus>();

/** Skips the test where socat is missing, except in CI. */
export function requireSocat(context: Context): void {
  try {
    execFileSync("socat", ["-V"], { stdio: "ignore" });
  } catch (error) {
    if (process.env.CI === "true") throw error;
    console.log("      skipped: needs the Debian package socat");
    context.skip();
  }
}

/** Two pseudo-terminals, such that what is written to one is read from the other: a serial line. */
export class PtyPair {
  /** The paths of both ends. */
  readonly ends: [string, string];
  private readonly child: ChildProcess;

  private constructor() {
    const folder = freshFolder();
    this.ends = [join(folder, "a"), join(folder, "b")];
    const [a, b] = this.ends;
    this.child = spawn("socat", [`pty,raw,echo=0,link=${a}`, `pty,raw,echo=0,link=${b}`], { stdio: "ignore" });
    pairs.add(this);
  }

  static async open(): Promise<PtyPair> {
    const pair = new PtyPair();
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!pair.ends.every((end) => existsSync(end))) {
      if (performance.now() > deadlineMs) throw new Error("socat made no pseudo-terminals");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return pair;
  }

  /** Both ends disappear, as when the plug of an adapter is pulled. */
  async remove(): Promise<void> {
    pairs.delete(this);
    const exited = once(this.child, "exit");
    this.child.kill();
    await exited;
  }
}

/** For `afterEach`. */
export async function removePairs(): Promise<void> {
  await Promise.all([...buses].map((bus) => bus.close()));
  await Promise.all([...pairs].map((pair) => pair.remove()));
}

/** Passes bytes between the ends of two lines; each piece that arrives may be changed on the way. */
export class Bridge {
  private readonly devices: SerialDevice[];

  constructor(one: string, other: string, change: (bytes: Uint8Array) => Uint8Array) {
    this.devices = [one, other].map((device) => new SerialDevice({ device, baud: 115200 }, 1500));
    this.devices.forEach((device, index) => device.open((bytes, length) => {
      const changed = change(bytes.subarray(0, length));
      this.devices[1 - index].write(changed, changed.length);
    }, () => undefined));
  }

  async close(): Promise<void> {
    for (const device of this.devices) device.close();
    await Promise.all(this.devices.map((device) => device.closed()));
  }
}

/** Two wires between the ends of several lines: what comes from one goes to all others, unless another sends, too. */
export class WireBus {
  /** Pieces that met another one. */
  destroyed = 0;
  private readonly devices: SerialDevice[];
  private current: { from: SerialDevice; isDestroyed: boolean }[] = [];

  constructor(ends: readonly string[], baud: number) {
    buses.add(this);
    this.devices = ends.map((device) => new SerialDevice({ device, baud }, 1500));
    for (const from of this.devices) {
      from.open((bytes, length) => this.pass(from, bytes.slice(0, length), length * 10_000 / baud), () => undefined);
    }
  }

  async close(): Promise<void> {
    buses.delete(this);
    for (const device of this.devices) device.close();
    await Promise.all(this.devices.map((device) => device.closed()));
  }

  private pass(from: SerialDevice, bytes: Uint8Array, durationMs: number): void {
    // Pieces of one sender follow each other.
    const others = this.current.filter((other) => other.from !== from);
    const piece = { from, isDestroyed: others.length > 0 };
    for (const other of others) other.isDestroyed = true;
    this.current.push(piece);
    setTimeout(() => {
      if (!buses.has(this)) return;
      this.current = this.current.filter((other) => other !== piece);
      if (piece.isDestroyed) this.destroyed++;
      const passed = piece.isDestroyed ? bytes.map((byte) => byte ^ 0x55) : bytes;
      for (const device of this.devices) if (device !== from) device.write(passed, passed.length);
    }, durationMs);
  }
}
