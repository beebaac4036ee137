/**
 * Engine time: milliseconds as uint32, wrapping every 49.7 days, that never run
 * backwards. The caller's clock may: a step back counts as no time at all. Two
 * times can be compared when they lie less than 24.8 days apart.
 */
export class Clock {
  /** Engine time of the current input. */
  nowMs = 0;
  /** Whole seconds since the start. */
  uptimeSeconds = 0;
  /** The caller's time at the last input. */
  callerMs = 0;
  private restMs = 0;

  /** Starts at the caller's time, a uint32 in milliseconds. */
  start(callerMs: number): void {
    this.callerMs = callerMs >>> 0;
  }

  advance(callerMs: number): void {
    const step = (callerMs - this.callerMs) | 0;
    this.callerMs = callerMs >>> 0;
    if (step <= 0) return;
    this.nowMs = (this.nowMs + step) >>> 0;
    const restMs = this.restMs + step;
    const seconds = (restMs / 1000) >>> 0;
    this.uptimeSeconds = (this.uptimeSeconds + seconds) >>> 0;
    this.restMs = restMs - seconds * 1000;
  }

  isDue(deadline: number): boolean {
    return ((this.nowMs - deadline) | 0) >= 0;
  }

  /** A deadline of engine time in the caller's time, as uint32. */
  toCaller(deadline: number): number {
    return (this.callerMs + (deadline - this.nowMs)) >>> 0;
  }
}

/** The earlier of two deadlines. */
export function earlier(a: number, b: number): number {
  return ((a - b) | 0) <= 0 ? a : b;
}
