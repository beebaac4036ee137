import { Random } from "../../src/engine/random.js";

/** The engine's generator, with the draws that a simulation needs. */
export class SimRandom extends Random {
  /** Whether something of this probability, 0 to 1, happens. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability * 0x100000000;
  }

  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** A number from `min` to below `max`. */
  real(min: number, max: number): number {
    return min + (this.next() / 0x100000000) * (max - min);
  }

  /** One of the items, of which there must be one at least. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  /** The items in another order. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const out = items.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [out[i], out[other]] = [out[other], out[i]];
    }
    return out;
  }
}

/** Streams of one seed. Nodes have those from `STREAM_NODES` on, by their index. */
export const STREAM_FAULTS = 1;
export const STREAM_SCENARIO = 2;
export const STREAM_STRANGERS = 3;
export const STREAM_EVENTS = 4;
export const STREAM_NODES = 0x10000;
