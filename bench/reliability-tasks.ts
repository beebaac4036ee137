import {
  SIM_DIALECTS, type SimDialect, SCENARIOS, SCENARIO_DEFAULTS, ScenarioRun, findScenario, runScenario,
} from "../desktop/simulator/index.js";

/** One run of the simulator. */
export interface ReliabilityTask {
  fault: string;
  dialect: SimDialect;
  nodes: number;
  seed: number;
  /** Simulated days of a soak; 0 for a cell of the fault matrix. */
  days: number;
}

/** The result of a run. */
export interface ReliabilityOutcome extends ReliabilityTask {
  agreed: boolean;
  /** Rounds from the end of the faults until all nodes agreed; in a soak, of each stretch that agreed. */
  recoveryRounds: number[];
  /** How many times the nodes did not agree. */
  failures: number;
  falseDowns: number;
  falseDownsHealed: number;
  /** Of a cell: events that all nodes must hold in the end, and those that at least one node does not hold. */
  eventsWanted: number;
  eventsLost: number;
  /** Rounds of a soak. */
  rounds: number;
  /** The first violations, at most VIOLATIONS_MAX. */
  violations: string[];
  /** Bytes of the heap in use, of a soak: after the first stretch, and at the end. */
  heapBytes: number[];
}

export const NODES = [8, 50, 200] as const;
/** Rounds after the healing in which no running node may be held as DOWN. */
const CALM_ROUNDS = 16;
/** In a soak: bytes for the thousands of events that all nodes publish in some days. */
const SOAK_FEED_BYTES = 4194304;
/** In a soak: calm rounds after each healing, at most. */
const SOAK_CALM_ROUNDS_MAX = 100;
const ROUNDS_A_DAY = 8640;
const VIOLATIONS_MAX = 3;

/** The cells of the fault matrix. Small networks are run with more seeds, because they take less time. */
export function matrixTasks(firstSeed: number, isQuick: boolean): ReliabilityTask[] {
  const tasks: ReliabilityTask[] = [];
  for (const nodes of isQuick ? [NODES[0]] : NODES) {
    for (const dialect of SIM_DIALECTS) {
      for (const { name } of SCENARIOS) {
        for (let i = 0; i < (isQuick ? 1 : seedsFor(nodes)); i++) {
          tasks.push({ fault: name, dialect, nodes, seed: firstSeed + i, days: 0 });
        }
      }
    }
  }
  return tasks;
}

/** Number of runs for a cell of the matrix. */
export function seedsFor(nodes: number): number {
  return nodes <= 8 ? 10 : nodes <= 50 ? 4 : 1;
}

export function runTask(task: ReliabilityTask): ReliabilityOutcome {
  return task.days > 0 ? soak(task) : cell(task);
}

function cell(task: ReliabilityTask): ReliabilityOutcome {
  const scenario = findScenario(task.fault);
  if (scenario === undefined) throw new Error(`there is no fault ${task.fault}`);
  const { dialect, nodes, seed } = task;
  const options = { ...SCENARIO_DEFAULTS, dialect, nodes, seed, lastingRounds: CALM_ROUNDS };
  const { agreed, roundsToHeal, falseDowns, falseDownsHealed, eventsWanted, eventsLost, violations }
    = runScenario(scenario, options);
  return {
    ...task, agreed, falseDowns, falseDownsHealed, eventsWanted, eventsLost, rounds: 0, heapBytes: [],
    recoveryRounds: roundsToHeal === null ? [] : [roundsToHeal], failures: roundsToHeal === null ? 1 : 0,
    violations: violations.slice(0, VIOLATIONS_MAX).map(({ check, node, detail }) => `${check}, ${node}: ${detail}`),
  };
}

function soak(task: ReliabilityTask): ReliabilityOutcome {
  const scenario = findScenario("everything");
  if (scenario === undefined) throw new Error("there is no scenario everything");
  const { dialect, nodes, seed, days } = task;
  const run = new ScenarioRun(
    scenario, { ...SCENARIO_DEFAULTS, dialect, nodes, seed, feedBytes: SOAK_FEED_BYTES },
  );
  const outcome: ReliabilityOutcome = {
    ...task, agreed: true, recoveryRounds: [], failures: 0, falseDowns: 0, falseDownsHealed: 0, eventsWanted: 0,
    eventsLost: 0, rounds: 0, violations: [], heapBytes: [],
  };
  for (const stretch of run.soak(days * ROUNDS_A_DAY, SOAK_CALM_ROUNDS_MAX)) {
    if (stretch.roundsToHeal === null) outcome.failures++;
    else outcome.recoveryRounds.push(stretch.roundsToHeal);
    outcome.falseDowns += stretch.falseDowns;
    outcome.falseDownsHealed += stretch.falseDownsHealed;
    outcome.rounds = stretch.rounds;
    outcome.agreed &&= stretch.violations.length === 0;
    for (const { check, node, detail } of stretch.violations) {
      if (outcome.violations.length < VIOLATIONS_MAX) outcome.violations.push(`${check}, ${node}: ${detail}`);
    }
    noteHeap(outcome.heapBytes);
  }
  return outcome;
}

function noteHeap(heapBytes: number[]): void {
  globalThis.gc?.();
  heapBytes[heapBytes.length === 0 ? 0 : 1] = process.memoryUsage().heapUsed;
}
