import { type CborValue, encodeCbor } from "../../src/cbor/cbor.js";
import { parseAddress } from "../../src/engine/wire/address.js";
import { SimRandom } from "../../desktop/simulator/random.js";
import { SimNetwork } from "../../desktop/simulator/network.js";
import type { TapEntry } from "../../desktop/simulator/node.js";
import type { SimNode } from "../../desktop/simulator/node.js";
import type { Topology } from "../../desktop/simulator/topology.js";
import { type TopologyShape, makeTopology } from "../../desktop/simulator/topology-shapes.js";
import { nodeIdentity, nodeVerify } from "../../desktop/platform/node-signing.js";
import { eventFeeds } from "../../src/events/index.js";
import { Gossip } from "../../src/gossip.js";
import { type SignedFeeds, pinnedKeys, signedFeeds } from "../../src/signing/index.js";
import { networkTime } from "../../src/time/index.js";
import { sleeping } from "../../src/sleep/index.js";
import { HOWS, talk, traceMessages } from "./messages.js";

export const NODES = 20;
const ROUND_INTERVAL_MS = 2000;
const PUSH_EVERY_MS = 700;
const SAY_EVERY_MS = 400;
const TALK_EVERY_MS = 500;
const SLEEP_EVERY_MS = 900;
const RESTART_EVERY_MS = 5000;
const CAPACITY = 24;
const VALUE_BYTES_MAX = 32;
const REMOVE_AFTER_MS = 60000;
const SEED_CAPACITY = 4;
const EVENT_BYTES_MAX = 64;
/** Where nodes sign. */
const SIGNED_EVENT_BYTES_MAX = 108;
const SIGNED_FEED_BYTES = 2048;
const SIGNER_DATAGRAM_BYTES = 512;
/** Messages that wait at a node: so few that some are refused. */
const MESSAGE_QUEUE = 8;
/** What fits the smallest datagrams. */
const MESSAGE_BYTES_MAX = 16;
const MESSAGE_SENDERS = 4;
/** IPv4 address and port. */
const PEER_BYTES = 6;
const DAY_MS = 86400000;
/** 2026-01-01. */
const PHYSICAL_START_MS = 1767225600000;
/** As the engine numbers them. */
const KINDS = { log: 0, set: 1, remove: 2 };
const BROADCAST_ADDRESS = 0xffffffff;
/** Of the network whose trace is sealed: no secret. */
export const TRACE_KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/** The inputs of one node, as lines for the harness, and what it sent in the simulation. */
export interface NodeTrace {
  lines: string[];
  /** Datagrams that the node sent, as hexadecimal text, in order. */
  sent: string[];
}

export interface TraceOptions {
  /** Key of the network, as hexadecimal text; undefined: it has none. */
  key?: string;
  /** Which nodes reach which; "all" by default. In the other shapes a node's seeds are nodes in its reach. */
  topology?: TopologyShape;
  /** Nodes whose datagrams have room for it sign and verify, others pass signed feeds on. */
  isSigned?: boolean;
}

/** What differs between networks. */
interface Course {
  key: string;
  topology: Topology | undefined;
  isSigned: boolean;
}

/**
 * Records at least `steps` inputs of a network of 20 nodes under faults (loss,
 * duplication, reordering, corruption, restarts with and without storage) as
 * lines for the harness, node by node.
 */
export function record(
  seed: number, steps: number, { key, topology = "all", isSigned = false }: TraceOptions = {},
): NodeTrace[] {
  const network = new SimNetwork({
    seed,
    faults: {
      lossProbability: 0.1, duplicateProbability: 0.05, corruptProbability: 0.05, udpChecksum: false,
      delayMs: { min: 1, max: 1500 },
    },
  });
  if (topology !== "all") network.topology = makeTopology({ shape: topology, nodes: NODES, seed });
  const course = { key: key ?? "-", topology: network.topology, isSigned };
  const traces: NodeTrace[] = [];
  let count = 0;
  network.tap = (entry) => {
    const trace = traces[entry.node.index];
    if (entry.kind === "sent") trace.sent.push(hex(entry.bytes, entry.length));
    const before = trace.lines.length;
    trace.lines.push(...linesOf(entry, course));
    for (const line of trace.lines.slice(before)) if (!line.startsWith("time ")) count++;
  };
  for (let index = 0; index < NODES; index++) {
    traces.push({ lines: [], sent: [] });
    const clock = !hasClock(index) ? {} : { physicalStartMs: PHYSICAL_START_MS + 1000 * index };
    const name = nameOf(index);
    const options = { ...optionsOf(index, course), ...name !== undefined && { name }, ...key !== undefined && { key } };
    network.addNode({
      startAfterMs: index * 100, options, ...clock,
      start: (platform, storage) => {
        const time = isTimed(index) ? { time: networkTime({ clock: hasClock(index) }) } : {};
        const events = feedsOf(index, course);
        const gossip = new Gossip({ storage, onError: () => undefined, ...platform, ...time, ...events });
        gossip.start();
        return gossip;
      },
    });
  }
  const random = new SimRandom(seed, 0);
  every(network, PUSH_EVERY_MS, () => random.pick(network.nodes).push(drawValue(random)));
  every(network, SAY_EVERY_MS, () => saySomething(random.pick(network.nodes), random));
  every(network, TALK_EVERY_MS, () => {
    const node = random.pick(network.nodes);
    traces[node.index].lines.push(...sendSomething(node, random.pick(network.nodes), random));
  });
  every(network, SLEEP_EVERY_MS, () => {
    const node = random.pick(network.nodes);
    traces[node.index].lines.push(...sleepOrWake(node, random));
  });
  every(network, RESTART_EVERY_MS, () => random.pick(network.nodes).restart({ keepStorage: random.chance(0.7) }));
  while (count < steps) network.runFor(ROUND_INTERVAL_MS);
  return traces;
}

function optionsOf(index: number, course: Course): Record<string, unknown> {
  return {
    capacity: CAPACITY, valueBytesMax: VALUE_BYTES_MAX, roundIntervalMs: ROUND_INTERVAL_MS, seedCapacity: SEED_CAPACITY,
    removeAfterMs: REMOVE_AFTER_MS, datagramBytesMax: datagramBytesMaxOf(index),
    seedList: seedListOf(index, course),
    sleep: sleeping(),
    messages: traceMessages(MESSAGE_QUEUE, MESSAGE_BYTES_MAX, MESSAGE_SENDERS, takesMessages(index), undefined),
  };
}

/** Every third device does not know the time of day. */
function hasClock(index: number): boolean {
  return index % 3 !== 2;
}

/** Of the others all have the time part, of those with a clock some. */
function isTimed(index: number): boolean {
  return !hasClock(index) || index % 6 === 0;
}

/** Each fifth node only passes messages on. */
function takesMessages(index: number): boolean {
  return index % 5 !== 4;
}

/** Every third node has a name. */
function nameOf(index: number): string | undefined {
  return index % 3 === 1 ? `Küche ${index}` : undefined;
}

/** What a node shares, as `Gossip` encodes it: its name, if it has one, and the value. */
function sharedHex(index: number, value: CborValue): string {
  const bytes = new Uint8Array(VALUE_BYTES_MAX);
  const name = nameOf(index);
  if (name === undefined && value === undefined) return "";
  const start = name === undefined ? 0 : encodeCbor(name, bytes, 0);
  return hex(bytes, encodeCbor(value, bytes, start));
}

/** None where datagrams are too small for events, much room and little. */
function feedBytesOf(index: number): number {
  return datagramBytesMaxOf(index) === 128 ? 0 : index % 3 === 0 ? 512 : 1536;
}

/** What events a node has: it is made anew for each start, as the keys that it pins are. */
function feedsOf(index: number, course: Course): Record<string, unknown> {
  if (feedBytesOf(index) === 0) return {};
  const signing = isSigner(index, course) ? { signing: signingOf(index) } : {};
  const [bytes, eventBytesMax] = feedRoom(index, course);
  return { events: eventFeeds({ bytes, eventBytesMax, ...signing }) };
}

/** Bytes of the event buffer and of the longest event. */
function feedRoom(index: number, { isSigned }: Course): [number, number] {
  const bytes = feedBytesOf(index);
  return bytes > 0 && isSigned ? [SIGNED_FEED_BYTES, SIGNED_EVENT_BYTES_MAX] : [bytes, EVENT_BYTES_MAX];
}

function isSigner(index: number, { isSigned }: Course): boolean {
  return isSigned && datagramBytesMaxOf(index) >= SIGNER_DATAGRAM_BYTES;
}

/** By the Ed25519 of Node.js; the harness has another. */
function signingOf(index: number): SignedFeeds {
  const identity = nodeIdentity(new Uint8Array(Buffer.from(secretOf(index), "hex")));
  return signedFeeds({ identity, verify: nodeVerify, keys: pinnedKeys() });
}

/** No secret. */
function secretOf(index: number): string {
  return (index + 1).toString(16).padStart(64, "0");
}

function saySomething(node: SimNode, random: SimRandom): void {
  if (feedBytesOf(node.index) === 0) return;
  const topic = random.pick(["door", "room"]);
  const key = random.pick(["", "a", "b"]);
  const value = drawValue(random) ?? null;
  try {
    switch (random.below(4)) {
      case 0: node.log(topic, value); break;
      case 1: node.remove(topic, key); break;
      default: node.set(topic, key, value, random.pick([0, 0, 20000]));
    }
  } catch {
    // The arena is full of values; in the replay it has to be, too.
  }
}

/** Sends a message to a node, or to all. Returns the lines of it. */
function sendSomething(node: SimNode, to: SimNode, random: SimRandom): string[] {
  const how = random.chance(0.4) ? "send" : random.pick(HOWS);
  const timeoutMs = random.pick([4000, 20000, 40000]);
  const value = random.below(1000);
  const { gossip } = node;
  if (gossip === undefined || to === node) return [];
  const line = `message ${node.localMs()} ${how} ${to.id} ${timeoutMs} ${value}`;
  node.run(() => talk(gossip, how, to.id, timeoutMs, value, undefined));
  return [line];
}

/** Has a node sleep for some rounds, or wakes it. Its radio stays on, so that datagrams arrive at any time. */
function sleepOrWake(node: SimNode, random: SimRandom): string[] {
  const seconds = random.pick([0, 1, 7, 25]);
  const { gossip } = node;
  if (gossip === undefined) return [];
  const line = `sleep ${node.localMs()} ${seconds}`;
  node.run(() => {
    if (seconds === 0) gossip.wake();
    else gossip.sleep(seconds, () => undefined);
  });
  return [line];
}

/** Small, middle and large datagrams. */
function datagramBytesMaxOf(index: number): number {
  return [1200, 512, 128, 300][index % 4];
}

/** One node has no seeds and must broadcast. */
function seedListOf(index: number, { topology }: Course): string[] {
  if (topology !== undefined && index > 0) {
    return [...topology.neighbours(index)].slice(0, 2).map((other) => `10.0.0.${other + 1}`);
  }
  return index === 0 ? [] : index % 2 === 0 ? ["10.0.0.1", "10.0.0.5"] : ["10.0.0.2"];
}

function every(network: SimNetwork, ms: number, run: () => void): void {
  network.schedule(ms, () => {
    run();
    every(network, ms, run);
  });
}

function drawValue(random: SimRandom): undefined | number | { temperature: number } {
  const degrees = random.between(-400, 1200) / 16;
  return random.chance(0.1) ? undefined : random.chance(0.5) ? degrees : { temperature: degrees };
}

function linesOf(entry: TapEntry, course: Course): string[] {
  const { nowMs } = entry;
  switch (entry.kind) {
    case "start": return startLines(entry.node, nowMs, entry.randomSeed, course);
    case "timer": return [`tick ${nowMs}`];
    case "datagram": {
      const bytes = hex(entry.bytes, entry.length);
      return [...timeLines(entry.node, nowMs), `receive ${nowMs} ${entry.address} ${entry.port} ${bytes}`];
    }
    case "push": {
      return [`publish ${nowMs} 0 0 ${sharedHex(entry.node.index, entry.value)}`.trimEnd()];
    }
    case "event": {
      const { how, topic, key, value, ttlMs } = entry;
      if (how === "withdraw") throw new Error("a trace has no withdrawals");
      const bytes = new Uint8Array(EVENT_BYTES_MAX);
      const length = how === "remove" ? 0 : encodeCbor(value, bytes, 0);
      const line = `event ${nowMs} ${KINDS[how]} ${topic} ${key === "" ? "-" : key} ${ttlMs / 1000}`;
      return [...timeLines(entry.node, nowMs), `${line} ${hex(bytes, length)}`.trimEnd()];
    }
    case "crash": case "sent": return [];
  }
}

/** `Gossip` tells its engine the time before a datagram and before an event. */
function timeLines(node: SimNode, nowMs: number): string[] {
  const ms = node.physicalMs();
  return ms === undefined ? [] : [`time ${nowMs} ${Math.floor(ms / DAY_MS)} ${ms % DAY_MS}`];
}

function startLines(node: SimNode, nowMs: number, randomSeed: number, course: Course): string[] {
  const stored = node.storage.readRevision();
  const seeds = seedListOf(node.index, course).map((seed) => `pin ${parseAddress(seed)} ${node.port}`);
  const ms = node.physicalMs() ?? 0;
  return [
    `key ${course.key}`,
    ...course.isSigned ? [`signing ${isSigner(node.index, course) ? secretOf(node.index) : "-"}`] : [],
    ...isTimed(node.index) ? [`timekeeping ${nowMs} ${Math.floor(ms / DAY_MS)} ${ms % DAY_MS}`] : [],
    `messages ${MESSAGE_QUEUE} ${MESSAGE_BYTES_MAX} ${MESSAGE_SENDERS} ${takesMessages(node.index) ? 1 : 0}`,
    `new ${node.id} ${node.address} ${node.port} ${CAPACITY} ${VALUE_BYTES_MAX} ${datagramBytesMaxOf(node.index)} `
      + `${ROUND_INTERVAL_MS} ${REMOVE_AFTER_MS} ${SEED_CAPACITY} ${BROADCAST_ADDRESS} ${randomSeed} `
      + feedRoom(node.index, course).join(" "),
    ...seeds,
    ...peersOf(node),
    ...nameOf(node.index) === undefined ? [] : [`publish ${nowMs} 0 0 ${sharedHex(node.index, undefined)}`],
    `start ${nowMs} ${stored === undefined ? 0 : stored + 1} ${stored === undefined ? 0 : 1}`,
  ];
}

/** The last peers in the node's storage. */
function peersOf(node: SimNode): string[] {
  const stored = Buffer.from(node.storage.readPeers?.() ?? []);
  const lines: string[] = [];
  for (let at = 0; at < stored.length; at += PEER_BYTES) {
    lines.push(`recall ${stored.readUInt32BE(at)} ${stored.readUInt16BE(at + 4)}`);
  }
  return lines;
}

function hex(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("hex");
}
