import { type ModelEvent, compareEvents, isExpired, isSameEvent, slotOf } from "./event.js";
import { adoptTime, stepBack } from "./clock.js";
import { isHeld } from "./faults.js";
import type { Feed } from "./feed.js";
import type { ModelNode } from "./node.js";
import { beginGeneration, publishCopy, publishEnd } from "./own-feed.js";
import {
  CONSENT_ROUNDS, DOWN_ROUNDS, END_ROUNDS, EXPIRY_GRACE_MS, HOLE_ROUNDS, RANK_ROUNDS, REPEAT_ROUNDS, UP_ROUNDS,
} from "./times.js";
import { hiderOf, hidesAny, identityText } from "./view.js";

/** A node's periodic work: once a round. */
export function keep(node: ModelNode): void {
  const { rules } = node.world;
  adoptTime(node);
  stepBack(node);
  ageRows(node);
  copyDue(node);
  dropExpired(node);
  goOnWithHoles(node);
  const own = node.ownFeed();
  if (own !== undefined && node.hasMet && !own.hasHoles) endOwn(node, own);
  if (own !== undefined && node.hasMet && rules.endCopies) endCopiesOfOwn(node, own);
  if (rules.repeatRemovals) repeatRemovals(node);
}

function ageRows(node: ModelNode): void {
  const { now, rules } = node.world;
  for (const [id, row] of [...node.rows]) {
    const age = now - row.at;
    const feed = node.feeds.get(id);
    if (age > UP_ROUNDS + 2 * DOWN_ROUNDS) {
      node.rows.delete(id);
      if (feed !== undefined) forgetFeed(node, id, feed);
    } else if (age > UP_ROUNDS + DOWN_ROUNDS && !row.isRemoved) {
      row.isRemoved = true;
      if (rules.adopt && feed !== undefined) noteForAdoption(node, feed);
    } else if (age <= UP_ROUNDS) {
      row.isRemoved = false;
    }
  }
}

/** Log events go with their author, as today, and so do withdrawals (limit L1). */
function forgetFeed(node: ModelNode, author: number, feed: Feed): void {
  const { world } = node;
  node.feeds.delete(author);
  node.isDirty = true;
  for (const event of feed.records.values()) {
    if (event.kind === "end") {
      const withdrawal = world.eventOf(event);
      if (withdrawal !== undefined) withdrawal.isForgotten = true;
    } else if (event.kind === "log") {
      const published = world.events.find((other) => isSameEvent(other, event));
      if (published !== undefined && !isHeld(world, published)) published.isExcused = true;
    }
  }
}

/** R3: an author was removed, so its current events need an adopter. */
function noteForAdoption(node: ModelNode, feed: Feed): void {
  const at = node.world.now + node.rank() * RANK_ROUNDS;
  for (const event of feed.current().values()) if (event.kind !== "end") node.due.push({ event, at });
}

function copyDue(node: ModelNode): void {
  if (node.due.length === 0) return;
  const { now } = node.world;
  const rest = [];
  for (const due of node.due) {
    if (due.at > now) rest.push(due);
    else if (isWorthCopying(node, due.event)) publishCopy(node, due.event);
  }
  node.due = rest;
  node.isDirty = true;
}

/** R3: the event still counts, and no live feed has it, its end or a later event of its slot. */
function isWorthCopying(node: ModelNode, event: ModelEvent): boolean {
  if (isExpired(event, node.clockMs()) || hiderOf(node, event) !== null) return false;
  for (const [id, feed] of node.feeds) {
    if (!node.isUp(id)) continue;
    const held = feed.current().get(slotOf(event));
    if (held === undefined) continue;
    const order = compareEvents(held, event);
    if (held.kind === event.kind && order === 0) return false;
    if (id === event.author ? order >= 0 : held.kind !== "end" && order > 0) return false;
  }
  return true;
}

function dropExpired(node: ModelNode): void {
  for (const [author, feed] of node.feeds) {
    for (const [sequence, event] of feed.records) {
      if (sequence >= feed.floor || !isExpired(event, node.clockMs() - EXPIRY_GRACE_MS)) continue;
      feed.records.delete(sequence);
      feed.changed();
      if (author === node.id) node.removedUpToMs = Math.max(node.removedUpToMs, event.stampMs);
    }
  }
}

/** R8: nobody gave back what the log lacks, so the own feed goes on without it. */
function goOnWithHoles(node: ModelNode): void {
  const own = node.ownFeed();
  if (!node.hasMet || own === undefined || !own.hasHoles) return;
  if (++node.roundsWithHoles > HOLE_ROUNDS) beginGeneration(node, [own], own.generation + 1);
}

/** R1 and R4: ends of events in the own feed. */
function endOwn(node: ModelNode, own: Feed): void {
  const { now, rules } = node.world;
  for (const event of [...own.current().values()]) {
    if (event.kind === "end") continue;
    if (rules.endHidden && hiderOf(node, event) !== null) {
      const since = node.hiddenSince.get(event) ?? now;
      node.hiddenSince.set(event, since);
      if (now - since < END_ROUNDS) continue;
      node.hiddenSince.delete(event);
      publishEnd(node, event);
      continue;
    }
    node.hiddenSince.delete(event);
    if (event.isCopy && rules.endCopies) {
      if (node.endedElsewhere.delete(event) || isCopyNeedless(node, event)) publishEnd(node, event);
    }
  }
}

/** R4: the author is back with the event or a later one, or a live node of lower id has the same copy. */
function isCopyNeedless(node: ModelNode, copy: ModelEvent): boolean {
  const slot = slotOf(copy);
  const home = node.feeds.get(copy.author);
  const atHome = home !== undefined && node.isUp(copy.author) ? home.current().get(slot) : undefined;
  // A removal that still hides something was repeated on purpose (R5).
  const isNeeded = copy.kind === "removal" && hidesAny(node, copy);
  if (!isNeeded && atHome !== undefined && compareEvents(atHome, copy) >= 0) return true;
  for (const [id, feed] of node.feeds) {
    if (id >= node.id || !node.isUp(id)) continue;
    const other = feed.current().get(slot);
    if (other === undefined || other.kind === "end" || !isSameEvent(other, copy)) continue;
    if (!isNeeded || isAboveFloor(feed, other)) return true;
  }
  return false;
}

/** R4: others keep a copy of a set that this author ended, or that expired; its end may have been dropped since. */
function endCopiesOfOwn(node: ModelNode, own: Feed): void {
  for (const [id, feed] of node.feeds) {
    if (id === node.id || !node.isUp(id)) continue;
    for (const [slot, copy] of feed.current()) {
      if (!copy.isCopy || copy.kind !== "set" || copy.author !== node.id) continue;
      const held = own.current().get(slot);
      const isOver = held === undefined
        ? copy.orderMs <= node.removedUpToMs && copy.orderMs >= node.birthMs
        : held.kind === "set" && compareEvents(held, copy) > 0 && isExpired(held, node.clockMs());
      if (isOver) publishEnd(node, copy);
    }
  }
}

/** R5: a removal is repeated as a copy while it hides a set that is not ended; others may have dropped the removal. */
function repeatRemovals(node: ModelNode): void {
  const { counts, now } = node.world;
  const delay = RANK_ROUNDS * node.rank();
  const seen = new Set<string>();
  for (const [id, feed] of node.feeds) {
    if (node.isRemoved(id)) continue;
    for (const event of feed.current().values()) {
      if (event.kind !== "set") continue;
      const hider = hiderOf(node, event);
      if (hider === null || hider.kind !== "removal") continue;
      const place = `${id}:${slotOf(event)}`;
      seen.add(place);
      const since = node.removedSince.get(place) ?? now;
      node.removedSince.set(place, since);
      const waited = now - since - delay;
      if (waited < REPEAT_ROUNDS) continue;
      if (waited >= END_ROUNDS + CONSENT_ROUNDS && node.isUp(id) && !node.repeated.has(identityText(hider))) {
        // The author is UP and does not end its set: it does not hold the removal.
        node.repeated.add(identityText(hider));
      } else if (!isBelowFloor(node, hider) || hasLiveCopy(node, hider)) {
        continue;
      }
      counts.removalsRepeated++;
      publishCopy(node, hider);
    }
  }
  for (const place of [...node.removedSince.keys()]) if (!seen.has(place)) node.removedSince.delete(place);
}

function isBelowFloor(node: ModelNode, event: ModelEvent): boolean {
  for (const feed of node.feeds.values()) {
    for (const [sequence, other] of feed.records) if (other === event) return sequence < feed.floor;
  }
  return false;
}

function isAboveFloor(feed: Feed, event: ModelEvent): boolean {
  for (const [sequence, other] of feed.records) if (other === event && sequence >= feed.floor) return true;
  return false;
}

/** Whether the feed of a live node has the event above its floor. */
function hasLiveCopy(node: ModelNode, event: ModelEvent): boolean {
  for (const [id, feed] of node.feeds) {
    if (!node.isUp(id)) continue;
    for (const [sequence, other] of feed.records) {
      if (sequence < feed.floor || other.kind !== event.kind || !isSameEvent(other, event)) continue;
      if (feed.isCurrent(other)) return true;
    }
  }
  return false;
}
