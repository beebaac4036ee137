import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import { FLAG_SEALED } from "../src/engine/wire/frame.js";
import type { Sealer } from "../src/engine/wire/sealer.js";
import { nodeSealing } from "../desktop/platform/node-sealing.js";
import { KEY_BYTES } from "../src/sealing/block-cipher.js";
import type { Measurement } from "./measurement.js";
import { Peer, type Statement } from "./pair.js";
import { statements } from "./wire.js";

/** A sealed datagram of 1,200 bytes has room for so many rows without values, whatever they are. */
const NEWS_MAX = 100;
/** Frames of other lengths in each sample, beside the shortest and the longest. */
const FRAMES = 8;
/** Magic and version, flags and type. */
const FLAGS_AT = 1;

/** The SYN of a node whose first rows, so many, are news. */
function synWithNews(all: readonly Statement[], news: number, seed: number, sealer?: Sealer): Uint8Array {
  const peer = new Peer(all, seed, undefined, 0, sealer);
  const { rows } = peer.engine;
  for (const { id } of all) rows.setTransmitsLeft(rows.find(id), 0);
  for (const { id } of all.slice(0, news)) rows.markUpdate(rows.find(id));
  return peer.syn(0).bytes;
}

/**
 * How much longer a SYN is when it is sealed. Two nodes that differ in nothing
 * but the key send it; opened, the sealed one has to be the other.
 */
function overhead(all: readonly Statement[], news: number, seed: number, key: Uint8Array): number {
  const plain = synWithNews(all, news, seed);
  const sealer = nodeSealing(key, undefined);
  const sealed = synWithNews(all, news, seed, sealer);
  const opened = sealed.slice();
  const length = sealer.unseal(opened, headBytes(sealed), opened.length);
  opened[FLAGS_AT] &= ~FLAG_SEALED;
  if (length !== plain.length || Buffer.compare(opened.subarray(0, length), plain) !== 0) {
    throw new Error("what was sealed is not what is sent unsealed");
  }
  return sealed.length - plain.length;
}

function headBytes(bytes: Uint8Array): number {
  const reader = new FrameReader();
  if (reader.parseHead(bytes, bytes.length) !== DROP_NONE) throw new Error("an engine sent a malformed frame");
  return reader.headLength;
}

/** What sealing adds to a frame, from one without sections to one that fills a datagram. */
export const sealOverhead: Measurement<number> = {
  name: "sealOverhead",
  seeds: { full: 20, quick: 5 },
  nodes: 1,
  sample(seed) {
    const random = new SimRandom(seed, STREAM_SCENARIO);
    const all = statements(NEWS_MAX + 1, random, () => new Uint8Array(0));
    const key = Uint8Array.from({ length: KEY_BYTES }, () => random.below(256));
    const counts = [0, NEWS_MAX, ...Array.from({ length: FRAMES }, () => random.between(1, NEWS_MAX - 1))];
    return Math.max(...counts.map((news) => overhead(all, news, seed, key)));
  },
  figures: (samples) => ({ "wire.sealOverheadBytes": Math.max(...samples) }),
};
