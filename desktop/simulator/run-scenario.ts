import type { ScenarioOptions, ScenarioResult } from "./scenario-types.js";
import { type Scenario, ScenarioRun } from "./scenario.js";
import { resultOf } from "./steps.js";

/** Runs a scenario: warm-up, safety phase with faults while values are pushed, healing phase. */
export function runScenario(scenario: Scenario, options: ScenarioOptions): ScenarioResult {
  return resultOf(new ScenarioRun(scenario, options).run());
}
