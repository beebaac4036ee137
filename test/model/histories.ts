import { agreement, checkEnd } from "./checkers.js";
import { round } from "./exchange.js";
import { RESTARTS, type Restart, crash, destroy, restart } from "./faults.js";
import { ModelNode } from "./node.js";
import { canWithdraw, publish } from "./own-feed.js";
import type { Rules } from "./rules.js";
import { DOWN_ROUNDS, REPEAT_ROUNDS, UP_ROUNDS } from "./times.js";
import { World } from "./world.js";

/** A network that needs longer to come to rest does not converge. */
const SETTLE_ROUNDS_MAX = 400;
/** Clock errors in rounds: less than a day in the model's terms. */
const SKEWS = [0, 0, -61, -3600, 7, 61, 5000];
/** Mostly the log is intact. */
const MILD_RESTARTS: readonly Restart[] = ["log", "log", "log", "empty", "image", "tail", "middle"];
/** Rounds between two operations where nodes lose logs: so short that nobody is forgotten. */
const FAULTY_PAUSES = [0, 0, 1, 1, 2, 3, 5, 8, 8 + UP_ROUNDS];
const PAUSES = [
  0, 0, 0, 1, 1, 2, 4, 8, 8, 12, UP_ROUNDS + DOWN_ROUNDS + 6, UP_ROUNDS + 2 * DOWN_ROUNDS + 12,
];

/** What all operations of one history have in common. */
interface Profile {
  readonly names: readonly string[];
  readonly usesMerge: boolean;
  readonly usesTtl: boolean;
  /** Nodes lose their logs often, and are away for short times only. */
  readonly isFaulty: boolean;
}

/** One random history, checked. The seed decides all of it. */
export function history(seed: number, rules: Rules): World {
  const world = new World(seed, rules);
  const { random } = world;
  const profile = begin(world);
  const operations = 8 + random.below(30);
  rounds(world, 6);
  for (let left = operations; left > 0; left--) {
    operate(world, profile);
    rounds(world, random.pick(profile.isFaulty ? FAULTY_PAUSES : PAUSES));
  }
  world.partition = null;
  for (const node of world.nodes) if (!node.isAlive) returnOrLeave(node);
  if (world.live().length === 0) return world;
  settle(world);
  checkEnd(world);
  return world;
}

function begin(world: World): Profile {
  const { random } = world;
  const count = 3 + random.below(3);
  for (let id = 0; id < count; id++) world.nodes.push(new ModelNode(world, id));
  const usesMerge = random.percent(50);
  const isSmall = random.percent(35);
  const room = isSmall ? (usesMerge ? 3 * count + 2 : 6) + random.below(8) : Infinity;
  world.isRoomy = !isSmall;
  const isMixed = isSmall && random.below(2) === 0;
  for (const node of world.nodes) {
    node.room = isMixed && random.below(2) !== 0 ? random.pick([room + 8, Infinity]) : room;
  }
  const isFaulty = random.percent(35);
  const isSkewed = random.percent(40);
  if (isSkewed) for (const node of world.nodes) node.skewRounds = random.pick(SKEWS);
  return {
    names: isSmall ? ["a", "b", "c", "d", "+m"] : ["a", "b", "+m"],
    usesMerge,
    usesTtl: !isSkewed && random.percent(30),
    isFaulty,
  };
}

export function rounds(world: World, count: number): void {
  for (let left = count; left > 0; left--) round(world);
}

function operate(world: World, profile: Profile): void {
  const { random } = world;
  const live = world.live();
  const off = world.nodes.filter((node) => !node.isAlive && !node.isGone);
  const { isFaulty } = profile;
  const what = random.below(100);
  if (what < (isFaulty ? 46 : 62) && live.length > 0) {
    publishSomething(random.pick(live), profile);
  } else if (what < (isFaulty ? 62 : 70) && live.length > 1) {
    const node = random.pick(live);
    if (random.below(3) === 0) node.saveImage();
    else crash(node);
  } else if (what < (isFaulty ? 80 : 84) && off.length > 0) {
    const node = random.pick(off);
    restart(node, random.pick(isFaulty ? RESTARTS : MILD_RESTARTS));
    publishAtStart(node);
  } else if (what < (isFaulty ? 95 : 90)) {
    const isSplit = world.partition === null || (isFaulty && random.below(2) !== 0);
    world.partition = isSplit ? world.nodes.map(() => random.below(2)) : null;
  } else if (what < 94 && live.length > 0) {
    random.pick(live).saveImage();
  }
}

function publishSomething(node: ModelNode, { names, usesMerge, usesTtl, isFaulty }: Profile): void {
  const { random } = node.world;
  const name = random.pick(usesMerge ? names : names.slice(0, -1));
  const what = random.below(100);
  if (what < 50) publish(node, "set", name, usesTtl && random.percent(40) ? 20 + random.below(60) : 0);
  else if (what < (isFaulty ? 60 : 75)) publish(node, "removal", name);
  else if (what < 85 && canWithdraw(node, name)) publish(node, "end", name);
  else publish(node, "log");
}

/** Half of the nodes publish before they meet anybody. */
function publishAtStart(node: ModelNode): void {
  const { random } = node.world;
  if (random.below(2) === 0) return;
  if (random.below(2) !== 0) publish(node, "log");
  else publish(node, "set", "a");
}

/** A node that is off comes back with its log, or is off for good. */
export function returnOrLeave(node: ModelNode): void {
  if (node.world.random.below(2) !== 0) {
    restart(node, "log");
    return;
  }
  destroy(node.world, () => {
    node.isGone = true;
    node.log.links = [];
  });
}

/** Rounds until all nodes hold the same for longer than any rule waits. */
export function settle(world: World): void {
  const enough = REPEAT_ROUNDS + 4 * world.nodes.length + UP_ROUNDS + 2 * DOWN_ROUNDS + 6;
  let steady = 0;
  let last: string | null = null;
  let took = 0;
  for (; took < SETTLE_ROUNDS_MAX && steady < enough; took++) {
    round(world);
    const held = agreement(world);
    steady = held !== null && held === last ? steady + 1 : 0;
    last = held;
  }
  if (steady < REPEAT_ROUNDS) world.fail("convergence", `not the same everywhere after ${took} rounds`);
  world.settledRounds = took;
}
