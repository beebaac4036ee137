import type { EngineOptions } from "./options.js";
import type { Random } from "./random.js";

/**
 * Addresses to try when the rows lead nowhere: those that the user gave, which
 * stay, and those learnt from rows, which fill the rest and then replace one
 * another by chance. They outlive their rows, so that a network which was split
 * for long finds together again.
 */
export class Seeds {
  count = 0;
  private readonly options: EngineOptions;
  private pinned = 0;
  private readonly addresses: Uint32Array;
  private readonly ports: Uint16Array;

  constructor(options: EngineOptions) {
    this.options = options;
    this.addresses = new Uint32Array(options.seedCapacity);
    this.ports = new Uint16Array(options.seedCapacity);
  }

  address(index: number): number { return this.addresses[index]; }
  port(index: number): number { return this.ports[index]; }

  has(address: number, port: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.addresses[i] === address && this.ports[i] === port) return true;
    }
    return false;
  }

  /** Adds an address for good. Returns false when all places are taken. */
  pin(address: number, port: number): boolean {
    if (!this.isNew(address, port)) return true;
    if (this.count === this.addresses.length) return false;
    this.set(this.count++, address, port);
    this.pinned = this.count;
    return true;
  }

  learn(address: number, port: number, random: Random): void {
    if (!this.isNew(address, port)) return;
    const capacity = this.addresses.length;
    if (this.count < capacity) this.set(this.count++, address, port);
    else if (this.pinned < capacity) this.set(this.pinned + random.below(capacity - this.pinned), address, port);
  }

  /** The node's own address and that of a broadcast are nobody to ask. */
  private isNew(address: number, port: number): boolean {
    if (address === this.options.address && port === this.options.port) return false;
    return address !== this.options.broadcastAddress && !this.has(address, port);
  }

  private set(index: number, address: number, port: number): void {
    this.addresses[index] = address;
    this.ports[index] = port;
  }
}
