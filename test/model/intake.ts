import { type ModelEvent, compareEvents, slotOf } from "./event.js";
import { noteClock } from "./clock.js";
import { isHeld } from "./faults.js";
import { Feed, isPrefix } from "./feed.js";
import type { ModelNode } from "./node.js";
import { beginGeneration, isSameRecord, ownFeedReceived } from "./own-feed.js";
import { makeRoom } from "./room.js";
import { CONSENT_ROUNDS, DAY_MS } from "./times.js";

/** Takes a feed from a peer: what the node lacks of the same chain, else all of it. Returns the feed held before. */
export function takeFeed(node: ModelNode, author: number, from: Feed): Feed | undefined {
  const old = node.feeds.get(author);
  const goesOn = old !== undefined && old.sequence > 0 && old.generation === from.generation &&
    isPrefix(old.tip, from.tip);
  const feed = goesOn ? old : new Feed(from.generation);
  if (!goesOn) node.feeds.set(author, feed);
  if (from.floor <= feed.sequence + 1) {
    for (const [sequence, event] of from.records) if (sequence > feed.sequence) feed.records.set(sequence, event);
    if (!goesOn && from.floor > 1) feed.floor = from.floor;
  } else {
    takeSnapshot(feed, from);
  }
  feed.tip = from.tip;
  feed.sequence = from.sequence;
  feed.generation = from.generation;
  feed.changed();
  if (author === node.id) feed.hasHoles = false;
  else if (!node.isFarAhead(from.tipStampMs)) node.hlcMs = Math.max(node.hlcMs, from.tipStampMs);
  node.isDirty = true;
  noteEndsOfCopies(node, author, feed);
  if (old !== undefined && old.sequence > 0) noteClock(node, author, feed);
  makeRoom(node);
  return old;
}

/** The giver's current records, then its batch. */
function takeSnapshot(feed: Feed, from: Feed): void {
  const current = new Set(from.current().values());
  for (const [sequence, event] of [...feed.records]) if (!current.has(event)) feed.records.delete(sequence);
  for (const [sequence, event] of from.records) {
    if (sequence >= from.floor || current.has(event)) feed.records.set(sequence, event);
  }
  feed.floor = from.floor;
}

/** Notes ends of what this node copied: makeRoom may drop such an end at once (R4). */
function noteEndsOfCopies(node: ModelNode, author: number, feed: Feed): void {
  const own = node.ownFeed();
  if (own === undefined || author === node.id) return;
  for (const event of feed.records.values()) {
    if (event.kind !== "end" || event.isCopy) continue;
    const copy = own.current().get(slotOf(event));
    if (copy !== undefined && copy.isCopy && copy.kind !== "end" && compareEvents(event, copy) >= 0) {
      node.endedElsewhere.add(copy);
    }
  }
}

/** The author `node` meets a peer that holds something of its feed (R7). */
export function receiveOwn(node: ModelNode, peer: ModelNode): void {
  const theirs = peer.feeds.get(node.id);
  if (theirs === undefined || theirs.sequence === 0) return;
  const own = node.ownFeed();
  if (own === undefined || (own.sequence === 0 && !own.hasHoles)) {
    takeFeed(node, node.id, theirs);
    node.revision = Math.max(node.revision, theirs.generation);
    ownFeedReceived(node);
    return;
  }
  if (own.tip === theirs.tip && !own.hasHoles) return;
  if (!node.world.rules.join) {
    supersede(node, own, theirs);
    return;
  }
  if (!own.hasHoles) {
    if (isPrefix(theirs.tip, own.tip)) return;
    if (isPrefix(own.tip, theirs.tip)) {
      takeFeed(node, node.id, theirs);
      ownFeedReceived(node);
      return;
    }
    if (theirs.generation < own.generation && node.joined.some((end) => isPrefix(theirs.tip, end))) return;
  }
  joinBranch(node, own, theirs);
}

/** What the engine does today in place of R7: a branch that the log does not lead to is replaced. */
function supersede(node: ModelNode, own: Feed, theirs: Feed): void {
  if (isPrefix(theirs.tip, own.tip)) return;
  if (node.isStarted && isPrefix(own.tip, theirs.tip)) {
    takeFeed(node, node.id, theirs);
    ownFeedReceived(node);
  } else if (theirs.generation >= own.generation) {
    beginGeneration(node, [own], Math.max(theirs.generation, own.generation, node.revision) + 1);
  }
}

/** R7: the union of both branches becomes a new generation, unless theirs has nothing new. */
function joinBranch(node: ModelNode, own: Feed, theirs: Feed): void {
  const added = new Feed(theirs.generation);
  for (const [sequence, event] of theirs.records) if (isNewToOwn(node, own, event)) added.records.set(sequence, event);
  const { tip } = theirs;
  if (added.records.size > 0 || theirs.generation >= own.generation || own.hasHoles) {
    node.world.counts.joined++;
    beginGeneration(node, [own, added], Math.max(theirs.generation, own.generation, node.revision) + 1);
  }
  if (tip !== null) node.joined.push(tip);
}

function isNewToOwn(node: ModelNode, own: Feed, event: ModelEvent): boolean {
  for (const held of own.records.values()) if (isSameRecord(held, event)) return false;
  // The node dropped it since this start.
  if (event.stampMs <= node.removedUpToMs && event.stampMs >= node.birthMs) return false;
  if (event.kind === "log") return true;
  const held = own.current().get(slotOf(event));
  if (held === undefined) return true;
  const order = compareEvents(held, event);
  if (order !== 0) return order < 0;
  // R11: a record of the same event from the future is older than the one that was stamped anew.
  return held.stampMs < event.stampMs && event.stampMs <= Math.max(own.tipStampMs, node.clockMs()) + DAY_MS;
}

/** A node meets a peer, perhaps the author, that holds another's feed (R6). */
export function receiveFeed(node: ModelNode, peer: ModelNode, author: number): void {
  const { counts, rules } = node.world;
  const theirs = peer.feeds.get(author);
  if (theirs === undefined || theirs.sequence === 0 || theirs.hasHoles) return;
  if (!node.rows.has(author) || node.isRemoved(author)) return;
  const held = node.feeds.get(author);
  if (held === undefined || held.sequence === 0) {
    takeFeed(node, author, theirs);
    return;
  }
  if (held.tip === theirs.tip) return;
  const isFromAuthor = peer.id === author;
  if (held.generation === theirs.generation) {
    if (isPrefix(theirs.tip, held.tip)) return;
    if (isPrefix(held.tip, theirs.tip)) {
      takeFeed(node, author, theirs);
      return;
    }
    counts.forks++;
    if (isFromAuthor ? !rules.join : !rules.adoptForks) return;
  }
  if (theirs.generation < held.generation) return;
  if (isFromAuthor || (theirs.generation > held.generation && !rules.consent)) replaceFeed(node, author, theirs);
  else if (canReplaceWithoutConsent(node, author) && wins(theirs, held)) replaceWithoutConsent(node, author, theirs);
}

/** R6: another node's word for a later generation counts when the author is not UP, or did not answer in time. */
function canReplaceWithoutConsent(node: ModelNode, author: number): boolean {
  if (!node.isUp(author)) return true;
  const { now } = node.world;
  node.awaitingConsent.add(author);
  const since = node.awaitedSince.get(author) ?? now;
  node.awaitedSince.set(author, since);
  return now - since >= CONSENT_ROUNDS;
}

function wins(theirs: Feed, held: Feed): boolean {
  return theirs.generation > held.generation || theirs.sequence > held.sequence ||
    (theirs.sequence === held.sequence && theirs.tip!.event.recordId > held.tip!.event.recordId);
}

/** Replaces a feed by a later generation. Returns what the node held before. */
export function replaceFeed(node: ModelNode, author: number, theirs: Feed): Feed {
  const old = takeFeed(node, author, theirs)!;
  node.awaitedSince.delete(author);
  node.awaitingConsent.delete(author);
  return old;
}

/** Nobody could ask the author, so what counts in the losing branch alone is copied (R6). */
function replaceWithoutConsent(node: ModelNode, author: number, theirs: Feed): void {
  const { world } = node;
  const old = replaceFeed(node, author, theirs);
  if (!world.rules.adoptForks) return;
  const current = node.feeds.get(author)!.current();
  for (const [slot, event] of old.current()) {
    const winner = current.get(slot);
    if (event.kind !== "end" && (winner === undefined || compareEvents(winner, event) < 0)) {
      node.due.push({ event, at: world.now + 1 });
    }
  }
  // Limit L4: log events of the losing branch are lost.
  for (const event of old.records.values()) {
    const published = event.kind === "log" ? world.eventOf(event) : undefined;
    if (published === undefined || published.isExcused || isHeld(world, published)) continue;
    published.isExcused = true;
    world.counts.logsOfLostBranches++;
  }
}
