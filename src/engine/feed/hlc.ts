import { CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "./kinds.js";

/** Greatest counter of a stamp. */
export const COUNTER_MAX = 0xffff;
/** First millisecond that no stamp can have: 2^48. */
export const STAMP_MS_END = 281474976710656;

/**
 * A hybrid logical clock: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical
 * Physical Clocks" (2014), figure 5. A stamp is milliseconds since 1970 (l) and a
 * counter (c). It is later than that of each event which its author knew of, and
 * stays near physical time.
 *
 * Beyond the paper: the counter has 16 bits, and one that overflows carries into
 * the milliseconds. A stamp that is far ahead of physical time moves nothing. A
 * board without a clock of its own takes one from the stamps that it receives.
 *
 * Milliseconds are numbers, not pairs of uint32: they need 41 bits for this
 * century, all integers below 2^53 are exact on V8, XS and Espruino, and only
 * additions, subtractions and comparisons are made with them. So no rounding can
 * take part in a decision.
 */
export class Hlc {
  /** The last stamp: milliseconds since 1970. */
  ms = 0;
  /** The last stamp: 0 to COUNTER_MAX. */
  counter = 0;
  /** Where physical time comes from: one of the `CLOCK_` constants. */
  source = CLOCK_NONE;
  private readonly aheadMsMax: number;
  /** Physical time at `engineMs`; 0 while nothing tells it. */
  private physicalMs = 0;
  /** Engine time of the last call, a uint32. */
  private engineMs = 0;

  /** @param aheadMsMax how far ahead of the platform's clock a stamp may be and still move this one */
  constructor(aheadMsMax: number) {
    this.aheadMsMax = aheadMsMax;
  }

  /**
   * The platform's clock says so many milliseconds since 1970, at engine time
   * `nowMs`. It may step in both directions. A time before 2020 is that of a board
   * whose clock was never set, and ignored.
   */
  setPhysical(nowMs: number, ms: number): void {
    this.advance(nowMs);
    if (!isPlausible(ms)) return;
    this.physicalMs = Math.floor(ms);
    this.source = CLOCK_OWN;
  }

  /** Physical time at engine time `nowMs`, in milliseconds since 1970; 0 if nobody told it yet. */
  physical(nowMs: number): number {
    this.advance(nowMs);
    return this.physicalMs;
  }

  /** Goes beyond a stamp of the node's own, of an earlier start. */
  recall(ms: number, counter: number): void {
    if (ms < this.ms || (ms === this.ms && counter <= this.counter)) return;
    this.ms = ms;
    this.counter = counter;
  }

  /** The stamp, in `ms` and `counter`, of an event that the node makes at engine time `nowMs`. */
  now(nowMs: number): void {
    this.advance(nowMs);
    if (this.physicalMs > this.ms) this.set(this.physicalMs, 0);
    else this.set(this.ms, this.counter + 1);
  }

  /** An event with this stamp was received. Returns false when it is too far ahead to move the clock. */
  receive(nowMs: number, ms: number, counter: number): boolean {
    this.advance(nowMs);
    if (ms > this.ms && !this.believes(ms)) return false;
    const held = this.ms;
    const latest = Math.max(held, ms, this.physicalMs);
    if (latest === held && latest === ms) this.set(latest, Math.max(this.counter, counter) + 1);
    else if (latest === held) this.set(latest, this.counter + 1);
    else if (latest === ms) this.set(latest, counter + 1);
    else this.set(latest, 0);
    return true;
  }

  /** Whether a stamp may move the clock. What is believed without a clock tells the time from then on. */
  private believes(ms: number): boolean {
    if (this.source === CLOCK_OWN) return ms - this.physicalMs <= this.aheadMsMax;
    // Of a node that had no clock either: an order, but no time.
    if (ms < PLAUSIBLE_MS) return true;
    if (!isPlausible(ms) || (this.source === CLOCK_PEER && ms - this.physicalMs > PEER_AHEAD_MS_MAX)) return false;
    if (ms > this.physicalMs) this.physicalMs = ms;
    this.source = CLOCK_PEER;
    return true;
  }

  private set(ms: number, counter: number): void {
    this.ms = counter > COUNTER_MAX ? ms + 1 : ms;
    this.counter = counter > COUNTER_MAX ? 0 : counter;
  }

  /** Physical time goes on with engine time, however that wraps. */
  private advance(nowMs: number): void {
    const step = (nowMs - this.engineMs) | 0;
    this.engineMs = nowMs;
    if (step > 0 && this.source !== CLOCK_NONE) this.physicalMs += step;
  }
}

/** 2020-01-01: clocks that were never set show an earlier time. */
const PLAUSIBLE_MS = 1577836800000;
/** 2200-01-01. */
const PLAUSIBLE_MS_END = 7258118400000;
/**
 * What a peer's stamp tells of the time is as old as its event. So a clock that
 * came from one may be behind by as long as nodes are silent, and a stamp may be
 * that much ahead of it: a day.
 */
const PEER_AHEAD_MS_MAX = 86400000;

function isPlausible(ms: number): boolean {
  return ms >= PLAUSIBLE_MS && ms < PLAUSIBLE_MS_END;
}
