import { type Clock, earlier } from "../clock.js";
import { ANSWER_MS_8, DEVIATION_MS_4, PROBES, PROBE_COUNT, PROBE_TIMEOUT_MS } from "../table/node-words.js";
import type { Rows } from "../table/rows.js";
import { Seeds } from "./seeds.js";

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
export class Probes extends Seeds {
  /** @param rows whose words the probes stand in */
  constructor(rows: Rows, roundIntervalMs: number) {
    super(rows);
    rows.words[PROBE_TIMEOUT_MS] = (roundIntervalMs / 10) >>> 0;
  }

  /** How long a first attempt waits for an answer, in ms. */
  answerTimeMs(): number { return this.rows.words[PROBE_TIMEOUT_MS]; }
  get probeCount(): number { return this.rows.words[PROBE_COUNT]; }

  /** Id of the probed node; without meaning when `isKnown` is false. */
  probeId(index: number): number { return this.rows.words[this.probeAt(index) + ID]; }
  /** Whether the probe is for a node whose id is known. If not, it is for any node at an address. */
  isProbeKnown(index: number): boolean { return (this.rows.words[this.probeAt(index) + DETAIL] & KNOWN) !== 0; }
  probeAddress(index: number): number { return this.rows.words[this.probeAt(index) + ADDRESS]; }
  probePort(index: number): number { return this.rows.words[this.probeAt(index) + DETAIL] & 0xffff; }
  /** Attempts so far: 1 to ATTEMPTS_MAX. */
  probeAttempt(index: number): number { return (this.rows.words[this.probeAt(index) + DETAIL] >>> ATTEMPT_SHIFT) & 7; }
  /** Time of the first attempt. */
  probeSentMs(index: number): number { return this.rows.words[this.probeAt(index) + SENT]; }
  probeDeadline(index: number): number { return this.rows.words[this.probeAt(index) + DEADLINE]; }

  areProbesFull(): boolean { return this.probeCount === PROBES_MAX; }

  hasProbe(id: number): boolean {
    for (let i = 0; i < this.probeCount; i++) {
      if (this.isProbeKnown(i) && this.probeId(i) === id) return true;
    }
    return false;
  }

  /** Adds a probe. When there are PROBES_MAX, it replaces the oldest. */
  addProbe(known: boolean, id: number, address: number, port: number, nowMs: number): void {
    if (this.areProbesFull()) this.removeProbe(0);
    const at = this.probeAt(this.rows.words[PROBE_COUNT]++);
    this.rows.words[at + ID] = id;
    this.rows.words[at + ADDRESS] = address;
    this.rows.words[at + DETAIL] = (known ? KNOWN : 0) | port;
    this.restartProbe(this.probeCount - 1, nowMs);
  }

  /** Whether at most half of the places are taken. */
  hasHalfOfProbes(): boolean { return this.probeCount <= PROBES_MAX >>> 1; }

  /** Counts another attempt. It waits twice as long as the one before, and longer with a high local health. */
  noteRetransmission(index: number, nowMs: number, localHealth: number): void {
    const at = this.probeAt(index);
    const waitMs = this.rows.words[PROBE_TIMEOUT_MS] << this.probeAttempt(index);
    this.rows.words[at + DETAIL] += ONE_ATTEMPT;
    this.rows.words[at + DEADLINE] = nowMs + waitMs * (1 + localHealth);
  }

  /** Begins again with the first attempt. */
  restartProbe(index: number, nowMs: number): void {
    const at = this.probeAt(index);
    this.rows.words[at + DETAIL] = (this.rows.words[at + DETAIL] & ~(7 << ATTEMPT_SHIFT)) | ONE_ATTEMPT;
    this.rows.words[at + DEADLINE] = nowMs + this.rows.words[PROBE_TIMEOUT_MS];
    this.rows.words[at + SENT] = nowMs;
  }

  /** The node with this id has another address: attempts at the old one do not count. */
  restartMoved(id: number, nowMs: number): void {
    for (let i = 0; i < this.probeCount; i++) {
      if (this.isProbeKnown(i) && this.probeId(i) === id) this.restartProbe(i, nowMs);
    }
  }

  /** A datagram arrived from a node: removes the probes that it answers. Returns whether there was any. */
  removeAnswered(id: number, address: number, port: number, clock: Clock): boolean {
    const before = this.probeCount;
    for (let i = this.probeCount - 1; i >= 0; i--) {
      const same = this.isProbeKnown(i) ? this.probeId(i) === id
        : this.probeAddress(i) === address && this.probePort(i) === port;
      if (!same) continue;
      // With several attempts it is unknown which one was answered (Karn and Partridge, 1987).
      if (this.probeAttempt(i) === 1) this.measure((clock.nowMs - this.probeSentMs(i)) >>> 0, clock.roundIntervalMs);
      this.removeProbe(i);
    }
    return this.probeCount < before;
  }

  private measure(answerMs: number, roundIntervalMs: number): void {
    const words = this.rows.words;
    if (words[ANSWER_MS_8] === 0) {
      words[ANSWER_MS_8] = answerMs << 3;
      words[DEVIATION_MS_4] = answerMs << 1;
    } else {
      const off = answerMs - (words[ANSWER_MS_8] >> 3);
      words[ANSWER_MS_8] += off;
      words[DEVIATION_MS_4] += (off < 0 ? -off : off) - (words[DEVIATION_MS_4] >> 2);
    }
    const wait = (words[ANSWER_MS_8] >> 3) + words[DEVIATION_MS_4];
    const least = (roundIntervalMs / 20) >>> 0;
    const most = roundIntervalMs >>> 2;
    words[PROBE_TIMEOUT_MS] = wait < least ? least : wait > most ? most : wait;
  }

  removeProbe(index: number): void {
    this.rows.words[PROBE_COUNT]--;
    const words = this.rows.words;
    const end = this.probeAt(words[PROBE_COUNT]);
    for (let at = this.probeAt(index); at < end; at++) words[at] = words[at + WORDS];
  }

  /** The first probe whose deadline has passed; -1 when there is none. */
  dueProbe(clock: Clock): number {
    for (let i = 0; i < this.probeCount; i++) {
      if (clock.isDue(this.probeDeadline(i))) return i;
    }
    return -1;
  }

  /** Gives every probe more time: this node itself stood still for `ms`. */
  postpone(ms: number): void {
    for (let i = 0; i < this.probeCount; i++) {
      this.rows.words[this.probeAt(i) + DEADLINE] += ms;
      this.rows.words[this.probeAt(i) + SENT] += ms;
    }
  }

  /** The earlier of `deadline` and the first deadline of a probe. */
  earliestProbe(deadline: number): number {
    let next = deadline;
    for (let i = 0; i < this.probeCount; i++) next = earlier(next, this.probeDeadline(i));
    return next;
  }

  private probeAt(index: number): number {
    return PROBES + index * WORDS;
  }
}

const ID = 0;
const ADDRESS = 1;
/** The port in bits 0 to 15, the attempts in 16 to 18, whether the id is known in 19. */
const DETAIL = 2;
const DEADLINE = 3;
const SENT = 4;
const WORDS = 5;
/** Words of all probes. */
export const PROBE_WORDS = PROBES_MAX * WORDS;
const ATTEMPT_SHIFT = 16;
const ONE_ATTEMPT = 1 << ATTEMPT_SHIFT;
const KNOWN = 1 << 19;
