import {
  checkAddress, checkFunction, checkNames, checkObject, checkViews, integer, parseEndpoint, parseSeed, show,
} from "./checks.js";
import type { CborValue } from "./cbor/cbor.js";
import { utf8Length, utf8Write } from "./cbor/utf8.js";
import type { Digest } from "./digest/sha256.js";
import { BROADCAST_ADDRESS } from "./engine/wire/address.js";
import type { NodeEngine, Dialect } from "./engine/node-engine.js";
import type { EngineOptions, FeedMaker, MessageMaker } from "./engine/options.js";
import { networkHash } from "./engine/table/hash.js";
import {
  FEEDS_HASH_BYTES, NO_NETWORK, PREAMBLE_BYTES_MAX, ROW_FEED_BYTES_MAX, ROW_HEAD_BYTES_MAX,
  SECTION_HEAD_BYTES,
} from "./engine/wire/frame.js";
import { SEAL_BYTES, type Sealer, type Sealing } from "./engine/wire/sealer.js";
import { type ChismeError, type GossipErrorCode, invalid } from "./errors.js";
import type { EventFeeds } from "./events/index.js";
import type { LinkTable } from "./links/index.js";
import type { Messages } from "./messages/index.js";
import { checkLabel } from "./node-name.js";
import type { NodeRow } from "./node-row.js";
import type { GossipClock, GossipSocket, GossipStorage } from "./platform/types.js";
import { parseKey } from "./sealing/key.js";
import type { Sleeping } from "./sleep/index.js";
import type { NetworkTime } from "./time/index.js";
import { storedId } from "./stored-id.js";
import { checkTrusted, checkTrustedSubnets } from "./trusted-subnets.js";
import type { View } from "./views/view.js";

/**
 * Options of `Gossip`. All but `socket` and `clock`, which the platform gives,
 * have a default. `Value` is the type of what nodes share.
 */
export interface GossipOptions<Value extends CborValue = CborValue> {
  /** Given by the platform. */
  socket: GossipSocket;
  /** Given by the platform. */
  clock: GossipClock;
  /** `espgossip()` or `auto()` of chisme/espgossip, for networks with NodeMCU boards; compact frames by default. */
  dialect?: Dialect;
  /**
   * The network's key: 32 bytes, or 64 hexadecimal digits as `npx chisme key`
   * prints them. With a key the node seals each frame by AES-SIV (RFC 5297) and
   * refuses frames that are not sealed. Not sealed by default.
   */
  key?: Uint8Array | string;
  /** Second key, of the same form: the node accepts frames sealed with it and never seals with it. For key changes. */
  otherKey?: Uint8Array | string;
  /** How the platform seals; needed with `key`. Node.js has its own as the default. */
  sealing?: Sealing;
  /** Allows `key` with a dialect, whose JSON anybody on the network can read and forge; false by default. */
  allowUnsealed?: boolean;
  /** Where the revision is kept; without one each start has revision 0 until a peer shows a higher one. */
  storage?: GossipStorage;
  /**
   * uint32 that no other node of the network has. By default that of the device's MAC
   * address; without one, the id in `storage`; without that, what the platform gives.
   */
  id?: number;
  /**
   * Name that all nodes show beside the id: a text of 1 to 24 bytes as UTF-8, without
   * control characters and not of digits, dots and colons only; none by default. It
   * travels in the row and takes its bytes and 1 more (2 for 24 bytes) of
   * `valueBytesMax`, and one more while no value is shared. `onError` gets
   * "nameConflict" when another live node has it.
   */
  name?: string;
  /**
   * Version of the node's program that all nodes show, such as "1.4.2": a text of 1 to 16 bytes as UTF-8, without
   * control characters; none by default. Like `name` it is part of `valueBytesMax`: with 1 byte more, and without a
   * name with 2 more.
   */
  version?: string;
  /** UDP port: 1 to 65,535, 5000 by default. */
  port?: number;
  /**
   * Name of the network, 1 to 31 bytes in UTF-8; none by default. Nodes of networks with different names, or of which
   * one has none, do not exchange anything. It keeps nobody out on purpose; `key` does. The limits of `valueBytesMax`
   * and of `eventBytesMax` are lower by 1 with it. JSON has no network name.
   */
  network?: string;
  /**
   * Address under which other nodes reach this one, such as "203.0.113.5" or "203.0.113.5:5001", for a node in a
   * container or behind a port forward. By default that of its datagrams. Not with `dialect`.
   */
  advertise?: string;
  /**
   * Addresses and host names such as "192.168.0.54", "192.168.0.54:5001" or
   * "box.local", at most `seedCapacity`; with none, broadcast. Host names need a
   * platform that looks them up, and are looked up every 64 rounds, every 8 rounds
   * while no other node is live.
   */
  seedList?: string[];
  /**
   * IPv4 subnets such as "192.168.0.0/16", 1 to 8. Datagrams from other addresses are dropped and counted
   * (`untrusted`), and nothing is sent to other addresses, but for `broadcastAddress`. Rows with such addresses are
   * held. By default all addresses are trusted. It is no protection where an attacker can forge addresses; `key` is.
   */
  trustedSubnets?: string[];
  /** Time between rounds in ms: 100 to 3,600,000, 10,000 by default. */
  roundIntervalMs?: number;
  /** Rows that the node holds, its own included: 2 to 65,535, 64 by default. */
  capacity?: number;
  /** Longest datagram that the node sends, in bytes: 128 to 1,472, 1,200 by default. */
  datagramBytesMax?: number;
  /**
   * Datagrams of one answer that the node takes from a peer, or sends to a peer that takes so many: 4 to 64, 6 by
   * default. A board's network stack holds 6; on Node.js it is 64.
   */
  burstMax?: number;
  /**
   * Longest shared value in bytes of CBOR, with the name, best the same in all nodes: 0 to 255, at
   * most `datagramBytesMax` - 73, with events at most `datagramBytesMax` - 91; 32 by
   * default. Of a longer value of another node the row has no `data`.
   */
  valueBytesMax?: number;
  /**
   * Nodes that this one asks in turn, 3 to 65,535; all in reach by default. Of more nodes it chooses so many by their
   * ids, and so do they: it costs less where all reach all and are many.
   */
  neighboursMax?: number;
  /** Addresses that the node remembers for when no row leads anywhere: 1 to 255, 16 by default. */
  seedCapacity?: number;
  /**
   * How long a row is down or left before it is removed, in ms: 60,000 to
   * 1,728,000,000 (20 days), 86,400,000 (a day) by default.
   */
  removeAfterMs?: number;
  /** Where a node without peers sends its SYN: "255.255.255.255" by default; "none": it sends no broadcasts. */
  broadcastAddress?: string;
  /** uint32 for the node's random numbers; the platform gives another at each start. */
  randomSeed?: number;
  /** Kept up to date from the rows, such as `minMax()`. None by default. */
  views?: View<NoInfer<Value>>[];
  /**
   * What `linkTable()` of chisme/links makes, one for each node: it measures round-trip times and losses of the links
   * to up to 16 neighbours, for `status`. On Node.js built in. Compact frames only.
   */
  links?: LinkTable | undefined;
  /** What `eventFeeds()` of chisme/events makes: the node publishes events and passes on those of others. */
  events?: EventFeeds;
  /** What `messages()` of chisme/messages makes: the node sends and gets messages, and passes on those of others. */
  messages?: Messages;
  /** What `sleeping()` of chisme/sleep makes, one for each node: it may sleep, as on batteries. Not with `dialect`. */
  sleep?: Sleeping;
  /** What `networkTime()` of chisme/time makes, one for each node: it knows the time. Not in the dialect espgossip. */
  time?: NetworkTime;
  /** SHA-256 of the platform, for `events`: given by the platform, where it has one. */
  digest?: Digest | undefined;
  /** Called with a message about each datagram, for debugging. If it throws, it is not called again. */
  debugOutput?: (message: string) => void;
  /** Called with rows of other nodes that became fresher, with their data: at most 8 a call. */
  onUpdate?: (rows: NodeRow<Value>[]) => void;
  /** Called when a node's state changes, and with a new node's first state. */
  onState?: (row: NodeRow<Value>) => void;
  /**
   * Called with the last row of a node that this one forgets: at the end of a tombstone's time, or because a new node
   * needs its place. At most 8 such rows are removed in one input; others follow with the next ones.
   */
  onForget?: (row: NodeRow<Value>) => void;
  /**
   * Called when something goes wrong; the node goes on. `error.code` is the first
   * argument, `error.cause` what the platform threw.
   */
  onError?: (code: GossipErrorCode, error: ChismeError<GossipErrorCode>) => void;
}

/** The numbers among the options, checked and with their defaults. */
export interface CheckedOptions extends EngineOptions {
  sealer: Sealer | undefined;
  feeds: FeedMaker | undefined;
  messages: MessageMaker | undefined;
  /** Address and port in turn; address 0: `seedNames` has its name. */
  seeds: number[];
  /** The host names among the seeds, in their order. */
  seedNames: string[];
}

const NAMES = "socket clock storage id port seedList roundIntervalMs capacity datagramBytesMax valueBytesMax "
  + "neighboursMax seedCapacity removeAfterMs broadcastAddress randomSeed views debugOutput onUpdate onState onForget "
  + "onError dialect key otherKey sealing allowUnsealed events digest name network advertise trustedSubnets messages "
  + "links sleep version time burstMax";
const BURST_MAX = 4;
const BURST_OF_BOARD = 6;
const BURST_MOST = 64;
const SEED_CAPACITY = 16;
const ROUND_INTERVAL_MS = 10000;
const UINT32_MAX = 0xffffffff;
const VALUE_BYTES_MOST = 255;
const NETWORK_BYTES_MAX = 31;
/** What a datagram needs beside a value so that a row fits it. */
const FRAME_BYTES_MAX = SEAL_BYTES + PREAMBLE_BYTES_MAX + SECTION_HEAD_BYTES + ROW_HEAD_BYTES_MAX;
/** What a frame of a node with feeds has beside that. */
const FEED_FRAME_BYTES = FEEDS_HASH_BYTES + ROW_FEED_BYTES_MAX;

/** @throws RangeError or TypeError ERR_OPTION that names the option, its value and what it may be */
export function checkOptions<Value extends CborValue>(options: GossipOptions<Value>): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw invalid("", "options", `${show(options)} is not an object`, false);
  }
  checkNames("", options, NAMES);
  checkObject("socket", options.socket, "send bind ownAddress deviceId close");
  checkObject("clock", options.clock, "nowMs setTimer clearTimer");
  if (options.storage !== undefined) {
    const storage = options.storage;
    checkObject("storage", storage, "readRevision writeRevision");
    const ids = storage.readId === undefined && storage.writeId === undefined ? "" : " readId writeId";
    const peers = storage.readPeers === undefined && storage.writePeers === undefined ? "" : " readPeers writePeers";
    checkObject("storage", storage, `readRevision writeRevision${ids}${peers}`);
  }
  checkViews("views", options.views, "bind rowChanged settle", "minMax()");
  checkFunction("dialect", options.dialect);
  checkFunction("debugOutput", options.debugOutput);
  checkFunction("onUpdate", options.onUpdate);
  checkFunction("onState", options.onState);
  checkFunction("onForget", options.onForget);
  checkFunction("onError", options.onError);
  if (options.sleep !== undefined) checkObject("sleep", options.sleep, "engineSleeper revision resume notify");
  if (options.links !== undefined) checkObject("links", options.links, "bind sent received qualityOf");
  if (options.time !== undefined) checkObject("time", options.time, "engineLinks bind sent received notify");
  if (options.digest !== undefined) checkObject("digest", options.digest, "sha256");
  const port = integer("port", options.port, 5000, 1, 65535);
  const id = options.id === undefined ? storedId(options.storage, options.socket) : options.id;
  const datagramBytesMax = integer("datagramBytesMax", options.datagramBytesMax, 1200, 128, 1472);
  const media = options.socket.media;
  if (media !== undefined && options.dialect !== undefined) {
    throw invalid("", "dialect", "serial lines and radios carry compact frames only", false);
  }
  // Each value and event has to fit on each way.
  const leastBytes = media === undefined ? datagramBytesMax : Math.min(datagramBytesMax, media.bytesMaxLeast);
  const network = checkNetwork(options.network);
  const octetBytes = network === NO_NETWORK ? 0 : 1;
  const frameBytes = FRAME_BYTES_MAX + octetBytes + (options.events !== undefined ? FEED_FRAME_BYTES : 0);
  const valueBytesMax = checkValueBytes(options.valueBytesMax, leastBytes, frameBytes);
  checkLabel(options, valueBytesMax);
  const advertised = checkAdvertise(options.advertise, port, options.dialect);
  const seedCapacity = integer("seedCapacity", options.seedCapacity, SEED_CAPACITY, 1, 255);
  const seedNames: string[] = [];
  const trustedSubnets = checkTrustedSubnets(options.trustedSubnets);
  return {
    id: integer("id", id, options.socket.deviceId(port), 0, UINT32_MAX),
    address: options.socket.ownAddress(),
    port,
    advertisedAddress: advertised[0],
    advertisedPort: advertised[1],
    network,
    trustedSubnets,
    roundIntervalMs: integer("roundIntervalMs", options.roundIntervalMs, ROUND_INTERVAL_MS, 100, 3600000),
    media,
    capacity: integer("capacity", options.capacity, 64, 2, 65535),
    datagramBytesMax,
    burstMax: integer("burstMax", options.burstMax, BURST_OF_BOARD, BURST_MAX, BURST_MOST),
    valueBytesMax,
    neighboursMax: integer("neighboursMax", options.neighboursMax, 65535, 3, 65535),
    // The other ends of lines take no place of others.
    seedCapacity: seedCapacity + (media === undefined ? 0 : media.lines),
    removeAfterMs: integer("removeAfterMs", options.removeAfterMs, 86400000, 60000, 1728000000),
    broadcastAddress: checkBroadcast(options.broadcastAddress ?? "255.255.255.255"),
    randomSeed: integer("randomSeed", options.randomSeed, 0, 0, UINT32_MAX),
    sealer: checkSealing(options),
    links: options.time === undefined ? options.links : options.time.engineLinks(options.links, options.clock),
    feeds: checkEvents(options.events, leastBytes - octetBytes, options.digest, network),
    messages: checkMessages(options.messages, leastBytes),
    sleeper: options.sleep === undefined ? undefined : options.sleep.engineSleeper(),
    seeds: checkSeeds(options, port, seedCapacity, seedNames, trustedSubnets),
    seedNames,
  };
}

/** The hash of a network's name; NO_NETWORK without a name. */
function checkNetwork(name: unknown): number {
  if (name === undefined) return NO_NETWORK;
  const isText = typeof name === "string";
  const length = isText ? utf8Length(name) : 0;
  if (!isText || length < 1 || length > NETWORK_BYTES_MAX) {
    throw invalid("", "network", `${show(name)} is not a text of 1 to ${NETWORK_BYTES_MAX} bytes`, isText);
  }
  const bytes = new Uint8Array(length);
  utf8Write(name, bytes, 0);
  return networkHash(bytes);
}

/** The address and port that the node advertises; empty when it advertises none. */
function checkAdvertise(advertise: unknown, port: number, dialect: Dialect | undefined): number[] {
  const advertised: number[] = [];
  if (advertise === undefined) return advertised;
  if (dialect !== undefined) {
    throw invalid("", "advertise", "the JSON of the option dialect always has the address of its datagrams", false);
  }
  parseEndpoint("", "advertise", advertise, port, advertised);
  if (advertised[0] !== BROADCAST_ADDRESS) return advertised;
  throw invalid("", "advertise", `${show(advertise)} is not the address of one node`, true);
}

/** The broadcast address; 0 for "none". */
function checkBroadcast(text: unknown): number {
  return text === "none" ? 0 : checkAddress("", "broadcastAddress", text);
}

/** @param frameBytes what a datagram needs beside a value */
function checkValueBytes(valueBytesMax: number | undefined, datagramBytesMax: number, frameBytes: number): number {
  const room = datagramBytesMax - frameBytes;
  if (room >= VALUE_BYTES_MOST) return integer("valueBytesMax", valueBytesMax, 32, 0, VALUE_BYTES_MOST);
  return integer("valueBytesMax", valueBytesMax, 32, 0, room, `${frameBytes} less than datagramBytesMax`);
}

/** The engine of the dialect. @throws TypeError ERR_OPTION when the dialect makes none, or has no events or names */
export function checkEngine<Value extends CborValue>(engine: NodeEngine, options: GossipOptions<Value>): NodeEngine {
  // `dialect: auto` instead of `dialect: auto()` makes a function.
  if (typeof engine !== "object" || engine === null) {
    throw invalid("", "dialect", "it is not made by espgossip() or auto() of chisme/espgossip", false);
  }
  if (options.events !== undefined && engine.feed === undefined) {
    throw invalid("", "events", "the option dialect has none", false);
  }
  if (options.sleep !== undefined && engine.sleeper === undefined) {
    throw invalid("", "sleep", "the option dialect has none", false);
  }
  if (options.messages !== undefined && engine.messages === undefined) {
    throw invalid("", "messages", "the option dialect has none", false);
  }
  if (options.time !== undefined && engine.dialect === "espgossip") {
    throw invalid("", "time", "the option dialect has none", false);
  }
  if (options.name !== undefined && engine.isNameless === true) {
    throw invalid("", "name", "the option dialect has none", false);
  }
  if (options.version !== undefined && engine.isNameless === true) {
    throw invalid("", "version", "the option dialect has none", false);
  }
  return engine;
}

function checkEvents(
  events: EventFeeds | undefined, datagramBytesMax: number, digest: Digest | undefined, network: number,
): FeedMaker | undefined {
  if (events === undefined) return undefined;
  const isMade = typeof events === "object" && events !== null && typeof events.engineFeeds === "function";
  if (isMade) return events.engineFeeds(datagramBytesMax, digest, network);
  throw invalid("", "events", `${show(events)} is not made by eventFeeds() of chisme/events`, false);
}

function checkMessages(messages: Messages | undefined, datagramBytesMax: number): MessageMaker | undefined {
  if (messages === undefined) return undefined;
  const isMade = typeof messages === "object" && messages !== null && typeof messages.engineMessages === "function";
  if (isMade) return messages.engineMessages(datagramBytesMax);
  throw invalid("", "messages", `${show(messages)} is not made by messages() of chisme/messages`, false);
}

function checkSealing<Value extends CborValue>(options: GossipOptions<Value>): Sealer | undefined {
  checkFunction("sealing", options.sealing);
  const isAllowed = options.allowUnsealed === true;
  if (isAllowed && (options.key === undefined || options.dialect === undefined)) {
    throw invalid("", "allowUnsealed", `there is no ${options.key === undefined ? "key" : "dialect"} beside it`, false);
  }
  if (options.key === undefined) {
    if (options.otherKey === undefined) return undefined;
    throw invalid("", "otherKey", "there is no key beside it", false);
  }
  const key = parseKey("key", options.key);
  const otherKey = options.otherKey === undefined ? undefined : parseKey("otherKey", options.otherKey);
  if (options.dialect !== undefined && !isAllowed) {
    const problem = "JSON is never sealed; with a dialect that uses it, allowUnsealed must be true";
    throw invalid("", "key", problem, false);
  }
  if (options.sealing === undefined) throw invalid("", "key", "needs the platform's option sealing", false);
  return options.sealing(key, otherKey);
}

/** @param names gets the host names */
function checkSeeds<Value extends CborValue>(
  options: GossipOptions<Value>, port: number, seedCapacity: number, names: string[], trusted: Uint32Array | undefined,
): number[] {
  const seedList: unknown = options.seedList ?? [];
  if (!Array.isArray(seedList)) {
    throw invalid("", "seedList", `${show(seedList)} is not an array of addresses`, false);
  }
  if (seedList.length > seedCapacity) {
    const problem = `${seedList.length} addresses are more than seedCapacity, ${seedCapacity}`;
    throw invalid("", "seedList", problem, true);
  }
  const seeds: number[] = [];
  for (let i = 0; i < seedList.length; i++) {
    const count = names.length;
    parseSeed(`seedList[${i}]`, seedList[i], port, seeds, names);
    if (names.length === count) {
      checkTrusted("", `seedList[${i}]`, seeds[2 * i], trusted);
      continue;
    }
    if (options.socket.resolve !== undefined) continue;
    const problem = 'is not an IPv4 address such as "192.168.0.54"; this platform looks up no host names';
    throw invalid("", `seedList[${i}]`, `${show(names[count])} ${problem}`, true);
  }
  return seeds;
}
