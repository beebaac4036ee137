import type { Seeds } from "./engine/membership/seeds.js";
import type { Rows } from "./engine/table/rows.js";
import { failure } from "./errors.js";
import type { GossipStorage } from "./platform/types.js";
import { Retry } from "./retry.js";
import { PEERS_ROUNDS, keepsPeers, recallPeers, storePeers } from "./stored-peers.js";

/** After a failed write of the last peers, the time until the next one: an hour. */
const FAILED_MS = 3600000;

/** What a node keeps over restarts beside its id and its events: the revision, and the last peers. */
export class NodeStorage {
  private readonly storage: GossipStorage | undefined;
  private readonly rows: Rows;
  private readonly seedCapacity: number;
  private readonly roundIntervalMs: number;
  /** Undefined before the first write; without storage, all that is remembered. */
  private revision: number | undefined;
  /** Set while the revision cannot be written. */
  private retry: Retry | undefined;
  private peersDueMs = 0;
  private havePeersFailed = false;

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

  /**
   * At the start: writes the revision. After a deep sleep it is the stored one, and nothing is written: flash memory
   * wears with each write.
   *
   * @throws what the storage throws
   */
  begin(revision: number, stored: number | undefined): void {
    if (revision === stored) this.revision = revision;
    else this.writeRevision(revision);
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
    const problem = this.storeRevision(revision, nowMs);
    // The revision comes first, and does not wait for the peers.
    return problem === undefined && this.retry === undefined ? this.storePeersInTime(nowMs) : problem;
  }

  private storeRevision(revision: number, nowMs: number): Error | undefined {
    const retry = this.retry;
    if (revision === this.revision && retry === undefined) return undefined;
    if (retry !== undefined && !retry.isDue(nowMs)) return undefined;
    try {
      this.writeRevision(revision);
    } catch (error) {
      if (retry === undefined) {
        this.retry = new Retry(nowMs);
        return error as Error;
      }
      retry.postpone(nowMs);
      return undefined;
    }
    this.retry = undefined;
    return retry === undefined ? undefined : failure("storage", "the revision is stored again after failures");
  }

  private storePeersInTime(nowMs: number): Error | undefined {
    if (((nowMs - this.peersDueMs) | 0) < 0) return undefined;
    const hadFailed = this.havePeersFailed;
    let delayMs = FAILED_MS;
    let problem: Error | undefined;
    try {
      delayMs = this.storePeers();
    } catch (error) {
      problem = error as Error;
    }
    this.peersDueMs = (nowMs + delayMs) >>> 0;
    this.havePeersFailed = problem !== undefined;
    if (hadFailed === this.havePeersFailed) return undefined;
    return problem ?? failure("storage", "the last peers are stored again after failures");
  }

  /** At the end: writes the last peers if they changed much. Returns what the storage throws. */
  storeLastPeers(): Error | undefined {
    if (this.retry !== undefined || this.havePeersFailed) return undefined;
    try {
      this.storePeers();
    } catch (error) {
      return error as Error;
    }
    return undefined;
  }

  /** Returns the delay until the next time in ms, also if the storage keeps no peers. */
  private storePeers(): number {
    const storage = this.storage;
    if (!keepsPeers(storage)) return FAILED_MS;
    return storePeers(this.rows, storage as GossipStorage, this.seedCapacity, this.roundIntervalMs);
  }
}

/** The revision of a start. @param stored of the one before; undefined: there was none @throws Error ERR_STORAGE */
export function nextRevision(stored: number | undefined): number {
  const revision = stored === undefined ? 0 : stored + 1;
  if (revision <= 0xffffffff) return revision;
  throw failure("ERR_STORAGE", `start: the stored revision, ${String(stored)}, has no successor`);
}
