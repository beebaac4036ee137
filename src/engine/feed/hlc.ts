import { CLOCK_NONE, CLOCK_OWN, CLOCK_PEER } from "./kinds.js";

/** Greatest counter of a stamp (PROTOCOL 10.7). */
export const COUNTER_MAX = 0xffff;
/** First number of milliseconds that no stamp can have: 2^48. */
export const STAMP_MS_END = 281474976710656;

/**
 * A hybrid logical clock (PROTOCOL 10.7): Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical
 * Physical Clocks" (2014), figure 5. A stamp is milliseconds since 1970 (l) and a counter (c).
 * An event's stamp is later than the stamps of all events that its author had received, and
 * stays near physical time.
 *
 * Beyond the paper: the counter has 16 bits and carries into the milliseconds when it
 * overflows. A stamp that is far ahead of physical time does not move the clock. A board
 * without a clock of its own uses the stamps that it receives.
 *
 * Milliseconds are numbers, not pairs of uint32. They need 41 bits in this century, and all
 * integers below 2^53 are exact on V8, XS and Espruino. The class only adds, subtracts and
 * compares them, so no decision depends on rounding.
 */
export class Hlc {
  /** The last stamp: milliseconds since 1970. */
  ms = 0;
  /** The last stamp: 0 to COUNTER_MAX. */
  counter = 0;
  /** The source of physical time: a `CLOCK_` constant. */
  source = CLOCK_NONE;
  private readonly aheadMsMax: number;
  /** Physical time at `engineMs`, milliseconds since 1970; 0: not known. */
  private physicalMs = 0;
  /** Engine time of the last call, a uint32. */
  private engineMs = 0;

  /** @param aheadMsMax milliseconds: a stamp that is further ahead of the platform's clock does not move this one */
  constructor(aheadMsMax: number) {
    this.aheadMsMax = aheadMsMax;
  }

  /**
   * The platform's clock is at `ms`, milliseconds since 1970, at engine time `nowMs`. It may
   * step in both directions. A time before 2020 is ignored: the clock of the board was never set.
   */
  setPhysical(nowMs: number, ms: number): void {
    this.advance(nowMs);
    if (!isPlausible(ms)) return;
    this.physicalMs = Math.floor(ms);
    this.source = CLOCK_OWN;
  }

  /** Physical time at engine time `nowMs`, in milliseconds since 1970; 0: not known. */
  physical(nowMs: number): number {
    this.advance(nowMs);
    return this.physicalMs;
  }

  /** Moves the clock to a stamp of the node's own events, from before this start. */
  recall(ms: number, counter: number): void {
    if (ms < this.ms || (ms === this.ms && counter <= this.counter)) return;
    this.ms = ms;
    this.counter = counter;
  }

  /** Makes the stamp of an own event at engine time `nowMs`, in `ms` and `counter`. */
  now(nowMs: number): void {
    this.advance(nowMs);
    if (this.physicalMs > this.ms) this.set(this.physicalMs, 0);
    else this.set(this.ms, this.counter + 1);
  }

  /** Moves the clock by the stamp of a received event. Returns false if the stamp is too far ahead for that. */
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

  /** Whether a stamp may move the clock. Without a clock of the platform, such a stamp sets physical time. */
  private believes(ms: number): boolean {
    if (this.source === CLOCK_OWN) return ms - this.physicalMs <= this.aheadMsMax;
    // The author had no clock either: its stamps have an order, but no time.
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

  /** Physical time advances with engine time, a uint32 that wraps. */
  private advance(nowMs: number): void {
    const step = (nowMs - this.engineMs) | 0;
    this.engineMs = nowMs;
    if (step > 0 && this.source !== CLOCK_NONE) this.physicalMs += step;
  }
}

/** 2020-01-01: a clock that was never set has an earlier time. */
const PLAUSIBLE_MS = 1577836800000;
/** 2200-01-01. */
const PLAUSIBLE_MS_END = 7258118400000;
/**
 * A day, in milliseconds. A peer's stamp is as old as its event, so a clock that a stamp set may
 * be behind by the time in which no node published. A stamp may be that far ahead of it.
 */
const PEER_AHEAD_MS_MAX = 86400000;

function isPlausible(ms: number): boolean {
  return ms >= PLAUSIBLE_MS && ms < PLAUSIBLE_MS_END;
}
