import type { Modules } from "./adapter.js";

/** What is measured in two revisions. */
export interface Measure {
  readonly figures: readonly AgainstFigure[];
  readonly nodes: number;
  /** Samples; 0: left out of that run. */
  readonly seeds: { readonly full: number; readonly quick: number };
  /**
   * together: both revisions at the same time. in turn: it measures time, so the revisions take turns, each in a
   * process that stays. alone: the same, with a new process for each sample.
   */
  readonly way: "together" | "in turn" | "alone";
  /** A value for each figure. @param nth counted from 0 */
  sample(modules: Modules, seed: number, nth: number): number[];
}

export interface AgainstFigure {
  readonly name: string;
  readonly unit: string;
  /** What becomes of the samples' values. */
  readonly summary: "mean" | "median" | "p95" | "most";
  readonly decimals: number;
  /** Of another program: a constant, measured once beside revision 7b98a7c. */
  readonly peer?: { readonly name: string; readonly value: number };
}
