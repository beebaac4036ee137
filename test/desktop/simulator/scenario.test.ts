import assert from "node:assert/strict";
import {
  SCENARIOS, SCENARIO_DEFAULTS, type Scenario, type ScenarioOptions, ScenarioRun, findScenario, runScenario, split,
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

describe("scenarios", function () {
  this.timeout(120000);

  for (const scenario of SCENARIOS) {
    it(`${scenario.name}: ${scenario.summary}`, () => {
      for (const seed of SEEDS) {
        const { agreed, violations, roundsToHeal } = runScenario(scenario, options(seed, 6 + 3 * seed));
        assert.deepEqual(violations, [], `seed ${seed}`);
        assert.ok(agreed && roundsToHeal !== null);
      }
    });
  }

  // The table of its last node was full of nodes that strangers had invented, and its only neighbour had moved.
  it("a node that hears nobody looks for others by broadcast, though it takes its neighbour for live", () => {
    for (const seed of [3, 79]) {
      const { violations } = runScenario(named("everything"), { ...options(seed, 12), topology: { shape: "line" } });
      assert.deepEqual(violations, [], `seed ${seed}`);
    }
  });

  for (const shape of ["line", "grid", "star", "cells", "radio"] as const) {
    it(`scenarios heal in a topology: ${shape}`, () => {
      const names = [
        "quiet", "loss", "duplication", "reordering", "latency", "partition", "one-way", "partial", "torn-log",
        "readdress", "stalls", "clock-jumps", "skew", "flood", "restart", "torn-writes", "everything",
      ];
      for (const name of names) {
        for (const seed of SEEDS.slice(0, count(1, 1, 2))) {
          const { violations } = runScenario(named(name), { ...options(seed, 12), topology: { shape } });
          assert.deepEqual(violations, [], `${name}, seed ${seed}`);
        }
      }
    });
  }

  it("networks heal in which only nodes far from an author hold its events, or neighbours moved at once", () => {
    const runs = [
      ["wipe", "line", 1], ["wipe", "line", 8], ["torn-writes", "star", 7],
      ["move", "line", 4], ["move", "line", 12], ["move", "radio", 4],
    ] as const;
    for (const [name, shape, seed] of runs) {
      const { violations } = runScenario(named(name), { ...options(seed, 12), topology: { shape } });
      assert.deepEqual(violations, [], `${name}, ${shape}, seed ${seed}`);
    }
  });

  it("a run in a topology counts the datagrams to nodes out of reach; most go to nodes in reach", () => {
    const { counts } = runScenario(named("quiet"), { ...options(1), topology: { shape: "grid" } });
    assert.ok(counts.outOfReach > 0 && counts.outOfReach < counts.datagrams / 2, JSON.stringify(counts));
  });

  it("scenarios run in networks of 2 to 5 nodes", () => {
    for (const nodes of [2, 3, 4, 5]) {
      for (const name of ["gaps", "readdress", "move", "wipe", "everything"]) {
        for (const seed of SEEDS.slice(0, count(1, 1, 2))) {
          assert.deepEqual(runScenario(named(name), options(seed, nodes)).violations, [], `${name}, seed ${seed}`);
        }
      }
    }
  });

  it("a node may begin at revision 0 again after all that knew its revision have crashed", () => {
    const result = runScenario(named("everything"), options(2, 3));
    assert.deepEqual(result.violations, []);
  });

  it("devices that sleep come through faults, and their energy is in the result", () => {
    const { violations, sleep } = runScenario(named("sleep"), { ...options(4, 8), dialect: "sealed" });
    assert.deepEqual(violations, []);
    assert.ok(sleep !== undefined);
    assert.equal(sleep.sleepers, 8);
    assert.ok(sleep.wakings > 8 * 4 && sleep.powerLosses > 0);
    assert.ok(sleep.longestWakingMs < 2100, `${sleep.longestWakingMs} ms`);
    assert.ok(sleep.radioSecondsPerDay > 0 && sleep.bytesPerDay > 0);
    assert.equal(runScenario(named("quiet"), options(4, 8)).sleep, undefined);
  });

  it("a device that sleeps and that nobody hears breaks a rule", () => {
    const deaf: Scenario = {
      name: "deaf",
      summary: "what devices that sleep send is lost",
      sleepRounds: 6,
      begin: ({ network }) => {
        const cut = split(network.nodes.filter(({ sleeps }) => sleeps), network.nodes.filter(({ sleeps }) => !sleeps));
        Object.defineProperty(network.faults, "cuts", { get: () => [cut], set: () => undefined });
      },
    };
    const { violations, sleep } = runScenario(deaf, options(1, 6));
    assert.ok(sleep !== undefined && sleep.unheard > 0);
    assert.ok(violations.some(({ check, detail }) => check === "sleepers" && detail.includes("is held as down")));
  });

  it("a run tells after each round where it is", () => {
    const run = new ScenarioRun(named("restart"), options(1, 6));
    const phases: string[] = [];
    const steps = run.run();
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) {
      const { phase, round, rounds } = step.value;
      assert.ok(round >= 1 && round <= rounds, `${phase}: ${round} of ${rounds}`);
      if (round === 1) phases.push(phase);
    }
    assert.deepEqual(phases.slice(0, 3), ["warm-up", "faults", "healing"]);
    assert.equal(step.value.agreed, true);
  });

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
