import type { Clock } from "./clock.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import type { Suspicion } from "./membership/suspicion.js";
import type { Stats } from "./stats.js";
import type { Links } from "./table/links.js";
import type { OwnRow } from "./table/own-row.js";
import type { Rows } from "./table/rows.js";
import type { FrameReader } from "./wire/frame-reader.js";
import type { Sealer } from "./wire/sealer.js";

/** Makes a node's event feeds from the parts of the node that feeds work on. */
export type FeedMaker = (
  rows: Rows, clock: Clock, stats: Stats, frame: FrameReader, own: OwnRow, suspicion: Suspicion,
) => FeedProtocol;

/** Options of a node. They are fixed after construction. The caller has checked the ranges. */
export interface EngineOptions {
  /** uint32 that no other node of the network has. */
  id: number;
  /** The node's own IPv4 address as uint32; 0 when unknown. */
  address: number;
  /** The node's own UDP port: 1 to 65,535. */
  port: number;
  /** IPv4 address, as uint32, under which other nodes reach this one; by default that of its datagrams. */
  advertisedAddress?: number | undefined;
  /** With `advertisedAddress`, the port there: 1 to 65,535. */
  advertisedPort?: number | undefined;
  /** Hash of the network's name (`networkHash`), a uint32; by default the network has no name. */
  network?: number | undefined;
  /** Network address and mask, uint32, of each subnet that the node trusts, in turn: 1 to 8. By default all. */
  trustedSubnets?: Uint32Array | undefined;
  /** Links beside UDP, or in its place; by default the node only has UDP. */
  links?: Links | undefined;
  /** Rows that the node holds, its own included: 2 to 65,535. */
  capacity: number;
  /** Longest shared value: 0 to 255 bytes, best the same in all nodes of a network. */
  valueBytesMax: number;
  /** Longest datagram that the node sends: 128 to 1,472 bytes. */
  datagramBytesMax: number;
  /** Length of a round: 100 to 3,600,000 ms. */
  roundIntervalMs: number;
  /** Nodes that this one probes in turn: 3 or more; by default all that are in reach. */
  neighboursMax?: number | undefined;
  /** Time from DOWN to tombstone, and from tombstone to removal: up to 20 days, in ms. */
  removeAfterMs: number;
  /** Seeds that the node holds, configured and learned ones together: 1 to 255. */
  seedCapacity: number;
  /** IPv4 address, as uint32, that a SYN goes to when no node is known; 0: none, and the node sends no broadcasts. */
  broadcastAddress: number;
  /** uint32. */
  randomSeed: number;
  /** Seals every frame. With a sealer the node drops all frames that are not sealed. */
  sealer?: Sealer | undefined;
  /** Makes the event feeds. Without it the node has no feeds, and its program contains none of their code. */
  feeds?: FeedMaker | undefined;
}
