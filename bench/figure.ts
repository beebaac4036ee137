/** A figure of the benchmark. */
export interface Figure {
  /** Its key in the JSON object. */
  readonly name: string;
  readonly unit: string;
  /** Name of the measurement that yields the figure. */
  readonly measurement: string;
  readonly bound?: Bound;
  /** It depends on the machine as much as on chisme, so a missed bound does not make the command fail. */
  readonly isOfMachine?: boolean;
  /** What the figure is, in one line: the last column of docs/BENCHMARKS.md. */
  readonly about: string;
}

export interface Bound {
  readonly atMost?: number;
  readonly atLeast?: number;
}
