import { encodeCbor } from "../src/cbor/cbor.js";
import { nodeDigest } from "../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../desktop/platform/node-signing.js";
import { SimNetwork } from "../desktop/simulator/index.js";
import { SimRandom, STREAM_SCENARIO } from "../desktop/simulator/random.js";
import { SECTION_EVENTS } from "../src/engine/wire/frame.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip } from "../src/gossip.js";
import { type Identity, type SignedFeeds, pinnedKeys, signedFeeds } from "../src/signing/index.js";
import { type Measurement, mean, rounded } from "./measurement.js";
import { ROUND_MS } from "./network.js";
import { Peer, type Statement } from "./pair.js";
import { sectionBytes, statements } from "./wire.js";

const NODES = 50;
const MINUTE_MS = 60000;
const WARM_UP_ROUNDS = 64;
const COURSE_ROUNDS = { full: 120, quick: 24 };
const AUTHORS = { full: 100, quick: 20 };
/** Events of each author before a node joins. */
const AUTHOR_EVENTS = 4;
const JOIN_ROUNDS_MAX = 200;
const FEED_BYTES = 65536;
const DATAGRAM_BYTES_MAX = 1200;
/** Bytes of an Ed25519 signature. */
const SIGNATURE_LENGTH = 64;
/** 2026-01-01. */
const START_MS = 1767225600000;

/** The key pair of a node, by its number. */
function identityOf(index: number): Identity {
  const secret = new Uint8Array(32);
  secret[0] = index & 255;
  secret[1] = index >> 8;
  return nodeIdentity(secret);
}

/** A network whose nodes publish events, and sign them or not. */
class SignNetwork {
  readonly sim: SimNetwork;
  readonly gossips: (Gossip | undefined)[] = [];
  /** Signatures that each node verified. */
  readonly verified: number[] = [];
  private readonly random: SimRandom;

  constructor(seed: number, nodes: number, private readonly isSigned: boolean) {
    this.sim = new SimNetwork({ seed });
    this.random = new SimRandom(seed, STREAM_SCENARIO);
    for (let i = 0; i < nodes; i++) this.addNode(this.random.between(0, ROUND_MS), nodes + 1);
  }

  addNode(startAfterMs: number, capacity: number): void {
    const index = this.sim.nodes.length;
    this.verified[index] = 0;
    this.sim.addNode({
      startAfterMs, physicalStartMs: START_MS,
      options: { seedList: ["10.0.0.1", "10.0.0.2"], capacity, roundIntervalMs: ROUND_MS },
      start: (platform, storage) => {
        const signing = this.isSigned ? { signing: this.signingOf(index) } : {};
        const events = eventFeeds({ bytes: FEED_BYTES, digest: nodeDigest, ...signing });
        const gossip = new Gossip({ ...platform, storage, events });
        this.gossips[index] = gossip;
        gossip.start();
        gossip.push(this.random.between(-1000, 4000) / 100);
        return gossip;
      },
    });
  }

  runRounds(rounds: number): void {
    this.sim.runFor(rounds * ROUND_MS);
  }

  /** From now on each node sets its temperature once a minute, each at another time of it. */
  publish(): void {
    for (const node of this.sim.nodes) {
      const again = (): void => {
        node.set("temperature", `room${node.index}`, this.random.between(-1000, 4000) / 100);
        this.sim.schedule(MINUTE_MS, again);
      };
      this.sim.schedule(this.random.between(0, MINUTE_MS), again);
    }
  }

  private signingOf(index: number): SignedFeeds {
    return signedFeeds({
      identity: identityOf(index), keys: pinnedKeys(),
      verify: (key, message, signature) => {
        this.verified[index]++;
        return nodeVerify(key, message, signature);
      },
    });
  }
}

/** What 50 nodes send that publish an event a minute each, for each node and round. */
function course(seed: number, isQuick: boolean, isSigned: boolean): { bytes: number; verifications: number } {
  const network = new SignNetwork(seed, NODES, isSigned);
  network.runRounds(WARM_UP_ROUNDS);
  network.publish();
  network.runRounds(MINUTE_MS / ROUND_MS);
  const { bytes } = network.sim.counts;
  const verified = sum(network.verified);
  const rounds = isQuick ? COURSE_ROUNDS.quick : COURSE_ROUNDS.full;
  network.runRounds(rounds);
  const received = rounds * ROUND_MS / MINUTE_MS * NODES * (NODES - 1);
  return {
    bytes: (network.sim.counts.bytes - bytes) / NODES / rounds,
    verifications: (sum(network.verified) - verified) / received,
  };
}

interface Course { more: number; unsigned: number; verifications: number }

const signCourse: Measurement<Course> = {
  name: "sign.course",
  seeds: { full: 2, quick: 1 },
  nodes: NODES,
  sample(seed, isQuick) {
    const unsigned = course(seed, isQuick, false);
    const signed = course(seed, isQuick, true);
    return { more: signed.bytes - unsigned.bytes, unsigned: unsigned.bytes, verifications: signed.verifications };
  },
  figures: (samples) => ({
    "sign.unsignedBytesPerNodePerRound.n50": rounded(mean(samples.map(({ unsigned }) => unsigned)), 0),
    "sign.moreBytesPerNodePerRound.n50": rounded(mean(samples.map(({ more }) => more)), 0),
    "sign.verificationsPerEvent.n50": rounded(mean(samples.map(({ verifications }) => verifications)), 2),
  }),
};

interface Joining { perAuthor: number; perSignature: number; rounds: number }

/** A node joins when all authors have published. */
const signJoin: Measurement<Joining> = {
  name: "sign.join",
  seeds: { full: 2, quick: 1 },
  nodes: AUTHORS.full + 1,
  sample(seed, isQuick) {
    const authors = isQuick ? AUTHORS.quick : AUTHORS.full;
    const network = new SignNetwork(seed, authors, true);
    network.runRounds(WARM_UP_ROUNDS);
    for (let i = 0; i < AUTHOR_EVENTS; i++) {
      for (const node of network.sim.nodes) node.set("temperature", `room${node.index}`, i);
      network.runRounds(1);
    }
    network.runRounds(WARM_UP_ROUNDS);
    network.addNode(0, authors + 1);
    let rounds = 0;
    const isDone = (): boolean => {
      const feeds = network.gossips[authors]?.frontier() ?? [];
      return feeds.filter(({ sequence }) => sequence === 2 * AUTHOR_EVENTS).length === authors;
    };
    while (!isDone() && rounds < JOIN_ROUNDS_MAX) {
      network.runRounds(1);
      rounds++;
    }
    const verified = network.verified[authors];
    return {
      perAuthor: verified / authors, perSignature: verified / authors / AUTHOR_EVENTS,
      rounds: isDone() ? rounds : Infinity,
    };
  },
  figures: (samples) => ({
    "sign.joinVerificationsPerAuthor": rounded(mean(samples.map(({ perAuthor }) => perAuthor)), 2),
    "sign.joinVerificationsPerSignature": rounded(mean(samples.map(({ perSignature }) => perSignature)), 2),
    "sign.joinRounds": Math.max(...samples.map(({ rounds }) => rounds)),
  }),
};

/** Bytes by which a signature behind some events makes their section longer. */
function signatureBytes(seed: number, events: number): number {
  const random = new SimRandom(seed, STREAM_SCENARIO);
  const both = statements(2, random, () => new Uint8Array(0));
  const readings = Array.from({ length: events }, () => {
    const bytes = new Uint8Array(9);
    return bytes.slice(0, encodeCbor(random.between(-1000, 4000) / 100, bytes, 0));
  });
  const signature = new Uint8Array(SIGNATURE_LENGTH + 2);
  encodeCbor(Uint8Array.from({ length: SIGNATURE_LENGTH }, () => random.below(256)), signature, 0);
  return eventBytes(both, seed, readings, signature) - eventBytes(both, seed, readings, undefined);
}

/** Bytes of the section with which a node gets some events of a peer. */
function eventBytes(
  [a, b]: readonly Statement[], seed: number, readings: readonly Uint8Array[], signature: Uint8Array | undefined,
): number {
  const author = new Peer([a, b], seed, DATAGRAM_BYTES_MAX, FEED_BYTES);
  const other = new Peer([b, a], seed, DATAGRAM_BYTES_MAX, FEED_BYTES);
  for (const reading of readings) author.log("reading", reading);
  if (signature !== undefined) author.sign(signature);
  for (;;) {
    const underWay = [{ frame: other.syn(0), to: author, from: other }];
    for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
      const { frame, to, from } = next;
      const bytes = sectionBytes(frame.bytes, SECTION_EVENTS);
      if (bytes > 0) return bytes;
      underWay.push(...to.answer(frame, from).map((answer) => ({ frame: answer, to: from, from: to })));
    }
  }
}

const signBytes: Measurement<{ one: number; eight: number }> = {
  name: "sign.bytes",
  seeds: { full: 20, quick: 5 },
  nodes: 2,
  sample: (seed) => ({ one: signatureBytes(seed, 1), eight: signatureBytes(seed, 8) }),
  figures: (samples) => ({
    "sign.bytes.run1": Math.max(...samples.map(({ one }) => one)),
    "sign.bytes.run8": Math.max(...samples.map(({ eight }) => eight)),
  }),
};

export const signMeasurements: readonly Measurement<never>[] = [
  signCourse, signJoin, signBytes,
] as Measurement<never>[];

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
