import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { FLAG_SEALED, FLAG_UNADDRESSED } from "../src/engine/wire/frame.js";
import { NO_RECEIVER, SEAL_BYTES, type Sealer } from "../src/engine/wire/sealer.js";
import { nodeSealing } from "../desktop/platform/node-sealing.js";
import { KEY_BYTES } from "../src/sealing/block-cipher.js";
import type { Measurement } from "./measurement.js";
import { Peer, type Statement } from "./pair.js";
import { statements } from "./wire.js";

/** Rows without values that fit into a sealed datagram of 1,200 bytes in any case. */
const UPDATES_MAX = 100;
/** Frames of random lengths in each sample, in addition to the shortest and the longest. */
const FRAMES = 8;
/** Offset of the flags in a frame. */
const FLAGS_AT = 1;

/** The SYN of a node that sends its first `updates` rows as updates. */
function synWithUpdates(all: readonly Statement[], updates: number, seed: number, sealer?: Sealer): Uint8Array {
  const peer = new Peer(all, seed, undefined, 0, sealer);
  const { rows } = peer.engine;
  for (const { id } of all) rows.setTransmitsLeft(rows.find(id), 0);
  for (const { id } of all.slice(0, updates)) rows.markUpdate(rows.find(id));
  return peer.syn(0).bytes;
}

/**
 * By how many bytes a SYN is longer when it is sealed. Two nodes that differ only
 * in the key send it. Unsealed again, the sealed SYN must equal the plain one.
 */
function overhead(all: readonly Statement[], updates: number, seed: number, key: Uint8Array): number {
  const plain = synWithUpdates(all, updates, seed);
  const sealer = nodeSealing(key, undefined);
  const sealed = synWithUpdates(all, updates, seed, sealer);
  const opened = sealed.slice();
  const receivers = [NO_RECEIVER, ...all.map(({ id }) => id)];
  const headLength = headBytes(sealed);
  const isOpened = receivers.some((receiver) => sealer.unseal(opened, headLength, opened.length, receiver) >= 0);
  opened[FLAGS_AT] &= ~(FLAG_SEALED | FLAG_UNADDRESSED);
  if (!isOpened || Buffer.compare(opened.subarray(0, sealed.length - SEAL_BYTES), plain) !== 0) {
    throw new Error("the unsealed SYN differs from the plain one");
  }
  return sealed.length - plain.length;
}

function headBytes(bytes: Uint8Array): number {
  const reader = new FrameReader();
  if (reader.parseHead(bytes, bytes.length) !== DROP_NONE) throw new Error("an engine sent a malformed frame");
  return reader.headLength;
}

/** Bytes that sealing adds to a frame, from one without sections to one that fills a datagram. */
export const sealOverhead: Measurement<number> = {
  name: "sealOverhead",
  seeds: { full: 20, quick: 5 },
  nodes: 1,
  sample(seed) {
    const random = new SimRandom(seed, STREAM_SCENARIO);
    const all = statements(UPDATES_MAX + 1, random, () => new Uint8Array(0));
    const key = Uint8Array.from({ length: KEY_BYTES }, () => random.below(256));
    const counts = [0, UPDATES_MAX, ...Array.from({ length: FRAMES }, () => random.between(1, UPDATES_MAX - 1))];
    return Math.max(...counts.map((updates) => overhead(all, updates, seed, key)));
  },
  figures: (samples) => ({ "wire.sealOverheadBytes": Math.max(...samples) }),
};
