/** As long as the longest datagram that nodes may be told to send. */
const BUFFER_BYTES = 1472;

/**
 * Buffers for datagrams under way, used again and again: making one for each
 * datagram would take as long as much of what the nodes do with it.
 */
export class BufferPool {
  private readonly free: Uint8Array[] = [];

  /** A buffer that begins with a copy of the first `length` bytes. */
  copyOf(bytes: Uint8Array, length: number): Uint8Array {
    const buffer = length > BUFFER_BYTES ? undefined : this.free.pop();
    const copy = buffer ?? new Uint8Array(Math.max(length, BUFFER_BYTES));
    copy.set(bytes.subarray(0, length));
    return copy;
  }

  /** Takes a buffer back, at which nobody looks any more. */
  giveBack(buffer: Uint8Array): void {
    if (buffer.length === BUFFER_BYTES) this.free.push(buffer);
  }
}
