const FIRST_MS = 1000;
const LAST_MS = 30000;

/** Pauses between repeats: 1 s, then doubled, up to 30 s. */
export class Backoff {
  private nextMs = FIRST_MS;

  /** Whether something failed and has not succeeded since. */
  get isFailing(): boolean { return this.nextMs !== FIRST_MS; }

  /** Something failed. @returns how long to wait now, in ms */
  failed(): number {
    const pauseMs = this.nextMs;
    this.nextMs = Math.min(this.nextMs * 2, LAST_MS);
    return pauseMs;
  }

  /** Something succeeded. @returns whether it had failed before */
  succeeded(): boolean {
    const wasFailing = this.isFailing;
    this.nextMs = FIRST_MS;
    return wasFailing;
  }
}

/** Something to wait for, with a time limit; each call of `wake` ends all waits at that moment. */
export class Alarm {
  private readonly sleepers = new Set<() => void>();

  wake(): void {
    for (const sleeper of this.sleepers) sleeper();
  }

  /** @param ms undefined: without a limit */
  wait(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.sleepers.delete(end);
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(end, ms);
      this.sleepers.add(end);
    });
  }
}
