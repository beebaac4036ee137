import type { Clock } from "../engine/clock.js";

/** Writes that peers may cause without a pause. */
const WRITES_MAX = 8;
/** Rounds after which they may cause one more. */
const WRITE_ROUNDS = 64;

/**
 * Limits the writes to the log that peers cause: whoever speaks for another node could otherwise wear out its flash.
 * What waits is not lost, as peers hold it.
 */
export class WriteBudget {
  private readonly clock: Clock;
  /** Uptime in seconds from which WRITES_MAX writes are free again. */
  private freeAt = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether one more write is allowed now. */
  isLeft(): boolean {
    return this.owed() <= this.pause() * (WRITES_MAX - 1);
  }

  /** Counts a write. */
  take(): void {
    this.freeAt = this.clock.uptimeSeconds + this.owed() + this.pause();
  }

  private owed(): number {
    const uptime = this.clock.uptimeSeconds;
    return this.freeAt > uptime ? this.freeAt - uptime : 0;
  }

  private pause(): number {
    return Math.ceil((this.clock.roundIntervalMs * WRITE_ROUNDS) / 1000);
  }
}
