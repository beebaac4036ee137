/** Bytes of a block: more than fifty datagrams of the usual length. */
const BLOCK_BYTES = 65536;

/** Datagrams in flight, one behind another. */
export class Block {
  readonly bytes: Uint8Array;
  /** Where the next copy begins. */
  private end = 0;
  /** Copies that are still in use. */
  private copies = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  hasRoom(length: number): boolean { return this.end + length <= this.bytes.length; }
  isEmpty(): boolean { return this.copies === 0; }

  /** Copies the first `length` bytes and returns where they begin. */
  add(bytes: Uint8Array, length: number): number {
    const start = this.end;
    this.bytes.set(bytes.subarray(0, length), start);
    this.end += length;
    this.copies++;
    return start;
  }

  /** Ends the use of one copy. */
  remove(): void {
    this.copies--;
    if (this.copies === 0) this.end = 0;
  }
}

/**
 * Room for datagrams in flight. Blocks are reused, because an allocation for each datagram would cost a large part of
 * the run time. In a power-on of thousands of nodes tens of thousands of datagrams of any length are in flight, so that
 * a buffer of the greatest length for each would take twice as much.
 */
export class BufferPool {
  private readonly free: Block[] = [];
  private current = new Block(BLOCK_BYTES);

  /** Blocks that are not in use. */
  get freeBlocks(): number { return this.free.length; }

  /** A block that has room for a copy. After its use, `giveBack` gets the block. */
  blockFor(length: number): Block {
    if (length > BLOCK_BYTES) return new Block(length);
    if (!this.current.hasRoom(length)) this.current = this.free.pop() ?? new Block(BLOCK_BYTES);
    return this.current;
  }

  /** A copy in a block is no longer in use. */
  giveBack(block: Block): void {
    block.remove();
    if (block.isEmpty() && block !== this.current && block.bytes.length === BLOCK_BYTES) this.free.push(block);
  }
}
