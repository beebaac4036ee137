import type { Clock } from "../clock.js";
import type { Outbox } from "../reconcile/outbox.js";
import { SECTION_INDIRECT_ACK } from "../wire/frame.js";
import type { WordPool } from "../word-pool.js";

/** Probes that a node makes for others at one time. */
const INDIRECT_PROBES_MAX = 4;
const ID = 0;
const ADDRESS = 1;
/** 0 when the place is free. */
const PORT = 2;
const DEADLINE = 3;
const WORDS = 4;
/** What `Relays` takes from its pool. */
export const INDIRECT_PROBE_WORDS = INDIRECT_PROBES_MAX * WORDS;

/**
 * Who asked this node to probe another (SWIM's indirect probes): as soon as that
 * one is heard, they hear of it.
 */
export class IndirectProbes {
  private readonly words: Uint32Array;
  private readonly start: number;
  private next = 0;

  /** @param pool has RELAY_WORDS to give */
  constructor(pool: WordPool) {
    this.words = pool.words;
    this.start = pool.alloc(INDIRECT_PROBE_WORDS);
  }

  /** Notes that a node is probed for a peer, in place of the oldest note if there are too many. */
  add(id: number, address: number, port: number, deadline: number): void {
    const at = this.start + this.next * WORDS;
    this.next = (this.next + 1) % INDIRECT_PROBES_MAX;
    this.words[at + ID] = id;
    this.words[at + ADDRESS] = address;
    this.words[at + PORT] = port;
    this.words[at + DEADLINE] = deadline;
  }

  /** A node was heard: tells those who wait for it. */
  heard(id: number, clock: Clock, outbox: Outbox): void {
    for (let at = this.start; at < this.start + INDIRECT_PROBE_WORDS; at += WORDS) {
      if (this.words[at + PORT] === 0 || this.words[at + ID] !== id) continue;
      // The last place in the outbox is for an answer.
      if (outbox.intentsLeft() < 2) return;
      if (!clock.isDue(this.words[at + DEADLINE])) {
        outbox.addAbout(SECTION_INDIRECT_ACK, id, this.words[at + ADDRESS], this.words[at + PORT]);
      }
      this.words[at + PORT] = 0;
    }
  }
}
