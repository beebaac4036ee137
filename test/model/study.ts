import type { Rules } from "./rules.js";
import { type Counts, type ViolationKind, type World, noCounts } from "./world.js";

/** What the checkers found in some histories. */
export interface Study {
  /** Histories with a verdict. */
  histories: number;
  /** Histories that ended without a verdict: a node had no room left for values (limit L8). */
  outOfRoom: number;
  events: number;
  /** Histories with a violation. */
  violated: number;
  /** Histories with a violation of each kind. */
  readonly kinds: Partial<Record<ViolationKind, number>>;
  /** The first violation of each kind, with its seed. */
  readonly firsts: Partial<Record<ViolationKind, string>>;
  readonly counts: Counts;
  settledRoundsMax: number;
}

/** Runs histories of the seeds from `seed` on, until `histories` of them ran or `isEnough` says so. */
export function study(
  run: (seed: number, rules: Rules) => World, histories: number, seed: number, rules: Rules,
  isEnough: (soFar: Study) => boolean = () => false,
): Study {
  const result: Study = {
    histories: 0, outOfRoom: 0, events: 0, violated: 0, kinds: {}, firsts: {}, counts: noCounts(), settledRoundsMax: 0,
  };
  for (let at = 0; at < histories && !isEnough(result); at++) add(result, run(seed + at, rules), seed + at);
  return result;
}

function add(result: Study, world: World, seed: number): void {
  if (world.isFull) {
    result.outOfRoom++;
    return;
  }
  result.histories++;
  result.events += world.events.length;
  result.settledRoundsMax = Math.max(result.settledRoundsMax, world.settledRounds);
  for (const name of Object.keys(result.counts) as (keyof Counts)[]) result.counts[name] += world.counts[name];
  if (world.violations.length === 0) return;
  result.violated++;
  for (const kind of new Set(world.violations.map((violation) => violation.kind))) {
    result.kinds[kind] = (result.kinds[kind] ?? 0) + 1;
    result.firsts[kind] ??= `seed ${seed}: ${world.violations.find((violation) => violation.kind === kind)!.text}`;
  }
}
