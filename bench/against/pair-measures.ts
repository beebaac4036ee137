import { SimRandom, STREAM_SCENARIO } from "../../desktop/simulator/random.js";
import { encodeCbor } from "../../src/cbor/cbor.js";
import type { Frame, Peer, Statement } from "../pair.js";
import { statements } from "../wire.js";
import { type Modules, drainEvents, setTransmitsLeft } from "./adapter.js";
import type { Measure } from "./measure.js";

/*
 * Exchanges of two nodes: the bytes of 1,000 events, as in `bulk.ts`, and the time of SYN and ACK.
 */

const EVENTS = 1000;
/** With its head it is 50 bytes of CBOR. */
const VALUE_BYTES = 48;
const FEED_BYTES = 1 << 18;
const EVENT_ROUNDS_MAX = 40;

function bulk(limit: number): Measure {
  return {
    figures: [
      {
        name: `wire.events1000RoundTrips.bytes${limit}`, unit: "round trips", summary: "median", decimals: 1,
        peer: { name: "Automerge", value: 1 },
      },
      {
        name: `wire.events1000Bytes.bytes${limit}`, unit: "bytes", summary: "mean", decimals: 0,
        ...limit === 1200 && { peer: { name: "Automerge, compressed", value: 37645 } },
      },
    ],
    nodes: 2,
    seeds: { full: 5, quick: 1 },
    way: "together",
    sample: (modules, seed) => sendEvents(modules, seed, limit),
  };
}

/** One node has 1,000 events, the other one none. They know each other. No datagram is lost. */
function sendEvents(modules: Modules, seed: number, limit: number): number[] {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const all = statements(2, random, () => new Uint8Array(0));
  const author = new modules.Peer(all, seed, limit, FEED_BYTES);
  const reader = new modules.Peer([all[1], all[0]], seed, limit, FEED_BYTES);
  exchange(reader, author, reader.syn(0), () => false);
  exchange(author, reader, author.syn(0), () => false);
  const bytes = new Uint8Array(64);
  for (let event = 0; event < EVENTS; event++) {
    const value = Uint8Array.from({ length: VALUE_BYTES }, () => random.below(256));
    author.log("t", bytes.slice(0, encodeCbor(value, bytes, 0)));
  }
  const slot = reader.engine.rows.find(all[0].id);
  let sent = 0;
  let depth = 0;
  for (let round = 0; round < EVENT_ROUNDS_MAX; round++) {
    const isDone = exchange(reader, author, reader.syn(depth), (frame) => {
      sent += frame.bytes.length;
      depth = frame.depth + 1;
      const hasAll = reader.engine.feed!.feeds.sequence(slot) === EVENTS;
      if (!hasAll) drainEvents(reader);
      return hasAll;
    });
    if (isDone) return [depth / 2, sent];
  }
  return [Infinity, Infinity];
}

/** Delivers a frame and all that answer it, until `isDone` is true after one of them. Returns whether it was. */
function exchange(from: Peer, to: Peer, first: Frame, isDone: (delivered: Frame) => boolean): boolean {
  const underWay = [{ frame: first, receiver: to }];
  for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
    const { frame, receiver } = next;
    const sender = receiver === to ? from : to;
    underWay.push(...receiver.answer(frame, sender).map((answer) => ({ frame: answer, receiver: sender })));
    if (isDone(frame)) return true;
  }
  return false;
}

const ROWS = 50;
/** Pairs of nodes, each with tables of its own. */
const PAIRS = 100;
/** Before a fourth one a probe of a node that is not there ends. */
const EXCHANGES = 3;
/** Until the compiler is done, a sample says more about the compiler. */
const WARM_UPS = 15;
/** Frames on which a fresher row rides along. */
const TRANSMITS = 5;

/** SYN and ACK of two nodes whose tables are equal, or but for one row. */
function pairs(isFresher: boolean): Measure {
  return {
    figures: [{
      name: `engine.pairsPerCpuSecond.${isFresher ? "fresher" : "inSync"}`, unit: "SYN+ACK", summary: "median",
      decimals: 0,
    }],
    nodes: 2,
    seeds: { full: 40, quick: 4 },
    way: "in turn",
    sample(modules, seed, nth) {
      for (let n = nth === 0 ? WARM_UPS : 0; n > 0; n--) pairsPerCpuSecond(modules, seed, isFresher);
      return [pairsPerCpuSecond(modules, seed, isFresher)];
    },
  };
}

function pairsPerCpuSecond(modules: Modules, seed: number, isFresher: boolean): number {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const all = statements(ROWS, random, () => Uint8Array.of(0x18, 0x20));
  const others = [all[1], all[0], ...all.slice(2)];
  const peers = Array.from({ length: PAIRS }, () => ({
    asking: new modules.Peer(all, seed), asked: new modules.Peer(others, seed),
  }));
  let micros = 0;
  for (let nth = 1; nth <= EXCHANGES; nth++) {
    if (isFresher) for (const { asking } of peers) makeFresher(asking, all[2], nth);
    const before = process.cpuUsage();
    for (const { asking, asked } of peers) {
      for (const ack of asked.answer(asking.syn(0), asking)) asking.answer(ack, asked);
    }
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
  }
  return PAIRS * EXCHANGES / micros * 1e6;
}

function makeFresher(peer: Peer, statement: Statement, by: number): void {
  peer.hold({ ...statement, heartbeat: statement.heartbeat + by });
  setTransmitsLeft(peer, statement.id, TRANSMITS);
}

export const pairMeasures: readonly Measure[] = [bulk(1200), bulk(512), pairs(false), pairs(true)];
