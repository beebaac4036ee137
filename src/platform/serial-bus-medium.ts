import { show } from "../checks.js";
import { invalid } from "../errors.js";
import type { Medium } from "./media-socket.js";
import { SerialFramer } from "./serial-framer.js";
import type { SerialPort } from "./serial-medium.js";
import type { GossipClock } from "./types.js";

export interface SerialBusOptions {
  /** Bits per second of the bus: 1,200 to 4,000,000. */
  baud: number;
  /** uint32 that differs from node to node, such as the platform's `randomSeed`. */
  randomSeed: number;
  /** Longest datagram, best the same in all nodes of the bus: 128 to 1,472 bytes, 600 by default. */
  datagramBytesMax?: number;
  /**
   * Time within which a node gets the first byte of another one: 1 to 1,000 ms. By default 20, as USB adapters hand
   * bytes over up to 16 ms late. Boards need 2.
   */
  slotMs?: number;
}

/** Beside the datagram, a frame on a bus has a head of 13 bytes. */
const HEAD_BYTES = 13;
/** Frames that wait for a free bus at most. One more is lost. */
const QUEUE_MAX = 8;
/** A node waits 1 to SLOTS free slots before it sends, drawn at random. */
const SLOTS = 16;
/** Start bit, 8 data bits, stop bit. */
const BITS_PER_BYTE = 10;

/**
 * A half-duplex bus of several nodes, such as RS-485 with two wires, for `MediaSocket`. A node listens before it sends:
 * it waits for a random number of slots without a byte. Two nodes that draw the same number destroy each other's
 * frames. The CRC-32 of `SerialFramer` finds that, and what was lost is repeated like a lost datagram.
 */
export class SerialBusMedium implements Medium {
  readonly isLine = false;
  readonly frameBytesMax: number;
  private readonly port: SerialPort;
  private readonly clock: GossipClock;
  private readonly framer: SerialFramer;
  private readonly baud: number;
  private readonly slotMs: number;
  private random: number;
  /** Encoded frames. */
  private readonly waiting: Uint8Array[] = [];
  private timer: unknown;
  private onError: ((error: Error) => void) | undefined;
  /** When the last byte arrived, and until when an own frame takes the bus. */
  private heardMs: number;
  private busyMs: number;

  /** @throws RangeError or TypeError ERR_ARGUMENT when an option is no integer in its range */
  constructor(port: SerialPort, clock: GossipClock, options: SerialBusOptions) {
    const bytes = options.datagramBytesMax ?? 600;
    this.baud = integer("baud", options.baud, 1200, 4000000);
    this.random = integer("randomSeed", options.randomSeed, 0, 0xffffffff) | 1;
    this.slotMs = integer("slotMs", options.slotMs ?? 20, 1, 1000);
    this.frameBytesMax = integer("datagramBytesMax", bytes, 128, 1472) + HEAD_BYTES;
    this.port = port;
    this.clock = clock;
    this.framer = new SerialFramer(this.frameBytesMax);
    this.heardMs = clock.nowMs() - this.slotMs;
    this.busyMs = clock.nowMs();
  }

  /** Frames that arrived damaged or too long, and were dropped. */
  get damaged(): number { return this.framer.damaged; }
  /** Frames that arrived intact, those for other nodes included. */
  get intact(): number { return this.framer.intact; }

  open(onFrame: (bytes: Uint8Array, length: number, station: number) => void, onError: (error: Error) => void): void {
    const deliver = (bytes: Uint8Array, length: number): void => onFrame(bytes, length, 0);
    this.onError = onError;
    this.port.open((bytes, length) => {
      this.heardMs = this.clock.nowMs();
      this.framer.decode(bytes, length, deliver);
    }, onError);
  }

  /** @throws Error when 8 frames wait for a free bus */
  send(bytes: Uint8Array, length: number): void {
    if (this.waiting.length === QUEUE_MAX) throw new Error("too many frames wait for a free bus");
    const count = this.framer.encode(bytes, length);
    this.waiting.push(this.framer.encoded.slice(0, count));
    if (this.waiting.length === 1) this.contend();
  }

  /** What waits, such as a goodbye, leaves at once. */
  close(): void {
    if (this.waiting.length > 0) this.clock.clearTimer(this.timer);
    for (let i = 0; i < this.waiting.length; i++) this.write(this.waiting[i]);
    this.waiting.length = 0;
    this.port.close();
  }

  /** Waits until the own last frame is over, and for a random number of slots. */
  private contend(): void {
    const leftMs = (this.busyMs - this.clock.nowMs()) | 0;
    const waitMs = (1 + this.nextRandom() % SLOTS) * this.slotMs;
    this.timer = this.clock.setTimer(() => this.attempt(), (leftMs > 0 ? leftMs : 0) + waitMs);
  }

  /** Sends the first frame, unless another node sends. */
  private attempt(): void {
    const nowMs = this.clock.nowMs();
    // Without a sign: the bus may have been silent for more than the 24.8 days in which a sign is right.
    const isFree = (nowMs - this.heardMs) >>> 0 >= this.slotMs;
    const frame = isFree ? this.waiting.shift() : undefined;
    if (frame !== undefined) this.busyMs = nowMs + ((frame.length * BITS_PER_BYTE * 1000 / this.baud) >>> 0) + 1;
    if (this.waiting.length > 0) this.contend();
    if (frame !== undefined) this.write(frame);
  }

  private write(frame: Uint8Array): void {
    try {
      this.port.write(frame, frame.length);
    } catch (error) {
      this.onError!(error as Error);
    }
  }

  /** Xorshift by George Marsaglia, 2003. */
  private nextRandom(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return x >>> 0;
  }
}

function integer(name: string, value: unknown, least: number, most: number): number {
  const isNumber = typeof value === "number";
  if (isNumber && value >= least && value <= most && value === Math.floor(value)) return value;
  throw invalid("SerialBusMedium", name, `${show(value)} is not an integer from ${least} to ${most}`, isNumber);
}
