/**
 * Something that is measured on many seeds. Each seed's sample depends on
 * nothing but the seed, so it may be taken in any process, in any order; a
 * sample is plain data.
 */
export interface Measurement<Sample = unknown> {
  /** As in `Figure.measurement`. */
  readonly name: string;
  /** How many seeds are run, from the first one on. With 0 it is left out of the small benchmark. */
  readonly seeds: { readonly full: number; readonly quick: number };
  /** Nodes of the largest network that it simulates. */
  readonly nodes: number;
  /** Measures the machine, so that nothing else may run at the same time. */
  readonly isAlone?: boolean;
  /** @param isQuick whether this is for the small benchmark, which may cut durations but not sizes */
  sample(seed: number, isQuick: boolean): Sample;
  /** The figures, by their full names, of the samples in the order of their seeds. */
  figures(samples: readonly Sample[]): Record<string, number>;
}

/** The value that so many of all are not above: 0.95 for the 95th percentile. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.slice().sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rounded to so many decimals. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
