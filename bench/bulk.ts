import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import type { Figure } from "./figure.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { type Frame, Peer } from "./pair.js";
import { statements } from "./wire.js";

const EVENTS = 1000;
/** A byte string of 48 bytes has a head of 2. */
const VALUE_BYTES = 48;
const FEED_BYTES = 1 << 18;
/** One byte shows that the feeds differ. In one case of 256 only the next exchange does. */
const ROUNDS_MAX = 4;
const LIMITS = [1200, 512];

interface Bulk {
  roundTrips: number;
  bytes: number;
}

/** One node has 1,000 events, the other one none. They know each other. No datagram is lost. */
function bulk(seed: number, datagramBytesMax: number): Bulk {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const all = statements(2, random, () => new Uint8Array(0));
  const author = new Peer(all, seed, datagramBytesMax, FEED_BYTES);
  const reader = new Peer([all[1], all[0]], seed, datagramBytesMax, FEED_BYTES);
  meet(reader, author);
  const bytes = new Uint8Array(64);
  for (let event = 0; event < EVENTS; event++) {
    const value = Uint8Array.from({ length: VALUE_BYTES }, () => random.below(256));
    author.log("t", bytes.slice(0, encodeCbor(value, bytes, 0)));
  }
  const slot = reader.engine.rows.find(all[0].id);
  let sent = 0;
  let depth = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const underWay: { frame: Frame; to: Peer }[] = [{ frame: reader.syn(depth), to: author }];
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
      const { frame, to } = next;
      sent += frame.bytes.length;
      depth = frame.depth + 1;
      const from = to === author ? reader : author;
      underWay.push(...to.answer(frame, from).map((answer) => ({ frame: answer, to: from })));
      if (reader.engine.feed!.feeds.sequence(slot) === EVENTS) return { roundTrips: depth / 2, bytes: sent };
      while (reader.engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
    }
  }
  return { roundTrips: Infinity, bytes: Infinity };
}

/** Each gets an answer of the other, which proves the address. */
function meet(one: Peer, other: Peer): void {
  for (const [from, to] of [[one, other], [other, one]]) {
    let frames = [from.syn(0)];
    for (let receiver = to; frames.length > 0; receiver = receiver === to ? from : to) {
      const sender = receiver === to ? from : to;
      frames = frames.flatMap((frame) => receiver.answer(frame, sender));
    }
  }
}

export const bulkMeasurements: Measurement<Bulk>[] = LIMITS.map((limit) => ({
  name: `bulk.${limit}`,
  seeds: { full: 5, quick: 3 },
  nodes: 2,
  sample: (seed) => bulk(seed, limit),
  figures: (samples) => ({
    [`wire.events1000RoundTrips.bytes${limit}`]: percentile(samples.map(({ roundTrips }) => roundTrips), 0.5),
    [`wire.events1000Bytes.bytes${limit}`]: rounded(mean(samples.map(({ bytes }) => bytes)), 0),
  }),
}));

export const bulkFigures: Figure[] = LIMITS.flatMap((limit): Figure[] => [
  {
    name: `wire.events1000RoundTrips.bytes${limit}`, unit: "round trips", measurement: `bulk.${limit}`,
    bound: { atMost: limit > 1000 ? 4 : 8 },
    about: `1,000 events of 50 random bytes go to a node that has none, in datagrams of ${limit} bytes, from its SYN `
      + "on; median",
  },
  {
    name: `wire.events1000Bytes.bytes${limit}`, unit: "bytes", measurement: `bulk.${limit}`,
    about: "the bytes of all datagrams of that exchange; mean",
  },
]);
