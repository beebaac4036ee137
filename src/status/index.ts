import type { CborValue } from "../cbor/cbor.js";
import { nextHop } from "../engine/membership/routes.js";
import { rowName, rowVersion } from "../engine/named-rows.js";
import { FLAG_FOREIGN, FLAG_NEIGHBOUR, OWN_SLOT, ROW_BYTES, type Rows } from "../engine/table/rows.js";
import { DOWN } from "../engine/table/states.js";
import { countUpdates } from "../engine/table/transmits.js";
import { formatAddress } from "../engine/wire/address.js";
import type { GossipNode } from "../gossip-node.js";
import type { GossipStats } from "../gossip-stats.js";
import type { LinkTable } from "../links/index.js";
import { type NodeState, shownState } from "../node-row.js";
import type { NetworkTime, TimeQuality } from "../time/index.js";
import { tableBytes } from "./table-bytes.js";

/** A node in a status: its id and, if it has one, its name. */
export interface StatusNode {
  /** uint32 that names the node. */
  id: number;
  /** 1 to 24 bytes as UTF-8; missing when the node has none. */
  name?: string;
}

/** The node whose status it is. */
export interface StatusOwn extends StatusNode {
  /** Dotted IPv4 address under which others know the node; "0.0.0.0" while it does not know that. */
  address: string;
  /** UDP port, 1 to 65,535. */
  port: number;
  /** Starts of the node before this one, a uint32. */
  revision: number;
  /** Uptime in seconds at the node's last statement, a uint32. */
  heartbeat: number;
  /** Version of the node's program, 1 to 16 bytes as UTF-8; missing when the node has none. */
  version?: string;
  dialect: "compact" | "espgossip" | "auto";
  /** Whether compact frames are sealed with a key. */
  isSealed: boolean;
  /** Whether the network has a name. The name itself is not shown. */
  isNamed: boolean;
}

/** A node that this one reaches directly. */
export interface StatusNeighbour extends StatusNode {
  /** Dotted IPv4 address. */
  address: string;
  /** UDP port, 1 to 65,535. */
  port: number;
  state: NodeState;
  /** Smoothed time from a SYN to its answer in ms. As the losses, only with the option `links`, and once measured. */
  roundTripMs?: number;
  /** Share of this node's frames that did not arrive there, 0 to 1. */
  lossTo?: number;
  /** Share of that node's frames that did not arrive here, 0 to 1. */
  lossFrom?: number;
}

/** The way to a live node that this one does not reach directly. */
export interface StatusRoute extends StatusNode {
  /** Id of the neighbour to which a datagram for the node goes; missing while no way is known. */
  nextHop?: number;
}

/** Rows by state, and how many there is room for. The node's own row is among them. */
export interface StatusRows {
  up: number;
  asleep: number;
  probed: number;
  suspect: number;
  down: number;
  removed: number;
  left: number;
  capacity: number;
}

/** How much waits to be sent. */
export interface StatusQueues {
  /** Rows that still ride along on frames. */
  updates: number;
  /** Messages that wait here, own ones and those of others; missing without the option `messages`. */
  messages?: number;
  /** The most messages that may wait. */
  messagesMax?: number;
}

/** Memory in use, in bytes. */
export interface StatusMemory {
  /** Of the table of rows. */
  rowBytes: number;
  /** Of what events have beside that, the event buffer included; 0 without the option `events`. */
  eventBytes: number;
  /** Of all other tables and buffers of the engine. */
  otherBytes: number;
  /** What the platform says, by its own names; missing where it says nothing. */
  platform?: Record<string, number>;
}

/** The time of day as the node knows it, with the option `time`. */
export interface StatusTime extends TimeQuality {
  /** Milliseconds since 1970. */
  unixMs: number;
}

/** What a node knows about itself and its surroundings, for people who look for what is wrong. All of it is JSON. */
export interface GossipStatus {
  node: StatusOwn;
  /** In the order of the rows; none in the dialect espgossip, where nodes do not notice who is near. */
  neighbours: StatusNeighbour[];
  /** Live nodes that are no neighbours, in the order of the rows. NodeMCU boards are not among them. */
  routes: StatusRoute[];
  rows: StatusRows;
  queues: StatusQueues;
  memory: StatusMemory;
  /** Missing without the option `time`, and while the time is not known. */
  time?: StatusTime;
  /** As `Gossip.stats()`: datagrams, drops by reason, and the source of the time in events. */
  stats: GossipStats;
}

/**
 * The status of a node that was not closed. On a board it allocates about 100
 * bytes for each live node, so call it for people and not in each round.
 *
 * @param memory what the platform says of its memory, such as `process.memory()` of Espruino; it becomes
 * `memory.platform`
 */
export function status<Value extends CborValue>(
  gossip: GossipNode<Value>, memory?: Record<string, number>,
): GossipStatus {
  const engine = gossip.engine;
  const rows = engine.rows;
  const own = nodeOf(rows, OWN_SLOT) as StatusOwn;
  own.address = formatAddress(rows.address(OWN_SLOT));
  own.port = rows.port(OWN_SLOT);
  own.revision = gossip.revision;
  own.heartbeat = rows.heartbeat(OWN_SLOT);
  const version = rowVersion(rows, OWN_SLOT);
  if (version !== undefined) own.version = version;
  own.dialect = engine.dialect ?? "compact";
  own.isSealed = gossip.options.key !== undefined;
  own.isNamed = gossip.options.network !== undefined;
  const counted: StatusRows = {
    up: 0, asleep: 0, probed: 0, suspect: 0, down: 0, removed: 0, left: 0, capacity: rows.capacity,
  };
  const neighbours: StatusNeighbour[] = [];
  const routes: StatusRoute[] = [];
  for (let place = 0; place < rows.count; place++) {
    const slot = rows.slotAt(place);
    counted[shownState(rows, slot)]++;
    if (slot === OWN_SLOT || rows.state(slot) >= DOWN || rows.hasFlag(slot, FLAG_FOREIGN)) continue;
    if (rows.hasFlag(slot, FLAG_NEIGHBOUR)) neighbours.push(neighbourOf(rows, slot, gossip.options.links));
    else if (own.dialect !== "espgossip") routes.push(routeOf(rows, slot));
  }
  const stats = gossip.stats();
  const queues: StatusQueues = { updates: countUpdates(rows) };
  if (stats.messages !== undefined) {
    queues.messages = stats.messages.waiting;
    queues.messagesMax = stats.messages.queue;
  }
  const all: GossipStatus = {
    node: own, neighbours, routes, rows: counted, queues, memory: memoryOf(gossip, memory), stats,
  };
  const time = gossip.options.time === undefined ? undefined : timeOf(gossip.options.time);
  if (time !== undefined) all.time = time;
  return all;
}

function timeOf(time: NetworkTime): StatusTime | undefined {
  const quality = time.quality() as StatusTime | undefined;
  const unixMs = time.now();
  if (quality === undefined || unixMs === undefined) return undefined;
  quality.unixMs = unixMs;
  return quality;
}

function nodeOf(rows: Rows, slot: number): StatusNode {
  const node: StatusNode = { id: rows.id(slot) };
  const name = rowName(rows, slot);
  if (name !== undefined) node.name = name;
  return node;
}

function neighbourOf(rows: Rows, slot: number, links: LinkTable | undefined): StatusNeighbour {
  const neighbour = nodeOf(rows, slot) as StatusNeighbour;
  neighbour.address = formatAddress(rows.address(slot));
  neighbour.port = rows.port(slot);
  neighbour.state = shownState(rows, slot);
  const quality = links === undefined ? undefined : links.qualityOf(neighbour.id);
  if (quality === undefined) return neighbour;
  if (quality.roundTripMs !== undefined) neighbour.roundTripMs = quality.roundTripMs;
  if (quality.lossTo !== undefined) neighbour.lossTo = quality.lossTo;
  if (quality.lossFrom !== undefined) neighbour.lossFrom = quality.lossFrom;
  return neighbour;
}

function routeOf(rows: Rows, slot: number): StatusRoute {
  const route: StatusRoute = nodeOf(rows, slot);
  const hop = nextHop(rows, slot);
  if (hop >= 0) route.nextHop = rows.id(hop);
  return route;
}

function memoryOf<Value extends CborValue>(
  gossip: GossipNode<Value>, platform: Record<string, number> | undefined,
): StatusMemory {
  const engine = gossip.engine;
  const rows = engine.rows;
  // The parts of an engine refer to each other, and each buffer counts once.
  const seen: object[] = [rows, rows.valueBytes().buffer];
  const poolBytes = tableBytes(engine.stats, seen);
  const rowBytes = rows.capacity * (ROW_BYTES + rows.valueBytesMax);
  // The words of the node and of small tables lie around the rows.
  const behindBytes = rows.valueBytes().buffer.byteLength - rowBytes;
  const memory: StatusMemory = {
    rowBytes,
    eventBytes: tableBytes(engine.feed, seen),
    otherBytes: poolBytes + behindBytes + tableBytes(engine, seen),
  };
  if (platform !== undefined) memory.platform = platform;
  return memory;
}
