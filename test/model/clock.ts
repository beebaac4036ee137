import { type ModelEvent, isSameEvent } from "./event.js";
import type { Feed } from "./feed.js";
import type { ModelNode } from "./node.js";
import { latestOnly, startFeed } from "./own-feed.js";
import { DAY_MS, HOUR_MS, ROUND_MS, SINGLE_CLOCK_ROUNDS, STEP_BACK_ROUNDS } from "./times.js";

/** R11: a new event of a live author shows what that author's clock reads. */
export function noteClock(node: ModelNode, author: number, feed: Feed): void {
  const { now, plausibleMs, rules } = node.world;
  if (feed.tip === null || author === node.id || node.hasOwnTime() || !node.isUp(author)) return;
  const { event } = feed.tip;
  if (event.stampMs < plausibleMs) return;
  if (rules.adoptTime) {
    if (event.isFromClock || !rules.clockSources) {
      node.clockOffsets.set(author, event.stampMs - now * ROUND_MS);
    }
    return;
  }
  // What the engine does today: the first plausible stamp is the time, then none that is more than a day ahead.
  const heldMs = node.clockMs();
  if (node.adoptedOffsetMs !== null && (event.stampMs <= heldMs || event.stampMs > heldMs + DAY_MS)) return;
  node.adoptedOffsetMs = event.stampMs - now * ROUND_MS;
}

/** R11: a board without a clock takes, once a round, the time that two authors agree on, or that of the only one. */
export function adoptTime(node: ModelNode): void {
  if (!node.world.rules.adoptTime || node.hasOwnTime()) return;
  const offsetMs = agreedOffsetMs(node);
  if (offsetMs === null) return;
  const heldMs = node.adoptedOffsetMs;
  // Delays only make a clock look late, so a small step goes forward only.
  if (heldMs !== null && offsetMs <= heldMs && heldMs - offsetMs <= HOUR_MS) return;
  if (heldMs === null || Math.abs(offsetMs - heldMs) > HOUR_MS) node.world.counts.adoptedTimes++;
  node.adoptedOffsetMs = offsetMs;
}

/** The latest of the clocks that most live authors agree on, at least two; of two such groups, the earlier one. */
function agreedOffsetMs(node: ModelNode): number | null {
  const { now } = node.world;
  const usable = [...node.clockOffsets].filter(([author]) => node.isUp(author));
  if (usable.length === 1) {
    const [[author, offsetMs]] = usable;
    if (node.singleClock?.author !== author) node.singleClock = { author, since: now };
    return now - node.singleClock.since >= SINGLE_CLOCK_ROUNDS ? offsetMs : null;
  }
  node.singleClock = null;
  let best: number | null = null;
  let most = 1;
  for (const [, offsetMs] of usable) {
    const agreeing = usable.map(([, other]) => other).filter((other) => Math.abs(other - offsetMs) <= HOUR_MS);
    const latest = Math.max(...agreeing);
    if (agreeing.length < most || agreeing.length === 1) continue;
    if (agreeing.length === most && best !== null && best <= latest) continue;
    most = agreeing.length;
    best = latest;
  }
  return best;
}

/**
 * R11: when own stamps were more than a day ahead of the clock for some time, the
 * clock was wrong and is right again. All records from the future are stamped
 * anew, in their order, in a new generation. With `keepOrder` each event keeps the
 * stamp that is its identity and order, as a copy does.
 */
export function stepBack(node: ModelNode): void {
  const { counts, now, rules } = node.world;
  const own = node.ownFeed();
  const clockMs = node.clockMs();
  const tipMs = own === undefined ? 0 : own.tipStampMs;
  const isAhead = Math.max(node.hlcMs, tipMs) > clockMs + DAY_MS;
  if (!rules.stepBack || !isAhead || !node.knowsTime() || own?.hasHoles === true) {
    node.aheadSince = null;
    return;
  }
  node.aheadSince ??= now;
  if (now - node.aheadSince < STEP_BACK_ROUNDS) return;
  if (own === undefined || tipMs <= clockMs + DAY_MS) {
    node.hlcMs = Math.max(clockMs, tipMs);
    node.aheadSince = null;
    return;
  }
  if (!rules.keepOrder && othersAreBetween(node, own, clockMs)) return;
  node.aheadSince = null;
  node.hlcMs = clockMs;
  // Both are stamps from the future; what was dropped then can only come back as an event that is over.
  node.removedUpToMs = 0;
  node.birthMs = Infinity;
  counts.steppedBack++;
  const records = latestOnly(own.sequences().map((sequence) => own.records.get(sequence)!));
  startFeed(node, stampedAnew(node, records, clockMs), Math.max(own.generation, node.revision) + 1);
}

function stampedAnew(node: ModelNode, records: readonly ModelEvent[], clockMs: number): ModelEvent[] {
  let ms = clockMs;
  return records.map((event) => {
    if (event.stampMs <= clockMs) return event;
    ms++;
    const moved = { ...event, stampMs: ms, isFromClock: node.hasOwnTime() };
    if (!node.world.rules.keepOrder && event.author === node.id && event.kind !== "end") moveOrder(node, moved, ms);
    return moved;
  });
}

/** Without `keepOrder`: the event takes the new stamp as its order and identity, also for the checkers. */
function moveOrder(node: ModelNode, moved: ModelEvent, ms: number): void {
  const { world } = node;
  for (const { shown } of world.nodes) {
    for (const [name, event] of shown) if (isSameEvent(event, moved)) shown.set(name, { ...event, orderMs: ms });
  }
  const published = world.eventOf(moved);
  // Nodes share the object of the event as it was, so the checkers get one of their own.
  if (published !== undefined) world.events[world.events.indexOf(published)] = { ...published, orderMs: ms };
  moved.orderMs = ms;
}

/** As first specified: the own order may not change where another author's event of the name lies in between. */
function othersAreBetween(node: ModelNode, own: Feed, clockMs: number): boolean {
  for (const event of own.current().values()) {
    for (const feed of node.feeds.values()) {
      for (const other of feed.current().values()) {
        if (other.name !== event.name || other.author === node.id) continue;
        if (other.orderMs > clockMs && other.orderMs < event.orderMs) return true;
      }
    }
  }
  return false;
}
