import { checkBoardClocks, checkDates, checkEnd, checkIdentities } from "./checkers.js";
import { type Restart, crash, restart } from "./faults.js";
import { returnOrLeave, rounds, settle } from "./histories.js";
import { ModelNode } from "./node.js";
import { publish } from "./own-feed.js";
import type { Rules } from "./rules.js";
import { DOWN_ROUNDS, SINGLE_CLOCK_ROUNDS, STEP_BACK_ROUNDS, UP_ROUNDS } from "./times.js";
import { World } from "./world.js";

const YEAR_ROUNDS = 365 * 8640;
const YEAR_MS = YEAR_ROUNDS * 1000;
/** 2026 and 2020 in years of 365 days. */
const EPOCH_MS = 56 * YEAR_MS;
const PLAUSIBLE_MS = 50 * YEAR_MS;
/** By how much a clock is wrong, in years. At -30 it shows that it was never set. */
const WRONG_YEARS = [9, 9, 1, 3, -4, -30];
const NAMES = ["a", "b", "+m"];
const PAUSES = [0, 0, 1, 2, 4, 8, 12, 20, 30, UP_ROUNDS + DOWN_ROUNDS + 6, UP_ROUNDS + 2 * DOWN_ROUNDS + 12];

const CLOCK_RESTARTS: readonly Restart[] = ["log", "log", "log", "image", "image", "empty", "middle"];

/** One random history in which clocks are wrong by years and are put right, and boards have no clock; checked. */
export function clockHistory(seed: number, rules: Rules): World {
  const world = new World(seed, rules);
  const { random } = world;
  world.epochMs = EPOCH_MS;
  world.plausibleMs = PLAUSIBLE_MS;
  const count = 3 + random.below(3);
  const room = random.percent(25) ? 8 + 2 * count + random.below(10) : Infinity;
  world.isRoomy = room === Infinity;
  for (let id = 0; id < count; id++) {
    const node = new ModelNode(world, id);
    node.hasClock = id === 0 || random.percent(60);
    node.room = room;
    world.nodes.push(node);
  }
  rounds(world, 6);
  for (let left = 8 + random.below(25); left > 0; left--) {
    operate(world);
    rounds(world, random.pick(PAUSES));
  }
  world.partition = null;
  for (const node of world.nodes) {
    node.skewRounds = 0;
    if (!node.isAlive) returnOrLeave(node);
  }
  if (world.live().length === 0) return world;
  checkRecovery(world);
  settle(world);
  checkEnd(world);
  checkIdentities(world);
  return world;
}

function operate(world: World): void {
  const { random } = world;
  const live = world.live();
  const off = world.nodes.filter((node) => !node.isAlive);
  const what = random.below(100);
  if (what < 50 && live.length > 0) {
    publishSomething(random.pick(live));
  } else if (what < 58 && live.length > 1) {
    crash(random.pick(live));
  } else if (what < 72 && off.length > 0) {
    const node = random.pick(off);
    // A clock without a battery begins at the same date each time.
    if (random.percent(20)) node.skewRounds = YEAR_ROUNDS * random.pick(WRONG_YEARS);
    restart(node, random.pick(CLOCK_RESTARTS));
    if (random.below(2) !== 0) publishSomething(node);
  } else if (what < 75 && live.length > 0) {
    random.pick(live).saveImage();
  } else if (what < 82) {
    world.partition = world.partition === null ? world.nodes.map(() => random.below(2)) : null;
  } else {
    const node = random.pick(world.nodes);
    node.skewRounds = node.skewRounds === 0 ? YEAR_ROUNDS * random.pick(WRONG_YEARS) : 0;
  }
}

function publishSomething(node: ModelNode): void {
  const { random } = node.world;
  const what = random.below(100);
  if (what < 55) publish(node, "set", random.pick(NAMES));
  else if (what < 70) publish(node, "removal", random.pick(NAMES));
  else publish(node, "log");
}

/** All clocks are right again. Fresh events show the time; then new stamps must be right, and writes must win. */
function checkRecovery(world: World): void {
  const wait = SINGLE_CLOCK_ROUNDS + STEP_BACK_ROUNDS + 3 * UP_ROUNDS;
  rounds(world, wait);
  for (let waves = 2; waves > 0; waves--) {
    for (const node of world.live()) publish(node, "log");
    rounds(world, wait);
  }
  checkBoardClocks(world);
  checkDates(world, () => {
    for (const node of world.live()) {
      publish(node, "log");
      publish(node, "set", `new${node.id}`);
      publish(node, "set", "a");
    }
  });
  for (const node of world.live()) {
    rounds(world, 3 * UP_ROUNDS);
    publish(node, world.random.below(4) === 0 ? "removal" : "set", world.random.pick(NAMES));
  }
}
