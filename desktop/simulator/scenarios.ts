import { departSome } from "./departures.js";
import { oneWay, split } from "./faults.js";
import { SAFETY_ROUNDS } from "./scenario-times.js";
import type { Scenario, ScenarioRun } from "./scenario.js";

/** The scenarios by name. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "quiet", summary: "no faults" },
  {
    name: "loss",
    summary: "30 % of the datagrams are lost",
    begin: ({ network }) => { network.faults.lossProbability = 0.3; },
  },
  {
    name: "duplication",
    summary: "half of the datagrams arrive twice",
    begin: ({ network }) => {
      network.faults.duplicateProbability = 0.5;
      network.faults.delayMs.max = 1000;
    },
  },
  {
    name: "reordering",
    summary: "each datagram is delayed by up to half a round",
    begin: ({ network, roundIntervalMs }) => { network.faults.delayMs = { min: 1, max: roundIntervalMs / 2 }; },
  },
  {
    name: "latency",
    summary: "datagrams take 2 to 4 s, longer than the first probe timeout",
    begin: ({ network }) => { network.faults.delayMs = { min: 2000, max: 4000 }; },
  },
  {
    name: "corruption",
    summary: "5 % of the datagrams are corrupted, and no checksum detects it",
    begin: (run) => corrupt(run, 0.05),
  },
  {
    name: "partition",
    summary: "the network is split in two",
    begin: (run) => splitInTwo(run),
  },
  {
    name: "one-way",
    summary: "one half receives from the other, but not the reverse",
    begin: (run) => {
      const [first, second] = halves(run);
      run.network.faults.cuts = [oneWay(first, second)];
    },
  },
  {
    name: "partial",
    summary: "20 % of the links are cut, each direction separately",
    begin: (run) => cutPairs(run, 0.2),
  },
  {
    name: "restart",
    summary: "nodes crash and restart with their storage",
    beforeRound: (run) => crashSome(run, true),
  },
  {
    name: "torn-log",
    summary: "power is lost while nodes write to their logs; 10 % loss",
    isTearing: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
  },
  {
    name: "wipe",
    summary: "nodes crash and restart with their storage wiped",
    beforeRound: (run) => crashSome(run, false),
  },
  {
    name: "gaps",
    summary: "nodes discard events; two that keep all are cut off; 10 % loss",
    isForgetful: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
    beforeRound: (run, round) => cutKeepers(run, round),
  },
  {
    name: "torn-writes",
    summary: "nodes crash and lose power again while they write their revision",
    beforeRound: (run) => tearSome(run),
  },
  {
    name: "readdress",
    summary: "nodes get another address while they run",
    beforeRound: (run) => readdressSome(run),
  },
  {
    name: "move",
    summary: "nodes crash and restart at another address",
    beforeRound: (run) => crashSome(run, true, true),
  },
  {
    name: "stalls",
    summary: "nodes stall for up to three rounds while their mailboxes overflow",
    beforeRound: (run) => stallSome(run),
  },
  {
    name: "clock-jumps",
    summary: "clocks jump forward and back by up to two rounds",
    beforeRound: (run) => jumpSome(run),
  },
  {
    name: "skew",
    summary: "clocks run up to 2 % too fast or too slow",
    clockSkewPpm: 20000,
  },
  {
    name: "flood",
    summary: "strangers send 100 datagrams a round: noise, forgeries, replays",
    beforeRound: (run) => run.flood(100),
  },
  {
    name: "broadcast",
    summary: "no node has a seed list; 20 % loss",
    isSeedless: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.2; },
  },
  {
    name: "departures",
    summary: "authors leave for ever, some return, new nodes come; 10 % loss",
    isDeparting: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
    beforeRound: (run) => departSome(run),
  },
  {
    name: "sleep",
    summary: "devices sleep; nodes crash, batteries run empty; 10 % loss",
    sleepRounds: 6,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
    beforeRound: (run) => sleepSome(run),
  },
  {
    name: "everything",
    summary: "all of these faults, drawn from the seed",
    isTearing: true,
    begin: (run) => beginEverything(run),
    beforeRound: (run, round) => everything(run, round),
  },
];

export function findScenario(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}

function corrupt(run: ScenarioRun, probability: number): void {
  run.isCorrupting = true;
  run.network.faults.corruptProbability = probability;
  run.network.faults.udpChecksum = false;
}

type Nodes = ScenarioRun["nodes"];

/** All nodes in two random groups of at least one node. */
function halves(run: ScenarioRun): [Nodes, Nodes] {
  const nodes = run.random.shuffled(run.nodes);
  const size = run.random.between(1, nodes.length - 1);
  return [nodes.slice(0, size), nodes.slice(size)];
}

function splitInTwo(run: ScenarioRun): void {
  run.network.faults.cuts = [split(...halves(run))];
}

/** Cuts off the first node for a third of the rounds, then the second; in the last third other nodes crash. */
function cutKeepers(run: ScenarioRun, round: number): void {
  const third = Math.floor(SAFETY_ROUNDS / 3);
  const away = Math.floor(round / third);
  run.network.faults.cuts = away > 1 ? [] : [split([run.nodes[away]], run.nodes.filter(({ index }) => index !== away))];
  const others = run.nodes.slice(2);
  if (away > 1 && others.length > 0 && run.random.below(2) === 0) crashOf(run, run.random.pick(others), true);
}

/** Cuts each direction of each pair of nodes with a probability. */
function cutPairs(run: ScenarioRun, probability: number): void {
  const dead = new Set<number>();
  const { length } = run.nodes;
  for (let pair = 0; pair < length * length; pair++) if (run.random.chance(probability)) dead.add(pair);
  run.network.faults.cuts = [(from, to) => dead.has(from.index * length + to.index)];
}

function tearSome(run: ScenarioRun): void {
  if (run.random.below(2) === 0) return;
  const node = run.random.pick(run.nodes);
  const torn = run.random.pick(["old", "new", "nothing"] as const);
  const offMs = run.random.pick([0, 3]) * run.roundIntervalMs + run.random.below(run.roundIntervalMs);
  run.network.schedule(run.random.below(run.roundIntervalMs), () => {
    run.crash(node, { offMs, keepStorage: torn !== "nothing", torn });
  });
}

function readdressSome(run: ScenarioRun): void {
  if (run.random.below(2) === 0) return;
  const node = run.random.pick(run.seekers);
  run.network.schedule(run.random.below(run.roundIntervalMs), () => node.move(run.freshAddress()));
}

function crashSome(run: ScenarioRun, keepStorage: boolean, moves = false): void {
  if (run.random.below(2) === 0) return;
  crashOne(run, keepStorage, moves);
}

function crashOne(run: ScenarioRun, keepStorage: boolean, moves: boolean): void {
  // The nodes in the seed lists keep their addresses; otherwise no node could find the network.
  crashOf(run, run.random.pick(moves ? run.seekers : run.nodes), keepStorage, moves);
}

function crashOf(run: ScenarioRun, node: Nodes[number], keepStorage: boolean, moves = false): void {
  const afterMs = run.random.below(run.roundIntervalMs);
  const offMs = run.random.pick([0, 1, 3, 15]) * run.roundIntervalMs + run.random.below(run.roundIntervalMs);
  const how = { offMs, keepStorage, ...moves && { address: run.freshAddress() } };
  run.network.schedule(afterMs, () => run.crash(node, how));
}

/** Nodes crash, also those that devices wake up to, and devices lose their power with what they kept. */
function sleepSome(run: ScenarioRun): void {
  const { random, sleepers, roundIntervalMs } = run;
  crashSome(run, true);
  if (random.below(3) > 0) return;
  const index = random.below(run.nodes.length);
  const offMs = random.between(1, 12) * roundIntervalMs;
  run.network.schedule(random.below(roundIntervalMs), () => sleepers?.losePower(index, offMs));
}

function stallSome(run: ScenarioRun): void {
  for (let stalls = run.random.below(3); stalls > 0; stalls--) {
    const node = run.random.pick(run.nodes);
    const durationMs = run.random.between(1000, 3 * run.roundIntervalMs);
    run.network.schedule(run.random.below(run.roundIntervalMs), () => node.stall(durationMs));
  }
}

function jumpSome(run: ScenarioRun): void {
  for (let jumps = run.random.below(4); jumps > 0; jumps--) {
    const node = run.random.pick(run.nodes);
    const byMs = run.random.between(-2 * run.roundIntervalMs, 2 * run.roundIntervalMs);
    run.network.schedule(run.random.below(run.roundIntervalMs), () => node.jumpClock(byMs));
  }
}

function beginEverything(run: ScenarioRun): void {
  const { network, random, roundIntervalMs } = run;
  network.faults.lossProbability = random.real(0, 0.3);
  network.faults.duplicateProbability = random.real(0, 0.3);
  network.faults.delayMs = { min: 1, max: random.between(10, roundIntervalMs / 4) };
  // In one run of three: without corruption more can be checked.
  if (random.below(3) === 0) corrupt(run, random.real(0, 0.05));
}

function everything(run: ScenarioRun, round: number): void {
  const { random, network } = run;
  switch (random.below(12)) {
    case 0: crashOne(run, true, false); break;
    case 1: crashOne(run, false, false); break;
    case 2: crashOne(run, true, true); break;
    case 3: stallSome(run); break;
    case 4: jumpSome(run); break;
    case 5: splitInTwo(run); break;
    case 6: network.faults.cuts = [oneWay(...halves(run))]; break;
    case 7: network.faults.cuts = []; break;
    case 8: cutPairs(run, random.real(0, 0.3)); break;
    case 9: tearSome(run); break;
    case 10: readdressSome(run); break;
    case 11: run.flood(random.below(100)); break;
  }
  if (round === SAFETY_ROUNDS - 2) network.faults.cuts = [];
}
