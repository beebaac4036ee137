import type { Preferences } from "./credentials.js";

/** Why the board started, as chip.c numbers them. */
export const RESET_REASONS = Object.freeze(
  ["unknown", "power", "pin", "software", "crash", "watchdog", "sleep", "brownout"] as const,
);
export type ResetReason = typeof RESET_REASONS[number];

/** The value of an event with the topic "restart". */
export interface Restart {
  /** Of the board, or what the program gave before it restarted it: "rounds", "offline", "update", "command". */
  reason: string;
  /** Version of the program that runs now. */
  version: string;
  /** Seconds that the life before lasted; missing if it is not known, as after a power cut. */
  uptime?: number;
  /** Restarts since the last event, this one included; missing if it is 1. */
  times?: number;
}

const COUNT_KEY = "restarts";
const UNTOLD_KEY = "untold";
const WHY_KEY = "why";
/** As many restarts in a row have an event each; of more only the 8th, 16th, 32nd and so on. */
const TOLD_ONE_BY_ONE = 4;
/** A life of this length ends a row of restarts. */
const SETTLED_S = 3600;
const REASONS = Object.freeze(["rounds", "offline", "update", "rollback", "command"] as const);
/** Why the program itself restarts the board. */
export type ProgramReason = typeof REASONS[number];

/**
 * Decides which restarts become events, so that a boot loop fills no log: of n restarts in a row at most
 * 4 + log2(n / 4), where a row ends with a life of an hour. A start writes at most three preferences, a restart by
 * the program one.
 */
export class RestartLog {
  private readonly preferences: Preferences;
  private readonly domain: string;
  private isSettled = false;

  /** @param domain of the preferences, at most 15 characters */
  constructor(preferences: Preferences, domain: string) {
    this.preferences = preferences;
    this.domain = domain;
  }

  /**
   * To be called once a start.
   *
   * @param uptimeS seconds of the life before, if they are known
   * @returns the value of the event to publish; undefined if none is due. Waking from sleep is no restart
   */
  started(reason: ResetReason, version: string, uptimeS: number | undefined): Restart | undefined {
    const why = this.number(WHY_KEY);
    if (why > 0) this.preferences.delete(this.domain, WHY_KEY);
    if (reason === "sleep") return undefined;
    // Long lives end a row also where nothing could be written in them.
    const count = (uptimeS !== undefined && uptimeS >= SETTLED_S ? 0 : this.number(COUNT_KEY)) + 1;
    const times = this.number(UNTOLD_KEY) + 1;
    this.preferences.set(this.domain, COUNT_KEY, count);
    const isTold = count <= TOLD_ONE_BY_ONE || (count & (count - 1)) === 0;
    if (!isTold) {
      this.preferences.set(this.domain, UNTOLD_KEY, times);
      return undefined;
    }
    if (times > 1) this.preferences.delete(this.domain, UNTOLD_KEY);
    // What the program said counts only if the board did restart by its program.
    const isOwn = reason === "software" && why > 0 && why <= REASONS.length;
    const restart: Restart = { reason: isOwn ? REASONS[why - 1] : reason, version };
    if (uptimeS !== undefined) restart.uptime = uptimeS;
    if (times > 1) restart.times = times;
    return restart;
  }

  /** To be called now and then, with the seconds of this life: ends a row after an hour, by one write. */
  lives(uptimeS: number): void {
    if (this.isSettled || uptimeS < SETTLED_S) return;
    this.isSettled = true;
    if (this.number(COUNT_KEY) > 0) this.preferences.delete(this.domain, COUNT_KEY);
  }

  /** To be called before the program restarts the board. */
  restarting(why: ProgramReason): void {
    this.preferences.set(this.domain, WHY_KEY, REASONS.indexOf(why) + 1);
  }

  private number(key: string): number {
    const value = this.preferences.get(this.domain, key);
    return typeof value === "number" && value > 0 ? value : 0;
  }
}
