/**
 * Engine time and the length of a round. Engine time is uint32 milliseconds: it
 * wraps every 49.7 days and never runs backwards. The caller's clock may run
 * backwards; such a step counts as no time. Two engine times can be compared
 * when they are less than 24.8 days apart.
 */
export class Clock {
  /** Engine time of the current input. */
  nowMs = 0;
  /** Whole seconds since the start. */
  uptimeSeconds = 0;
  /** The caller's time at the last input. */
  callerMs = 0;
  readonly roundIntervalMs: number;
  private restMs = 0;

  constructor(roundIntervalMs: number) {
    this.roundIntervalMs = roundIntervalMs;
  }

  /** Starts at the caller's time, a uint32 in milliseconds. */
  start(callerMs: number): void {
    this.callerMs = callerMs >>> 0;
  }

  /** Advances engine time to the caller's time, a uint32 in milliseconds. */
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

  /** Whether a deadline in engine time has passed. */
  isDue(deadline: number): boolean {
    return ((this.nowMs - deadline) | 0) >= 0;
  }

  /** Converts a deadline from engine time to the caller's time, a uint32. */
  toCaller(deadline: number): number {
    return (this.callerMs + (deadline - this.nowMs)) >>> 0;
  }
}

/** The earlier of two deadlines. */
export function earlier(a: number, b: number): number {
  return ((a - b) | 0) <= 0 ? a : b;
}
