import type { Notification } from "./notifications.js";
import type { EncodedEvent } from "./feed/event.js";
import type { FeedProtocol } from "./feed/feed-protocol.js";
import type { MessageProtocol } from "./message/message-protocol.js";
import type { EngineOptions } from "./options.js";
import type { Datagram } from "./reconcile/outbox.js";
import type { Rows } from "./table/rows.js";
import type { Seeds } from "./membership/seeds.js";
import type { Stats } from "./stats.js";

/**
 * An engine as its caller sees it, in any dialect. The contract is that of
 * `Engine`, whose dialect is the compact one: one input, then `pollNotification`
 * and `pollTransmit` until they return false, then the next input.
 */
export interface NodeEngine {
  readonly rows: Rows;
  readonly seeds: Seeds;
  readonly stats: Stats;
  /** Adds a seed that the node never replaces, with address 0 if `setSeed` gives it one. Before the start. */
  addSeed(address: number, port: number): void;
  /** Gives a seed that was added another address; 0 for none. @param place the number of seeds added before it */
  setSeed(place: number, address: number): void;
  start(nowMs: number, revision: number, isRemembered: boolean): void;
  receive(nowMs: number, address: number, port: number, bytes: Uint8Array, length: number): void;
  tick(nowMs: number): void;
  publish(nowMs: number, bytes: Uint8Array, length: number, address: number, port: number): void;
  /** Announces that the node leaves, if the dialect can express it. Only `pollTransmit` may follow. */
  leave(nowMs: number): void;
  /** Removes the row in a slot, DOWN or LEFT, everywhere. Returns false in a dialect that removes no rows. */
  forget(nowMs: number, slot: number): boolean;
  setRevision(nowMs: number, revision: number): void;
  revision(): number;
  /** The event feeds; undefined in a node without them. */
  readonly feed: FeedProtocol | undefined;
  /** The messages; undefined in a node without them. */
  readonly messages?: MessageProtocol | undefined;
  /** The dialect; undefined for compact frames only. */
  readonly dialect?: "espgossip" | "auto";
  /** Set if the dialect has no names: rows have values only. */
  readonly isNameless?: boolean;
  /** Appends an event that `feed.stampEvent` stamped to the node's feed, and spreads it. After the start. */
  publishEvent(nowMs: number, event: EncodedEvent): void;
  pollTransmit(out: Datagram): boolean;
  pollNotification(out: Notification): boolean;
  nextDeadline(): number;
}

/** Makes an engine of one dialect. */
export type Dialect = (options: EngineOptions) => NodeEngine;
