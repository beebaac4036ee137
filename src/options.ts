import { parseAddress } from "./engine/wire/address.js";
import type { CborValue } from "./cbor/cbor.js";
import type { Digest } from "./digest/sha256.js";
import {
  FEEDS_HASH_BYTES, PREAMBLE_BYTES_MAX, ROWS_HEAD_BYTES, ROW_FEED_BYTES_MAX, ROW_HEAD_BYTES_MAX, SECTION_HEAD_BYTES,
} from "./engine/wire/frame.js";
import type { EventFeeds } from "./events/index.js";
import type { Dialect } from "./engine/node-engine.js";
import type { FeedMaker } from "./engine/options.js";
import { SEAL_BYTES, type Sealer, type Sealing } from "./engine/wire/sealer.js";
import type { GossipClock, GossipSocket, GossipStorage } from "./platform/types.js";
import { parseKey } from "./sealing/key.js";
import type { FeedEvent, FeedView } from "./views/feed-event.js";
import type { View } from "./views/view.js";

/** One node's row, as callbacks and `networkState` show it. */
export interface NodeRow {
  /** uint32 that names the node. */
  id: number;
  /** Dotted IPv4 address; "0.0.0.0" for a node that does not know its own. */
  address: string;
  port: number;
  /** Starts of the node. */
  revision: number;
  /** Its uptime in seconds when it last spoke for itself. */
  heartbeat: number;
  /** UP 0, PROBED 1, SUSPECT 2, DOWN 3, REMOVE 4, LEFT 5. */
  state: number;
  /** What the node shares; undefined when nothing. */
  data: CborValue;
}

/** What can go wrong while a node runs. */
export type GossipErrorCode = "socket" | "storage" | "idConflict" | "tableFull" | "send" | "seal" | "fork";

/** Options of `Gossip`. All but `socket` and `clock`, which the platform gives, have a default. */
export interface GossipOptions {
  socket: GossipSocket;
  clock: GossipClock;
  /** What the node speaks: compact frames by default, else what `espgossip()` or `auto()` of chisme/espgossip makes. */
  dialect?: Dialect;
  /**
   * The network's key: 32 bytes, or 64 hexadecimal digits as `npx chisme key`
   * prints them. With it each frame is sealed by AES-SIV (RFC 5297), and nothing
   * is believed that is not.
   */
  key?: Uint8Array | string;
  /** Opens frames, too, while the nodes of a network are given another key; never seals. */
  otherKey?: Uint8Array | string;
  /** How this platform seals; needed with `key`, and part of what `nodePlatform` gives. */
  sealing?: Sealing;
  /** Lets `key` be used with a dialect, whose JSON crosses the network as anybody can read and forge it. */
  allowUnsealed?: boolean;
  /** Where the revision is kept; without one each start has revision 0 until others tell better. */
  storage?: GossipStorage;
  /** uint32 that no other node of the network has; by default that of the device. */
  id?: number;
  /** UDP port: 1 to 65,535, 5000 by default. */
  port?: number;
  /** Addresses such as "192.168.0.54" or "192.168.0.54:5001", at most `seedCapacity`; with none, broadcast. */
  seedList?: string[];
  /** 100 to 3,600,000, 10,000 by default. */
  roundIntervalMs?: number;
  /** Rows that are held, the node's own among them: 2 to 65,535, 64 by default. */
  capacity?: number;
  /** 128 to 1,472, 1,200 by default. */
  datagramBytesMax?: number;
  /** Longest shared value as CBOR, the same in all nodes: 0 to 255, at most `datagramBytesMax` - 81; 32 by default. */
  valueBytesMax?: number;
  /** Addresses remembered for when all else fails: 1 to 255, 16 by default. */
  seedCapacity?: number;
  /** How long a row is DOWN before it is removed: 60,000 to 1,728,000,000 (20 days), 86,400,000 (a day) by default. */
  removeAfterMs?: number;
  /** Where a node that knows nobody sends its SYN: "255.255.255.255" by default. */
  broadcastAddress?: string;
  /** uint32 for the node's dice; the platform gives another at each start. */
  randomSeed?: number;
  /** Kept up to date from the rows, such as `minMax`. */
  views?: View[];
  /** `eventFeeds` of chisme/events: the node says events and passes on those of others. Without it, it does neither. */
  feeds?: EventFeeds;
  /**
   * Bytes of RAM for events: 512 to 16,777,216, rounded down to a multiple of 4;
   * 4,096 by default. Beside them each row takes 44 bytes more.
   */
  feedBytes?: number;
  /**
   * Longest event with topic, key and value, the same in all nodes: 32 to 2,047, at
   * most `datagramBytesMax` - 105; 128 by default, or less where that is less.
   */
  eventBytesMax?: number;
  /**
   * Whether the node asks others for events that come before those which it holds,
   * while a quarter of `feedBytes` is free: for nodes that keep everything. `onEvent`
   * is not told of what comes so late; `eventViews` are. Needs `feeds`; false by
   * default.
   */
  fillGaps?: boolean;
  /** SHA-256 of this platform, for the chains of feeds; in JavaScript without one. */
  digest?: Digest | undefined;
  /** Kept up to date from the events, such as `latestMap`. */
  eventViews?: FeedView[];
  /**
   * An event came, or was made by this node: of each author in the order of its
   * feed, each one once. A node that starts again is told again.
   */
  onEvent?: (event: FeedEvent) => void;
  /** Takes messages about each datagram, for finding faults. If it throws, it is not called again. */
  debugOutput?: (message: string) => void;
  /** Rows of other nodes that became fresher, with their data: at most 8 a call. */
  onUpdate?: (rows: NodeRow[]) => void;
  /** A node's state changed; a new node's first state too. */
  onState?: (row: NodeRow) => void;
  /** Something went wrong; the node goes on. Without it, a socket that can't be opened throws. */
  onError?: (code: GossipErrorCode, error: Error) => void;
}

/** The numbers among the options, checked and with their defaults. */
export interface CheckedOptions {
  id: number;
  address: number;
  port: number;
  roundIntervalMs: number;
  capacity: number;
  datagramBytesMax: number;
  valueBytesMax: number;
  seedCapacity: number;
  removeAfterMs: number;
  broadcastAddress: number;
  randomSeed: number;
  sealer: Sealer | undefined;
  feeds: FeedMaker | undefined;
  /** Address and port in turn. */
  seeds: number[];
}

const UINT32_MAX = 0xffffffff;
/** What a datagram needs beside a value so that a row fits it. */
const FRAME_BYTES_MAX = SEAL_BYTES + PREAMBLE_BYTES_MAX + SECTION_HEAD_BYTES + ROWS_HEAD_BYTES + ROW_HEAD_BYTES_MAX;

/** What a frame of a node with feeds has beside that. */
const FEED_FRAME_BYTES = FEEDS_HASH_BYTES + ROW_FEED_BYTES_MAX;
/** What a datagram needs beside an event so that a snapshot of one value fits it. */
const EVENT_FRAME_BYTES = SEAL_BYTES + PREAMBLE_BYTES_MAX + SECTION_HEAD_BYTES + FEEDS_HASH_BYTES + 45;
const EVENT_BYTES_MAX = 128;

/** Throws an Error that names the option, its value and what it may be. */
export function checkOptions(options: GossipOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) throw new Error("options: an object is needed");
  checkNames(options);
  checkObject("socket", options.socket, "send");
  checkObject("clock", options.clock, "nowMs");
  if (options.storage !== undefined) checkObject("storage", options.storage, "readRevision");
  checkViews("views", options.views, "rowChanged", "minMax");
  checkViews("eventViews", options.eventViews, "apply", "latestMap");
  checkFunction("dialect", options.dialect);
  checkFunction("debugOutput", options.debugOutput);
  checkFunction("onUpdate", options.onUpdate);
  checkFunction("onState", options.onState);
  checkFunction("onError", options.onError);
  checkFunction("onEvent", options.onEvent);
  if (options.digest !== undefined) checkObject("digest", options.digest, "sha256");
  const port = integer("port", options.port, 5000, 1, 65535);
  const datagramBytesMax = integer("datagramBytesMax", options.datagramBytesMax, 1200, 128, 1472);
  const room = datagramBytesMax - FRAME_BYTES_MAX - (options.feeds !== undefined ? FEED_FRAME_BYTES : 0);
  const seedCapacity = integer("seedCapacity", options.seedCapacity, 16, 1, 255);
  return {
    id: integer("id", options.id, options.socket.deviceId(port), 0, UINT32_MAX),
    address: options.socket.ownAddress(),
    port,
    roundIntervalMs: integer("roundIntervalMs", options.roundIntervalMs, 10000, 100, 3600000),
    capacity: integer("capacity", options.capacity, 64, 2, 65535),
    datagramBytesMax,
    valueBytesMax: integer("valueBytesMax", options.valueBytesMax, 32, 0, room < 255 ? room : 255),
    seedCapacity,
    removeAfterMs: integer("removeAfterMs", options.removeAfterMs, 86400000, 60000, 1728000000),
    broadcastAddress: checkAddress("broadcastAddress", options.broadcastAddress ?? "255.255.255.255"),
    randomSeed: integer("randomSeed", options.randomSeed, 0, 0, UINT32_MAX),
    sealer: checkSealing(options),
    feeds: checkFeeds(options, datagramBytesMax),
    seeds: checkSeeds(options.seedList ?? [], port, seedCapacity),
  };
}

function checkFeeds(options: GossipOptions, datagramBytesMax: number): FeedMaker | undefined {
  const feedBytes = integer("feedBytes", options.feedBytes, 4096, 512, 16777216) & ~3;
  const fillGaps = options.fillGaps ?? false;
  if (typeof fillGaps !== "boolean") throw new Error(`fillGaps: ${show(fillGaps)} is neither true nor false`);
  const feeds = options.feeds;
  if (feeds === undefined) {
    const name = fillGaps ? "fillGaps" : "feedBytes";
    const isSet = fillGaps || options.feedBytes !== undefined;
    if (isSet) throw new Error(`${name}: needs feeds, eventFeeds of chisme/events`);
    return undefined;
  }
  if (typeof feeds !== "function") throw new Error(`feeds: ${show(feeds)} is not eventFeeds of chisme/events`);
  const room = Math.min(datagramBytesMax - EVENT_FRAME_BYTES, 2047);
  if (room < 32) throw new Error(`datagramBytesMax: ${datagramBytesMax} leaves no room for events`);
  const eventBytesMax = integer("eventBytesMax", options.eventBytesMax, Math.min(EVENT_BYTES_MAX, room), 32, room);
  return feeds().engine(feedBytes, eventBytesMax, options.digest, fillGaps);
}

/** Reads "192.168.0.54" or "192.168.0.54:5001" and appends address and port to `out`. */
export function parseEndpoint(name: string, text: unknown, port: number, out: number[]): void {
  const colon = typeof text === "string" ? text.indexOf(":") : -1;
  const host = colon < 0 ? text : (text as string).substring(0, colon);
  const portText = colon < 0 ? "" : (text as string).substring(colon + 1);
  out.push(checkAddress(name, host));
  const number = colon < 0 ? port : decimal(portText);
  if (!(number >= 1 && number <= 65535)) {
    throw new Error(`${name} port: ${show(portText)} is not an integer from 1 to 65535`);
  }
  out.push(number);
}

function checkSealing(options: GossipOptions): Sealer | undefined {
  checkFunction("sealing", options.sealing);
  if (options.key === undefined) {
    if (options.otherKey !== undefined) throw new Error("otherKey: there is no key beside it");
    return undefined;
  }
  const key = parseKey("key", options.key);
  const otherKey = options.otherKey === undefined ? undefined : parseKey("otherKey", options.otherKey);
  if (options.dialect !== undefined && options.allowUnsealed !== true) {
    throw new Error("key: JSON is never sealed; with a dialect that speaks it, allowUnsealed must be true");
  }
  if (options.sealing === undefined) throw new Error("key: needs the platform's option sealing");
  return options.sealing(key, otherKey);
}

function checkSeeds(seedList: unknown, port: number, seedCapacity: number): number[] {
  if (!Array.isArray(seedList)) throw new Error(`seedList: ${show(seedList)} is not an array of addresses`);
  if (seedList.length > seedCapacity) {
    throw new Error(`seedList: ${seedList.length} addresses are more than seedCapacity, ${seedCapacity}`);
  }
  const seeds: number[] = [];
  for (let i = 0; i < seedList.length; i++) parseEndpoint(`seedList[${i}]`, seedList[i], port, seeds);
  return seeds;
}

function checkAddress(name: string, text: unknown): number {
  const address = typeof text === "string" ? parseAddress(text) : -1;
  if (address <= 0) throw new Error(`${name}: ${show(text)} is not an IPv4 address such as "192.168.0.54"`);
  return address;
}

function integer(name: string, value: unknown, fallback: number, least: number, most: number): number {
  const number = value === undefined ? fallback : value;
  if (typeof number !== "number" || Math.floor(number) !== number || number < least || number > most) {
    throw new Error(`${name}: ${show(number)} is not an integer from ${least} to ${most}`);
  }
  return number;
}

function decimal(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 48 || text.charCodeAt(i) > 57) return NaN;
  }
  return text.length === 0 || text.length > 5 || text.charCodeAt(0) === 48 ? NaN : Number(text);
}

function checkObject(name: string, value: unknown, method: string): void {
  const good = typeof value === "object" && value !== null
    && typeof (value as Record<string, unknown>)[method] === "function";
  if (!good) throw new Error(`${name}: ${show(value)} has no method ${method}`);
}

function checkViews(name: string, views: unknown, method: string, example: string): void {
  if (views === undefined) return;
  const isArray = Array.isArray(views);
  if (!isArray) throw new Error(`${name}: ${show(views)} is not an array of views, such as ${example} makes`);
  for (let i = 0; i < views.length; i++) checkObject(`${name}[${i}]`, views[i], method);
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw new Error(`${name}: ${show(value)} is not a function`);
}

function checkNames(options: GossipOptions): void {
  const names = Object.keys(options);
  for (let i = 0; i < names.length; i++) {
    if (!isKnown(names[i])) throw new Error(`${names[i]}: there is no such option`);
  }
}

function isKnown(name: string): boolean {
  switch (name) {
    case "socket": case "clock": case "storage": case "id": case "port": case "seedList": case "roundIntervalMs":
    case "capacity": case "datagramBytesMax": case "valueBytesMax": case "seedCapacity": case "removeAfterMs":
    case "broadcastAddress": case "randomSeed": case "views": case "debugOutput": case "onUpdate": case "onState":
    case "onError": case "dialect": case "key": case "otherKey": case "sealing": case "allowUnsealed":
    case "feeds": case "feedBytes": case "eventBytesMax": case "fillGaps": case "digest": case "eventViews":
    case "onEvent":
      return true;
    default:
      return false;
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}
