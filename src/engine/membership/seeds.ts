import type { Random } from "../random.js";
import type { Rows } from "../table/rows.js";
import type { WordPool } from "../word-pool.js";

/** Words of one seed. */
export const SEED_WORDS = 2;
const SLOT_SHIFT = 16;

/**
 * Addresses to try when no row leads to a live node. Configured seeds stay.
 * Seeds learned from new rows fill the rest and then replace one another at
 * random. Seeds outlive their rows, so that a network which was split for a long
 * time can merge again.
 */
export class Seeds {
  count = 0;
  readonly broadcastAddress: number;
  private readonly capacity: number;
  private readonly ownAddress: number;
  private readonly rows: Rows | undefined;
  /** The node's own port, which all nodes have that a broadcast may reach. */
  readonly ownPort: number;
  /** Configured seeds, which come first, with the other ends of lines. */
  pinned = 0;
  /** Address, and port and slot, of each seed in turn. */
  private readonly words: Uint32Array;
  private readonly start: number;

  /**
   * @param ownAddress the node's own address and port, and the broadcast address, are never seeds
   * @param pool has SEED_WORDS times `capacity` free
   * @param rows know which addresses are trusted; others are never seeds. Without rows all are trusted
   */
  constructor(
    capacity: number, ownAddress: number, ownPort: number, broadcastAddress: number, pool: WordPool, rows?: Rows,
  ) {
    this.rows = rows;
    this.capacity = capacity;
    this.ownAddress = ownAddress;
    this.ownPort = ownPort;
    this.broadcastAddress = broadcastAddress;
    this.words = pool.words;
    this.start = pool.alloc(capacity * SEED_WORDS);
  }

  address(index: number): number { return this.words[this.start + index * SEED_WORDS]; }
  port(index: number): number { return this.words[this.start + index * SEED_WORDS + 1] & 0xffff; }
  /** Slot of a row that had the address and may still have it: a hint. */
  slot(index: number): number { return this.words[this.start + index * SEED_WORDS + 1] >>> SLOT_SHIFT; }
  setSlot(index: number, slot: number): void {
    this.words[this.start + index * SEED_WORDS + 1] = (slot << SLOT_SHIFT) | this.port(index);
  }

  has(address: number, port: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.address(i) === address && this.port(i) === port) return true;
    }
    return false;
  }

  /**
   * Adds a configured seed. Returns false when all places are occupied.
   *
   * @param address 0 if it is not known yet: the seed is not tried before `setPinned`
   */
  pin(address: number, port: number): boolean {
    const isAdded = this.recall(address, port);
    this.pinned = this.count;
    return isAdded;
  }

  /** Adds an address of an earlier start, which others may replace. Returns false when all places are occupied. */
  recall(address: number, port: number): boolean {
    if (address !== 0 && !this.isNew(address, port)) return true;
    if (this.count === this.capacity) return false;
    this.set(this.count++, address, port);
    return true;
  }

  /** Gives a configured seed another address; 0 for none. */
  setPinned(index: number, address: number): void {
    if (index < this.pinned) this.words[this.start + index * SEED_WORDS] = address;
  }

  /** Adds the address of a node that is new or has moved. */
  learn(address: number, port: number, random: Random): void {
    if (!this.isNew(address, port)) return;
    const capacity = this.capacity;
    if (this.count < capacity) this.set(this.count++, address, port);
    else if (this.pinned < capacity) this.set(this.pinned + random.below(capacity - this.pinned), address, port);
  }

  private isNew(address: number, port: number): boolean {
    if (address === this.ownAddress && port === this.ownPort) return false;
    const isTrusted = this.rows === undefined || this.rows.trusts(address);
    return isTrusted && address !== this.broadcastAddress && !this.has(address, port);
  }

  private set(index: number, address: number, port: number): void {
    this.words[this.start + index * SEED_WORDS] = address;
    this.words[this.start + index * SEED_WORDS + 1] = port;
  }
}
