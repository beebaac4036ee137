import type { Parameters } from "fast-check";

/** How much less a randomised test does in the fast run. */
const FAST_PART = 20;

/** Whether this is the fast run, by CHISME_FAST=1: the same tests with smaller counts, for use between edits. */
export const isFast = process.env.CHISME_FAST === "1";

/** Whether this is the slow run, by CHISME_SLOW=1: exhaustive. */
export const isSlow = process.env.CHISME_SLOW === "1";

/** How often an exhaustive or a randomised test repeats: `usual` in `npm test`, `fast` and `slow` in those runs. */
export function count(usual: number, fast: number, slow = usual): number {
  return isFast ? fast : isSlow ? slow : usual;
}

/**
 * Parameters of `fc.assert`. A failing property prints its seed; with that in
 * the environment variable CHISME_TEST_SEED it runs again as it did.
 * CHISME_TEST_RUNS has a number of runs in place of that of the test.
 *
 * @param numRuns of a full run; a fast run has a twentieth of them
 */
export function propertyOptions<T>(numRuns: number): Parameters<T> {
  const seed = process.env.CHISME_TEST_SEED;
  const wanted = process.env.CHISME_TEST_RUNS;
  const runs = wanted === undefined ? count(numRuns, Math.ceil(numRuns / FAST_PART)) : Number(wanted);
  return seed === undefined ? { numRuns: runs } : { numRuns: runs, seed: Number(seed) };
}
