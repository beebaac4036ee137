import { nodeDigest } from "../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../desktop/platform/node-signing.js";
import { SimNetwork } from "../desktop/simulator/index.js";
import { eventFeeds } from "../src/events/index.js";
import { Gossip } from "../src/gossip.js";
import { signedFeeds } from "../src/signing/index.js";
import {
  ADMISSION_TOPIC, type Admission, AdmissionList, NO_END_MS, NO_LIMIT, signAdmission,
} from "../src/signing/owner.js";
import { type Measurement, mean, rounded } from "./measurement.js";
import { ROUND_MS } from "./network.js";

const WARM_UP_ROUNDS = 32;
const COURSE_ROUNDS = { full: 600, quick: 120 };
const LONG_EVENTS = 100;
const FEED_BYTES = 16384;
/** 2026-01-01. */
const START_MS = 1767225600000;
const OWNER = nodeIdentity(new Uint8Array(32).fill(200));
/** The node that is revoked. Nodes have ids from 1 on. */
const SENSOR = 3;

function admission(author: number, more: Partial<Admission> = {}): Uint8Array {
  return signAdmission({
    version: 1, author, key: nodeIdentity(new Uint8Array(32).fill(author)).publicKey, generation: NO_LIMIT,
    sequence: NO_LIMIT, untilMs: NO_END_MS, ...more,
  }, 0, (message) => OWNER.sign(message));
}

/** Three nodes that an owner admitted, and one that only passes on what it gets. */
class OwnedNetwork {
  readonly sim: SimNetwork;
  readonly gossips: Gossip[] = [];

  constructor(seed: number, hasRelay: boolean) {
    this.sim = new SimNetwork({ seed });
    for (let id = 1; id <= (hasRelay ? 4 : 3); id++) this.addNode(id, id === 4);
    this.sim.runFor(WARM_UP_ROUNDS * ROUND_MS);
    this.sim.nodes[SENSOR - 1].log("door", 1);
    this.sim.runFor(WARM_UP_ROUNDS * ROUND_MS);
  }

  /** The owner revokes the sensor by the first node, and the sensor goes on: it publishes so many events. */
  revoke(events: number): void {
    const { generation = 0, sequence = 0 } = this.gossips[0].frontier().find(({ author }) => author === SENSOR) ?? {};
    const revocation = admission(SENSOR, { version: 2, generation, sequence, untilMs: START_MS * 2 });
    this.sim.nodes[0].set(ADMISSION_TOPIC, String(SENSOR), revocation);
    this.sim.runFor(2 * ROUND_MS);
    for (let i = 0; i < events; i++) this.sim.nodes[SENSOR - 1].log("door", i);
    this.sim.runFor(WARM_UP_ROUNDS * ROUND_MS);
  }

  /** Bytes that each running node sends in a round. */
  bytes(nodes: number, rounds: number): number {
    const { bytes } = this.sim.counts;
    this.sim.runFor(rounds * ROUND_MS);
    return (this.sim.counts.bytes - bytes) / nodes / rounds;
  }

  private addNode(id: number, isRelay: boolean): void {
    this.sim.addNode({
      startAfterMs: 100 * id, physicalStartMs: START_MS,
      options: { seedList: ["10.0.0.1", "10.0.0.2"], roundIntervalMs: ROUND_MS },
      start: (platform, storage) => {
        const list = new AdmissionList({
          owner: OWNER.publicKey, verify: nodeVerify, stored: [1, 2, SENSOR].map((author) => admission(author)),
        });
        const identity = nodeIdentity(new Uint8Array(32).fill(id));
        const signing = signedFeeds({ identity, verify: nodeVerify, keys: list });
        const events = eventFeeds({
          bytes: FEED_BYTES, digest: nodeDigest, ...!isRelay && { signing, views: [list] },
        });
        const gossip = new Gossip({ ...platform, storage, id, events });
        this.gossips[id - 1] = gossip;
        gossip.start();
        return gossip;
      },
    });
  }
}

interface Refused { rest: number; sensor: number; long: number; relayRest: number; relay: number }

/**
 * @param events that the node publishes after its revocation
 * @param isGone whether it goes then, and one without keys is left
 */
function bytesOf(seed: number, rounds: number, events: number, isGone: boolean): number {
  const network = new OwnedNetwork(seed, isGone);
  network.revoke(events);
  if (isGone) {
    network.sim.nodes[SENSOR - 1].crash();
    network.sim.runFor(2 * WARM_UP_ROUNDS * ROUND_MS);
  }
  return network.bytes(3, rounds);
}

/** What events cost that all refuse: those of a revoked node that goes on, and those that a node without keys keeps. */
const signRefused: Measurement<Refused> = {
  name: "sign.refused",
  seeds: { full: 10, quick: 2 },
  nodes: 4,
  sample(seed, isQuick) {
    const rounds = isQuick ? COURSE_ROUNDS.quick : COURSE_ROUNDS.full;
    return {
      rest: bytesOf(seed, rounds, 0, false), sensor: bytesOf(seed, rounds, 1, false),
      long: bytesOf(seed, rounds, LONG_EVENTS, false), relayRest: bytesOf(seed, rounds, 0, true),
      relay: bytesOf(seed, rounds, 1, true),
    };
  },
  figures: (samples) => ({
    "sign.restBytesPerNodePerRound.n3": rounded(mean(samples.map(({ rest }) => rest)), 0),
    "sign.revokedBytesPerNodePerRound.n3": rounded(mean(samples.map(({ sensor }) => sensor)), 0),
    "sign.revokedLongBytesPerNodePerRound.n3": rounded(mean(samples.map(({ long }) => long)), 0),
    "sign.relayRestBytesPerNodePerRound.n3": rounded(mean(samples.map(({ relayRest }) => relayRest)), 0),
    "sign.relayBytesPerNodePerRound.n3": rounded(mean(samples.map(({ relay }) => relay)), 0),
  }),
};

export const signRefusedMeasurements: readonly Measurement<never>[] = [signRefused] as Measurement<never>[];
