import { clockHistory } from "./clock-histories.js";
import { history } from "./histories.js";
import type { Rules } from "./rules.js";
import { forkHistory, roomHistory } from "./strained-histories.js";
import type { World } from "./world.js";

/** Kinds of random histories. Each has operations, then rest, then the checks of its end. */
export const FAMILIES = {
  /** All operations and faults, in small and large nodes, with clocks that are wrong by hours at most. */
  general: history,
  /** Little room, many removals, authors that are away. */
  room: roomHistory,
  /** Authors that begin two branches and leave. */
  forks: forkHistory,
  /** Clocks that are wrong by years and are put right; boards without a clock. */
  clocks: clockHistory,
} satisfies Record<string, (seed: number, rules: Rules) => World>;

export type FamilyName = keyof typeof FAMILIES;

export const FAMILY_NAMES = Object.keys(FAMILIES) as FamilyName[];

export function isFamilyName(name: string): name is FamilyName {
  return Object.hasOwn(FAMILIES, name);
}
