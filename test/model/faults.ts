import { type ModelEvent, compareEvents, isSameEvent, slotOf } from "./event.js";
import { Feed } from "./feed.js";
import type { ModelNode } from "./node.js";
import { beginGeneration } from "./own-feed.js";
import { REVISION_MS } from "./times.js";
import type { World } from "./world.js";

/** What a node finds in its log at a start: all, nothing, an older image, a log without its end or with a gap. */
export const RESTARTS = ["log", "empty", "image", "tail", "middle"] as const;
export type Restart = typeof RESTARTS[number];

/** Whether a live feed, or a log of a node that may come back, has the event and nothing later in its slot. */
export function isHeld(world: World, event: ModelEvent): boolean {
  for (const node of world.nodes) {
    if (node.isAlive) {
      for (const feed of node.feeds.values()) {
        for (const held of feed.records.values()) {
          if (!isSameEvent(held, event) || held.kind !== event.kind) continue;
          if (event.kind === "log" || feed.isCurrent(held)) return true;
        }
      }
    }
    if (!node.isGone && isInLog(node, event)) return true;
  }
  return false;
}

function isInLog({ log: { links } }: ModelNode, event: ModelEvent): boolean {
  return links.some(({ event: logged }, at) => {
    if (!isSameEvent(logged, event) || logged.kind !== event.kind) return false;
    if (event.kind === "log") return true;
    const slot = slotOf(logged);
    return !links.some((other, later) => later > at && other.event.kind !== "log" && slotOf(other.event) === slot);
  });
}

/** Does what may destroy the last holder of an event. No checker demands that event any more, nor what it replaced. */
export function destroy(world: World, act: () => void): void {
  const held = world.events.filter((event) => !event.isExcused && isHeld(world, event));
  act();
  for (const event of held) {
    if (isHeld(world, event)) continue;
    event.isExcused = true;
    if (event.name === "") continue;
    for (const other of world.events) {
      if (other.name === "" || other.isExcused || other.author !== event.author) continue;
      if (slotOf(other) !== slotOf(event) || compareEvents(other, event) > 0 || isHeld(world, other)) continue;
      other.isExcused = true;
    }
  }
}

export function crash(node: ModelNode): void {
  destroy(node.world, () => {
    node.isAlive = false;
    node.feeds = new Map();
    node.due = [];
  });
}

export function restart(node: ModelNode, how: Restart): void {
  destroy(node.world, () => damageLog(node, how));
  boot(node);
}

function damageLog(node: ModelNode, how: Restart): void {
  const { log, world: { random } } = node;
  switch (how) {
    case "empty":
      node.log = { links: [], base: null };
      break;
    case "image":
      if (node.image !== null) node.log = { links: node.image.links.slice(), base: node.image.base };
      break;
    case "tail":
      log.links = log.links.slice(0, Math.max(0, log.links.length - 1 - random.below(2)));
      break;
    case "middle":
      if (log.links.length > 2) log.links.splice(1 + random.below(log.links.length - 2), 1);
      break;
    case "log":
  }
}

/** A start with what the log holds. */
function boot(node: ModelNode): void {
  const { world: { now, rules }, log } = node;
  node.loseMemory();
  node.revision++;
  // Higher than in all lives before.
  node.heartbeat = now * 1000;
  // R10: two lives without a clock share no stamps.
  node.hlcMs = rules.startAtRevision ? node.revision * REVISION_MS : 0;
  node.birthMs = Infinity;
  if (log.links.length === 0) return;
  const feed = readLog(node);
  node.feeds.set(node.id, feed);
  node.hlcMs = Math.max(node.hlcMs, feed.tipStampMs);
  if (feed.hasHoles && !rules.join) beginGeneration(node, [feed], feed.generation + 1);
}

/** The feed of the log's last generation. Without R8 it ends before the first missing sequence number. */
function readLog(node: ModelNode): Feed {
  const { log } = node;
  const { rules } = node.world;
  const generation = log.links.reduce((last, link) => Math.max(last, link.generation), 0);
  const feed = new Feed(generation);
  const base = log.base !== null && log.base.generation === generation ? log.base : null;
  let expected = base === null ? 1 : base.sequence + 1;
  let isDamaged = false;
  for (const link of log.links) {
    if (link.generation !== generation) continue;
    if (base !== null && link.sequence <= base.sequence) {
      feed.records.set(link.sequence, link.event);
      feed.sequence = Math.max(feed.sequence, link.sequence);
      continue;
    }
    if (link.sequence !== expected) {
      isDamaged = true;
      if (!rules.keepHoles) break;
      expected = link.sequence;
    }
    feed.records.set(link.sequence, link.event);
    feed.sequence = link.sequence;
    feed.tip = link;
    expected++;
  }
  if (feed.tip === null && base !== null) {
    feed.tip = base;
    feed.sequence = base.sequence;
  }
  feed.floor = base === null ? 1 : base.sequence + 1;
  feed.hasHoles = isDamaged && rules.keepHoles;
  if (isDamaged && !rules.keepHoles) {
    log.links = log.links.filter((link) => link.generation === generation && feed.records.has(link.sequence));
  }
  return feed;
}
