import type { GossipLog, GossipStorage } from "./types.js";

/**
 * Keeps the revision for as long as the object lives: for tests, simulations
 * and nodes without flash. Events are kept by a `log`, such as a `MemoryLog`.
 */
export class MemoryStorage implements GossipStorage {
  readonly log?: GossipLog;
  private revision: number | undefined;

  constructor(log?: GossipLog) {
    if (log !== undefined) this.log = log;
  }

  readRevision(): number | undefined {
    return this.revision;
  }

  writeRevision(revision: number): void {
    this.revision = revision;
  }
}
