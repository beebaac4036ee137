const DELAY_MS = 10000;
const DELAY_MS_MAX = 640000;

/** When a failed write to the storage is tried again: after 10 s, then after twice the delay before, up to 640 s. */
export class Retry {
  private dueMs = 0;
  private delayMs = 0;

  /** A write has failed for the first time. */
  constructor(nowMs: number) {
    this.postpone(nowMs);
  }

  /** Whether the write may be tried now. */
  isDue(nowMs: number): boolean {
    return ((nowMs - this.dueMs) | 0) >= 0;
  }

  /** The write failed again. */
  postpone(nowMs: number): void {
    this.delayMs = this.delayMs === 0 ? DELAY_MS : Math.min(2 * this.delayMs, DELAY_MS_MAX);
    this.dueMs = (nowMs + this.delayMs) >>> 0;
  }
}
