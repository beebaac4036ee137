import type { Clock } from "../clock.js";
import type { Rows } from "../table/rows.js";
import { adoptAuthorClock } from "./author-clocks.js";
import type { Hlc } from "./hlc.js";

/**
 * A time passed. Once a round: a node without a clock takes the time on which others agree.
 * Returns whether the node has to step back (PROTOCOL 10.7): it knows the time, and its stamps were
 * more than a day ahead of it for 64 rounds. The stamps of its feed are never later than `hlc`.
 */
export function keepTime(words: Uint32Array, at: number, rows: Rows, hlc: Hlc, clock: Clock): boolean {
  if (!clock.isDue(words[at + DEADLINE])) return false;
  // Inputs may come a little before a round is over, so deadlines follow from each other.
  words[at + DEADLINE] += clock.roundIntervalMs;
  if (clock.isDue(words[at + DEADLINE])) words[at + DEADLINE] = clock.nowMs + clock.roundIntervalMs;
  adoptAuthorClock(words, at, rows, hlc);
  const isAhead = hlc.isFarAhead(clock.callerMs, hlc.ms);
  words[at + AHEAD_ROUNDS] = isAhead ? words[at + AHEAD_ROUNDS] + 1 : 0;
  return words[at + AHEAD_ROUNDS] > STEP_BACK_ROUNDS;
}

// Words of the table of `author-clocks.ts`.
/** Engine time of the next round. */
const DEADLINE = 14;
/** Rounds since which the stamps are more than a day ahead. */
const AHEAD_ROUNDS = 15;
/** A node steps back after this many rounds: its clock may be wrong now, and have been right before. */
const STEP_BACK_ROUNDS = 64;
