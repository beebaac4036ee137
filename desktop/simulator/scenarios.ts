import { oneWay, split } from "./faults.js";
import { SAFETY_ROUNDS, SEEDS, type Scenario, type ScenarioRun } from "./scenario.js";

/** The scenarios by name. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "quiet", summary: "no faults at all", },
  {
    name: "loss",
    summary: "30 % of the datagrams are lost",
    begin: ({ network }) => { network.faults.lossProbability = 0.3; },
  },
  {
    name: "duplication",
    summary: "half of the datagrams come twice",
    begin: ({ network }) => {
      network.faults.duplicateProbability = 0.5;
      network.faults.delayMs.max = 1000;
    },
  },
  {
    name: "reordering",
    summary: "datagrams take up to half a round, each on its own",
    begin: ({ network, roundIntervalMs }) => { network.faults.delayMs = { min: 1, max: roundIntervalMs / 2 }; },
  },
  {
    name: "latency",
    summary: "datagrams take 2 to 4 s, longer than an answer is waited for at first",
    begin: ({ network }) => { network.faults.delayMs = { min: 2000, max: 4000 }; },
  },
  {
    name: "corruption",
    summary: "5 % of the datagrams are damaged on the way, and no checksum finds it",
    begin: (run) => corrupt(run, 0.05),
  },
  {
    name: "partition",
    summary: "the network is split in two",
    begin: (run) => splitInTwo(run),
  },
  {
    name: "one-way",
    summary: "one half hears the other, but not the other way round",
    begin: (run) => {
      const [first, second] = halves(run);
      run.network.faults.cuts = [oneWay(first, second)];
    },
  },
  {
    name: "partial",
    summary: "of all pairs of nodes one in five can't reach the other, in one direction or both",
    begin: (run) => cutPairs(run, 0.2),
  },
  {
    name: "restart",
    summary: "nodes crash and start again with their storage",
    beforeRound: (run) => crashSome(run, true),
  },
  {
    name: "torn-log",
    summary: "power is lost while nodes write events to their logs, and 10 % of the datagrams are",
    isTearing: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
  },
  {
    name: "wipe",
    summary: "nodes crash and start again with their storage wiped",
    beforeRound: (run) => crashSome(run, false),
  },
  {
    name: "gaps",
    summary: "boards forget events, two nodes that keep all are cut off in turn, and 10 % of the datagrams are lost",
    isForgetful: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.1; },
    beforeRound: (run, round) => cutKeepers(run, round),
  },
  {
    name: "torn-writes",
    summary: "nodes crash, and lose power again while they write their revision",
    beforeRound: (run) => tearSome(run),
  },
  {
    name: "readdress",
    summary: "nodes get another address while they run",
    beforeRound: (run) => readdressSome(run),
  },
  {
    name: "move",
    summary: "nodes crash and start again at another address",
    beforeRound: (run) => crashSome(run, true, true),
  },
  {
    name: "stalls",
    summary: "nodes stand still for up to three rounds while their mailboxes overflow",
    beforeRound: (run) => stallSome(run),
  },
  {
    name: "clock-jumps",
    summary: "clocks jump ahead and back by up to two rounds",
    beforeRound: (run) => jumpSome(run),
  },
  {
    name: "skew",
    summary: "clocks are fast or slow by up to 2 %",
    clockSkewPpm: 20000,
  },
  {
    name: "flood",
    summary: "strangers send 100 datagrams a round: noise, invented nodes, what they heard",
    beforeRound: (run) => run.flood(100),
  },
  {
    name: "broadcast",
    summary: "nobody has a seed list, and 20 % of the datagrams are lost",
    isSeedless: true,
    begin: ({ network }) => { network.faults.lossProbability = 0.2; },
  },
  {
    name: "everything",
    summary: "all of these, drawn from the seed",
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

/** All nodes in two groups, each of which has one at least. */
function halves(run: ScenarioRun): [Nodes, Nodes] {
  const nodes = run.random.shuffled(run.nodes);
  const size = run.random.between(1, nodes.length - 1);
  return [nodes.slice(0, size), nodes.slice(size)];
}

function splitInTwo(run: ScenarioRun): void {
  run.network.faults.cuts = [split(...halves(run))];
}

/** Of the first two nodes each is away for a third of the time, one after the other, and then some others crash. */
function cutKeepers(run: ScenarioRun, round: number): void {
  const third = Math.floor(SAFETY_ROUNDS / 3);
  const away = Math.floor(round / third);
  run.network.faults.cuts = away > 1 ? [] : [split([run.nodes[away]], run.nodes.filter(({ index }) => index !== away))];
  if (away > 1 && run.random.below(2) === 0) crashOf(run, run.random.pick(run.nodes.slice(2)), true);
}

/** Each direction of each pair on its own. */
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
  const node = run.random.pick(run.nodes.slice(SEEDS));
  run.network.schedule(run.random.below(run.roundIntervalMs), () => node.move(run.freshAddress()));
}

function crashSome(run: ScenarioRun, keepStorage: boolean, moves = false): void {
  if (run.random.below(2) === 0) return;
  crashOne(run, keepStorage, moves);
}

function crashOne(run: ScenarioRun, keepStorage: boolean, moves: boolean): void {
  // Those in the seed lists keep their addresses: nobody could find the network otherwise.
  crashOf(run, run.random.pick(moves ? run.nodes.slice(SEEDS) : run.nodes), keepStorage, moves);
}

function crashOf(run: ScenarioRun, node: Nodes[number], keepStorage: boolean, moves = false): void {
  const afterMs = run.random.below(run.roundIntervalMs);
  const offMs = run.random.pick([0, 1, 3, 15]) * run.roundIntervalMs + run.random.below(run.roundIntervalMs);
  const how = { offMs, keepStorage, ...moves && { address: run.freshAddress() } };
  run.network.schedule(afterMs, () => run.crash(node, how));
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
  // Only at times: where nothing is corrupted, more can be checked.
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
