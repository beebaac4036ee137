import type { Digest } from "../digest/sha256.js";
import type { Sealing } from "../engine/wire/sealer.js";

/** What chisme needs of a platform. Each folder member beside this file implements it for one. */

/** One UDP socket for IPv4. Addresses are uint32 in network order: 192.168.0.1 is 0xc0a80001. */
export interface GossipSocket {
  /**
   * Binds to a UDP port and delivers what arrives: the bytes, which are only
   * valid during the call, their number, and where they came from.
   */
  bind(
    port: number,
    onDatagram: (bytes: Uint8Array, length: number, address: number, port: number) => void,
    onError: (error: Error) => void,
  ): void;
  /** Sends `length` bytes. The bytes may change after the call. May throw; the datagram is then lost. */
  send(bytes: Uint8Array, length: number, address: number, port: number): void;
  /** The node's own address, 0 when it is not known. */
  ownAddress(): number;
  /** A uint32 that names this device in its network, such as the low bits of its MAC address. */
  deviceId(port: number): number;
  close(): void;
}

export interface GossipClock {
  /** Milliseconds of a clock that does not run backwards, as uint32. */
  nowMs(): number;
  /** Calls back once, after `delayMs` from 0 to 2^31 - 1. */
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /**
   * Milliseconds since 1970, for the stamps of events; undefined when the device
   * does not know them. What is before 2020 counts as not known.
   */
  physicalMs?(): number | undefined;
}

/** Where a node keeps its revision over restarts. Both methods may throw. */
export interface GossipStorage {
  /** The stored revision, a uint32; undefined when there is none. */
  readRevision(): number | undefined;
  /** Returns when the revision is safe from a loss of power. */
  writeRevision(revision: number): void;
  /** Where the node keeps events over restarts. Without one they live for as long as the node runs. */
  readonly log?: GossipLog;
}

/**
 * Records that outlive a loss of power, in the order in which they were
 * appended. A log is bounded: when it is full, whoever writes it says what of
 * it is still worth keeping.
 *
 * Each method may throw what the medium throws. The log then goes on with what
 * is on the medium: of a record that was being appended all or nothing.
 */
export interface GossipLog {
  /** Bytes that a record can have at most. */
  readonly recordBytesMax: number;
  /**
   * Calls `each` for every record that is whole, with its bytes, which are
   * only valid during the call, and their number. `each` must not write the
   * log. A torn or damaged record is passed over; one at the end is cut off.
   */
  read(each: (bytes: Uint8Array, length: number) => void): void;
  /**
   * Appends a record of `length` bytes, 1 to `recordBytesMax`. Returns when it
   * is safe from a loss of power; or returns false when the log is full, which
   * changes nothing.
   */
  append(bytes: Uint8Array, length: number): boolean;
  /**
   * Puts other records in place of all that there are: those that `fill`, which
   * is called once, gives to `put`. A loss of power before the return leaves
   * all the old records or all the new ones.
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
  /** A uint32 that differs from start to start, for the node's dice. */
  randomSeed: number;
  /** How this platform seals frames, where it does without being asked to. */
  sealing?: Sealing;
  /** SHA-256, where the platform has one. */
  digest?: Digest | undefined;
}
