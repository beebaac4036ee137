/**
 * A measurement on many seeds. A sample depends only on its seed, so samples may be
 * taken in any process and in any order. A sample is plain data.
 */
export interface Measurement<Sample = unknown> {
  /** The name that `Figure.measurement` refers to. */
  readonly name: string;
  /** Number of seeds, from the first one on. With `quick: 0` it is left out of the small benchmark. */
  readonly seeds: { readonly full: number; readonly quick: number };
  /** Nodes of the largest simulated network. */
  readonly nodes: number;
  /** Whether it measures the machine's speed, so that no other sample may be taken at the same time. */
  readonly isAlone?: boolean;
  /** @param isQuick whether this is for the small benchmark, which may cut durations but not sizes */
  sample(seed: number, isQuick: boolean): Sample;
  /** Computes the figures, by full name, from the samples in the order of their seeds. */
  figures(samples: readonly Sample[]): Record<string, number>;
}

/** The smallest value that this part of all values does not exceed: 0.95 for the 95th percentile. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.slice().sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rounds to a number of decimals. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
