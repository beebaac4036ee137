/**
 * A deterministic simulated network for `Gossip` applications: virtual time,
 * faults drawn from a seed, and checkers that inspect the nodes from outside.
 *
 * @example
 * const network = new SimNetwork({ seed: 7, faults: { lossProbability: 0.1 } });
 * for (let i = 0; i < 8; i++) {
 *   network.addNode({
 *     options: { seedList: ["10.0.0.1"] },
 *     start(platform, storage) {
 *       const gossip = new Gossip({ ...platform, storage, onUpdate: (rows) => { … } });
 *       gossip.start();
 *       return gossip;
 *     },
 *   });
 * }
 * network.runFor(60000);
 * console.log(checkAgreement(network));
 */
export {
  type Violation, type MinMaxBelief, checkAgreement, checkDatagramBytes, checkErrors, checkMinMax, checkStatements,
  checkValues, minMaxOf, ownRow,
} from "./checkers.js";
export { SimRandom } from "./random.js";
export { type Cut, type Faults, type LinkEnd, type LinkFaults, noFaults, oneWay, split } from "./faults.js";
export { type Flight, type SimCounts, SimNetwork, type SimNetworkOptions } from "./network.js";
export { Topology } from "./topology.js";
export { MovingTopology, PlacedTopology } from "./moving-topology.js";
export { TOPOLOGY_SHAPES, type TopologyOptions, type TopologyShape, makeTopology } from "./topology-shapes.js";
export { SIM_DIALECTS, type SimDialect } from "./dialects.js";
export { MAILBOX_DATAGRAMS, type NodePlatform, SimNode, type SimNodeOptions, type TapEntry } from "./node.js";
export { SimSleeper, type SimSleeperOptions } from "./sleeper.js";
export type { SimMedia } from "./platform.js";
export type { SimEvent } from "./queue.js";
export { RADIO_FRAME_BYTES, type RadioCounts, type RadioOptions } from "./radio.js";
export { SCENARIOS, findScenario } from "./scenarios.js";
export {
  SCENARIO_DEFAULTS, type ScenarioOptions, type ScenarioResult, type ScenarioStep, type SleepFigures, type SoakStretch,
} from "./scenario-types.js";
export { runScenario } from "./run-scenario.js";
export { type Scenario, ScenarioRun } from "./scenario.js";
export {
  type RoundFigures, SIMULATE_DEFAULTS, type SimulateOptions, type SimulateResult, type StepFigures, simulate,
  simulateInSteps,
} from "./simulate.js";
