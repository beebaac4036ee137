import type { GossipLog, GossipStorage } from "./types.js";

/**
 * Keeps revision, id and last peers in memory, for tests, simulations and nodes without flash.
 * A `log`, such as a `MemoryLog`, keeps the events; another one, `feeds`, those of
 * others for a keeper.
 */
export class MemoryStorage implements GossipStorage {
  readonly log?: GossipLog;
  readonly feeds?: GossipLog;
  private revision: number | undefined;
  private id: number | undefined;
  private peers: Uint8Array | undefined;

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

  readId(): number | undefined {
    return this.id;
  }

  writeId(id: number): void {
    this.id = id;
  }

  readPeers(): Uint8Array | undefined {
    return this.peers;
  }

  writePeers(bytes: Uint8Array, length: number): void {
    this.peers = new Uint8Array(length);
    this.peers.set(bytes.subarray(0, length));
  }
}
