import type { ScenarioStep } from "./scenario-types.js";

export type Steps<Result = void> = Generator<ScenarioStep, Result, undefined>;

/** Runs all steps. */
export function resultOf<Result>(steps: Generator<unknown, Result, undefined>): Result {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
