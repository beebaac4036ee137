import type { GossipLog, GossipStorage } from "./types.js";

/**
 * Keeps the revision in memory, for tests, simulations and nodes without flash.
 * A `log`, such as a `MemoryLog`, keeps the events.
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
