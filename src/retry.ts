/** Decides when a write to the storage that failed is tried again: at most once a round, not at each input. */
export class Retry {
  /** Whether the last try failed. */
  isFailing = false;
  private dueMs = 0;

  /** Whether the write may be tried now. */
  isDue(nowMs: number): boolean {
    return !this.isFailing || ((nowMs - this.dueMs) | 0) >= 0;
  }

  /** The write failed. Returns whether the application has to be notified: only the first time. */
  fail(nowMs: number, roundIntervalMs: number): boolean {
    const isFirst = !this.isFailing;
    this.isFailing = true;
    this.dueMs = (nowMs + roundIntervalMs) >>> 0;
    return isFirst;
  }

  /** The write succeeded. Returns whether the application has to be notified: only after failures. */
  succeed(): boolean {
    const wasFailing = this.isFailing;
    this.isFailing = false;
    return wasFailing;
  }
}
