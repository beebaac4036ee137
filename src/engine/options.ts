import type { Clock } from "./clock.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import type { Rounds } from "./membership/rounds.js";
import type { Suspicion } from "./membership/suspicion.js";
import type { MessageProtocol } from "./message/message-protocol.js";
import type { Outbox } from "./reconcile/outbox.js";
import type { Media } from "./table/media.js";
import type { Rows } from "./table/rows.js";
import type { FrameReader } from "./wire/frame-reader.js";
import type { Links } from "./wire/links.js";
import type { Sleeper } from "./sleep/sleeper.js";
import type { Sealer } from "./wire/sealer.js";

/** Makes a node's event feeds from the parts of the node that feeds work on. */
export type FeedMaker = (
  rows: Rows, clock: Clock, frame: FrameReader, suspicion: Suspicion,
) => FeedProtocol;

/** Makes a node's sleep from the parts of the node that it works on. */
export type SleeperMaker = (
  rows: Rows, clock: Clock, suspicion: Suspicion, rounds: Rounds, outbox: Outbox,
) => Sleeper;

/** Makes a node's messages from the parts of the node that messages work on. */
export type MessageMaker = (
  rows: Rows, clock: Clock, rounds: Rounds, outbox: Outbox, sealer: Sealer | undefined,
) => MessageProtocol;

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
  /** What the node reaches beside UDP or without it; by default it only has UDP. */
  media?: Media | undefined;
  /** Rows that the node holds, its own included: 2 to 65,535. */
  capacity: number;
  /** Longest shared value: 0 to 255 bytes, best the same in all nodes of a network. */
  valueBytesMax: number;
  /** Longest datagram that the node sends: 128 to 1,472 bytes. */
  datagramBytesMax: number;
  /** Datagrams of an answer that the node takes, or sends to a peer that takes so many: 4 to 64; 6 by default. */
  burstMax?: number | undefined;
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
  /** Measures the links to neighbours. Without it the program contains none of its code. */
  links?: Links | undefined;
  /** Makes the event feeds. Without it the node has no feeds, and its program contains none of their code. */
  feeds?: FeedMaker | undefined;
  /** Makes the messages. Without it the node has none: it passes none on, and its program has none of their code. */
  messages?: MessageMaker | undefined;
  /** Makes the sleep of the node. Without it the node never sleeps, and its program has none of that code. */
  sleeper?: SleeperMaker | undefined;
}
