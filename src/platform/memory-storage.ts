import type { GossipStorage } from "./types.js";

/** Keeps the revision for as long as the object lives: for tests, simulations and nodes without flash. */
export class MemoryStorage implements GossipStorage {
  private revision: number | undefined;

  readRevision(): number | undefined {
    return this.revision;
  }

  writeRevision(revision: number): void {
    this.revision = revision;
  }
}
