import { NODE_WORDS } from "../../src/engine/table/node-words.js";
import { nextRandom, randomBelow, seedRandom } from "../../src/engine/table/random.js";

/** The engine's random numbers, without a node. */
export class Random {
  private readonly words = new Uint32Array(NODE_WORDS);

  constructor(seed: number, stream: number) {
    seedRandom(this.words, seed, stream);
  }

  next(): number { return nextRandom(this.words); }
  below(bound: number): number { return randomBelow(this.words, bound); }
}
