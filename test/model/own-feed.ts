import {
  type Kind, type ModelEvent, compareEvents, eventText, isMergeName, isSameEvent, slotOf,
} from "./event.js";
import { Feed, type Link } from "./feed.js";
import type { ModelNode } from "./node.js";
import { makeRoom } from "./room.js";
import { ROUND_MS } from "./times.js";
import { viewOf } from "./view.js";

/** Branch ends that a node remembers as joined (R7). */
const JOINED_MAX = 4;
/** More than a node's starts in a history: the revision as a fraction of a millisecond makes an order stamp unique. */
const REVISIONS_MAX = 1024;
/** A log is written anew when it holds this many times the records that there is room for. */
const LOG_ROOMS = 3;

/** The own feed. The first event of a node without a feed begins one, under the node's revision. */
function ensureOwnFeed(node: ModelNode): Feed {
  let feed = node.ownFeed();
  if (feed === undefined) {
    feed = new Feed(node.revision);
    node.feeds.set(node.id, feed);
  }
  return feed;
}

function append(node: ModelNode, event: ModelEvent): void {
  const feed = ensureOwnFeed(node);
  if (feed.hasHoles) beginGeneration(node, [feed], feed.generation + 1);
  node.log.links.push(ensureOwnFeed(node).append(event));
  node.isDirty = true;
  if (node.birthMs === Infinity) node.birthMs = event.stampMs;
  node.isStarted = false;
  if (node.log.links.length > LOG_ROOMS * node.room) rewriteLog(node);
  makeRoom(node);
}

/** Writes the log anew with what the own feed holds. */
export function rewriteLog(node: ModelNode): void {
  const feed = ensureOwnFeed(node);
  const links = new Map<number, Link>();
  for (let link = feed.tip; link !== null; link = link.previous) links.set(link.sequence, link);
  node.log = {
    base: feed.floor > 1 ? links.get(feed.floor - 1) ?? null : null,
    links: feed.sequences().map((sequence) => links.get(sequence)!),
  };
}

/** The stamp of the next record: later than the own feed and the HLC. */
function nextStampMs(node: ModelNode): number {
  const feed = ensureOwnFeed(node);
  const clockMs = Math.max(node.hlcMs + 1, node.clockMs());
  node.hlcMs = feed.tip === null ? clockMs : Math.max(clockMs, feed.tipStampMs + 1);
  return node.hlcMs;
}

/**
 * The stamps of the next event. R10: it is ordered after all held events of its
 * name. R11: where one of these is more than a day ahead of the clock, only the
 * order follows it; the stamp of the record stays near the clock.
 */
function nextStamps(node: ModelNode, name: string): { stampMs: number; orderMs: number } {
  const { rules } = node.world;
  const stampMs = nextStampMs(node);
  let orderMs = stampMs;
  if (name !== "" && rules.stampAfterName) {
    for (const held of node.feeds.values()) {
      for (const event of held.current().values()) {
        if (event.name === name) orderMs = Math.max(orderMs, event.orderMs + 1);
      }
    }
  }
  if (rules.keepOrder && orderMs > stampMs && node.isFarAhead(orderMs)) {
    // Identity is author and stamp: it must differ from all others of this life and, by the revision, of lives before.
    orderMs = Math.floor(Math.max(orderMs, node.lastOrderMs + 1));
    if (rules.startAtRevision) orderMs += (node.revision + 1) / REVISIONS_MAX;
    node.lastOrderMs = orderMs;
    return { stampMs, orderMs };
  }
  node.hlcMs = orderMs;
  node.lastOrderMs = Math.max(node.lastOrderMs, orderMs);
  return { stampMs: orderMs, orderMs };
}

/**
 * The application of a node publishes an event.
 *
 * @param name - Empty for a log event.
 * @param ttlRounds - Time to live, 0 for ever.
 */
export function publish(node: ModelNode, kind: Kind, name = "", ttlRounds = 0): void {
  const { world } = node;
  const { stampMs, orderMs } = nextStamps(node, name);
  const recordId = world.nextRecordId();
  const event: ModelEvent = {
    kind, name, author: node.id, orderMs, stampMs,
    endMs: ttlRounds > 0 ? stampMs + ttlRounds * ROUND_MS : Infinity,
    recordId, eventId: recordId, isCopy: false, endsRemoval: false, isFromClock: node.isFromClock(stampMs),
    isExcused: false, isForgotten: false,
  };
  const before = viewOf(node, node.clockMs());
  if (kind === "end") withdraw(node, event);
  append(node, event);
  world.events.push(event);
  if ((kind === "set" || kind === "removal") && before.latest.has(name)) {
    const after = viewOf(node, stampMs).latest.get(name);
    if (after === undefined || !isSameEvent(after, event)) {
      world.fail("readYourWrites", `node ${node.id} published ${eventText(event)}, shows ${eventText(after)}`);
    }
  }
}

/** A withdrawal ends the latest own set that any feed holds, also a copy. */
function withdraw(node: ModelNode, end: ModelEvent): void {
  for (const feed of node.feeds.values()) {
    for (const event of feed.current().values()) {
      if (event.name !== end.name || event.author !== node.id || event.kind !== "set") continue;
      if (end.eventId !== end.recordId && compareEvents(end, event) >= 0) continue;
      end.orderMs = event.orderMs;
      end.eventId = event.eventId;
    }
  }
}

/** The node copies an event of another author into its feed (R3, R5). */
export function publishCopy(node: ModelNode, event: ModelEvent): void {
  node.world.counts.copied++;
  const stampMs = nextStampMs(node);
  append(node, {
    ...event, stampMs, recordId: node.world.nextRecordId(), isCopy: event.author !== node.id,
    isFromClock: node.isFromClock(stampMs),
  });
}

/** The node ends an event of its own feed (R1, R4). The end has the identity and the order of the event. */
export function publishEnd(node: ModelNode, event: ModelEvent): void {
  node.world.counts.ended++;
  const stampMs = nextStampMs(node);
  append(node, {
    ...event, kind: "end", stampMs, endMs: Infinity, recordId: node.world.nextRecordId(),
    isCopy: event.author !== node.id, endsRemoval: event.kind === "removal", isFromClock: node.isFromClock(stampMs),
    isExcused: false, isForgotten: false,
  });
}

/** Begins a generation with the union of some feeds, in the order of their stamps, of each slot the latest only. */
export function beginGeneration(node: ModelNode, feeds: readonly Feed[], generation: number): void {
  const records: ModelEvent[] = [];
  for (const feed of feeds) {
    for (const event of feed.records.values()) {
      if (!records.some((other) => isSameRecord(other, event))) records.push(event);
    }
  }
  records.sort((one, other) => one.stampMs - other.stampMs || one.recordId - other.recordId);
  startFeed(node, latestOnly(records), generation);
}

/** Of each slot the latest record only; all log events. */
export function latestOnly(records: readonly ModelEvent[]): ModelEvent[] {
  const latest = new Map<string, ModelEvent>();
  for (const event of records) {
    if (event.kind === "log") continue;
    const other = latest.get(slotOf(event));
    if (other === undefined || compareEvents(other, event) <= 0) latest.set(slotOf(event), event);
  }
  return records.filter((event) => event.kind === "log" || latest.get(slotOf(event)) === event);
}

/** Replaces the own feed by a new generation. */
export function startFeed(node: ModelNode, records: readonly ModelEvent[], generation: number): void {
  const feed = new Feed(generation);
  for (const event of records) feed.append(event);
  const old = node.ownFeed();
  if (old !== undefined && old.tip !== null && !old.hasHoles) node.joined.push(old.tip);
  while (node.joined.length > JOINED_MAX) node.joined.shift();
  node.feeds.set(node.id, feed);
  node.revision = Math.max(node.revision, generation);
  node.hlcMs = Math.max(node.hlcMs, feed.tipStampMs);
  node.isDirty = true;
  rewriteLog(node);
  node.world.counts.generations++;
  makeRoom(node);
}

/** The same record, perhaps in two generations. A log event stays the same when its record was stamped anew (R11). */
export function isSameRecord(one: ModelEvent, other: ModelEvent): boolean {
  if (one.kind === "log" && other.kind === "log") return isSameEvent(one, other);
  return one.stampMs === other.stampMs && one.recordId === other.recordId;
}

/** The own feed was replaced by what a peer held of it. */
export function ownFeedReceived(node: ModelNode): void {
  const feed = ensureOwnFeed(node);
  if (feed.tip !== null) node.hlcMs = Math.max(node.hlcMs, feed.tipStampMs);
  rewriteLog(node);
}

/** Whether the application can withdraw a value of its own of this name: the own feed has one, or its end. */
export function canWithdraw(node: ModelNode, name: string): boolean {
  if (!isMergeName(name)) return false;
  const feed = ensureOwnFeed(node);
  return feed.records.size > 0 && feed.current().has(`${name}|${node.id}`);
}
