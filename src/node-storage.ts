import type { Seeds } from "./engine/membership/seeds.js";
import type { Rows } from "./engine/table/rows.js";
import { failure } from "./errors.js";
import type { GossipStorage } from "./platform/types.js";
import { Retry } from "./retry.js";
import { PEERS_ROUNDS, keepsPeers, recallPeers, storePeers } from "./stored-peers.js";

/** What a node keeps over restarts beside its id and its events: the revision, and the last peers. */
export class NodeStorage {
  private readonly storage: GossipStorage | undefined;
  private readonly rows: Rows;
  private readonly seedCapacity: number;
  private readonly roundIntervalMs: number;
  /** Undefined before the first write; without storage, all that is remembered. */
  private revision: number | undefined;
  /** Set while something cannot be written. */
  private retry: Retry | undefined;
  private peersDueMs = 0;

  constructor(storage: GossipStorage | undefined, rows: Rows, seedCapacity: number, roundIntervalMs: number) {
    this.storage = storage;
    this.rows = rows;
    this.seedCapacity = seedCapacity;
    this.roundIntervalMs = roundIntervalMs;
  }

  /** The revision of the last start; undefined when there was none. @throws what the storage throws */
  readRevision(): number | undefined {
    return this.storage === undefined ? this.revision : this.storage.readRevision();
  }

  /** @throws what the storage throws */
  writeRevision(revision: number): void {
    if (this.storage !== undefined) this.storage.writeRevision(revision);
    this.revision = revision;
  }

  /** At the start: makes the last peers seeds. @throws what the storage throws */
  recallPeers(seeds: Seeds, nowMs: number): void {
    recallPeers(seeds, this.storage);
    this.peersDueMs = nowMs + PEERS_ROUNDS * this.roundIntervalMs;
  }

  /**
   * Writes the revision if it is new, and the last peers if it is time.
   *
   * @returns what to report: the first failure, and the success after failures
   */
  store(revision: number, nowMs: number): Error | undefined {
    const retry = this.retry;
    const isPeersTime = keepsPeers(this.storage) && ((nowMs - this.peersDueMs) | 0) >= 0;
    if (revision === this.revision && retry === undefined && !isPeersTime) return undefined;
    if (retry !== undefined && !retry.isDue(nowMs)) return undefined;
    try {
      if (revision !== this.revision) this.writeRevision(revision);
      if (isPeersTime) this.peersDueMs = (nowMs + this.storePeers()) >>> 0;
    } catch (error) {
      if (retry === undefined) {
        this.retry = new Retry(nowMs);
        return error as Error;
      }
      retry.postpone(nowMs);
      return undefined;
    }
    this.retry = undefined;
    if (retry === undefined) return undefined;
    return failure("storage", "the revision is stored again after failures");
  }

  /** At the end: writes the last peers if they changed much. Returns what the storage throws. */
  storeLastPeers(): Error | undefined {
    if (this.retry !== undefined || !keepsPeers(this.storage)) return undefined;
    try {
      this.storePeers();
    } catch (error) {
      return error as Error;
    }
    return undefined;
  }

  /** Returns the delay until the next time in ms. */
  private storePeers(): number {
    return storePeers(this.rows, this.storage as GossipStorage, this.seedCapacity, this.roundIntervalMs);
  }
}
