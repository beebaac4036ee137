import { type ModelEvent, compareEvents, isExpired, isSameEvent } from "./event.js";
import type { Feed } from "./feed.js";
import type { ModelNode } from "./node.js";
import { EXPIRY_GRACE_MS } from "./times.js";
import { hidesAny } from "./view.js";

interface Candidate {
  readonly feed: Feed;
  readonly author: number;
  readonly sequence: number;
  readonly event: ModelEvent;
}

/**
 * Drops records until the rest has room (R5): first logs, superseded events and ends, of the author with most of
 * them; then removals that hide nothing held, oldest first. Values are never dropped.
 */
export function makeRoom(node: ModelNode): void {
  if (node.room === Infinity) return;
  while (node.recordCount() > node.room) {
    const spare = firstSpare(node);
    if (spare !== null) {
      forget(node, spare);
      continue;
    }
    const removal = oldestIdleRemoval(node);
    if (removal === null) {
      node.world.isFull = true;
      return;
    }
    node.world.counts.removalsForgotten++;
    forget(node, removal);
  }
}

/** Whether room is kept for the record whatever happens, or at least until all others are dropped. */
function isKept(node: ModelNode, feed: Feed, event: ModelEvent): boolean {
  if (event.kind !== "set" && !(event.kind === "removal" && node.world.rules.keepRemovals)) return false;
  return !isExpired(event, node.clockMs() - EXPIRY_GRACE_MS) && feed.isCurrent(event);
}

function firstSpare(node: ModelNode): Candidate | null {
  let best: Candidate | null = null;
  let most = 0;
  for (const [author, feed] of node.feeds) {
    let count = 0;
    let first = Infinity;
    for (const [sequence, event] of feed.records) {
      if (isKept(node, feed, event)) continue;
      count++;
      first = Math.min(first, sequence);
    }
    if (count <= most) continue;
    most = count;
    best = { feed, author, sequence: first, event: feed.records.get(first)! };
  }
  return best;
}

function oldestIdleRemoval(node: ModelNode): Candidate | null {
  let best: Candidate | null = null;
  for (const [author, feed] of node.feeds) {
    for (const [sequence, event] of feed.records) {
      if (event.kind !== "removal" || !feed.isCurrent(event) || hidesAny(node, event)) continue;
      if (best === null || compareEvents(event, best.event) < 0) best = { feed, author, sequence, event };
    }
  }
  return best;
}

function forget(node: ModelNode, { feed, author, sequence, event }: Candidate): void {
  const { world } = node;
  if (event.kind === "removal") {
    for (const published of world.events) if (isSameEvent(published, event)) published.isForgotten = true;
  }
  feed.drop(sequence);
  if (author !== node.id) return;
  node.removedUpToMs = Math.max(node.removedUpToMs, event.stampMs);
  if (event.kind === "end") {
    const withdrawal = world.eventOf(event);
    if (withdrawal !== undefined) withdrawal.isForgotten = true;
  }
}
