import type { Clock } from "../clock.js";
import type { Outbox } from "../reconcile/outbox.js";
import { SECTION_INDIRECT_ACK } from "../wire/frame.js";
import type { WordPool } from "../word-pool.js";

/** Ping requests that a node works on at one time. */
const INDIRECT_PROBES_MAX = 4;
const ID = 0;
const ADDRESS = 1;
/** 0 when the entry is free. */
const PORT = 2;
const DEADLINE = 3;
const WORDS = 4;
/** Words that `IndirectProbes` allocates. */
export const INDIRECT_PROBE_WORDS = INDIRECT_PROBES_MAX * WORDS;

/**
 * The peers that sent this node a ping request (SWIM's indirect probe). When the
 * probed node sends a frame, each of these peers gets an indirect ack.
 */
export class IndirectProbes {
  private readonly words: Uint32Array;
  private readonly start: number;
  private next = 0;

  /** @param pool has INDIRECT_PROBE_WORDS free */
  constructor(pool: WordPool) {
    this.words = pool.words;
    this.start = pool.alloc(INDIRECT_PROBE_WORDS);
  }

  /** Adds the ping request of a peer. When all entries are occupied, it replaces the oldest. */
  add(id: number, address: number, port: number, deadline: number): void {
    const at = this.start + this.next * WORDS;
    this.next = (this.next + 1) % INDIRECT_PROBES_MAX;
    this.words[at + ID] = id;
    this.words[at + ADDRESS] = address;
    this.words[at + PORT] = port;
    this.words[at + DEADLINE] = deadline;
  }

  /** A frame of a node arrived: sends an indirect ack to each peer that requested a probe of this node. */
  answered(id: number, clock: Clock, outbox: Outbox): void {
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
