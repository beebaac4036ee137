import assert from "node:assert/strict";
import {
  SCENARIOS, SCENARIO_DEFAULTS, type Scenario, type ScenarioOptions, findScenario, runScenario, split,
} from "../../../desktop/simulator/index.js";
import type { CborValue } from "../../../src/gossip.js";
import { count } from "../../support/random.js";

const SEEDS = [1, 2, 3, 4].slice(0, count(4, 1));

function options(seed: number, nodes = count(SCENARIO_DEFAULTS.nodes, 8)): ScenarioOptions {
  return { ...SCENARIO_DEFAULTS, nodes, seed };
}

function named(name: string): Scenario {
  const scenario = findScenario(name);
  assert.ok(scenario !== undefined);
  return scenario;
}

describe("scenarios", () => {
  for (const scenario of SCENARIOS) {
    it(`${scenario.name}: ${scenario.summary}`, () => {
      for (const seed of SEEDS) {
        const { agreed, violations, roundsToHeal } = runScenario(scenario, options(seed, 6 + 3 * seed));
        assert.deepEqual(violations, [], `seed ${seed}`);
        assert.ok(agreed && roundsToHeal !== null);
      }
    });
  }

  it("each scenario has its own name", () => {
    const names = SCENARIOS.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names);
  });

  it("the nodes do not agree while a fault continues", () => {
    const stubborn: Scenario = {
      name: "stubborn",
      summary: "a cut that no healing removes",
      begin: ({ network, nodes }) => {
        const cut = split(nodes.slice(0, 4), nodes.slice(4));
        Object.defineProperty(network.faults, "cuts", { get: () => [cut], set: () => undefined });
      },
    };
    const result = runScenario(stubborn, options(1));
    assert.equal(result.agreed, false);
    assert.equal(result.roundsToHeal, null);
    assert.ok(result.violations.some(({ check }) => check === "agreement"));
  });

  it("a run reports what is thrown, and by which node", () => {
    const result = runScenario({
      name: "throwing",
      summary: "a node throws",
      begin: ({ network, nodes }) => network.schedule(1, () => nodes[0].push((() => 1) as unknown as CborValue)),
    }, options(1));
    assert.equal(result.agreed, false);
    assert.equal(result.violations[0].check, "exception");
    assert.match(result.violations[0].detail, /^TypeError: push: value: /);
  });

  it("equal seeds give equal runs, and other seeds give others", () => {
    const run = (seed: number): string => JSON.stringify(runScenario(named("everything"), options(seed)));
    assert.equal(run(5), run(5));
    assert.notEqual(run(5), run(6));
  });

  it("a run has the faults that were given", () => {
    const count = (name: string): ReturnType<typeof runScenario> => runScenario(named(name), options(1));
    assert.ok(count("loss").counts.lost > 0);
    assert.ok(count("duplication").counts.duplicated > 0);
    assert.ok(count("corruption").counts.corrupted > 0);
    assert.ok(count("partition").counts.cut > 0);
    assert.ok(count("one-way").counts.cut > 0);
    assert.ok(count("restart").restarts > 0);
    assert.ok(count("wipe").restarts > 0);
    assert.ok(count("move").restarts > 0);
    assert.ok(count("stalls").counts.mailboxOverflows > 0);
  });
});
