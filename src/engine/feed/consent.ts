import type { Clock } from "../clock.js";
import { OWN_SLOT, type Rows } from "../table/rows.js";
import { DOWN } from "../table/states.js";

/** Authors whose answer a node waits for at a time. */
const WAITS_MAX = 8;
const AUTHOR = 0;
const SINCE = 1;
const PROBE_AT = 2;
const WORDS = 3;
/** Rounds that an author has to answer. */
const ANSWER_ROUNDS = 64;
/** Rounds after which a wait is forgotten: nobody holds the other branch any more. */
const FORGET_ROUNDS = 256;
/** All nodes together send an author 8 such probes a round. */
const PROBES_SHIFT = 3;

/**
 * Whether a node may take another branch of a feed in the place of what it holds (PROTOCOL 10.6). Only the author
 * knows whether its new generation has all that this node holds. So the node probes the author, and shows what it
 * holds, until the author has sent the generation itself. Of an author that is gone, or does not answer for 64
 * rounds, the node takes the branch from any node.
 *
 * At most 8 authors at a time, in 96 bytes. Further ones have to wait until one of these is settled.
 */
export class Consent {
  private readonly rows: Rows;
  private readonly clock: Clock;
  /** Of each wait: the author, the engine time of its beginning, and that of the next probe. */
  private readonly waits = new Uint32Array(WAITS_MAX * WORDS);
  private count = 0;

  constructor(rows: Rows, clock: Clock) {
    this.rows = rows;
    this.clock = clock;
  }

  /** A peer holds another branch of the feed in a slot. Whether it may be taken from that peer. */
  isGiven(slot: number): boolean {
    if (this.rows.state(slot) >= DOWN) return true;
    const at = this.find(this.rows.id(slot));
    if (at >= 0) return this.isPast(this.waits[at + SINCE], ANSWER_ROUNDS);
    this.add(this.rows.id(slot));
    return false;
  }

  /** The feed in a slot has another generation. */
  settle(slot: number): void {
    const at = this.find(this.rows.id(slot));
    if (at >= 0) this.remove(at);
  }

  /** The slot of an author that is to be probed now, or -1. To be called once a round or more often. */
  nextProbe(): number {
    for (let at = (this.count - 1) * WORDS; at >= 0; at -= WORDS) {
      const slot = this.rows.find(this.waits[at + AUTHOR]);
      if (slot < 0 || this.isPast(this.waits[at + SINCE], FORGET_ROUNDS)) {
        this.remove(at);
      } else if (this.rows.state(slot) < DOWN && this.clock.isDue(this.waits[at + PROBE_AT] | 0)) {
        this.waits[at + PROBE_AT] = this.clock.nowMs + this.spread() * this.clock.roundIntervalMs;
        return slot;
      }
    }
    return -1;
  }

  /** Rounds between two probes. */
  private spread(): number {
    const rounds = this.rows.count >>> PROBES_SHIFT;
    return rounds > 1 ? rounds : 1;
  }

  private add(author: number): void {
    if (this.count === WAITS_MAX) return;
    const at = this.count++ * WORDS;
    // Nodes with different ids begin in different rounds.
    const rounds = ((this.rows.id(OWN_SLOT) ^ author) >>> 0) % this.spread();
    this.waits[at + AUTHOR] = author;
    this.waits[at + SINCE] = this.clock.nowMs;
    this.waits[at + PROBE_AT] = this.clock.nowMs + rounds * this.clock.roundIntervalMs;
  }

  private remove(at: number): void {
    const last = --this.count * WORDS;
    for (let i = 0; i < WORDS; i++) this.waits[at + i] = this.waits[last + i];
  }

  /** Index of an author's wait, or -1. */
  private find(author: number): number {
    for (let at = 0; at < this.count * WORDS; at += WORDS) if (this.waits[at + AUTHOR] === author) return at;
    return -1;
  }

  private isPast(sinceMs: number, rounds: number): boolean {
    return this.clock.isDue((sinceMs + rounds * this.clock.roundIntervalMs) | 0);
  }
}
