import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { DROP_NONE } from "../src/engine/wire/drops.js";
import { FrameReader } from "../src/engine/wire/frame-reader.js";
import {
  FEEDS_HASH_BYTES, SECTION_EVENTS, SECTION_HEAD_BYTES, SECTION_ROWS, SECTION_WANT, TYPE_SYN,
} from "../src/engine/wire/frame.js";
import { SKETCH_PAUSE_MAX } from "../src/engine/reconcile/summary-writer.js";
import { RowData } from "../src/engine/table/rows.js";
import { FrameWriter } from "../src/engine/wire/frame-writer.js";
import { encodeCbor } from "../src/cbor/cbor.js";
import { type Measurement, percentile } from "./measurement.js";
import { type Frame, Peer, type Statement } from "./pair.js";

const DATAGRAM_BYTES_MAX = 1200;
/** Nodes of one /24 network in the simulator. */
const ROWS_OF_ONE_NETWORK = 250;
const STALE_ROWS = 500;
const FEED_BYTES = 65536;
/** Events of another node that a node does not hold. */
const LACKED_EVENTS = 100;
const STALE_DIFFERENT = 4;
/** Rounds within which two nodes must find all differences. */
const STALE_ROUNDS_MAX = 20;

/** Statements of nodes that were started up to 100 times and announced their last heartbeat within a day. */
export function statements(count: number, random: SimRandom, makeValue: () => Uint8Array): Statement[] {
  const ids = new Set<number>();
  while (ids.size < count) ids.add(random.next());
  return [...ids].map((id, index) => ({
    id, index, revision: random.below(100), heartbeat: random.below(86400), value: makeValue(),
  }));
}

function reading(random: SimRandom): Uint8Array {
  const bytes = new Uint8Array(32);
  return bytes.slice(0, encodeCbor(random.between(-1000, 4000) / 100, bytes, 0));
}

/** The largest number of rows in one datagram for a node that holds only one other. */
function rowsInDatagram(random: SimRandom, seed: number, makeValue: () => Uint8Array): number {
  const [newcomer, ...others] = statements(ROWS_OF_ONE_NETWORK, random, makeValue);
  const from = new Peer(others, seed, DATAGRAM_BYTES_MAX);
  const to = new Peer([newcomer, others[0]], seed, DATAGRAM_BYTES_MAX);
  let most = 0;
  let frames = [to.syn(0)];
  for (let answers = 0; answers < 4; answers++) {
    const next: Frame[] = [];
    for (const frame of frames) {
      const receiver = answers % 2 === 0 ? from : to;
      const before = receiver.engine.rows.count;
      next.push(...receiver.answer(frame, receiver === from ? to : from));
      if (receiver === to) most = Math.max(most, to.engine.rows.count - before);
    }
    frames = next;
  }
  return most;
}

export const rowsPer1200: Measurement<{ bare: number; withReading: number }> = {
  name: "rowsPer1200",
  seeds: { full: 20, quick: 5 },
  nodes: 2,
  sample(seed) {
    const random = new SimRandom(seed, STREAM_SCENARIO);
    return {
      bare: rowsInDatagram(random, seed, () => new Uint8Array(0)),
      withReading: rowsInDatagram(random, seed, () => reading(random)),
    };
  },
  figures: (samples) => ({
    "wire.rowsPer1200": Math.min(...samples.map(({ bare }) => bare)),
    "wire.readingRowsPer1200": Math.min(...samples.map(({ withReading }) => withReading)),
  }),
};

/** SYN and ACK of two nodes that hold the same rows and have no updates to send. */
function inSync(nodes: number): Measurement<{ syn: number; ack: number }> {
  return {
    name: `inSync.n${nodes}`,
    seeds: { full: 20, quick: 5 },
    nodes: 2,
    sample(seed) {
      const random = new SimRandom(seed, STREAM_SCENARIO);
      const all = statements(nodes, random, () => reading(random));
      const requester = new Peer(all, seed);
      const syn = requester.syn(0);
      const [ack, ...more] = new Peer([all[1], all[0], ...all.slice(2)], seed).answer(syn, requester);
      if (more.length > 0) throw new Error(`two nodes in sync have ${more.length} datagrams more to exchange`);
      return { syn: syn.bytes.length, ack: ack.bytes.length };
    },
    figures: (samples) => ({
      [`wire.idleSynBytes.n${nodes}`]: Math.max(...samples.map(({ syn }) => syn)),
      [`wire.idleAckBytes.n${nodes}`]: Math.max(...samples.map(({ ack }) => ack)),
    }),
  };
}

export const inSync8 = inSync(8);
export const inSync500 = inSync(500);

interface Found {
  bytes: number;
  roundTrips: number;
}

/**
 * Two nodes hold the same rows, and feeds if there are any, except a few. Counts the
 * frames from the first SYN until one of the nodes has found the last difference.
 * The frame that proves it, with the row or a request for it, does not count.
 */
function find(seed: number, isAhead: (nth: number) => boolean, withFeeds: boolean): Found {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const all = statements(STALE_ROWS, random, () => reading(random));
  const feedBytes = withFeeds ? FEED_BYTES : 0;
  const requester = new Peer(all, seed, DATAGRAM_BYTES_MAX, feedBytes);
  const responder = new Peer([all[1], all[0], ...all.slice(2)], seed, DATAGRAM_BYTES_MAX, feedBytes);
  const lengths = new Map(all.map(({ id }) => [id, random.between(1, 1000)]));
  for (const [id, length] of withFeeds ? lengths : []) {
    for (const peer of [requester, responder]) peer.holdFeed(id, length);
  }
  // Nodes that know one another for long compare by sketches (PROTOCOL 5.3).
  const early = requester.syn(0);
  for (let before = 0; before <= SKETCH_PAUSE_MAX; before++) responder.answer(early, requester);
  const different = random.shuffled(all.slice(2)).slice(0, STALE_DIFFERENT);
  different.forEach((statement, nth) => {
    const ahead = isAhead(nth) ? requester : responder;
    if (withFeeds) ahead.holdFeed(statement.id, lengths.get(statement.id)! + random.between(1, 10));
    else ahead.hold({ ...statement, heartbeat: statement.heartbeat + random.between(1, 1000) });
  });
  const unknown = new Set(different.map(({ id }) => id));
  let bytes = 0;
  let depth = 0;
  for (let round = 0; round < STALE_ROUNDS_MAX; round++) {
    const underWay = [{ frame: requester.syn(depth), from: requester }];
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
      const { frame, from } = next;
      forgetNamed(frame.bytes, unknown);
      if (unknown.size === 0) return { bytes, roundTrips: frame.depth / 2 };
      bytes += frame.bytes.length;
      depth = frame.depth + 1;
      const to = from === requester ? responder : requester;
      underWay.push(...to.answer(frame, from).map((answer) => ({ frame: answer, from: to })));
    }
  }
  return { bytes: Infinity, roundTrips: Infinity };
}

/** Removes the ids of all rows that a frame carries or requests. */
function forgetNamed(bytes: Uint8Array, ids: Set<number>): void {
  const frame = new FrameReader();
  const row = new RowData();
  if (frame.parse(bytes, bytes.length, row) !== DROP_NONE) throw new Error("an engine sent a malformed frame");
  frame.rewind();
  while (frame.nextSection()) {
    while (frame.section === SECTION_WANT && frame.more()) ids.delete(frame.readId());
    while (frame.section === SECTION_ROWS && frame.more()) {
      frame.readRow(row);
      ids.delete(row.id);
    }
  }
}

export const stale4of500: Measurement<Found[]> = {
  name: "stale4of500",
  seeds: { full: 200, quick: 40 },
  nodes: 2,
  sample: (seed) => [false, true].flatMap((withFeeds) => [
    find(seed, () => true, withFeeds),
    find(seed, () => false, withFeeds),
    find(seed, (nth) => nth % 2 === 0, withFeeds),
  ]),
  figures(samples) {
    const all = samples.flat();
    return {
      "wire.stale4of500Bytes": percentile(all.map(({ bytes }) => bytes), 0.95),
      "wire.stale4of500RoundTrips": percentile(all.map(({ roundTrips }) => roundTrips), 0.95),
    };
  },
};

/** Bytes that show which of 500 feeds differ, to a peer with the same authors: row fingerprints and the feeds hash. */
export const frontier500: Measurement<number> = {
  name: "frontier500",
  seeds: { full: 20, quick: 5 },
  nodes: 1,
  sample(seed) {
    const random = new SimRandom(seed, STREAM_SCENARIO);
    const peer = new Peer(statements(STALE_ROWS, random, () => reading(random)), seed, DATAGRAM_BYTES_MAX, FEED_BYTES);
    const { rows } = peer.engine;
    for (let place = 0; place < rows.count; place++) {
      peer.holdFeed(rows.id(rows.slotAt(place)), random.between(1, 1000));
    }
    const writer = new FrameWriter();
    writer.begin(new Uint8Array(DATAGRAM_BYTES_MAX), DATAGRAM_BYTES_MAX, TYPE_SYN, 0, rows, 1, 0);
    const before = writer.length();
    writer.withFeeds = true;
    writer.beginRowFingerprints(0);
    if (!writer.writeRowFingerprints(rows, 0, 0, 1)) throw new Error("500 rows don't fit");
    writer.endRowFingerprints();
    return writer.length() - before + FEEDS_HASH_BYTES;
  },
  figures: (samples) => ({ "wire.frontier500Bytes": Math.max(...samples) }),
};

/** Bytes per event in addition to topic and value: in a full datagram, and in a section with a single event. */
export const eventOverhead: Measurement<{ full: number; single: number }> = {
  name: "eventOverhead",
  seeds: { full: 20, quick: 5 },
  nodes: 2,
  sample(seed) {
    const random = new SimRandom(seed, STREAM_SCENARIO);
    const [a, b] = statements(2, random, () => new Uint8Array(0));
    return { full: overhead(a, b, seed, LACKED_EVENTS, random), single: overhead(a, b, seed, 1, random) };
  },
  figures: (samples) => ({
    "wire.eventOverheadBytes": Math.max(...samples.map(({ full }) => full)),
    "wire.singleEventOverheadBytes": Math.max(...samples.map(({ single }) => single)),
  }),
};

/** The overhead per event of a datagram with some events or, for one event, of its section alone. */
function overhead(a: Statement, b: Statement, seed: number, events: number, random: SimRandom): number {
  const author = new Peer([a, b], seed, DATAGRAM_BYTES_MAX, FEED_BYTES);
  const other = new Peer([b, a], seed, DATAGRAM_BYTES_MAX, FEED_BYTES);
  const topic = "reading";
  const lengths: number[] = [];
  for (let n = 0; n < events; n++) {
    const payload = reading(random);
    lengths.push(topic.length + payload.length);
    author.log(topic, payload);
  }
  for (let round = 0; round < STALE_ROUNDS_MAX; round++) {
    const underWay = [{ frame: other.syn(0), from: other }];
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
      const { frame, from } = next;
      const to = from === author ? other : author;
      const { feeds } = other.engine.feed!;
      const before = feeds.sequence(other.engine.rows.find(a.id));
      underWay.push(...to.answer(frame, from).map((answer) => ({ frame: answer, from: to })));
      const after = feeds.sequence(other.engine.rows.find(a.id));
      if (after === before) continue;
      const own = lengths.slice(before, after).reduce((sum, length) => sum + length, 0);
      const bytes = events === 1 ? sectionBytes(frame.bytes, SECTION_EVENTS) : frame.bytes.length;
      return (bytes - own) / (after - before);
    }
  }
  return Infinity;
}

/** Length of a section with its head; 0 if the frame does not have it. */
export function sectionBytes(bytes: Uint8Array, section: number): number {
  const frame = new FrameReader();
  const reason = frame.parse(bytes, bytes.length, new RowData());
  if (reason !== DROP_NONE) throw new Error("an engine sent a malformed frame");
  frame.rewind();
  while (frame.nextSection()) {
    if (frame.section === section) return SECTION_HEAD_BYTES + frame.end - frame.position;
  }
  return 0;
}
