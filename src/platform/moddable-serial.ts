import Serial from "embedded:io/serial";
import type { SerialPort } from "./serial-medium.js";

/** Bytes that may wait to be sent by default: a burst of 4 frames for 237-byte datagrams. */
const WAITING_BYTES = 1024;

/** What the SDK's `Serial` needs: pins and port of a board, or the device of a desktop, and the speed. */
export interface ModdableSerialOptions {
  /** Bits per second. */
  baud: number;
  /** Number of the UART. */
  port?: number;
  receive?: number;
  transmit?: number;
  /** In place of port and pins in the simulator on Linux and macOS, such as "/dev/ttyUSB0". */
  device?: string;
}

/**
 * A UART of the SDK (ECMA-419's `Serial`), for `SerialMedium`: 8 data bits, no parity, one stop bit. The UART takes
 * only as many bytes as its buffer has room for, so the rest waits here.
 */
export class ModdableSerialPort implements SerialPort {
  private readonly options: ModdableSerialOptions;
  private readonly waiting: Uint8Array;
  private waitingFrom = 0;
  private waitingCount = 0;
  /** Bytes that the UART takes now. */
  private room = 0;
  private serial: Uart | undefined;

  /** @param waitingBytesMax bytes that may wait to be sent, 1,024 by default: best four of the longest frames */
  constructor(options: ModdableSerialOptions, waitingBytesMax?: number) {
    this.options = options;
    this.waiting = new Uint8Array(waitingBytesMax ?? WAITING_BYTES);
  }

  open(onBytes: (bytes: Uint8Array, length: number) => void): void {
    this.waitingCount = 0;
    this.room = 0;
    const { baud, port, receive, transmit, device } = this.options;
    const options: Record<string, unknown> = {
      baud,
      format: "buffer",
      onReadable: () => {
        const buffer = this.serial?.read();
        if (buffer !== undefined) onBytes(new Uint8Array(buffer), buffer.byteLength);
      },
      onWritable: (count: number) => {
        this.room = count;
        this.drain();
      },
    };
    if (port !== undefined) options.port = port;
    if (receive !== undefined) options.receive = receive;
    if (transmit !== undefined) options.transmit = transmit;
    if (device !== undefined) options.device = device;
    this.serial = new (Serial as unknown as UartClass)(options);
  }

  /** @throws Error when the port is not open, or too many bytes wait */
  write(bytes: Uint8Array, length: number): void {
    if (this.serial === undefined) throw new Error("the serial line is not open");
    const { waiting } = this;
    if (this.waitingCount + length > waiting.length) throw new Error("the serial line is slower than what is sent");
    let to = (this.waitingFrom + this.waitingCount) % waiting.length;
    for (let i = 0; i < length; i++) {
      waiting[to] = bytes[i];
      to = to + 1 === waiting.length ? 0 : to + 1;
    }
    this.waitingCount += length;
    this.drain();
  }

  close(): void {
    this.serial?.close();
    this.serial = undefined;
  }

  private drain(): void {
    const { waiting } = this;
    while (this.serial !== undefined && this.waitingCount > 0 && this.room > 0) {
      const from = this.waitingFrom;
      const count = Math.min(this.waitingCount, this.room, waiting.length - from);
      this.waitingFrom = (from + count) % waiting.length;
      this.waitingCount -= count;
      this.room -= count;
      this.serial.write(waiting.slice(from, from + count).buffer);
    }
  }
}

/** The part of the SDK's class that this file uses. Its typings lack `device`. */
interface Uart {
  read(): ArrayBuffer | undefined;
  write(bytes: ArrayBuffer): void;
  close(): void;
}

type UartClass = new (options: Record<string, unknown>) => Uart;
