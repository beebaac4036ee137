import type { GossipLog, GossipStorage } from "./types.js";

/**
 * Keeps the revision in memory, for tests, simulations and nodes without flash.
 * A `log`, such as a `MemoryLog`, keeps the events; another one, `feeds`, those of
 * others for a keeper.
 */
export class MemoryStorage implements GossipStorage {
  readonly log?: GossipLog;
  readonly feeds?: GossipLog;
  private revision: number | undefined;

  constructor(log?: GossipLog, feeds?: GossipLog) {
    if (log !== undefined) this.log = log;
    if (feeds !== undefined) this.feeds = feeds;
  }

  readRevision(): number | undefined {
    return this.revision;
  }

  writeRevision(revision: number): void {
    this.revision = revision;
  }
}
