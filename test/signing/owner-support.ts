import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent, FrontierEntry } from "../../src/gossip.js";
import { signedFeeds } from "../../src/signing/index.js";
import {
  ADMISSION_TOPIC, AdmissionList, type Admission, NO_END_MS, NO_LIMIT, signAdmission,
} from "../../src/signing/owner.js";
import { latestMap } from "../../src/views/latest-map.js";
import { type FakeNetwork, FakeNode } from "../support/fake-platform.js";

export const BASE = 0xc0a80000;
export const ROUND_MS = 10000;
export const OWNER = nodeIdentity(new Uint8Array(32).fill(200));
/** The device that is stolen. */
export const SENSOR = 55;

export function identityOf(host: number): ReturnType<typeof nodeIdentity> {
  return nodeIdentity(new Uint8Array(32).fill(host));
}

/** What the owner states about the device at 192.168.0.`host`. */
export function admission(host: number, more: Partial<Admission> = {}, network = 0, by = OWNER): Uint8Array {
  return signAdmission({
    version: 1, author: BASE + host, key: identityOf(host).publicKey, generation: NO_LIMIT, sequence: NO_LIMIT,
    untilMs: NO_END_MS, ...more,
  }, network, (message) => by.sign(message));
}

export interface OwnedNode {
  node: FakeNode;
  list: AdmissionList;
  events: FeedEvent[];
  view: ReturnType<typeof latestMap>;
}

interface Made {
  seed?: number;
  /** The device whose private key it has; its own by default. */
  key?: number;
  id?: number;
  revision?: number;
  /** Admissions that it was given. */
  card?: Uint8Array[];
  /** Bytes of its event buffer. */
  bytes?: number;
  /** Whether it takes every key, as the program of an attacker does. */
  isLax?: boolean;
}

/** A node at 192.168.0.`host` that knows the owner's key. */
export function owned(network: FakeNetwork, host: number, made: Made = {}): OwnedNode {
  const events: FeedEvent[] = [];
  const view = latestMap();
  const list = new AdmissionList({ owner: OWNER.publicKey, verify: nodeVerify, stored: made.card ?? [] });
  const keys = made.isLax ? { acceptsKey: (author: number) => identityOf(author - BASE).publicKey } : list;
  const signing = signedFeeds({ identity: identityOf(made.key ?? host), verify: nodeVerify, keys });
  const node = new FakeNode(network, `192.168.0.${host}`, {
    seedList: [`192.168.0.${made.seed ?? 53}`],
    ...made.id !== undefined && { id: made.id },
    events: eventFeeds({
      bytes: made.bytes ?? 16384, digest: nodeDigest, signing, views: [list, view],
      onEvent: (event) => void events.push(event),
    }),
  });
  node.storage.revision = made.revision ?? 3;
  node.gossip.start();
  return { node, list, events, view };
}

/** A node without keys: it passes on what it gets. */
export function relay(network: FakeNetwork, host: number): FakeNode {
  const events = eventFeeds({ bytes: 16384, digest: nodeDigest });
  const node = new FakeNode(network, `192.168.0.${host}`, { seedList: ["192.168.0.53"], events });
  node.gossip.start();
  return node;
}

/** Has a node publish admissions, as `chisme admit` does. */
export function publish({ node, list }: OwnedNode, ...all: Uint8Array[]): void {
  for (const bytes of all) {
    list.offer(bytes);
    node.gossip.set(ADMISSION_TOPIC, String(bytes[8]), bytes);
  }
}

/** The owner's node, one more, and the sensor, all admitted. */
export function house(network: FakeNetwork): { hall: OwnedNode; attic: OwnedNode; sensor: OwnedNode } {
  const hall = owned(network, 53);
  publish(hall, admission(53), admission(54), admission(SENSOR));
  const attic = owned(network, 54);
  const sensor = owned(network, SENSOR);
  network.run(6 * ROUND_MS);
  return { hall, attic, sensor };
}

export function heldOf({ node }: OwnedNode | { node: FakeNode }, host: number): FrontierEntry {
  const found = node.gossip.frontier().find(({ author }) => author === BASE + host);
  return found ?? { author: BASE + host, generation: 0, sequence: 0 };
}

/** Revokes the sensor at what a node holds of it. */
export function revoke(by: OwnedNode, version = 2): { generation: number; sequence: number } {
  const { generation, sequence } = heldOf(by, SENSOR);
  publish(by, admission(SENSOR, { version, generation, sequence, untilMs: 1e12 }));
  return { generation, sequence };
}

/** Values of a topic that a node's application was notified of. */
export function values({ events }: OwnedNode, topic = "door"): unknown[] {
  return events.filter((event) => event.topic === topic).map(({ value }) => value);
}

/** Values of a topic that a node holds. */
export function held({ node }: OwnedNode, topic = "door"): unknown[] {
  return node.gossip.events().filter((event) => event.topic === topic).map(({ value }) => value);
}

export function drops({ node }: OwnedNode): number {
  return node.gossip.stats().drops.signature;
}

/** Bytes that each node sent in a round, on average over so many rounds. */
export function bytesOf(network: FakeNetwork, nodes: FakeNode[], rounds: number): number {
  const before = nodes.map(({ socket }) => socket.sent.length);
  network.run(rounds * ROUND_MS);
  const sent = nodes.flatMap(({ socket }, i) => socket.sent.slice(before[i]));
  return sent.reduce((sum, { hex }) => sum + hex.length / 2, 0) / rounds / nodes.length;
}
