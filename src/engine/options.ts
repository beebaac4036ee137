import type { Digest } from "./feed/sha256.js";
import type { Sealer } from "./sealer.js";

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
  /** Bytes for events, a multiple of 4; 0, the default: no event feeds at all. */
  feedBytes?: number | undefined;
  /** Longest event in canonical form, the same in all nodes of a network: 16 to 2,047 bytes, 128 by default. */
  eventBytesMax?: number | undefined;
  /** Whether the node asks for events that come before those which it holds, while a quarter of `feedBytes` is free. */
  fillGaps?: boolean | undefined;
  /** SHA-256, for the chains of feeds; without one it is done in JavaScript. */
  digest?: Digest | undefined;
}
