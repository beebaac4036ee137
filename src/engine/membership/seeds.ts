import type { EngineOptions } from "../options.js";
import type { Random } from "../random.js";
import type { WordPool } from "../word-pool.js";

/** Words of one seed. */
export const SEED_WORDS = 2;

/**
 * Addresses to try when the rows lead nowhere: those that the user gave, which
 * stay, and those learnt from new rows, which fill the rest and then replace one
 * another by chance. They outlive their rows, so that a network which was split
 * for long finds together again.
 */
export class Seeds {
  count = 0;
  private readonly capacity: number;
  private readonly ownAddress: number;
  private readonly ownPort: number;
  private readonly broadcastAddress: number;
  private pinned = 0;
  /** Address and port in turn. */
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param pool has SEED_WORDS times `seedCapacity` to give */
  constructor(options: EngineOptions, pool: WordPool) {
    this.capacity = options.seedCapacity;
    this.ownAddress = options.address;
    this.ownPort = options.port;
    this.broadcastAddress = options.broadcastAddress;
    this.words = pool.words;
    this.start = pool.alloc(options.seedCapacity * SEED_WORDS);
  }

  address(index: number): number { return this.words[this.start + index * SEED_WORDS]; }
  port(index: number): number { return this.words[this.start + index * SEED_WORDS + 1]; }

  has(address: number, port: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.address(i) === address && this.port(i) === port) return true;
    }
    return false;
  }

  /** Adds an address for good. Returns false when all places are taken. */
  pin(address: number, port: number): boolean {
    if (!this.isNew(address, port)) return true;
    if (this.count === this.capacity) return false;
    this.set(this.count++, address, port);
    this.pinned = this.count;
    return true;
  }

  /** Whether the user gave addresses to begin with. */
  hasPinned(): boolean { return this.pinned > 0; }

  /** Remembers the address of a node that is new here, or that moved. */
  learn(address: number, port: number, random: Random): void {
    if (!this.isNew(address, port)) return;
    const capacity = this.capacity;
    if (this.count < capacity) this.set(this.count++, address, port);
    else if (this.pinned < capacity) this.set(this.pinned + random.below(capacity - this.pinned), address, port);
  }

  /** The node's own address and that of a broadcast are nobody to ask. */
  private isNew(address: number, port: number): boolean {
    if (address === this.ownAddress && port === this.ownPort) return false;
    return address !== this.broadcastAddress && !this.has(address, port);
  }

  private set(index: number, address: number, port: number): void {
    this.words[this.start + index * SEED_WORDS] = address;
    this.words[this.start + index * SEED_WORDS + 1] = port;
  }
}
