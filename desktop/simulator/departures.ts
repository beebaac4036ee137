import { split } from "./faults.js";
import type { SimNode } from "./node.js";
import { SEEDS, type ScenarioRun } from "./scenario.js";

/** A node leaves only if at least this many others stay. */
const STAYING_MIN = 4;
/** Rounds for which a node is away, in the longer cases until after it was forgotten. */
const AWAY_ROUNDS = [1, 4, 12, 30, 45, 60];
/** Rounds for which the network is split. In the longer cases each part forgets the nodes of the other. */
const SPLIT_ROUNDS = [4, 12, 30, 50];

/** The faults of a round: nodes leave, come, return late, and the network is split. */
export function departSome(run: ScenarioRun): void {
  switch (run.random.below(12)) {
    case 0: leaveSome(run); break;
    case 1: if (run.present.length < run.options.nodes + SEEDS) run.addNode(); break;
    case 2: withSome(run, (node) => goAway(run, node)); break;
    case 3: if (!run.isBoards) withSome(run, (node) => restoreLater(run, node)); break;
    case 4: splitForSome(run); break;
  }
}

function leaveSome(run: ScenarioRun): void {
  const saysGoodbye = run.random.below(2) === 0;
  withSome(run, (node) => {
    if (node.index >= SEEDS && run.network.running.length > STAYING_MIN) run.leave(node, saysGoodbye);
  });
}

/** Calls `act` for a random node at a random time of the round, if the node runs then. */
function withSome(run: ScenarioRun, act: (node: SimNode) => void): void {
  const node = run.random.pick(run.present);
  run.network.schedule(run.random.below(run.roundIntervalMs), () => {
    if (node.isRunning) act(node);
  });
}

/** The node comes back with its log, or with a wiped one. ESPGossip needs the revision in the storage. */
function goAway(run: ScenarioRun, node: SimNode): void {
  const keepStorage = run.isBoards || run.random.below(4) > 0;
  run.crash(node, { offMs: run.random.pick(AWAY_ROUNDS) * run.roundIntervalMs, keepStorage });
}

/** The node goes on for a while, then loses its power and comes back with its storage as it is now. */
function restoreLater(run: ScenarioRun, node: SimNode): void {
  const image = run.imageOf(node);
  const offMs = run.random.pick(AWAY_ROUNDS) * run.roundIntervalMs;
  run.network.schedule(run.random.between(1, 30) * run.roundIntervalMs, () => {
    if (node.isRunning && run.isEnduring) run.crash(node, { offMs, keepStorage: true, image });
  });
}

function splitForSome(run: ScenarioRun): void {
  const { network, random } = run;
  if (network.faults.cuts.length > 0) return;
  const nodes = random.shuffled(run.present);
  const size = random.between(1, nodes.length - 1);
  const cut = split(nodes.slice(0, size), nodes.slice(size));
  network.faults.cuts = [cut];
  network.schedule(random.pick(SPLIT_ROUNDS) * run.roundIntervalMs, () => {
    network.faults.cuts = network.faults.cuts.filter((other) => other !== cut);
  });
}
