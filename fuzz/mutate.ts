import type { SimRandom } from "../desktop/simulator/random.js";

/** Longer than any datagram of a node. */
const BYTES_MAX = 1600;
const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fffffff, 0x80000000, 0xfffeffff, 0xffff0000, 0xffffffff];

type Mutation = (random: SimRandom, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, setWord, cut, remove, repeat, insert, splice];

/** Applies one to three mutations to bytes. Parts of `other` may be inserted. */
export function mutate(random: SimRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let out = bytes;
  for (let left = random.between(1, 3); left > 0; left--) out = random.pick(MUTATIONS)(random, out, other);
  return out.subarray(0, BYTES_MAX);
}

/** One of the likely integers or a number near it, or an edge case. */
export function drawWord(random: SimRandom, likely: readonly number[]): number {
  if (likely.length > 0 && random.chance(0.8)) return near(random, random.pick(likely));
  return random.chance(0.5) ? random.pick(WORDS) : random.next();
}

export function drawBytes(random: SimRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function near(random: SimRandom, word: number): number {
  return random.chance(0.7) ? word : (word + random.between(-2, 2)) >>> 0;
}

function flipBit(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[random.below(out.length)] ^= 1 << random.below(8);
  return out;
}

function setByte(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[random.below(out.length)] = random.chance(0.5) ? random.pick(WORDS) : random.below(256);
  return out;
}

function setWord(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length < 4) return out;
  new DataView(out.buffer).setUint32(random.below(out.length - 3), random.pick(WORDS));
  return out;
}

function cut(random: SimRandom, bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function remove(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(random, bytes);
  return joined(bytes.subarray(0, start), bytes.subarray(end));
}

function repeat(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const [start, end] = range(random, bytes);
  return joined(bytes.subarray(0, end), bytes.subarray(start));
}

function insert(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), drawBytes(random, random.between(1, 8)), bytes.subarray(at));
}

function splice(random: SimRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)));
}

function range(random: SimRandom, bytes: Uint8Array): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + random.between(1, 16))];
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
