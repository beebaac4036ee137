import type { Digest } from "../digest/sha256.js";
import type { Media } from "../engine/table/media.js";
import type { Sealing } from "../engine/wire/sealer.js";

/** What chisme needs of a platform. Each module beside this file implements it for one platform. */

/** One UDP socket for IPv4. Addresses are uint32 in network order: 192.168.0.1 is 0xc0a80001. */
export interface GossipSocket {
  /**
   * Binds to a UDP port. `onDatagram` gets each datagram: its bytes, which are valid
   * only during the call, their number, and the sender's address and port.
   * `onError` gets what goes wrong later. `onDatagram` is not called before `bind` returns.
   * `bind` may be called again after it threw, and after `close`.
   *
   * A socket may also try again: if its address is not there yet, or, on Espruino,
   * whatever the failure. Then `bind` returns, `onError` gets an error that says so,
   * and one when the socket is bound.
   *
   * @throws the platform's error when the port cannot be bound, because it is in use for instance
   */
  bind(
    port: number,
    onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void,
    onError: (error: Error) => void,
  ): void;
  /**
   * Sends the first `length` bytes. The caller may overwrite the bytes after the
   * call.
   *
   * @throws Error when the datagram is lost
   */
  send(bytes: Uint8Array, length: number, address: number, port: number): void;
  /** The node's own address; 0 when the platform does not know it. Peers tell the node if it is another. */
  ownAddress(): number;
  /**
   * Where a datagram to 255.255.255.255 goes now, if that is not to one address;
   * none while there is no network.
   */
  broadcastAddresses?(): number[];
  /**
   * Datagrams since `bind` that were lost without an error because this device has no
   * way to their destination: a uint32. They are part of `stats().sendFailures`. A
   * socket without this property throws an error for such a datagram.
   */
  readonly unreachable?: number;
  /**
   * Looks up a host. Calls back once, with its IPv4 address or 0 if there is none.
   * A platform without this method cannot have host names in `seedList`.
   */
  resolve?(name: string, callback: (address: number) => void): void;
  /** A uint32 for a node that has no id yet: the low bits of the device's MAC address, or a number drawn at random. */
  deviceId(port: number): number;
  /**
   * Whether `deviceId` is the device's own for ever, as that of a MAC address. Then it
   * counts more than the id in the storage, which may be a copy of another device's.
   */
  readonly isDeviceIdFixed?: boolean;
  /** What the node reaches beside UDP, such as a serial line, or without it; by default it only has UDP. */
  readonly media?: Media | undefined;
  /** Closes the socket. Datagrams that were sent before must still leave. */
  close(): void;
}

/** A clock and its timers. */
export interface GossipClock {
  /** Milliseconds of a clock that does not run backwards, as uint32. */
  nowMs(): number;
  /** Calls `callback` once, after `delayMs` from 0 to 2^31 - 1. Returns the timer. */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Ends a timer that `setTimer` returned. */
  clearTimer(timer: unknown): void;
  /**
   * Milliseconds since 1970, for the stamps of events; undefined when the device
   * does not know the time. A time before 2020 counts as not known.
   */
  physicalMs?(): number | undefined;
}

/** Where a node keeps its revision and its id over restarts. Each method may throw. */
export interface GossipStorage {
  /** The stored revision, a uint32; undefined when there is none. */
  readRevision(): number | undefined;
  /** Returns when the revision is safe from a loss of power. */
  writeRevision(revision: number): void;
  /**
   * The stored id of the node, a uint32; undefined when there is none. The events in
   * `log` are of this id. A storage has both `readId` and `writeId`, or neither.
   */
  readId?(): number | undefined;
  /** Returns when the id is safe from a loss of power. The node writes it once, and again only with another id. */
  writeId?(id: number): void;
  /**
   * The bytes of the last `writePeers`; undefined when there are none. A storage has
   * both `readPeers` and `writePeers`, or neither.
   */
  readPeers?(): Uint8Array | undefined;
  /**
   * Stores the first `length` bytes: addresses of other nodes, 6 bytes each, at most
   * `seedCapacity` of them. A storage with less room may keep only the first ones.
   */
  writePeers?(bytes: Uint8Array, length: number): void;
  /** Where the node keeps its events over restarts. Without a log they live as long as the node runs. */
  readonly log?: GossipLog;
  /** Where a keeper, `feedKeeper()` of chisme/keeper, keeps the feeds of all other authors. */
  readonly feeds?: GossipLog;
  /**
   * The same for a keeper with the option `signing`, apart from what the node kept unverified before. Without it such a
   * keeper takes `feeds`.
   */
  readonly signedFeeds?: GossipLog;
  /**
   * Releases what the storage holds open, such as a lock. `Gossip.close` calls this
   * method. Another node may use the storage afterwards. Must not throw.
   */
  close?(): void;
}

/**
 * Records that outlive a loss of power, in the order in which they were
 * appended. A log is bounded: when it is full, its writer rewrites it with the
 * records that are still worth keeping.
 *
 * Each method may throw what the medium throws. The log then goes on with the
 * records on the medium: of a record that was being appended all or nothing.
 */
export interface GossipLog {
  /** Longest record in bytes. */
  readonly recordBytesMax: number;
  /**
   * Damaged places that `read` has met so far, counted anew by each call; several
   * records in a row may count as one. Undefined: this log does not count them.
   */
  readonly damagedRecords?: number;
  /** Bytes of these places. */
  readonly damagedBytes?: number;
  /**
   * Calls `each` for every intact record, with its bytes, which are valid only
   * during the call, and their number. `each` must not write the log. The log
   * skips damaged records and keeps all intact ones behind them. A record that a
   * power loss left incomplete counts as not written.
   */
  read(each: (bytes: Uint8Array, length: number) => void): void;
  /**
   * Appends a record of `length` bytes, 1 to `recordBytesMax`. Returns true when
   * the record is safe from a loss of power. Returns false, and changes nothing,
   * when the log is full.
   */
  append(bytes: Uint8Array, length: number): boolean;
  /**
   * Replaces all records by those that `fill` gives to `put`; `fill` is called
   * once. A loss of power before the return leaves all the old records or all the
   * new ones.
   *
   * @throws Error when they are more than the log holds, and what `fill`
   * throws; the old records stay
   */
  rewrite(fill: (put: (bytes: Uint8Array, length: number) => void) => void): void;
}

/** The platform's part of a node's options. */
export interface Platform {
  socket: GossipSocket;
  clock: GossipClock;
  /** A uint32 that differs from start to start, for the node's random numbers. */
  randomSeed: number;
  /** Datagrams of one answer that this platform takes at a time, if not 6, as the option `burstMax`. */
  burstMax?: number;
  /** How this platform seals frames, if the node need not pass the option `sealing`. */
  sealing?: Sealing;
  /** SHA-256 of this platform, where it has one. */
  digest?: Digest | undefined;
}
