import assert from "node:assert/strict";
import { nodeDigest } from "../../desktop/platform/node-digest.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { eventFeeds } from "../../src/events/index.js";
import type { FeedEvent } from "../../src/gossip.js";
import { signedFeeds } from "../../src/signing/index.js";
import {
  ADMISSION_TOPIC, AdmissionList, type Admission, NO_END_MS, NO_LIMIT, signAdmission,
} from "../../src/signing/owner.js";
import { FakeNetwork, FakeNode } from "../support/fake-platform.js";

const BASE = 0xc0a80000;
const OWNER = nodeIdentity(new Uint8Array(32).fill(200));

function identityOf(host: number): ReturnType<typeof nodeIdentity> {
  return nodeIdentity(new Uint8Array(32).fill(host));
}

/** What the owner says about the device at 192.168.0.`host`. */
function admission(host: number, more: Partial<Admission> = {}): Uint8Array {
  return signAdmission({
    version: 1, author: BASE + host, key: identityOf(host).publicKey, generation: NO_LIMIT, sequence: NO_LIMIT,
    untilMs: NO_END_MS, ...more,
  }, 0, OWNER.sign);
}

interface OwnedNode { node: FakeNode; list: AdmissionList; events: FeedEvent[] }

interface Made {
  seed?: number;
  /** Whose key pair and id it has; its own by default. */
  key?: number;
  id?: number;
  revision?: number;
  /** Admissions that it was given. */
  card?: Uint8Array[];
}

/** A node at 192.168.0.`host` that knows the owner's key. */
function owned(network: FakeNetwork, host: number, made: Made = {}): OwnedNode {
  const events: FeedEvent[] = [];
  const list = new AdmissionList({ owner: OWNER.publicKey, verify: nodeVerify });
  const signing = signedFeeds({ identity: identityOf(made.key ?? host), verify: nodeVerify, keys: list });
  const node = new FakeNode(network, `192.168.0.${host}`, {
    seedList: [`192.168.0.${made.seed ?? 53}`],
    ...made.id !== undefined && { id: made.id },
    events: eventFeeds({
      bytes: 16384, digest: nodeDigest, signing, views: [list], onEvent: (event) => void events.push(event),
    }),
  });
  for (const bytes of made.card ?? []) assert.ok(list.offer(bytes));
  node.storage.revision = made.revision ?? 3;
  node.gossip.start();
  return { node, list, events };
}

/** Has a node publish admissions, as `chisme admit` does. */
function publish({ node, list }: OwnedNode, ...all: Uint8Array[]): void {
  for (const bytes of all) {
    list.offer(bytes);
    node.gossip.set(ADMISSION_TOPIC, "x", bytes);
  }
}

function doors({ events }: OwnedNode): unknown[] {
  return events.filter(({ topic }) => topic === "door").map(({ value }) => value);
}

/** Bytes that all nodes sent in so many rounds, for each node and round. */
function bytesOf(network: FakeNetwork, nodes: OwnedNode[], rounds: number): number {
  const before = nodes.map(({ node }) => node.socket.sent.length);
  network.run(rounds * 10000);
  const bytes = nodes.flatMap(({ node }, i) => node.socket.sent.slice(before[i])).map(({ hex }) => hex.length / 2);
  return bytes.reduce((sum, length) => sum + length, 0) / rounds / nodes.length;
}

describe("an owner of a network", () => {
  it("probe", () => {
    const network = new FakeNetwork();
    const first = owned(network, 53);
    publish(first, admission(53));
    const second = owned(network, 54);
    const sensor = owned(network, 55);
    network.run(60000);
    publish(first, admission(54), admission(55));
    network.run(60000);
    console.log(first.list.all().length, second.list.all().length, sensor.list.all().length);
    sensor.node.gossip.log("door", "a");
    network.run(60000);
    console.log(doors(first), doors(second), doors(sensor), bytesOf(network, [first, second, sensor], 20));
    const cut = first.node.gossip.frontier().find(({ author }) => author === BASE + 55);
    console.log(cut);
    assert.ok(cut !== undefined);
    // second hears of more before revocation
    network.loses = (from, to) => from === BASE + 53 || to === BASE + 53;
    sensor.node.gossip.log("door", "b");
    network.run(60000);
    network.loses = () => false;
    publish(first, admission(55, { version: 2, generation: cut.generation, sequence: cut.sequence }));
    network.run(100000);
    console.log(doors(first), doors(second), second.list.find(BASE + 55)?.version);
    for (let i = 0; i < 5; i++) console.log("bytes", bytesOf(network, [first, second, sensor], 40));
    for (const { node } of [first, second, sensor]) console.log(JSON.stringify(node.gossip.stats().drops), JSON.stringify(node.gossip.frontier()));
    sensor.node.gossip.close();
    for (let i = 0; i < 3; i++) console.log("bytes without", bytesOf(network, [first, second], 40));
  });
});
