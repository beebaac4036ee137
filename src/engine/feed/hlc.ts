import { CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "./kinds.js";

/** Greatest counter of a stamp (PROTOCOL 10.7). */
export const COUNTER_MAX = 0xffff;
/** First number of milliseconds that no stamp can have: 2200-01-01. */
export const STAMP_MS_END = 7258118400000;
/** A day, in milliseconds: a stamp that is further ahead of the time shows that a date was wrong. */
export const DAY_MS = 86400000;

/**
 * A hybrid logical clock (PROTOCOL 10.7), after Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical
 * Physical Clocks" (2014). A stamp is milliseconds since 1970 (l) and a counter (c). An event's
 * stamp is later than the stamps of all events that its author had received, and stays near
 * physical time.
 *
 * Differences from the paper:
 *
 * - A receipt makes no stamp of its own: the clock moves to the received stamp.
 * - A stamp that is more than a day ahead of physical time does not move the clock. An event that
 *   has to come after such a stamp gets an order stamp beside the stamp of its record.
 * - A stamp that was read from the platform's clock has even milliseconds, all others odd ones. So
 *   others know which stamps show the time (`author-clocks.ts`).
 * - A stamp ahead of physical time has the node's revision as its counter: the node may have
 *   made the stamp before it, with the counter of another start, in an event that it lost.
 *
 * Milliseconds are numbers, not pairs of uint32. They need 43 bits, and all integers below 2^53
 * are exact on V8, XS and Espruino. The class only adds, subtracts and compares them, so no
 * decision depends on rounding.
 */
export class Hlc {
  /** The last stamp: milliseconds since 1970. */
  ms = 0;
  /** The last stamp: 0 to COUNTER_MAX. */
  counter = 0;
  /** The source of physical time: a `CLOCK_` constant. */
  source = CLOCK_NONE;
  /** The last order stamp that `nowAfter` made: milliseconds since 1970. Its counter is `orderCounter()`. */
  orderMs = 0;
  /** Milliseconds since the object was made, without those in which engine time ran backwards. */
  upMs = 0;
  /** Physical time less `upMs`; without meaning while the time is not known. */
  offsetMs = 0;
  /** The node's revision at its start. */
  private revision = 0;
  /** Whether `now` read the last stamp from physical time, so that no other event has it. */
  private isRead = false;
  /** Engine time of the last call, a uint32; -1 before the first one. */
  private engineMs = -1;

  /** The node starts. Two starts of a node that does not know the time make different stamps. */
  start(revision: number): void {
    this.revision = revision;
    this.recall(this.startMs(), 0);
  }

  /**
   * The platform's clock is at `ms`, milliseconds since 1970, at engine time `nowMs`. It may
   * step in both directions. A time before 2020 is ignored: the clock of the board was never set.
   */
  setPhysical(nowMs: number, ms: number): void {
    this.advance(nowMs);
    if (!isPlausible(ms)) return;
    this.offsetMs = Math.floor(ms) - this.upMs;
    this.source = CLOCK_OWN;
  }

  /** Other nodes show that physical time less `upMs` is this, by a source that is no clock of the platform. */
  adopt(offsetMs: number, source: number): void {
    this.offsetMs = offsetMs;
    this.source = source;
  }

  /** Physical time at engine time `nowMs`, in milliseconds since 1970; 0: not known. */
  physical(nowMs: number): number {
    this.advance(nowMs);
    return this.source === CLOCK_NONE ? 0 : this.upMs + this.offsetMs;
  }

  /**
   * The time of views at engine time `nowMs`, in milliseconds since 1970. While the time is not known it is `upMs`:
   * times to live then count from when this node learnt of an event.
   *
   * @param time what chisme/time knows, from which a node without a clock takes the time
   */
  viewMs(nowMs: number, time: { now(): number | undefined } | undefined): number {
    this.advance(nowMs);
    const known = time === undefined || this.source === CLOCK_OWN ? undefined : time.now();
    if (known !== undefined) this.adopt(known - this.upMs, CLOCK_PEER);
    return this.source === CLOCK_NONE ? this.upMs : this.upMs + this.offsetMs;
  }

  /**
   * When a time to live ends, in the time of views: at `endMs`, by its stamp. If the stamp `ms` shows no time, or the
   * time is not known now, it ends when `upMs` is `endUpMs`.
   */
  viewEnd(ms: number, endMs: number, endUpMs: number): number {
    if (this.source === CLOCK_NONE) return endUpMs;
    return isPlausible(ms) ? endMs : endUpMs + this.offsetMs;
  }

  /** Whether a stamp is so far ahead that it shows a wrong date: more than a day, if the time is known. */
  isFarAhead(nowMs: number, ms: number): boolean {
    const physicalMs = this.physical(nowMs);
    return this.source >= CLOCK_PEER && ms - physicalMs > DAY_MS;
  }

  /** Moves the clock to a stamp of the node's own feed. */
  recall(ms: number, counter: number): void {
    if (ms < this.ms || (ms === this.ms && counter <= this.counter)) return;
    this.ms = ms;
    this.counter = counter;
    this.isRead = false;
  }

  /** Moves the clock to the stamp of a received event. Returns false if the stamp is too far ahead for that. */
  receive(nowMs: number, ms: number, counter: number): boolean {
    const isFarAhead = this.isFarAhead(nowMs, ms);
    // The last day stays free. Otherwise one stamp could use up the stamps of all nodes that do not know the time.
    if (ms > this.ms && (isFarAhead || ms >= STAMP_MS_END - DAY_MS)) return false;
    this.recall(ms, counter);
    return true;
  }

  /** Makes the stamp of an own event at engine time `nowMs`, in `ms` and `counter`. */
  now(nowMs: number): void {
    let physicalMs = this.physical(nowMs);
    // Even milliseconds are read from the platform's clock.
    if (physicalMs % 2 !== (this.source === CLOCK_OWN ? 0 : 1)) physicalMs++;
    if (this.source !== CLOCK_NONE && physicalMs > this.ms) {
      this.ms = physicalMs;
      this.counter = 0;
      this.isRead = true;
    } else if (this.isRead && physicalMs === this.ms && this.counter < COUNTER_MAX) {
      this.counter++;
    } else {
      this.ms += this.ms % 2 === 0 ? 1 : 2;
      this.counter = this.orderCounter();
      this.isRead = false;
    }
  }

  /**
   * Makes the stamp of an own event that has to come after an event with the stamp `ms`, `counter`. Returns whether
   * that event is too far ahead. Then the stamp is that of the record, and `orderMs`, `orderCounter()` that of the
   * order. If there is no later order stamp, it returns false, and the event comes before.
   */
  nowAfter(nowMs: number, ms: number, counter: number): boolean {
    const hasMoved = this.receive(nowMs, ms, counter);
    this.now(nowMs);
    const orderMs = Math.max(ms, this.orderMs) + 1;
    if (hasMoved || orderMs >= STAMP_MS_END) return false;
    this.orderMs = orderMs;
    return true;
  }

  /** The counter of order stamps, and of stamps ahead of physical time: another one for each start. */
  orderCounter(): number {
    return this.revision & COUNTER_MAX;
  }

  /** Whether no own event can get a later stamp that others accept. */
  isSpent(): boolean {
    return this.ms >= STAMP_MS_END - 2;
  }

  /**
   * Own stamps that are later than this are from the future: a date was wrong, or somebody forged them. While the time
   * is not known, those of the last days that stamps can have are.
   */
  futureMs(nowMs: number): number {
    const physicalMs = this.physical(nowMs);
    return this.source >= CLOCK_PEER ? physicalMs : STAMP_MS_END - 2 * DAY_MS;
  }

  /** Moves the clock back to physical time, or to the start if that is not known, but not to before a stamp. */
  stepBack(nowMs: number, ms: number, counter: number): void {
    const physicalMs = this.physical(nowMs);
    this.ms = 0;
    this.recall(this.source >= CLOCK_PEER ? physicalMs - 1 : this.startMs(), 0);
    this.recall(ms, counter);
  }

  /** The first stamp of this start. It is below 2^40, which is in 2004, so it is not taken for a time. */
  private startMs(): number {
    return (this.revision & START_MASK) * START_MS;
  }

  /** Time advances with engine time, a uint32 that wraps. */
  private advance(nowMs: number): void {
    const step = this.engineMs < 0 ? 0 : (nowMs - this.engineMs) | 0;
    this.engineMs = nowMs;
    if (step > 0) this.upMs += step;
  }
}

/** 2020-01-01: a clock that was never set has an earlier time. */
const PLAUSIBLE_MS = 1577836800000;
/** Milliseconds between the first stamps of two starts. */
const START_MS = 4096;
/** The bits of the revision that decide the first stamp of a start. */
const START_MASK = 0x0fffffff;

/** Whether milliseconds since 1970 may be the time: from 2020 on, before 2200. */
export function isPlausible(ms: number): boolean {
  return ms >= PLAUSIBLE_MS && ms < STAMP_MS_END;
}
