/** Bytes of a block: more than fifty datagrams of the usual length. */
const BLOCK_BYTES = 65536;
/** Datagrams of one block arrive within so many milliseconds, so that all of it is free at once. */
const WINDOW_MS = 8;
/** Blocks that are being filled. */
const OPEN_BLOCKS = 8;

/** Datagrams in flight, one behind another. */
export class Block {
  readonly bytes: Uint8Array;
  /** Whether more copies may come. */
  isOpen = true;
  /** Of the arrivals, in WINDOW_MS since the network began. */
  window = 0;
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
  private readonly open = Array.from({ length: OPEN_BLOCKS }, () => new Block(BLOCK_BYTES));

  /** Blocks that are not in use, but for those that are open. */
  get freeBlocks(): number { return this.free.length; }

  /** A block that has room for a copy until `timeMs`. After its use, `giveBack` gets the block. */
  blockFor(length: number, timeMs: number): Block {
    if (length > BLOCK_BYTES) return new Block(length);
    const window = Math.floor(timeMs / WINDOW_MS);
    const index = window % OPEN_BLOCKS;
    let block = this.open[index];
    if (!block.isEmpty() && (block.window !== window || !block.hasRoom(length))) {
      block.isOpen = false;
      block = this.free.pop() ?? new Block(BLOCK_BYTES);
      block.isOpen = true;
      this.open[index] = block;
    }
    block.window = window;
    return block;
  }

  /** A copy in a block is no longer in use. */
  giveBack(block: Block): void {
    block.remove();
    if (!block.isOpen && block.isEmpty()) this.free.push(block);
  }
}
