import { type Clock, earlier } from "../clock.js";
import type { WordPool } from "../word-pool.js";

/** SYNs that can be out and unanswered at one time. */
export const PROBES_MAX = 8;
/** How often a SYN is sent before others are asked to try. */
export const DIRECT_ATTEMPTS = 3;
/** How often a SYN is sent before silence counts: the last times others try, too. */
export const ATTEMPTS_MAX = 5;

/**
 * The SYNs that wait for an answer, oldest first. The first attempt waits as
 * long as answers take here (Paxson and others: RFC 6298, over all peers
 * together), a tenth of the interval as long as that is not known, and between a
 * 20th and a quarter of it; each other one twice as long as the one before it.
 */
export class Probes {
  count = 0;
  private readonly roundIntervalMs: number;
  /** How long a first attempt waits. */
  timeoutMs: number;
  /** Eight times the smoothed time that an answer takes, four times its deviation; 0 until one was measured. */
  private smoothed8 = 0;
  private deviation4 = 0;
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param pool has ASK_WORDS to give */
  constructor(roundIntervalMs: number, pool: WordPool) {
    this.roundIntervalMs = roundIntervalMs;
    this.timeoutMs = (roundIntervalMs / 10) >>> 0;
    this.words = pool.words;
    this.start = pool.alloc(PROBE_WORDS);
  }

  /** Id of the node that was asked; without meaning when `isKnown` is false. */
  idOf(index: number): number { return this.words[this.at(index) + ID]; }
  /** Whether a certain node was asked, and not whoever lives at an address. */
  isKnown(index: number): boolean { return (this.words[this.at(index) + DETAIL] & KNOWN) !== 0; }
  address(index: number): number { return this.words[this.at(index) + ADDRESS]; }
  port(index: number): number { return this.words[this.at(index) + DETAIL] & 0xffff; }
  /** Times that the SYN was sent: 1 to ATTEMPTS_MAX. */
  attempt(index: number): number { return (this.words[this.at(index) + DETAIL] >>> ATTEMPT_SHIFT) & 7; }
  /** When it was sent for the first time. */
  sentMs(index: number): number { return this.words[this.at(index) + SENT]; }
  deadline(index: number): number { return this.words[this.at(index) + DEADLINE]; }

  isFull(): boolean { return this.count === PROBES_MAX; }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.isKnown(i) && this.idOf(i) === id) return true;
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
    this.words[at + SENT] = nowMs;
  }

  /** Counts another attempt and waits longer for it: twice as long, and more the more this node doubts itself. */
  retransmitted(index: number, nowMs: number, doubt: number): void {
    const at = this.at(index);
    const waitMs = this.timeoutMs << this.attempt(index);
    this.words[at + DETAIL] += ONE_ATTEMPT;
    this.words[at + DEADLINE] = nowMs + waitMs * (1 + doubt);
  }

  /** Begins anew with the first attempt. */
  restart(index: number, nowMs: number): void {
    const at = this.at(index);
    this.words[at + DETAIL] = (this.words[at + DETAIL] & ~(7 << ATTEMPT_SHIFT)) | ONE_ATTEMPT;
    this.words[at + DEADLINE] = nowMs + this.timeoutMs;
    this.words[at + SENT] = nowMs;
  }

  /** A datagram came from this node: what it was asked is answered. Returns whether it was asked anything. */
  answered(id: number, address: number, port: number, nowMs: number): boolean {
    const before = this.count;
    for (let i = this.count - 1; i >= 0; i--) {
      const same = this.isKnown(i) ? this.idOf(i) === id : this.address(i) === address && this.port(i) === port;
      if (!same) continue;
      // Which of several attempts was answered, nobody knows (Karn and Partridge, 1987).
      if (this.attempt(i) === 1) this.measure((nowMs - this.sentMs(i)) >>> 0);
      this.remove(i);
    }
    return this.count < before;
  }

  private measure(tookMs: number): void {
    if (this.smoothed8 === 0) {
      this.smoothed8 = tookMs << 3;
      this.deviation4 = tookMs << 1;
    } else {
      const off = tookMs - (this.smoothed8 >> 3);
      this.smoothed8 += off;
      this.deviation4 += (off < 0 ? -off : off) - (this.deviation4 >> 2);
    }
    const wait = (this.smoothed8 >> 3) + this.deviation4;
    const least = (this.roundIntervalMs / 20) >>> 0;
    const most = this.roundIntervalMs >>> 2;
    this.timeoutMs = wait < least ? least : wait > most ? most : wait;
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
    for (let i = 0; i < this.count; i++) {
      this.words[this.at(i) + DEADLINE] += ms;
      this.words[this.at(i) + SENT] += ms;
    }
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
/** The port in bits 0 to 15, the attempts in 16 to 18, whether the node is known in 19. */
const DETAIL = 2;
const DEADLINE = 3;
const SENT = 4;
const WORDS = 5;
/** What `Asks` takes from its pool. */
export const PROBE_WORDS = PROBES_MAX * WORDS;
const ATTEMPT_SHIFT = 16;
const ONE_ATTEMPT = 1 << ATTEMPT_SHIFT;
const KNOWN = 1 << 19;
