import { SCENARIOS, SCENARIO_DEFAULTS, SimNetwork, runScenario } from "../desktop/simulator/index.js";
import { type Measurement, rounded } from "./measurement.js";
import { ROUND_MS } from "./network.js";

const NODES = 20;
const LOSS = 0.1;
const DAY_ROUNDS = 8640;
/** Half an hour, with `--quick`. */
const QUICK_ROUNDS = 180;
const WARM_UP_ROUNDS = 12;
const QUICK_SCENARIOS = new Set(["quiet", "loss", "partition", "restart"]);

interface Matrix {
  failures: number;
  eventsLost: number;
  falseDowns: number;
}

/** The fault matrix over ESP-NOW: 20 nodes that have nothing else; 10 % of all transmissions are lost beside it. */
export const linkMatrix: Measurement<Matrix> = {
  name: "link.matrix",
  seeds: { full: 3, quick: 1 },
  nodes: NODES,
  sample(seed, isQuick) {
    const sum: Matrix = { failures: 0, eventsLost: 0, falseDowns: 0 };
    for (const scenario of SCENARIOS) {
      if (isQuick && !QUICK_SCENARIOS.has(scenario.name)) continue;
      const result = runScenario(scenario, {
        ...SCENARIO_DEFAULTS, seed, nodes: NODES, radio: { lossProbability: LOSS },
      });
      if (!result.agreed) sum.failures++;
      sum.eventsLost += result.eventsLost;
      sum.falseDowns += result.falseDownsHealed;
    }
    return sum;
  },
  figures: (samples) => ({
    "link.failures.n20loss10": samples.reduce((sum, { failures }) => sum + failures, 0),
    "link.eventsLost.n20loss10": samples.reduce((sum, { eventsLost }) => sum + eventsLost, 0),
    "link.falseDownHealed.n20loss10": samples.reduce((sum, { falseDowns }) => sum + falseDowns, 0),
  }),
};

interface Day {
  downs: number;
  suspects: number;
  largestBytes: number;
  /** Of the time that passed. */
  airtimeShare: number;
  retriesShare: number;
}

/** A day of the same network without other faults. */
export const linkDay: Measurement<Day> = {
  name: "link.day",
  seeds: { full: 3, quick: 1 },
  nodes: NODES,
  sample(seed, isQuick) {
    const sim = new SimNetwork({ seed, radio: { lossProbability: LOSS } });
    const day: Day = { downs: 0, suspects: 0, largestBytes: 0, airtimeShare: 0, retriesShare: 0 };
    for (let i = 0; i < NODES; i++) {
      sim.addNode({
        options: {
          onState: ({ state }) => {
            if (state === "down") day.downs++;
            if (state === "suspect") day.suspects++;
          },
        },
        startAfterMs: i * 200,
      });
    }
    sim.runFor(WARM_UP_ROUNDS * ROUND_MS);
    for (const node of sim.nodes) node.push(node.index);
    const rounds = isQuick ? QUICK_ROUNDS : DAY_ROUNDS;
    const { counts } = sim.radio!;
    const { airtimeMs, frames, retries } = counts;
    sim.runFor(rounds * ROUND_MS);
    day.largestBytes = counts.largestBytes;
    day.airtimeShare = (counts.airtimeMs - airtimeMs) / (rounds * ROUND_MS);
    day.retriesShare = (counts.retries - retries) / (counts.frames - frames);
    return day;
  },
  figures: (samples) => ({
    "link.falseDown.n20loss10h24": samples.reduce((sum, { downs }) => sum + downs, 0),
    "link.suspicions.n20loss10h24": samples.reduce((sum, { suspects }) => sum + suspects, 0),
    "link.largestFrameBytes": Math.max(...samples.map(({ largestBytes }) => largestBytes)),
    "link.airtimePercent.n20loss10": rounded(100 * Math.max(...samples.map(({ airtimeShare }) => airtimeShare)), 3),
    "link.retriesPercent.n20loss10": rounded(100 * Math.max(...samples.map(({ retriesShare }) => retriesShare)), 1),
  }),
};
