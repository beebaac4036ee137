import { Sfc32 } from "./sfc32.js";

/** The engine's random numbers with more distributions, for simulations. */
export class SimRandom extends Sfc32 {
  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability * 0x100000000;
  }

  /** An integer from `min` to `max`, inclusive. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** A number from `min` to `max`, exclusive. */
  real(min: number, max: number): number {
    return min + (this.next() / 0x100000000) * (max - min);
  }

  /** One of the items. There must be at least one. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  /** A copy of the items in random order. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const out = items.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      [out[i], out[other]] = [out[other], out[i]];
    }
    return out;
  }
}

/** Independent random streams of one seed. Node i has the stream STREAM_NODES + i. */
export const STREAM_FAULTS = 1;
export const STREAM_SCENARIO = 2;
export const STREAM_STRANGERS = 3;
export const STREAM_EVENTS = 4;
export const STREAM_TOPOLOGY = 5;
export const STREAM_MESSAGES = 6;
export const STREAM_RADIO = 7;
export const STREAM_NODES = 0x10000;
