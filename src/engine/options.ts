import type { FeedProtocol, FeedNode } from "./feed/feed-protocol.js";
import type { Sealer } from "./wire/sealer.js";

/** Makes a node's event feeds. */
export type FeedMaker = (node: FeedNode) => FeedProtocol;

/** What a node is made with; all of it is fixed afterwards. The caller has checked the ranges. */
export interface EngineOptions {
  /** uint32 that no other node of the network has. */
  id: number;
  /** The node's own IPv4 address as uint32; 0 when it is not known. */
  address: number;
  port: number;
  /** Rows that are held, the node's own among them: 2 to 65,535. */
  capacity: number;
  /** Longest shared value: 0 to 255 bytes, the same in all nodes of a network. */
  valueBytesMax: number;
  /** Longest datagram that is sent; `datagramBytesMin` tells the least. */
  datagramBytesMax: number;
  /** 100 to 3,600,000. */
  roundIntervalMs: number;
  /** How long a row is DOWN until it becomes a tombstone, and how long that is kept: up to 20 days. */
  removeAfterMs: number;
  /** Addresses kept for when the rows lead nowhere, given ones and learnt ones: 1 to 255. */
  seedCapacity: number;
  /** Where a SYN goes when nobody is known. */
  broadcastAddress: number;
  /** uint32. */
  randomSeed: number;
  /** Seals every frame, if there is one, and lets none in that is not sealed. */
  sealer?: Sealer | undefined;
  /** Makes the event feeds; without it the node has none, and its program none of their code. */
  feeds?: FeedMaker | undefined;
}
