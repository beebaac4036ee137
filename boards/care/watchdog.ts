import type { Preferences } from "./credentials.js";

const KEY = "watchdog";
/** The wait doubles with each restart, up to 64 times as long. */
const DOUBLINGS_MAX = 6;

export interface WatchdogOptions {
  preferences: Preferences;
  domain: string;
  /** A number that changes in each round of a node that works, such as `gossip.stats().datagramsSent`. */
  progress: () => number;
  /** Whether the board has an address. */
  isOnline: () => boolean;
  /** Restarts the board. @param why "rounds": the node stands still; "offline": the network cannot be joined */
  restart: (why: "rounds" | "offline") => void;
  /** How long the node may stand still while the board is online, in ms: best 20 rounds or more. */
  standstillMs: number;
  /** How long the board may be offline, in ms. Best above 10 minutes, as an access point restarts, too. */
  offlineMs: number;
}

/**
 * Restarts a board whose node stands still, or which cannot join its network. Restarts in a row are rarer and rarer:
 * each doubles the waits, up to 64 times as long, and a restart writes one preference. Once the board was online with
 * progress for `offlineMs`, the waits are as at first, which writes another one.
 *
 * Call `check` once a minute or so, with the clock's ms. It sees nothing of a program that hangs: that is the
 * business of the chip's own watchdog (docs/CARE.md).
 */
export class Watchdog {
  private readonly options: WatchdogOptions;
  private doublings: number;
  private lastProgress = -1;
  private progressMs = 0;
  private onlineMs = 0;
  private offlineMs = 0;
  private isStarted = false;

  constructor(options: WatchdogOptions) {
    this.options = options;
    const stored = options.preferences.get(options.domain, KEY);
    this.doublings = typeof stored === "number" ? Math.min(Math.max(stored | 0, 0), DOUBLINGS_MAX) : 0;
  }

  check(nowMs: number): void {
    const { options } = this;
    if (!this.isStarted) {
      this.isStarted = true;
      this.progressMs = this.onlineMs = this.offlineMs = nowMs;
    }
    const factor = 1 << this.doublings;
    const progress = options.progress();
    if (!options.isOnline()) {
      this.progressMs = this.offlineMs = nowMs;
      if (since(nowMs, this.onlineMs) >= options.offlineMs * factor) this.restart("offline", nowMs);
      return;
    }
    this.onlineMs = nowMs;
    if (progress !== this.lastProgress) {
      this.lastProgress = progress;
      this.progressMs = nowMs;
      if (this.doublings > 0 && since(nowMs, this.offlineMs) >= options.offlineMs) this.store(0);
    } else if (since(nowMs, this.progressMs) >= options.standstillMs * factor) {
      this.restart("rounds", nowMs);
    }
  }

  private restart(why: "rounds" | "offline", nowMs: number): void {
    // A restart that fails waits as long again.
    this.progressMs = this.onlineMs = this.offlineMs = nowMs;
    if (this.doublings < DOUBLINGS_MAX) this.store(this.doublings + 1);
    this.options.restart(why);
  }

  private store(doublings: number): void {
    this.doublings = doublings;
    try {
      if (doublings === 0) this.options.preferences.delete(this.options.domain, KEY);
      else this.options.preferences.set(this.options.domain, KEY, doublings);
    } catch {
      // Without flash the waits are as at first after each restart.
    }
  }
}

/** Clocks wrap at 2^32 ms. */
function since(nowMs: number, thenMs: number): number {
  return (nowMs - thenMs) >>> 0;
}
