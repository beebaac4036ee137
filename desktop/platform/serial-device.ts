import { execFileSync } from "node:child_process";
import { constants, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { show } from "../../src/checks.js";
import { invalid } from "../../src/errors.js";
import { type SerialPort, burstBytes } from "../../src/platform/serial-medium.js";

/** What a report says behind why the device cannot be opened. */
export const WAITS = ": the node waits for it";

const BAUD = 115200;
const BAUD_MIN = 1200;
const BAUD_MAX = 4000000;
/** How often the device is looked for while it is not there. */
const WATCH_MS = 1000;

/** A serial device and the speed of its line. */
export interface SerialSetting {
  device: string;
  /** Bits per second. */
  baud: number;
  /** Whether several nodes share the wires; false by default. */
  isBus?: boolean;
}

/**
 * Reads "/dev/ttyUSB0", "/dev/ttyUSB0:9600" or, of a bus, "/dev/ttyUSB0:9600:bus". Without a speed it is 115,200 bits
 * per second.
 *
 * @throws RangeError or TypeError ERR_OPTION
 */
export function parseSerial(name: string, text: unknown): SerialSetting {
  const parts = typeof text === "string" ? /^(.+?)(?::(\d{1,8}))?(:bus)?$/.exec(text) : null;
  if (parts === null || parts[1].startsWith("-")) {
    throw invalid("", name, `${show(text)} is not a device such as "/dev/ttyUSB0:115200"`, typeof text === "string");
  }
  const baud = parts[2] === undefined ? BAUD : Number(parts[2]);
  if (baud >= BAUD_MIN && baud <= BAUD_MAX) return { device: parts[1], baud, isBus: parts[3] !== undefined };
  throw invalid("", name, `the speed ${baud} is not from ${BAUD_MIN} to ${BAUD_MAX} bits per second`, true);
}

/**
 * A serial device of Linux or macOS, such as /dev/ttyUSB0, with 8 data bits, no parity and one stop bit. The
 * command `stty` sets it. While the device is not there, as when its plug is pulled, the port looks for it each
 * second; what is sent meanwhile is lost without an error.
 */
export class SerialDevice implements SerialPort {
  private readonly setting: SerialSetting;
  private readonly waitingBytesMax: number;
  private onBytes: (bytes: Uint8Array, length: number) => void = () => undefined;
  private onError: (error: Error) => void = () => undefined;
  private stream: ReadStream | undefined;
  private watch: NodeJS.Timeout | undefined;
  /** What was reported last: "" that all is well. */
  private trouble = "";
  private readonly unclosed = new Set<Promise<void>>();

  /** @param frameBytesMax longest frame on the line: as many bytes as four of them may wait to be sent */
  constructor(setting: SerialSetting, frameBytesMax: number) {
    this.setting = setting;
    this.waitingBytesMax = burstBytes(frameBytesMax);
  }

  open(onBytes: (bytes: Uint8Array, length: number) => void, onError: (error: Error) => void): void {
    this.onBytes = onBytes;
    this.onError = onError;
    this.trouble = "";
    const trouble = this.connect();
    this.watch = setInterval(() => this.look(), WATCH_MS);
    // Reports only when the caller's start is over.
    if (trouble !== "") setImmediate(() => this.report(trouble));
  }

  /** @throws Error when more than four of the longest frames wait */
  write(bytes: Uint8Array, length: number): void {
    const { stream } = this;
    if (stream === undefined) {
      if (this.watch === undefined) throw new Error("the serial line is not open");
      return;
    }
    if (stream.writableLength + length > this.waitingBytesMax) {
      throw new Error(`${this.setting.device}: the line is slower than what is sent`);
    }
    stream.write(Uint8Array.prototype.slice.call(bytes, 0, length));
  }

  close(): void {
    clearInterval(this.watch);
    this.watch = undefined;
    this.onBytes = () => undefined;
    this.onError = () => undefined;
    this.stream?.end(() => this.stream?.destroy());
  }

  /** Resolves once the device is closed, at once if it was never open. Never rejects. */
  async closed(): Promise<void> {
    await Promise.all(this.unclosed);
  }

  private look(): void {
    if (this.stream === undefined) this.report(this.connect());
  }

  private report(trouble: string): void {
    if (trouble === this.trouble || this.watch === undefined) return;
    this.trouble = trouble;
    const { device } = this.setting;
    this.onError(new Error(trouble === "" ? `${device} is open` : `${trouble}${WAITS}`));
  }

  /** Opens the device. Returns why that is not possible; "" if it is. */
  private connect(): string {
    const { device, baud } = this.setting;
    let stream: ReadStream;
    try {
      setLine(device, baud);
      stream = new ReadStream(openSync(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
    } catch (error) {
      return `${device} cannot be opened: ${reasonOf(error)}`;
    }
    this.stream = stream;
    const closed = new Promise<void>((resolve) => stream.on("close", resolve));
    this.unclosed.add(closed);
    void closed.then(() => {
      this.unclosed.delete(closed);
      if (this.stream !== stream) return;
      this.stream = undefined;
      this.report(`${device} is closed`);
    });
    // What else happens is seen when the stream closes.
    stream.on("error", () => undefined);
    stream.on("end", () => stream.destroy());
    stream.on("data", (bytes: Buffer) => this.onBytes(bytes, bytes.length));
    return "";
  }
}

/** Raw bytes, no echo, no control lines. */
function setLine(device: string, baud: number): void {
  const file = process.platform === "linux" ? "-F" : "-f";
  const settings = [String(baud), "raw", "-echo", "cs8", "-cstopb", "-parenb", "clocal", "-crtscts"];
  execFileSync("stty", [file, device, ...settings], { stdio: ["ignore", "ignore", "pipe"] });
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as Error & { stderr?: Buffer };
  const text = stderr?.toString().trim() ?? "";
  return text === "" ? message : text;
}
