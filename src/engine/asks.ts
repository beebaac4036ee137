import { type Clock, earlier } from "./clock.js";
import type { WordPool } from "./word-pool.js";

/** SYNs that can be out and unanswered at one time. */
export const ASKS_MAX = 8;
/** How often a SYN is sent before silence counts. */
export const ATTEMPTS_MAX = 3;

/**
 * The SYNs that wait for an answer, oldest first. Each attempt waits twice as
 * long as the one before it.
 */
export class Asks {
  count = 0;
  private readonly timeoutMs: number;
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param timeoutMs how long the first attempt waits @param pool has ASK_WORDS to give */
  constructor(timeoutMs: number, pool: WordPool) {
    this.timeoutMs = timeoutMs;
    this.words = pool.words;
    this.start = pool.take(ASK_WORDS);
  }

  /** Id of the node that was asked; without meaning when `isKnown` is false. */
  id(index: number): number { return this.words[this.at(index) + ID]; }
  /** Whether a certain node was asked, and not whoever lives at an address. */
  isKnown(index: number): boolean { return (this.words[this.at(index) + DETAIL] & KNOWN) !== 0; }
  address(index: number): number { return this.words[this.at(index) + ADDRESS]; }
  port(index: number): number { return this.words[this.at(index) + DETAIL] & 0xffff; }
  /** Times that the SYN was sent: 1 to ATTEMPTS_MAX. */
  attempt(index: number): number { return (this.words[this.at(index) + DETAIL] >>> ATTEMPT_SHIFT) & 3; }
  deadline(index: number): number { return this.words[this.at(index) + DEADLINE]; }

  isFull(): boolean { return this.count === ASKS_MAX; }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.isKnown(i) && this.id(i) === id) return true;
    }
    return false;
  }

  /** Adds an ask; when there are too many it takes the place of the oldest. */
  add(known: boolean, id: number, address: number, port: number, nowMs: number): void {
    if (this.isFull()) this.remove(0);
    const at = this.at(this.count++);
    this.words[at + ID] = id;
    this.words[at + ADDRESS] = address;
    this.words[at + DETAIL] = (known ? KNOWN : 0) | ONE_ATTEMPT | port;
    this.words[at + DEADLINE] = nowMs + this.timeoutMs;
  }

  /** Counts another attempt and waits twice as long for it. */
  again(index: number, nowMs: number): void {
    const at = this.at(index);
    const waitMs = this.timeoutMs << this.attempt(index);
    this.words[at + DETAIL] += ONE_ATTEMPT;
    this.words[at + DEADLINE] = nowMs + waitMs;
  }

  /** A datagram came from this node: what it was asked is answered. */
  answered(id: number, address: number, port: number): void {
    for (let i = this.count - 1; i >= 0; i--) {
      const same = this.isKnown(i) ? this.id(i) === id : this.address(i) === address && this.port(i) === port;
      if (same) this.remove(i);
    }
  }

  remove(index: number): void {
    this.count--;
    for (let at = this.at(index); at < this.at(this.count); at++) this.words[at] = this.words[at + WORDS];
  }

  /** The first ask whose time is up, or -1. */
  due(clock: Clock): number {
    for (let i = 0; i < this.count; i++) {
      if (clock.isDue(this.deadline(i))) return i;
    }
    return -1;
  }

  /** Gives every ask more time: the silence may have been this node's own. */
  postpone(ms: number): void {
    for (let i = 0; i < this.count; i++) this.words[this.at(i) + DEADLINE] += ms;
  }

  private at(index: number): number {
    return this.start + index * WORDS;
  }

  /** The earlier of `deadline` and the first of the asks'. */
  nextDeadline(deadline: number): number {
    let next = deadline;
    for (let i = 0; i < this.count; i++) next = earlier(next, this.deadline(i));
    return next;
  }
}

const ID = 0;
const ADDRESS = 1;
/** The port in bits 0 to 15, the attempts in 16 and 17, whether the node is known in 18. */
const DETAIL = 2;
const DEADLINE = 3;
const WORDS = 4;
/** What `Asks` takes from its pool. */
export const ASK_WORDS = ASKS_MAX * WORDS;
const ATTEMPT_SHIFT = 16;
const ONE_ATTEMPT = 1 << ATTEMPT_SHIFT;
const KNOWN = 1 << 18;
