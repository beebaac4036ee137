import { type Clock, earlier } from "../clock.js";
import type { WordPool } from "../word-pool.js";

/** Probes that can be unanswered at one time. */
export const PROBES_MAX = 8;
/** Attempts of a probe before ping requests go out. */
export const DIRECT_ATTEMPTS = 3;
/** Attempts of a probe before silence counts. Ping requests go out with the last two. */
export const ATTEMPTS_MAX = 5;

/**
 * The probes that wait for an answer, oldest first. The first attempt waits for
 * the measured answer time of all peers together (Paxson and others: RFC 6298):
 * a tenth of the round interval before the first measurement, and always between
 * a 20th and a quarter of it. Each next attempt waits twice as long.
 */
export class Probes {
  count = 0;
  /** How long a first attempt waits. */
  timeoutMs: number;
  /** Eight times the smoothed answer time; 0 before the first measurement. */
  private smoothed8 = 0;
  /** Four times the deviation of the answer time. */
  private deviation4 = 0;
  private readonly words: Uint32Array;
  private readonly start: number;

  /** @param pool has PROBE_WORDS free */
  constructor(roundIntervalMs: number, pool: WordPool) {
    this.timeoutMs = (roundIntervalMs / 10) >>> 0;
    this.words = pool.words;
    this.start = pool.alloc(PROBE_WORDS);
  }

  /** Id of the probed node; without meaning when `isKnown` is false. */
  idOf(index: number): number { return this.words[this.at(index) + ID]; }
  /** Whether the probe is for a node whose id is known. If not, it is for any node at an address. */
  isKnown(index: number): boolean { return (this.words[this.at(index) + DETAIL] & KNOWN) !== 0; }
  address(index: number): number { return this.words[this.at(index) + ADDRESS]; }
  port(index: number): number { return this.words[this.at(index) + DETAIL] & 0xffff; }
  /** Attempts so far: 1 to ATTEMPTS_MAX. */
  attempt(index: number): number { return (this.words[this.at(index) + DETAIL] >>> ATTEMPT_SHIFT) & 7; }
  /** Time of the first attempt. */
  sentMs(index: number): number { return this.words[this.at(index) + SENT]; }
  deadline(index: number): number { return this.words[this.at(index) + DEADLINE]; }

  isFull(): boolean { return this.count === PROBES_MAX; }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.isKnown(i) && this.idOf(i) === id) return true;
    }
    return false;
  }

  /** Adds a probe. When there are PROBES_MAX, it replaces the oldest. */
  add(known: boolean, id: number, address: number, port: number, nowMs: number): void {
    if (this.isFull()) this.remove(0);
    const at = this.at(this.count++);
    this.words[at + ID] = id;
    this.words[at + ADDRESS] = address;
    this.words[at + DETAIL] = (known ? KNOWN : 0) | port;
    this.restart(this.count - 1, nowMs);
  }

  /** Whether at most half of the places are taken. */
  hasHalf(): boolean { return this.count <= PROBES_MAX >>> 1; }

  /** Counts another attempt. It waits twice as long as the one before, and longer with a high local health. */
  retransmitted(index: number, nowMs: number, localHealth: number): void {
    const at = this.at(index);
    const waitMs = this.timeoutMs << this.attempt(index);
    this.words[at + DETAIL] += ONE_ATTEMPT;
    this.words[at + DEADLINE] = nowMs + waitMs * (1 + localHealth);
  }

  /** Begins again with the first attempt. */
  restart(index: number, nowMs: number): void {
    const at = this.at(index);
    this.words[at + DETAIL] = (this.words[at + DETAIL] & ~(7 << ATTEMPT_SHIFT)) | ONE_ATTEMPT;
    this.words[at + DEADLINE] = nowMs + this.timeoutMs;
    this.words[at + SENT] = nowMs;
  }

  /** The node with this id has another address: attempts at the old one do not count. */
  moved(id: number, nowMs: number): void {
    for (let i = 0; i < this.count; i++) {
      if (this.isKnown(i) && this.idOf(i) === id) this.restart(i, nowMs);
    }
  }

  /** A datagram arrived from a node: removes the probes that it answers. Returns whether there was any. */
  answered(id: number, address: number, port: number, clock: Clock): boolean {
    const before = this.count;
    for (let i = this.count - 1; i >= 0; i--) {
      const same = this.isKnown(i) ? this.idOf(i) === id : this.address(i) === address && this.port(i) === port;
      if (!same) continue;
      // With several attempts it is unknown which one was answered (Karn and Partridge, 1987).
      if (this.attempt(i) === 1) this.measure((clock.nowMs - this.sentMs(i)) >>> 0, clock.roundIntervalMs);
      this.remove(i);
    }
    return this.count < before;
  }

  private measure(answerMs: number, roundIntervalMs: number): void {
    if (this.smoothed8 === 0) {
      this.smoothed8 = answerMs << 3;
      this.deviation4 = answerMs << 1;
    } else {
      const off = answerMs - (this.smoothed8 >> 3);
      this.smoothed8 += off;
      this.deviation4 += (off < 0 ? -off : off) - (this.deviation4 >> 2);
    }
    const wait = (this.smoothed8 >> 3) + this.deviation4;
    const least = (roundIntervalMs / 20) >>> 0;
    const most = roundIntervalMs >>> 2;
    this.timeoutMs = wait < least ? least : wait > most ? most : wait;
  }

  remove(index: number): void {
    this.count--;
    for (let at = this.at(index); at < this.at(this.count); at++) this.words[at] = this.words[at + WORDS];
  }

  /** The first probe whose deadline has passed; -1 when there is none. */
  due(clock: Clock): number {
    for (let i = 0; i < this.count; i++) {
      if (clock.isDue(this.deadline(i))) return i;
    }
    return -1;
  }

  /** Gives every probe more time: this node itself stood still for `ms`. */
  postpone(ms: number): void {
    for (let i = 0; i < this.count; i++) {
      this.words[this.at(i) + DEADLINE] += ms;
      this.words[this.at(i) + SENT] += ms;
    }
  }

  /** The earlier of `deadline` and the first deadline of a probe. */
  nextDeadline(deadline: number): number {
    let next = deadline;
    for (let i = 0; i < this.count; i++) next = earlier(next, this.deadline(i));
    return next;
  }

  private at(index: number): number {
    return this.start + index * WORDS;
  }
}

const ID = 0;
const ADDRESS = 1;
/** The port in bits 0 to 15, the attempts in 16 to 18, whether the id is known in 19. */
const DETAIL = 2;
const DEADLINE = 3;
const SENT = 4;
const WORDS = 5;
/** Words that `Probes` allocates. */
export const PROBE_WORDS = PROBES_MAX * WORDS;
const ATTEMPT_SHIFT = 16;
const ONE_ATTEMPT = 1 << ATTEMPT_SHIFT;
const KNOWN = 1 << 19;
