import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import type { Figure } from "./figure.js";
import { type Measurement, mean, percentile, rounded } from "./measurement.js";
import { type Corpus, corpora } from "./corpora.js";
import { type Frame, Peer } from "./pair.js";
import { statements } from "./wire.js";

const EVENTS = 1000;
const FEED_BYTES = 1 << 18;
/** One byte shows that the feeds differ. In one case of 256 only the next exchange does. */
const ROUNDS_MAX = 4;
const LIMITS = [1200, 512];
/** Between events that have the time of day. */
const GAP_MS_MAX = 60000;
const TIME_MS = 1767225600000;

interface Bulk {
  roundTrips: number;
  bytes: number;
  /** Bytes of the values. */
  raw: number;
}

/** One node has 1,000 events, the other one none. They know each other. No datagram is lost. */
function bulk(seed: number, datagramBytesMax: number, corpus: Corpus): Bulk {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const all = statements(2, random, () => new Uint8Array(0));
  const author = new Peer(all, seed, datagramBytesMax, FEED_BYTES);
  const reader = new Peer([all[1], all[0]], seed, datagramBytesMax, FEED_BYTES);
  meet(reader, author);
  const bytes = new Uint8Array(128);
  const next = corpus.make(random);
  let raw = 0;
  if (corpus.isTimed) author.setTime(TIME_MS);
  for (let event = 0; event < EVENTS; event++) {
    const payload = bytes.slice(0, encodeCbor(next(), bytes, 0));
    raw += payload.length;
    author.log("t", payload, corpus.isTimed ? random.between(1, GAP_MS_MAX) : 1);
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
      if (reader.engine.feed!.feeds.sequence(slot) === EVENTS) return { roundTrips: depth / 2, bytes: sent, raw };
      while (reader.engine.feed!.feeds.arena.nextUnnotified() !== 0) continue;
    }
  }
  return { roundTrips: Infinity, bytes: Infinity, raw };
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

const names = (corpus: Corpus, limit: number): Record<"measurement" | "roundTrips" | "bytes" | "raw", string> => ({
  measurement: `bulk${corpus.name}.${limit}`,
  roundTrips: `wire.events1000${corpus.name}RoundTrips.bytes${limit}`,
  bytes: `wire.events1000${corpus.name}Bytes.bytes${limit}`,
  raw: `wire.events1000${corpus.name}RawBytes`,
});

export const bulkMeasurements: Measurement<Bulk>[] = corpora.flatMap((corpus) => LIMITS.map((limit) => ({
  name: names(corpus, limit).measurement,
  seeds: { full: 5, quick: 3 },
  nodes: 2,
  sample: (seed) => bulk(seed, limit, corpus),
  figures: (samples) => ({
    [names(corpus, limit).roundTrips]: percentile(samples.map(({ roundTrips }) => roundTrips), 0.5),
    [names(corpus, limit).bytes]: rounded(mean(samples.map(({ bytes }) => bytes)), 0),
    ...(limit === LIMITS[0] ? { [names(corpus, limit).raw]: rounded(mean(samples.map(({ raw }) => raw)), 0) } : {}),
  }),
})));

/** Bounds of bytes, in the larger datagrams. */
const BYTES_MAX: Record<string, number | undefined> = { "": 52500, "Text": 15000 };

export const bulkFigures: Figure[] = corpora.flatMap((corpus) => LIMITS.flatMap((limit): Figure[] => {
  const { measurement, roundTrips, bytes, raw } = names(corpus, limit);
  const bytesMax = limit === LIMITS[0] ? BYTES_MAX[corpus.name] : undefined;
  return [
    {
      name: roundTrips, unit: "round trips", measurement, bound: { atMost: limit > 1000 ? 4 : 8 },
      about: `1,000 ${corpus.about} go to a node that has none, in datagrams of ${limit} bytes, from its SYN on; `
        + "median",
    },
    {
      name: bytes, unit: "bytes", measurement, ...(bytesMax === undefined ? {} : { bound: { atMost: bytesMax } }),
      about: "the bytes of all datagrams of that exchange; mean",
    },
    ...(limit === LIMITS[0] ? [{
      name: raw, unit: "bytes", measurement, about: "the bytes of the values of these events alone; mean",
    }] : []),
  ];
}));
