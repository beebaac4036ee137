/** The rules that can be switched off, each with its number in docs/EVENTS-DESIGN.md. */
export const RULES = {
  endHidden: "R1",
  keepRemovals: "R2",
  adopt: "R3",
  endCopies: "R4",
  repeatRemovals: "R5",
  consent: "R6",
  adoptForks: "R6",
  join: "R7",
  keepHoles: "R8",
  holdBack: "R9",
  stampAfterName: "R10",
  startAtRevision: "R10",
  stepBack: "R11",
  keepOrder: "R11",
  adoptTime: "R11",
  clockSources: "R11",
} as const;

export type RuleName = keyof typeof RULES;
export type Rules = Readonly<Record<RuleName, boolean>>;

export const RULE_NAMES = Object.keys(RULES) as RuleName[];

export function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(RULES, name);
}

/** All rules, without those of `off`. */
export function rulesWithout(off: readonly RuleName[] = []): Rules {
  return Object.fromEntries(RULE_NAMES.map((name) => [name, !off.includes(name)])) as Record<RuleName, boolean>;
}
