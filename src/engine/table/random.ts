import { RANDOM } from "./node-words.js";

/*
 * The engine's random numbers: sfc32 by Chris Doty-Humphrey (PractRand), 128
 * bits of state, additions and shifts only. All random decisions of a node draw
 * from here, so one seed replays a whole network. The state is in words of the node.
 */

/**
 * @param words of the rows
 * @param seed uint32
 * @param stream uint32 that separates nodes with equal seeds, such as the id
 */
export function seedRandom(words: Uint32Array, seed: number, stream: number): void {
  words[RANDOM] = seed;
  words[RANDOM + 1] = stream;
  words[RANDOM + 2] = 0x6368736d;
  words[RANDOM + 3] = 1;
  for (let i = 0; i < 12; i++) nextRandom(words);
}

/** The next uint32. */
export function nextRandom(words: Uint32Array): number {
  const b = words[RANDOM + 1];
  const c = words[RANDOM + 2];
  const sum = (words[RANDOM] + b + words[RANDOM + 3]) >>> 0;
  words[RANDOM + 3]++;
  words[RANDOM] = b ^ (b >>> 9);
  words[RANDOM + 1] = c + (c << 3);
  words[RANDOM + 2] = ((c << 21) | (c >>> 11)) + sum;
  return sum;
}

/** An integer from 0 to `bound` - 1; 0 when `bound` is 0. The bias is below bound / 2^32. */
export function randomBelow(words: Uint32Array, bound: number): number {
  return bound === 0 ? 0 : nextRandom(words) % bound;
}
