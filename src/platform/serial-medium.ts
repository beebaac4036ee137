import { show } from "../checks.js";
import { invalid } from "../errors.js";
import type { Medium } from "./media-socket.js";
import { SerialFramer, serialBytes } from "./serial-framer.js";

/** The port of a serial line, of one platform. */
export interface SerialPort {
  /**
   * Begins to receive. `onBytes` gets what arrived: bytes that are valid only during the call, and their number.
   *
   * @throws the platform's error when the port cannot be opened
   */
  open(onBytes: (bytes: Uint8Array, length: number) => void, onError: (error: Error) => void): void;
  /**
   * Sends the first `length` bytes, as fast as the line can. The caller may overwrite the bytes after the call.
   *
   * @throws Error when the bytes are lost, as when too many wait
   */
  write(bytes: Uint8Array, length: number): void;
  close(): void;
}

/** Beside the datagram, a frame on a line has a head of 7 bytes. */
const HEAD_BYTES = 7;

/** A serial line to one other node, for `MediaSocket`. */
export class SerialMedium implements Medium {
  readonly isLine = true;
  readonly frameBytesMax: number;
  private readonly port: SerialPort;
  private readonly framer: SerialFramer;

  /**
   * @param datagramBytesMax longest datagram on the line, best the same at both ends: 128 to 1,472 bytes, 600
   * by default
   * @throws RangeError or TypeError ERR_ARGUMENT when it is no integer in that range
   */
  constructor(port: SerialPort, datagramBytesMax?: number) {
    const bytes = datagramBytesMax ?? 600;
    const isNumber = typeof bytes === "number";
    if (!isNumber || !(bytes >= 128 && bytes <= 1472) || bytes !== (bytes | 0)) {
      const problem = `${show(bytes)} is not an integer from 128 to 1472`;
      throw invalid("SerialMedium", "datagramBytesMax", problem, isNumber);
    }
    this.port = port;
    this.frameBytesMax = bytes + HEAD_BYTES;
    this.framer = new SerialFramer(this.frameBytesMax);
  }

  /** Frames that arrived damaged or too long, and were dropped. */
  get damaged(): number { return this.framer.damaged; }
  /** Frames that arrived intact. */
  get intact(): number { return this.framer.intact; }

  open(onFrame: (bytes: Uint8Array, length: number, station: number) => void, onError: (error: Error) => void): void {
    const deliver = (bytes: Uint8Array, length: number): void => onFrame(bytes, length, 0);
    this.port.open((bytes, length) => this.framer.decode(bytes, length, deliver), onError);
  }

  send(bytes: Uint8Array, length: number): void {
    const count = this.framer.encode(bytes, length);
    this.port.write(this.framer.encoded, count);
  }

  close(): void { this.port.close(); }
}

/** Bytes that the longest burst of a node takes on a line: 4 frames. */
export function burstBytes(frameBytesMax: number): number {
  return 4 * serialBytes(frameBytesMax);
}
