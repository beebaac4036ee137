import type { Clock } from "../clock.js";
import type { Rows } from "./rows.js";

/**
 * Seconds until a node that sleeps is back, by its word, rounded up; 0 if that time is over. Each node tells others
 * what is left of the word, so that nobody waits anew.
 */
export function backSeconds(rows: Rows, slot: number): number {
  const clock: Clock | undefined = rows.clock;
  if (clock === undefined) return 0;
  // The deadline has a round for delays behind the word.
  const leftMs = (rows.deadline(slot) - clock.roundIntervalMs - clock.nowMs) | 0;
  return leftMs <= 0 ? 0 : Math.ceil(leftMs / 1000);
}
