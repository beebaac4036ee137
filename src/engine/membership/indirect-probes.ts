import type { Clock } from "../clock.js";
import type { Outbox } from "../reconcile/outbox.js";
import type { Rows } from "../table/rows.js";
import type { WordPool } from "../word-pool.js";

/** Ping requests that a node works on at one time. */
const INDIRECT_PROBES_MAX = 4;
const ID = 0;
/** Id of the peer; that of the probed node itself when the entry is free. */
const PEER = 1;
/** Counter of the peer's frame with the ping request. */
const COUNTER = 2;
const DEADLINE = 3;
const WORDS = 4;
/** Behind the entries: the latest deadline of any. */
const LATEST = INDIRECT_PROBES_MAX * WORDS;
/** Words that `IndirectProbes` allocates. */
export const INDIRECT_PROBE_WORDS = LATEST + 1;

/**
 * The peers that sent this node a ping request (SWIM's indirect probe). When the
 * probed node sends a frame, each of these peers gets an indirect ack. It answers
 * the peer's frame, so that nobody can replay it.
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
  add(id: number, peer: number, counter: number, deadline: number): void {
    const at = this.start + this.next * WORDS;
    this.next = (this.next + 1) % INDIRECT_PROBES_MAX;
    this.words[at + ID] = id;
    this.words[at + PEER] = peer;
    this.words[at + COUNTER] = counter;
    this.words[at + DEADLINE] = deadline;
    this.words[this.start + LATEST] = deadline;
  }

  /** Whether a peer may wait for an indirect ack. */
  isWaiting(nowMs: number): boolean { return ((nowMs - this.words[this.start + LATEST]) | 0) < 0; }

  /** A frame of a node arrived: sends an indirect ack to each peer that requested a probe of this node. */
  answered(id: number, rows: Rows, clock: Clock, outbox: Outbox): void {
    const words = this.words;
    for (let at = this.start; at < this.start + LATEST; at += WORDS) {
      if (words[at + ID] !== id || words[at + PEER] === id) continue;
      // The last place in the outbox is for an answer.
      if (outbox.intentsLeft() < 2) return;
      const slot = rows.find(words[at + PEER]);
      const isInTime = slot >= 0 && !clock.isDue(words[at + DEADLINE]);
      if (isInTime) outbox.addIndirectAck(id, slot, words[at + COUNTER]);
      words[at + PEER] = id;
    }
  }
}
