import type { Parameters } from "fast-check";

/**
 * Parameters of `fc.assert`. A failing property prints its seed; with that in
 * the environment variable CHISME_TEST_SEED it runs again as it did.
 */
export function propertyOptions<T>(numRuns: number): Parameters<T> {
  const seed = process.env.CHISME_TEST_SEED;
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) };
}
