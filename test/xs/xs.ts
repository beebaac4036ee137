// Runs a bundle inside 32-bit XS, in the memory of an ESP8266 board, and talks to it line by line. command.ts tells how
// the program is started. Long runs whose answers alone count can use 64 bits, which never need an emulator.
// What the program does, and the commands that begin with "!", stand at the head of host.c.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { build } from "./build.mjs";
import { type Command, commandFor } from "./command.js";

export { PackageMissing } from "./build.mjs";

export type XsBits = 32 | 64;

export interface XsOptions {
  /** Size of the static block; 32768, as on the board, unless given. */
  staticBytes?: number;
  /** JavaScript stack in slots of 16 bytes, part of the block; 256, the SDK's default there, unless given. */
  stackSlots?: number;
  /** No board: the bundle stays in one machine without a limit. For comparison only. */
  plain?: boolean;
  /** 32, as on the board, unless given. With 64, slots and pointers are twice as large, and so is the block. */
  bits?: XsBits;
}

/** All numbers are bytes after a garbage collection, unless their name says otherwise. */
export interface XsMemory {
  slotBytes: number;
  slots: number;
  slotsAllocated: number;
  chunks: number;
  chunksAllocated: number;
  stack: number;
  stackUsedMax: number;
  /** Steps of XS since the last `meter()`. */
  meter: number;
  /** `free` lies between slots and chunks; `available` also counts what both could reuse. */
  static: { size: number; free: number; available: number };
  /** Outside the static block, as on the board. */
  tables: { keys: number; names: number; aliases: number };
  /** What the bundle took when it was loaded: on the board this is flash, not RAM. */
  bundle: { slots: number; chunks: number };
}

export type XsLimit =
  | "usage" | "bundle" | "answer" | "memory" | "stack" | "check" | "exception" | "keys" | "rejection"
  | "C stack";

/** The exit statuses of host.c (see board.h). */
const LIMITS = new Map<number | null, XsLimit>([
  [64, "usage"], [65, "bundle"], [66, "answer"], [81, "memory"], [82, "stack"], [83, "check"],
  [85, "exception"], [86, "keys"], [88, "rejection"], [90, "C stack"],
]);

/** Thrown when the program ended before it answered. */
export class XsError extends Error {
  override name = "XsError";
  constructor(readonly status: number | null, readonly limit: XsLimit | undefined, readonly stderr: string) {
    super(stderr.trim() || `xs ended with status ${status}`);
  }
}

interface Waiter {
  missing: number;
  answers: string[];
  resolve(answers: string[]): void;
  reject(error: Error): void;
}

const STATIC_BYTES = 32768;
const WRITE_LINES_MAX = 2000;
/** EXIT_USAGE of board.h: how the program ends when it gets no arguments. */
const USAGE_STATUS = 64;

let command32: Command | undefined;

export class XsHost {
  private readonly waiters: Waiter[] = [];
  private rest = "";
  private stderr = "";
  private ended: Error | undefined;
  private readonly closed: Promise<void>;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.receive(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    child.stdin.on("error", () => undefined); // the program has ended; 'close' tells why
    this.closed = new Promise((resolve) => {
      child.on("error", (error) => this.end(error));
      child.on("close", (status) => {
        this.end(new XsError(status, LIMITS.get(status), this.stderr));
        resolve();
      });
    });
  }

  /** Compiles the 32-bit program if need be, and finds out once how it is started. Throws PackageMissing. */
  static async command(): Promise<Command> {
    return (command32 ??= commandFor(await build(), USAGE_STATUS));
  }

  static async start(bundlePath: string, options: XsOptions = {}): Promise<XsHost> {
    const { bits = 32, staticBytes = STATIC_BYTES } = options;
    const command = bits === 32 ? await XsHost.command() : { file: await build({ m64: true }), args: [] };
    const args = [...command.args, bundlePath, "--static", String(staticBytes * bits / 32)];
    if (options.stackSlots !== undefined) args.push("--stack", String(options.stackSlots));
    if (options.plain) args.push("--plain");
    return new XsHost(spawn(command.file, args, { stdio: ["pipe", "pipe", "pipe"] }));
  }

  /**
   * Shares out a long run whose answers, and nothing else, are compared. 32-bit XS does all of it or, where it is
   * emulated and slow, a part, and 64-bit XS all.
   */
  static async longRun<Work>(all: Work, part: Work): Promise<{ bits: XsBits; work: Work }[]> {
    const { isEmulated } = await XsHost.command();
    return isEmulated ? [{ bits: 32, work: part }, { bits: 64, work: all }] : [{ bits: 32, work: all }];
  }

  /** What the script has printed so far. */
  get printed(): string {
    return this.stderr;
  }

  async send(line: string): Promise<string> {
    const answers = await this.sendMany([line]);
    return answers[0];
  }

  /** Answers come in the order of the lines. A line must not contain a line break. */
  async sendMany(lines: readonly string[]): Promise<string[]> {
    if (this.ended) throw this.ended;
    if (lines.length === 0) return [];
    const answered = new Promise<string[]>((resolve, reject) => {
      this.waiters.push({ missing: lines.length, answers: [], resolve, reject });
    });
    answered.catch(() => undefined); // it may be rejected while lines are still being written
    for (let start = 0; start < lines.length && !this.ended; start += WRITE_LINES_MAX) {
      const text = lines.slice(start, start + WRITE_LINES_MAX).join("\n") + "\n";
      if (!this.child.stdin.write(text)) await Promise.race([this.drained(), this.closed]);
    }
    return answered;
  }

  /** Unlike `once` of node:events it does not reject when the program has ended; `closed` tells that. */
  private drained(): Promise<void> {
    return new Promise((resolve) => this.child.stdin.once("drain", resolve));
  }

  async memory(): Promise<XsMemory> {
    return JSON.parse(await this.send("!memory")) as XsMemory;
  }

  async collect(): Promise<void> {
    await this.send("!gc");
  }

  /** Steps XS has made since the last call; starts again from 0. */
  async meter(): Promise<number> {
    return Number(await this.send("!meter"));
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    await this.closed;
  }

  private receive(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() as string;
    for (const line of lines) {
      const waiter = this.waiters[0];
      if (!waiter) continue;
      waiter.answers.push(line);
      if (--waiter.missing === 0) {
        this.waiters.shift();
        waiter.resolve(waiter.answers);
      }
    }
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const waiter of this.waiters.splice(0)) waiter.reject(this.ended);
  }
}
