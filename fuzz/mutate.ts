import type { SimRandom } from "../desktop/simulator/random.js";

/** Longer than any datagram that is sent. */
const BYTES_MAX = 1600;
const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fffffff, 0x80000000, 0xfffeffff, 0xffff0000, 0xffffffff];

type Mutation = (dice: SimRandom, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, setWord, cut, remove, repeat, insert, splice];

/** Changes bytes in one to three ways; `other` is what parts may be taken from. */
export function mutate(dice: SimRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let out = bytes;
  for (let left = dice.between(1, 3); left > 0; left--) out = dice.pick(MUTATIONS)(dice, out, other);
  return out.subarray(0, BYTES_MAX);
}

/** An integer that an engine may stumble over, or one of those given. */
export function drawWord(dice: SimRandom, likely: readonly number[]): number {
  if (likely.length > 0 && dice.chance(0.8)) return near(dice, dice.pick(likely));
  return dice.chance(0.5) ? dice.pick(WORDS) : dice.next();
}

export function drawBytes(dice: SimRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => dice.below(256));
}

function near(dice: SimRandom, word: number): number {
  return dice.chance(0.7) ? word : (word + dice.between(-2, 2)) >>> 0;
}

function flipBit(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[dice.below(out.length)] ^= 1 << dice.below(8);
  return out;
}

function setByte(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[dice.below(out.length)] = dice.chance(0.5) ? dice.pick(WORDS) : dice.below(256);
  return out;
}

function setWord(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length < 4) return out;
  new DataView(out.buffer).setUint32(dice.below(out.length - 3), dice.pick(WORDS));
  return out;
}

function cut(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, dice.below(bytes.length + 1));
}

function remove(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(dice, bytes);
  return joined(bytes.subarray(0, start), bytes.subarray(end));
}

function repeat(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(dice, bytes);
  return joined(bytes.subarray(0, end), bytes.subarray(start));
}

function insert(dice: SimRandom, bytes: Uint8Array): Uint8Array {
  const at = dice.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), drawBytes(dice, dice.between(1, 8)), bytes.subarray(at));
}

function splice(dice: SimRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1)));
}

function range(dice: SimRandom, bytes: Uint8Array): [start: number, end: number] {
  const start = dice.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + dice.between(1, 16))];
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
