import {
  BROADCAST_ADDRESS, SEEDS_AT, SEEDS_PINNED, SEED_CAPACITY, SEED_COUNT, SEED_OWN_ADDRESS, SEED_OWN_PORT,
} from "../table/node-words.js";
import { randomBelow } from "../table/random.js";
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
  readonly rows: Rows;

  /** @param rows know which addresses are trusted; others are never seeds. The seeds stand in their words */
  constructor(rows: Rows) {
    this.rows = rows;
  }

  /**
   * To be called once, before there are seeds.
   *
   * @param ownAddress the node's own address and port, and the broadcast address, are never seeds
   * @param pool of the rows' words; has SEED_WORDS times `capacity` free
   */
  allocSeeds(
    capacity: number, ownAddress: number, ownPort: number, broadcastAddress: number, pool: WordPool,
  ): void {
    const words = this.rows.words;
    words[SEED_CAPACITY] = capacity;
    words[SEED_OWN_ADDRESS] = ownAddress;
    words[SEED_OWN_PORT] = ownPort;
    words[BROADCAST_ADDRESS] = broadcastAddress;
    words[SEEDS_AT] = pool.alloc(capacity * SEED_WORDS);
  }

  get count(): number { return this.rows.words[SEED_COUNT]; }
  /** Configured seeds, which come first, with the other ends of lines. */
  get pinned(): number { return this.rows.words[SEEDS_PINNED]; }
  get broadcastAddress(): number { return this.rows.words[BROADCAST_ADDRESS]; }
  /** The node's own port, which all nodes have that a broadcast may reach. */
  get ownPort(): number { return this.rows.words[SEED_OWN_PORT]; }
  address(index: number): number { return this.rows.words[this.at(index)]; }
  port(index: number): number { return this.rows.words[this.at(index) + 1] & 0xffff; }
  /** Slot of a row that had the address and may still have it: a hint. */
  slot(index: number): number { return this.rows.words[this.at(index) + 1] >>> SLOT_SHIFT; }
  setSlot(index: number, slot: number): void {
    this.rows.words[this.at(index) + 1] = (slot << SLOT_SHIFT) | this.port(index);
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
    this.rows.words[SEEDS_PINNED] = this.count;
    return isAdded;
  }

  /** Adds an address of an earlier start, which others may replace. Returns false when all places are occupied. */
  recall(address: number, port: number): boolean {
    if (address !== 0 && !this.isNew(address, port)) return true;
    if (this.count === this.rows.words[SEED_CAPACITY]) return false;
    this.append(address, port);
    return true;
  }

  /** Gives a configured seed another address; 0 for none. */
  setPinned(index: number, address: number): void {
    if (index < this.pinned) this.rows.words[this.at(index)] = address;
  }

  /** Adds the address of a node that is new or has moved. */
  learn(address: number, port: number): void { this.learnBy(address, port, this.rows.words); }

  /** The same for another engine of this node. @param words those of its rows, whose random numbers are drawn */
  learnBy(address: number, port: number, words: Uint32Array): void {
    if (!this.isNew(address, port)) return;
    const capacity = this.rows.words[SEED_CAPACITY];
    if (this.count < capacity) this.append(address, port);
    else if (this.pinned < capacity) {
      this.set(this.pinned + randomBelow(words, capacity - this.pinned), address, port);
    }
  }

  private isNew(address: number, port: number): boolean {
    if (address === this.rows.words[SEED_OWN_ADDRESS] && port === this.ownPort) return false;
    return this.rows.trusts(address) && address !== this.broadcastAddress && !this.has(address, port);
  }

  private append(address: number, port: number): void {
    const index = this.count;
    this.rows.words[SEED_COUNT] = index + 1;
    this.set(index, address, port);
  }

  private at(index: number): number { return this.rows.words[SEEDS_AT] + index * SEED_WORDS; }

  private set(index: number, address: number, port: number): void {
    this.rows.words[this.at(index)] = address;
    this.rows.words[this.at(index) + 1] = port;
  }
}
