import { compareEvents, eventText, isExpired, isSameEvent } from "./event.js";
import type { ModelNode } from "./node.js";
import { BLINK_ROUNDS } from "./times.js";
import { viewOf } from "./view.js";
import type { World } from "./world.js";

/** Checks each round that nothing a node has shown gives way to something older, or to nothing, for long. */
export function monitor(node: ModelNode): void {
  if (!node.isDirty) return;
  node.isDirty = false;
  const { world } = node;
  const atMs = node.clockMs();
  const { latest } = viewOf(node, atMs);
  for (const [name, before] of node.shown) {
    if (before.endMs !== Infinity) continue;
    const shown = latest.get(name);
    if (shown === undefined ? before.kind !== "set" : compareEvents(shown, before) >= 0) continue;
    // A later removal was forgotten for room since: nothing is the right answer.
    if (shown === undefined && world.events.some((event) => (
      event.name === name && event.kind === "removal" && compareEvents(event, before) > 0
    ))) continue;
    const since = node.lessSince.get(name) ?? world.now;
    node.lessSince.set(name, since);
    node.isDirty = true;
    if (since === world.now) world.counts.blinks++;
    if (world.now - since <= BLINK_ROUNDS) continue;
    const published = world.events.find((event) => isSameEvent(event, before));
    if (published === undefined || published.isExcused || published.isForgotten) continue;
    if (isBlurred(world, name, atMs)) continue;
    world.fail("undone", `node ${node.id} showed ${eventText(before)}, now ${eventText(shown)}`);
  }
  for (const name of [...node.lessSince.keys()]) {
    const shown = latest.get(name);
    const before = node.shown.get(name);
    if (before !== undefined && shown !== undefined && compareEvents(shown, before) >= 0) node.lessSince.delete(name);
  }
  for (const [name, shown] of latest) {
    const before = node.shown.get(name);
    if (before === undefined || compareEvents(shown, before) > 0 || before.endMs !== Infinity) {
      node.shown.set(name, shown);
    }
  }
}

/** Limit L5: an author replaced its value for ever by one with a time to live, and that time is over. */
export function isBlurred(world: World, name: string, atMs: number): boolean {
  return world.events.some((event) => event.name === name && isExpired(event, atMs) && world.events.some((earlier) => (
    earlier.name === name && earlier.author === event.author && earlier.endMs > event.endMs &&
    compareEvents(earlier, event) < 0
  )));
}
