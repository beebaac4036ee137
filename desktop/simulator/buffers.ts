import { DATAGRAM_BYTES_MAX } from "../../src/platform/udp.js";

/**
 * Buffers for datagrams in flight. They are reused, because an allocation for
 * each datagram would cost a large part of the run time.
 */
export class BufferPool {
  private readonly free: Uint8Array[] = [];

  /** Returns a buffer that begins with a copy of the first `length` bytes. */
  copyOf(bytes: Uint8Array, length: number): Uint8Array {
    const buffer = length > DATAGRAM_BYTES_MAX ? undefined : this.free.pop();
    const copy = buffer ?? new Uint8Array(Math.max(length, DATAGRAM_BYTES_MAX));
    copy.set(bytes.subarray(0, length));
    return copy;
  }

  /** Takes back a buffer that is no longer in use. */
  giveBack(buffer: Uint8Array): void {
    if (buffer.length === DATAGRAM_BYTES_MAX) this.free.push(buffer);
  }
}
