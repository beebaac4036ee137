import { checkEnd, checkViews } from "./checkers.js";
import { crash, restart } from "./faults.js";
import { returnOrLeave, rounds, settle } from "./histories.js";
import { ModelNode } from "./node.js";
import { publish } from "./own-feed.js";
import type { Rules } from "./rules.js";
import { DOWN_ROUNDS, UP_ROUNDS } from "./times.js";
import { World } from "./world.js";

const ROOM_PAUSES = [0, 0, 1, 2, 4, 8, 12, 20, UP_ROUNDS + DOWN_ROUNDS + 6, UP_ROUNDS + 2 * DOWN_ROUNDS + 12];

/** Nodes with little and with much room, many removals, and authors that are away: what R2 and R5 are for. */
export function roomHistory(seed: number, rules: Rules): World {
  const world = new World(seed, rules);
  const { random } = world;
  addNodes(world);
  world.isRoomy = false;
  const room = 8 + random.below(4);
  for (const node of world.nodes) node.room = random.pick([room, room, room + 8, Infinity]);
  const names = ["a", "b", "c", "d", "e"];
  rounds(world, 6);
  for (let left = 15 + random.below(20); left > 0; left--) {
    const live = world.live();
    const what = random.below(100);
    if (what < 65) {
      const node = random.pick(live);
      const kind = random.below(100);
      if (kind < 40) publish(node, "set", random.pick(names));
      else if (kind < 85) publish(node, "removal", random.pick(names));
      else publish(node, "log");
    } else if (what < 85) {
      const off = world.nodes.filter((node) => !node.isAlive);
      if (off.length > 0) restart(random.pick(off), random.pick(["log", "log", "image"]));
      else if (random.below(3) === 0) random.pick(live).saveImage();
      else if (live.length > 2) crash(random.pick(live));
    } else {
      world.partition = world.partition === null ? world.nodes.map(() => random.below(2)) : null;
    }
    rounds(world, random.pick(ROOM_PAUSES));
  }
  return finish(world);
}

/** Authors go on from an old log in another part of the network and leave: what forks of authors that are away are. */
export function forkHistory(seed: number, rules: Rules): World {
  const world = new World(seed, rules);
  const { random } = world;
  addNodes(world);
  rounds(world, 6);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const author = random.pick(world.nodes);
    if (!author.isAlive) restart(author, "log");
    publishSome(author);
    rounds(world, 8);
    author.saveImage();
    const sides = world.nodes.map(() => random.below(2));
    world.partition = sides;
    publishSome(author);
    rounds(world, random.below(8));
    crash(author);
    sides[author.id] = 1 - sides[author.id];
    restart(author, random.pick(["image", "image", "tail", "empty"]));
    publishSome(author);
    rounds(world, random.below(8));
    crash(author);
    world.partition = null;
    // The author is DOWN but not REMOVE: nobody adopts its events yet.
    rounds(world, 4 * UP_ROUNDS);
    checkViews(world);
    rounds(world, random.pick([0, 0, UP_ROUNDS + DOWN_ROUNDS]));
  }
  return finish(world);
}

function addNodes(world: World): void {
  const count = 3 + world.random.below(3);
  for (let id = 0; id < count; id++) world.nodes.push(new ModelNode(world, id));
}

function publishSome(node: ModelNode): void {
  const { random } = node.world;
  for (let left = 1 + random.below(3); left > 0; left--) {
    const what = random.below(10);
    if (what < 5) publish(node, "set", random.pick(["a", "b", "+m"]));
    else if (what < 7) publish(node, "removal", random.pick(["a", "b", "+m"]));
    else publish(node, "log");
  }
}

function finish(world: World): World {
  world.partition = null;
  for (const node of world.nodes) if (!node.isAlive) returnOrLeave(node);
  if (world.live().length === 0) return world;
  settle(world);
  checkEnd(world);
  return world;
}
