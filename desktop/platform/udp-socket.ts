import { type Socket, createSocket } from "node:dgram";
import { formatAddress, parseAddress } from "../../src/engine/wire/address.js";

export type OnDatagram = (bytes: Uint8Array, length: number, address: number, port: number) => void;

/** Where a socket is bound. */
export interface Binding {
  /** IPv4 address as uint32; 0: all interfaces. */
  address: number;
  port: number;
  /** Whether other sockets that also allow it may be bound to the same address and port. */
  isShared: boolean;
}

/** What the system says when it has no way to the destination of a datagram. Others may be in reach. */
const UNREACHABLE = ["EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"];

/** One socket of node:dgram that is bound when its constructor returns. */
export class UdpSocket {
  /** Resolves once the socket is closed. Never rejects. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private isClosing = false;
  /** Datagrams that Node has not handed to the system yet. */
  private pending = 0;
  /** What the system said last about a datagram that it refused, which is known only after `send`. */
  private failure: Error | undefined;
  /** Datagrams that the system refused, and of which no `send` has told yet. */
  private failures = 0;
  private readonly onUnreachable: () => void;

  /**
   * @param onError gets errors of the bound socket
   * @param onUnreachable is called for each datagram whose destination the system cannot reach
   * @throws the system's error when the address and port cannot be bound, such as EADDRINUSE
   */
  constructor(
    binding: Binding, onDatagram: OnDatagram, onError: (error: Error) => void, onUnreachable: () => void,
  ) {
    const { address, port, isShared } = binding;
    this.onUnreachable = onUnreachable;
    // Node looks every address up, also one that is a number, and binds when the answer is there. This one answers at
    // once, so that `bind` itself binds and emits "listening" or "error".
    this.socket = createSocket({ type: "udp4", reuseAddr: isShared, lookup: numericLookup });
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
    let isConstructed = false;
    let failure: Error | undefined;
    this.socket.on("error", (error) => {
      if (isConstructed) onError(error);
      else failure = error;
    });
    this.socket.bind({ port, address: formatAddress(address), exclusive: true });
    isConstructed = true;
    if (failure !== undefined) {
      this.socket.close();
      throw failure;
    }
    this.socket.setBroadcast(true);
    this.socket.on("message", (bytes, from) => {
      if (!this.isClosing) onDatagram(bytes, bytes.length, parseAddress(from.address), from.port);
    });
  }

  /**
   * Copies the bytes and sends them. A datagram whose destination the system cannot
   * reach is no error: `onUnreachable` counts it.
   *
   * @throws Error when the system refused a datagram before this one; each is told once
   */
  send(bytes: Uint8Array, length: number, address: number, port: number): void {
    const copy = Uint8Array.prototype.slice.call(bytes, 0, length);
    this.pending++;
    this.socket.send(copy, port, formatAddress(address), (error) => {
      this.pending--;
      if (error !== null) this.refused(error);
      this.closeIdle();
    });
    if (this.failures === 0 || this.failure === undefined) return;
    this.failures--;
    throw this.failure;
  }

  /** Receives nothing any more, and closes the socket once the system has the last datagram. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.closeIdle();
  }

  private refused(error: NodeJS.ErrnoException): void {
    if (error.code !== undefined && UNREACHABLE.includes(error.code)) {
      this.onUnreachable();
      return;
    }
    this.failure = error;
    this.failures++;
  }

  private closeIdle(): void {
    if (!this.isClosing || this.pending > 0) return;
    this.pending = Infinity;
    this.socket.close();
  }
}

type LookupCallback = (error: null, address: string, family: number) => void;

/** A look-up of addresses that are numbers, with the arguments that dgram passes. */
function numericLookup(address: string, _options: unknown, callback: unknown): void {
  (callback as LookupCallback)(null, address, 4);
}
